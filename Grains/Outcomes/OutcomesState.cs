using System.Runtime.InteropServices;
using System.Text.Json;
using Orleans.Personalize.Engine;
using Orleans.Personalize.Journal;

namespace Orleans.Personalize.Outcomes;

/// <summary>The fold of the whole journal up to a position: what is stored, position and counts in one, so that nothing is ever counted twice.</summary>
[GenerateSerializer, Alias("OutcomesState")]
public sealed class OutcomesState
{
    /// <summary>What a chart of two days shows.</summary>
    public const int HoursMax = 48;

    /// <summary>Enough to see what the latest steps of a ramp have changed.</summary>
    private const int VersionsMax = 10;

    /// <summary>Twice what all documents of a registry may be: past it the trigger that was quiet the longest makes room.</summary>
    private const int TriggersMax = 10_000;

    /// <summary>More sends of one sender than anybody looks through; a list of them has about 250 KB.</summary>
    public const int AttentionMax = 1_000;

    /// <summary>Senders with such a list; past it the one whose newest entry is the oldest makes room.</summary>
    private const int SendersMax = 200;

    /// <summary>Workspaces whose newest decisions are kept; past it the one that was quiet the longest makes room.</summary>
    private const int WorkspacesMax = 100;

    /// <summary>The last record that was taken in.</summary>
    [Id(0)] public long Position { get; set; }

    [Id(1)] public DateTimeOffset RecordedAt { get; set; }

    /// <summary>By workspace/trigger.</summary>
    [Id(2)] public Dictionary<string, TriggerOutcomes> Triggers { get; set; } = [];

    /// <summary>By workspace/sender.</summary>
    [Id(3)] public Dictionary<string, AttentionList> Senders { get; set; } = [];

    /// <summary>The number of the newest attention entry that ever was.</summary>
    [Id(4)] public long LastNumber { get; set; }

    /// <summary>The newest decisions by workspace, oldest first.</summary>
    [Id(5)] public Dictionary<string, List<RecentDecision>> Recent { get; set; } = [];

    public void Pass(JournalEntry entry) => (Position, RecordedAt) = (entry.Position, entry.Record.RecordedAt);

    public void Apply(CustomerKey customer, Fact.Decided decided)
    {
        Keep(customer, decided);
        Count(customer.Workspace, decided.Trigger, decided.TriggerVersion, decided.DecidedAt, counts => Add(counts.Decisions, decided.Reason ?? "send"));
    }

    /// <param name="origin">The decision that the send is of.</param>
    public void Apply(CustomerKey customer, Fact.SendSettled settled, Origin origin)
    {
        Attend(customer, settled, origin);
        // Another attempt, now or later, is nothing that a send has come to.
        if (settled.State is SendState.Pending or SendState.Authorized or SendState.Parked)
            return;
        Count(customer.Workspace, origin.Trigger, origin.TriggerVersion, settled.At, counts =>
        {
            Add(counts.Sends, NameOf(settled.State));
            if (settled.State == SendState.Suppressed)
                Add(counts.Suppressed, settled.Reason ?? "unknown");
        });
    }

    public long Decided(string workspace) => Triggers
        .Where(known => known.Key.StartsWith(workspace + "/", StringComparison.Ordinal))
        .Sum(static known => known.Value.Total.Decisions.Values.Sum());

    /// <returns>Whether there was anything.</returns>
    public bool Forget(CustomerKey customer)
    {
        var forgotten = 0;
        foreach (var (key, list) in Senders)
        {
            if (key.StartsWith(customer.Workspace + "/", StringComparison.Ordinal))
                forgotten += list.Entries.RemoveAll(entry => entry.CustomerId == customer.CustomerId);
        }
        if (Recent.TryGetValue(customer.Workspace, out var recent))
            forgotten += recent.RemoveAll(decision => decision.CustomerId == customer.CustomerId);
        return forgotten > 0;
    }

    private void Keep(CustomerKey customer, Fact.Decided decided)
    {
        if (!Recent.TryGetValue(customer.Workspace, out var kept))
        {
            if (Recent.Count >= WorkspacesMax)
                Recent.Remove(Recent.MinBy(static known => known.Value is [.., var newest] ? newest.DecidedAt : default).Key);
            Recent.Add(customer.Workspace, kept = []);
        }
        kept.Add(new(
            decided.DecidedAt, customer.CustomerId, decided.DecisionId, decided.Trigger, decided.TriggerVersion, decided.Key, decided.Reason, decided.Detail));
        if (kept.Count > RecentDecision.KeptMax)
            kept.RemoveAt(0);
    }

    private void Attend(CustomerKey customer, Fact.SendSettled settled, Origin origin)
    {
        var key = $"{customer.Workspace}/{origin.Sender}";
        var list = Senders.GetValueOrDefault(key);
        list?.Entries.RemoveAll(entry => entry.DecisionId == settled.DecisionId);
        if (settled.State is not (SendState.Failed or SendState.Held))
            return;
        if (list is null)
        {
            if (Senders.Count >= SendersMax)
                Senders.Remove(Senders.MinBy(static sender => sender.Value.Entries is [.., var newest] ? newest.Number : 0).Key);
            Senders.Add(key, list = new([], 0));
        }
        list.Entries.Add(new(
            ++LastNumber, customer.CustomerId, settled.DecisionId, origin.Trigger, origin.Template, NameOf(settled.State), settled.Reason, settled.Detail, settled.At));
        if (list.Entries.Count > AttentionMax)
        {
            list.Entries.RemoveAt(0);
            Senders[key] = list with { Forgotten = list.Forgotten + 1 };
        }
    }

    private void Count(string workspace, string trigger, long version, DateTimeOffset at, Action<OutcomeCounts> add)
    {
        var key = $"{workspace}/{trigger}";
        if (!Triggers.TryGetValue(key, out var outcomes))
        {
            if (Triggers.Count >= TriggersMax)
                Triggers.Remove(Triggers.MinBy(static known => known.Value.LastAt).Key);
            outcomes = new(trigger, None(), [], [], at);
        }
        Triggers[key] = at > outcomes.LastAt ? outcomes with { LastAt = at } : outcomes;
        add(outcomes.Total);
        add(Newest(outcomes.Hours, at.ToUnixTimeSeconds() / 3600, HoursMax));
        add(Newest(outcomes.Versions, version, VersionsMax));
    }

    /// <summary>The counts under a key; the lowest keys make room. What is below all that are kept is counted into nothing.</summary>
    private static OutcomeCounts Newest(Dictionary<long, OutcomeCounts> counts, long key, int max)
    {
        if (counts.TryGetValue(key, out var known))
            return known;
        var made = None();
        counts.Add(key, made);
        if (counts.Count > max)
            counts.Remove(counts.Keys.Min());
        return made;
    }

    private static OutcomeCounts None() => new([], [], []);

    private static void Add(Dictionary<string, long> counts, string name) => CollectionsMarshal.GetValueRefOrAddDefault(counts, name, out _)++;

    private static string NameOf(SendState state) => JsonNamingPolicy.CamelCase.ConvertName(state.ToString());
}

/// <param name="Entries">Oldest first.</param>
[GenerateSerializer, Alias("AttentionList")]
public sealed record AttentionList(
    [property: Id(0)] List<AttentionEntry> Entries,
    [property: Id(1)] long Forgotten);

/// <summary>What the settlement of a send does not say again.</summary>
public sealed record Origin(string Trigger, long TriggerVersion, string Sender, string? Template);
