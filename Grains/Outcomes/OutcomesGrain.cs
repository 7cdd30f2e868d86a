using System.Collections.Immutable;
using Microsoft.Extensions.Logging;
using Orleans.Personalize.Diagnostics;
using Orleans.Personalize.Engine;
using Orleans.Personalize.Journal;
using Orleans.Personalize.Registry;
using Orleans.Runtime;

namespace Orleans.Personalize.Outcomes;

/// <summary>
/// Reads the journal behind its writers and counts. What it has counted since the last save, it counts again after a crash, from the position that
/// is stored with the counts.
/// </summary>
public sealed class OutcomesGrain(
    [PersistentState("outcomes", RegistryGrain.Storage)] IPersistentState<OutcomesState> stored,
    IJournal journal,
    TimeProvider clock,
    ILogger<OutcomesGrain> logger) : Grain, IOutcomesGrain
{
    /// <summary>Each look costs the journal a query and, on PostgreSQL, the appends a moment of waiting.</summary>
    private static readonly TimeSpan Period = TimeSpan.FromSeconds(2);

    /// <summary>Between two saves; longer where saving is slow, so that it takes a hundredth of the time at the most.</summary>
    private static readonly TimeSpan SavePause = TimeSpan.FromSeconds(5);
    private const int SaveShare = 100;

    /// <summary>Records of one turn, some 50 ms; the others follow in the next.</summary>
    private const int TurnRecordsMax = 10_000;

    private static readonly string[] Counted = ["decided", "sendSettled"];
    private static readonly byte[][] Marks = Array.ConvertAll(Counted, FactCodec.MarkOf);

    private readonly Origins origins = new(journal);
    private IGrainTimer timer = null!;
    private DateTimeOffset asOf;
    private DateTimeOffset nextSave;
    private long savedPosition;

    private OutcomesState State => stored.State;

    public override Task OnActivateAsync(CancellationToken cancellationToken)
    {
        (savedPosition, asOf) = (State.Position, State.RecordedAt);
        timer = this.RegisterGrainTimer(
            static (self, cancellation) => self.Look(cancellation),
            this,
            new GrainTimerCreationOptions { DueTime = TimeSpan.Zero, Period = Period, KeepAlive = true });
        return Task.CompletedTask;
    }

    public Task Wake() => Task.CompletedTask;

    public Task<OutcomesView> Count(string workspace, string? trigger)
    {
        var prefix = workspace + "/";
        var firstHour = (clock.GetUtcNow().ToUnixTimeSeconds() / 3600) - OutcomesState.HoursMax + 1;
        var found = trigger is not null
            ? State.Triggers.TryGetValue(prefix + trigger, out var one) ? [one] : []
            : State.Triggers.Where(known => known.Key.StartsWith(prefix, StringComparison.Ordinal)).Select(static known => known.Value);
        var copies = found.OrderBy(static outcomes => outcomes.Trigger, StringComparer.Ordinal).Select(outcomes => Copy(outcomes, firstHour));
        return Task.FromResult(new OutcomesView(asOf, [.. copies]));
    }

    public Task<AttentionView> Attention(string workspace, string sender, string? state, int limit, long? after)
    {
        var list = State.Senders.GetValueOrDefault($"{workspace}/{sender}") ?? new([], 0);
        var page = Enumerable.Reverse(list.Entries)
            .Where(entry => entry.Number < (after ?? long.MaxValue) && (state is null || entry.State == state))
            .Take(limit + 1)
            .ToArray();
        return Task.FromResult(page.Length > limit
            ? new AttentionView(asOf, page[..limit], page[limit - 1].Number, list.Forgotten)
            : new AttentionView(asOf, page, null, list.Forgotten));
    }

    public Task<RecentView> Recent(string workspace, int limit) => Task.FromResult(
        new RecentView(asOf, [.. Enumerable.Reverse(State.Recent.GetValueOrDefault(workspace) ?? []).Take(limit)], State.Decided(workspace)));

    /// <remarks>No record of the customer is left that could be taken in after this.</remarks>
    public Task Forget(string customer) => State.Forget(CustomerKey.Parse(customer)) ? Save() : Task.CompletedTask;

    private async Task Look(CancellationToken cancellation)
    {
        try
        {
            if (await ReadOn(cancellation))
                timer.Change(TimeSpan.Zero, Period);
            if (State.Position != savedPosition && clock.GetUtcNow() >= nextSave)
                await Save();
        }
        catch (Exception failure) when (!cancellation.IsCancellationRequested)
        {
            logger.OutcomesNotCounted(State.Position, failure);
        }
    }

    /// <returns>Whether there is more.</returns>
    private async Task<bool> ReadOn(CancellationToken cancellation)
    {
        var start = clock.GetUtcNow();
        var records = 0;
        await foreach (var entry in journal.ReadAllAsync(State.Position, cancellation))
        {
            await TakeIn(entry, cancellation);
            if (++records == TurnRecordsMax)
            {
                asOf = State.RecordedAt;
                return true;
            }
        }
        asOf = start;
        return false;
    }

    /// <summary>A record as a whole or not at all: what has to be looked up is looked up before anything is counted.</summary>
    private async Task TakeIn(JournalEntry entry, CancellationToken cancellation)
    {
        var payload = entry.Record.Payload;
        if (Array.Exists(Marks, mark => payload.Span.IndexOf(mark) >= 0))
        {
            var facts = FactCodec.DecodeOnly(payload, Counted);
            var settled = await OriginsOf(entry, facts, cancellation);
            var customer = CustomerKey.Parse(entry.Customer);
            foreach (var fact in facts)
            {
                if (fact is Fact.Decided decided)
                    State.Apply(customer, decided);
                else if (fact is Fact.SendSettled settlement && settled[settlement] is { } origin)
                    State.Apply(customer, settlement, origin);
            }
        }
        State.Pass(entry);
    }

    private async Task<Dictionary<Fact, Origin?>> OriginsOf(JournalEntry entry, ImmutableArray<Fact> facts, CancellationToken cancellation)
    {
        foreach (var decided in facts.OfType<Fact.Decided>())
            origins.Note(decided);
        var found = new Dictionary<Fact, Origin?>(ReferenceEqualityComparer.Instance);
        foreach (var settled in facts.OfType<Fact.SendSettled>())
            found[settled] = await origins.FindAsync(entry.Customer, settled.DecisionId, entry.Record.Version, cancellation);
        return found;
    }

    private async Task Save()
    {
        var start = clock.GetTimestamp();
        var position = State.Position;
        try
        {
            await stored.WriteStateAsync();
        }
        catch
        {
            // The write may have happened, or somebody else's: only the storage knows.
            DeactivateOnIdle();
            throw;
        }
        savedPosition = position;
        var pause = clock.GetElapsedTime(start) * SaveShare;
        nextSave = clock.GetUtcNow() + (pause > SavePause ? pause : SavePause);
    }

    /// <summary>The counting goes on while an answer is on its way.</summary>
    private static TriggerOutcomes Copy(TriggerOutcomes outcomes, long firstHour) => outcomes with
    {
        Total = Copy(outcomes.Total),
        Hours = outcomes.Hours.Where(hour => hour.Key >= firstHour).ToDictionary(static hour => hour.Key, static hour => Copy(hour.Value)),
        Versions = outcomes.Versions.ToDictionary(static version => version.Key, static version => Copy(version.Value)),
    };

    private static OutcomeCounts Copy(OutcomeCounts counts) => new(new(counts.Decisions), new(counts.Sends), new(counts.Suppressed));
}
