using Orleans.Personalize.Registry;
using Orleans.Runtime;

namespace Orleans.Personalize.Sources;

/// <summary>
/// Asks a source when it is time, and remembers from where to go on once what it got is durable. After a crash in between the same is fetched again, and its events
/// are recognised.
/// </summary>
public sealed class PollGrain(
    [PersistentState("poll", RegistryGrain.Storage)] IPersistentState<PollState> stored, IPoller poller, TimeProvider clock) : Grain, IPollGrain
{
    /// <summary>How often it looks whether it is time; no interval is shorter.</summary>
    private static readonly TimeSpan Period = TimeSpan.FromSeconds(5);

    private static readonly TimeSpan FailurePauseMin = TimeSpan.FromSeconds(10);
    private static readonly TimeSpan FailurePauseMax = TimeSpan.FromHours(1);

    /// <summary>Of one turn; the others follow in the next.</summary>
    private const int PagesMax = 10;

    /// <summary>What is durable; while a write is under way the stored state is ahead of it.</summary>
    private PollState shown = new();
    private DateTimeOffset? nextAt;

    public override Task OnActivateAsync(CancellationToken cancellationToken)
    {
        shown = stored.State;
        this.RegisterGrainTimer(
            static (self, cancellation) => self.Look(cancellation),
            this,
            new GrainTimerCreationOptions { DueTime = TimeSpan.Zero, Period = Period, KeepAlive = true });
        return Task.CompletedTask;
    }

    public Task Wake() => Task.CompletedTask;

    public Task<PollStatus> Status() => Task.FromResult(new PollStatus(
        shown.LastAt, nextAt, shown.Cursor, shown.Error, shown.Failures, shown.Events, shown.Refused, shown.Refusal));

    private async Task Look(CancellationToken cancellation)
    {
        var (workspace, source) = Key();
        var plan = await poller.PlanAsync(workspace, source);
        if (plan is null)
        {
            nextAt = null;
            DeactivateOnIdle();
            return;
        }
        if (plan.Address != shown.Address)
            await Save(new() { Address = plan.Address });
        for (var page = 0; page < PagesMax; page++)
        {
            nextAt = shown.LastAt is { } last ? last + PauseOf(shown, plan.Interval) : clock.GetUtcNow();
            if (clock.GetUtcNow() < nextAt)
                return;
            await Poll(workspace, source, cancellation);
        }
    }

    private async Task Poll(string workspace, string source, CancellationToken cancellation)
    {
        var before = shown;
        var position = new PollPosition(before.Cursor, before.ETag);
        PollOutcome outcome;
        try
        {
            outcome = await poller.PollAsync(workspace, source, position, cancellation);
        }
        catch (Exception failure) when (!cancellation.IsCancellationRequested)
        {
            outcome = new(position, Error: failure.Message);
        }
        await Save(new()
        {
            Address = before.Address,
            LastAt = clock.GetUtcNow(),
            Cursor = outcome.Position.Cursor,
            ETag = outcome.Position.ETag,
            HasMore = outcome.HasMore,
            Error = outcome.Error,
            Failures = outcome.Error is null ? 0 : before.Failures + 1,
            RetryAfter = outcome.RetryAfter,
            Events = before.Events + outcome.Events,
            Refused = before.Refused + outcome.Refused,
            Refusal = outcome.Refusal ?? before.Refusal,
        });
    }

    /// <summary>A source that is ill is asked less and less often, and never sooner than it wants.</summary>
    private static TimeSpan PauseOf(PollState state, TimeSpan interval)
    {
        if (state.Failures == 0)
            return state.HasMore ? TimeSpan.Zero : interval;
        var pause = FailurePauseMin * Math.Pow(2, Math.Min(state.Failures - 1, 12));
        if (pause < state.RetryAfter)
            pause = state.RetryAfter.Value;
        return pause < FailurePauseMax ? pause : FailurePauseMax;
    }

    private async Task Save(PollState after)
    {
        await stored.ReplaceAsync(after, DeactivateOnIdle);
        shown = after;
    }

    private (string Workspace, string Source) Key() => this.GetPrimaryKeyString().Split('/') is [var workspace, var source]
        ? (workspace, source)
        : throw new InvalidOperationException("The key of a polled source is workspace/source.");
}

[GenerateSerializer, Alias("PollState")]
public sealed class PollState
{
    /// <summary>What the position is of.</summary>
    [Id(0)] public string? Address { get; set; }

    [Id(1)] public DateTimeOffset? LastAt { get; set; }

    [Id(2)] public string? Cursor { get; set; }

    [Id(3)] public string? ETag { get; set; }

    [Id(4)] public bool HasMore { get; set; }

    [Id(5)] public string? Error { get; set; }

    [Id(6)] public int Failures { get; set; }

    [Id(7)] public TimeSpan? RetryAfter { get; set; }

    [Id(8)] public long Events { get; set; }

    [Id(9)] public long Refused { get; set; }

    [Id(10)] public string? Refusal { get; set; }
}
