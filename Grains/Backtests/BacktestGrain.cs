using Microsoft.Extensions.Logging;
using Orleans.Personalize.Customers;
using Orleans.Personalize.Diagnostics;
using Orleans.Personalize.Engine;
using Orleans.Personalize.Journal;
using Orleans.Personalize.Registry;
using Orleans.Runtime;

namespace Orleans.Personalize.Backtests;

/// <summary>
/// First finds out which customers there are, then replays one after the other, each as a whole: no customer's decisions depend on another's, so one
/// history in memory is enough. It works in slices, between which it answers.
/// </summary>
public sealed class BacktestGrain(
    IJournal journal, Catalogs catalogs, BacktestSlots slots, TimeProvider clock, ILogger<BacktestGrain> logger) : Grain, IBacktestGrain
{
    /// <summary>A slice takes so long, and then leaves the processor to others for a moment.</summary>
    private static readonly TimeSpan SliceTime = TimeSpan.FromMilliseconds(50);
    private static readonly TimeSpan Pause = TimeSpan.FromMilliseconds(10);

    private const int SliceRecordsMax = 10_000;
    private const int SliceCustomersMax = 500;

    /// <summary>Their keys take some 100 MB.</summary>
    private const int CustomersMax = 1_000_000;

    private BacktestRequest request = null!;
    private TriggerSet triggers = null!;
    private BacktestCount count = null!;
    private IGrainTimer? timer;
    private HashSet<string> found = [];
    private Queue<string> ahead = [];
    private string? state;
    private long position;
    private long eventsRead;
    private long leftOut;
    private int total;

    private string Workspace => CustomerKey.Parse(this.GetPrimaryKeyString()).Workspace;

    public override Task OnDeactivateAsync(DeactivationReason reason, CancellationToken cancellationToken)
    {
        End("cancelled");
        return Task.CompletedTask;
    }

    public async Task<BacktestStart> Start(BacktestRequest request)
    {
        if (state is not null)
            return new(null, []);
        var live = (await catalogs.GetAsync(Workspace)).Triggers;
        var trigger = live.Find(request.Trigger);
        if (!request.Document.IsAbsent)
        {
            (trigger, var errors) = TriggerParser.Parse(request.Trigger, (trigger?.Version ?? 0) + 1, request.Document);
            if (trigger is null)
                return new(BacktestStart.Invalid, [.. errors]);
        }
        if (trigger is null)
            return new(BacktestStart.Unknown, []);
        if (!slots.TryTake())
            return new(BacktestStart.Busy, []);
        (this.request, state) = (request, "reading");
        // Whoever asks what a paused trigger would do does not want to hear that it is paused.
        triggers = live.With(trigger with { Enabled = true });
        count = new(trigger.Id, request.From);
        timer = this.RegisterGrainTimer(
            static (self, cancellation) => self.Slice(cancellation),
            this,
            new GrainTimerCreationOptions { DueTime = TimeSpan.Zero, Period = Timeout.InfiniteTimeSpan, KeepAlive = true });
        return new(null, []);
    }

    public Task<BacktestView?> Status() => Task.FromResult(state is null
        ? null
        : new BacktestView(
            request.Trigger, state, eventsRead, state == "done" ? 100 : total == 0 ? 0 : (int)((total - ahead.Count) * 100L / total),
            state == "done" ? count.Result(leftOut) : null));

    public Task<bool> Cancel()
    {
        if (IsRunning)
            End("cancelled");
        return Task.FromResult(state is not null);
    }

    private bool IsRunning => state is "reading" or "replaying";

    private async Task Slice(CancellationToken cancellation)
    {
        try
        {
            if (state == "reading")
                await FindCustomers(cancellation);
            else if (state == "replaying")
                await ReplaySome();
            if (IsRunning)
                timer!.Change(Pause, Timeout.InfiniteTimeSpan);
        }
        catch (Exception failure)
        {
            logger.BacktestFailed(this.GetPrimaryKeyString(), failure);
            End("failed");
        }
    }

    private async Task FindCustomers(CancellationToken cancellation)
    {
        var (records, prefix) = (0, Workspace + "/");
        await foreach (var entry in journal.ReadAllAsync(position, cancellation))
        {
            position = entry.Position;
            if (entry.Customer.StartsWith(prefix, StringComparison.Ordinal) && found.Count < CustomersMax)
                found.Add(entry.Customer);
            if (++records == SliceRecordsMax)
                return;
        }
        (ahead, total, found) = (new(found.Order(StringComparer.Ordinal)), found.Count, []);
        state = IsRunning ? "replaying" : state;
    }

    private async Task ReplaySome()
    {
        var start = clock.GetTimestamp();
        for (var i = 0; i < SliceCustomersMax && clock.GetElapsedTime(start) < SliceTime && IsRunning; i++)
        {
            if (ahead.Count == 0)
            {
                End("done");
                return;
            }
            if (eventsRead >= request.EventsMax)
            {
                leftOut += ahead.Count;
                ahead.Clear();
                continue;
            }
            var key = CustomerKey.Parse(ahead.Dequeue());
            var past = await Past.ReadAsync(journal, key, DateTimeOffset.MaxValue);
            if (past.Reason == PastReason.TooLong)
                leftOut++;
            // Who was erased meanwhile has never been.
            if (past.Reason is null && IsRunning)
                ReplayOne(key, past);
        }
    }

    private void ReplayOne(CustomerKey key, Past past)
    {
        var events = past.Records
            .SelectMany(static record => FactCodec.DecodeOnly(record.Payload, "eventApplied"))
            .OfType<Fact.EventApplied>()
            .Select(applied => (key.CustomerId, applied.Event))
            .ToArray();
        eventsRead += events.Length;
        var replay = new Replay(key.Workspace, triggers);
        count.Add(key.CustomerId, replay.Run(Replay.InOrder(events), request.To).Select(static entry => entry.Decision));
    }

    private void End(string how)
    {
        if (!IsRunning)
            return;
        state = how;
        (found, ahead) = ([], []);
        timer?.Dispose();
        slots.Return();
    }
}
