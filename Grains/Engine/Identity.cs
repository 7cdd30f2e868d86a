using System.Collections.Immutable;
using System.Text.Json.Serialization;

namespace Orleans.Personalize.Engine;

public enum IdentityState
{
    /// <summary>Said to be the same customer; the other one has not answered yet.</summary>
    [JsonStringEnumMemberName("claimed")] Claimed,
    /// <summary>Merged into this customer.</summary>
    [JsonStringEnumMemberName("linked")] Linked,
    /// <summary>Not merged: it is, or belongs to, another known customer.</summary>
    [JsonStringEnumMemberName("refused")] Refused,
    /// <summary>Its merge is being undone.</summary>
    [JsonStringEnumMemberName("parting")] Parting,
    /// <summary>Its merge was undone; only somebody's word links it again.</summary>
    [JsonStringEnumMemberName("parted")] Parted,
}

/// <summary>Another id of a customer, as the customer that survives a merge remembers it.</summary>
/// <param name="MergeId">What makes the merge the same one however often it is tried.</param>
/// <param name="Through">The id with which it came, where that had absorbed it before.</param>
/// <param name="Other">Where it was refused: the customer it belongs to.</param>
/// <param name="Window">The events that were applied under it before the merge.</param>
/// <param name="Handback">While it is parting: what it gets back.</param>
/// <param name="IsForced">Somebody said so: also a known customer is merged.</param>
public sealed record Identity(
    string Id,
    IdentityState State,
    string MergeId,
    DateTimeOffset At,
    string? By = null,
    string? Through = null,
    string? Other = null,
    DedupeWindow? Window = null,
    Handback? Handback = null,
    [property: JsonIgnore(Condition = JsonIgnoreCondition.WhenWritingDefault)] bool IsForced = false);

/// <summary>What a customer whose merge is undone takes back: the open waits and the unsent sends that only its own events led to.</summary>
/// <param name="Ids">Its own and those that came with it.</param>
public sealed record Handback(ImmutableArray<string> Ids, ImmutableArray<Wait> Waits, ImmutableArray<Send> Sends);

/// <summary>That a customer is one with another from now on: every call goes there.</summary>
/// <param name="IsHandedOver">The other has all that this one knew.</param>
public sealed record Merge(string Into, string MergeId, DateTimeOffset At, bool IsHandedOver);

/// <summary>What two customers are together, as if all their events had been one's. Pure, and the same whichever is taken first.</summary>
internal static class Union
{
    /// <summary>All of it that follows from events alone, and what limits and late events must know of past decisions.</summary>
    public static Profile Of(Profile left, Profile right) => Heard(left, right) with
    {
        Marks = right.Marks.Aggregate(left.Marks, static (marks, mark) => Evolver.WithMark(marks, mark.Trigger, mark.Key, mark.UnlessThrough, mark.DecidedThrough)),
        Tallies = Tallied(left.Tallies, right.Tallies, Limits.TalliesMax),
        ChannelTallies = Tallied(left.ChannelTallies, right.ChannelTallies, Limits.ChannelTalliesMax),
        Sends = Evolver.WithoutOldFinished(Distinct(left.Sends, right.Sends, static send => send.DecisionId, static send => send.DecidedAt)),
        Decisions = Distinct(left.Decisions, right.Decisions, static note => note.DecisionId, static note => note.At).KeepLast(Limits.DecisionsMax),
    };

    /// <summary>What follows from events alone.</summary>
    public static Profile Heard(Profile left, Profile right) => left with
    {
        FirstSeenAt = Earlier(left.FirstSeenAt, right.FirstSeenAt),
        LastSeenAt = right.LastSeenAt > left.LastSeenAt || left.LastSeenAt is null ? right.LastSeenAt : left.LastSeenAt,
        IsKnown = left.IsKnown || right.IsKnown,
        Traits = right.Traits.Aggregate(left.Traits, Evolver.WithWrite).DropLowest(Limits.TraitsMax, Evolver.CompareWrites),
        Consents = right.Consents.Aggregate(left.Consents, Evolver.WithWrite).DropLowest(Limits.ConsentsMax, Evolver.CompareConsents),
        Counters = right.Counters.Aggregate(left.Counters, Counted).DropLowest(Limits.CountersMax, Evolver.CompareCounters),
        Recent = [.. Distinct([.. left.Recent], [.. right.Recent], static activity => activity.Stamp, static activity => activity.Stamp).KeepLast(Limits.RecentMax)],
        Cart = left.Cart.UnionWith(right.Cart),
        Orders = right.Orders.Aggregate(left.Orders, Order.Put).DropLowest(Limits.OrdersMax, Order.CompareAges),
    };

    /// <summary>A wait of both: everything that keeps either open keeps it open.</summary>
    public static Wait Of(Wait left, Wait right, WaitRule? rule)
    {
        var arms = right.Arms.Newest.Aggregate(left.Arms.With(right.Arms.First), static (known, arm) => known.Newest.Contains(arm) ? known : known.With(arm));
        var moved = left.IsMoved || right.IsMoved;
        var newest = right.Arms.Last > left.Arms.Last ? right : left;
        var latest = right.Deadline > left.Deadline ? right.Deadline : left.Deadline;
        return newest with { Arms = arms, IsMoved = moved, Deadline = moved ? latest : arms.Deadline(rule), TriggerVersion = Math.Max(left.TriggerVersion, right.TriggerVersion) };
    }

    private static ImmutableArray<Counter> Counted(ImmutableArray<Counter> counters, Counter other)
    {
        var found = counters.Find(other.Name, static counter => counter.Name);
        return counters.Put(found, found < 0 ? other : counters[found] with
        {
            Count = counters[found].Count + other.Count,
            FirstAt = counters[found].FirstAt < other.FirstAt ? counters[found].FirstAt : other.FirstAt,
            LastAt = counters[found].LastAt > other.LastAt ? counters[found].LastAt : other.LastAt,
            Times = other.Times.Aggregate(counters[found].Times, static (times, at) => times.Insert(at, static (a, b) => a.CompareTo(b), Limits.CounterTimesMax)),
        });
    }

    private static ImmutableArray<Tally> Tallied(ImmutableArray<Tally> left, ImmutableArray<Tally> right, int max)
    {
        foreach (var other in right)
        {
            var found = left.Find(other.Name, static tally => tally.Name);
            var entries = found < 0 ? other.Entries : Distinct(left[found].Entries, other.Entries, static entry => entry.DecisionId, static entry => entry.At).KeepLast(Limits.TallyMax);
            left = left.Put(found, new(other.Name, entries));
        }
        return left.DropLowest(max, static (a, b) => a.Entries[^1].At.CompareTo(b.Entries[^1].At));
    }

    /// <summary>Those of both, each once, in order.</summary>
    private static ImmutableArray<T> Distinct<T, TId, TOrder>(ImmutableArray<T> left, ImmutableArray<T> right, Func<T, TId> idOf, Func<T, TOrder> orderOf) =>
        right.IsEmpty ? left : [.. left.Concat(right).DistinctBy(idOf).OrderBy(orderOf)];

    private static DateTimeOffset? Earlier(DateTimeOffset? left, DateTimeOffset? right) => left is null || right < left ? right : left;
}

/// <summary>What a customer is of its own, without one that was merged into it.</summary>
/// <param name="Profile">What follows from its own events.</param>
/// <param name="Messages">The ids of the events that were the other's and keep something open.</param>
internal sealed record OwnPart(Profile Profile, IReadOnlySet<string> Messages)
{
    /// <param name="facts">All facts of the customer, oldest first.</param>
    public static OwnPart Of(CustomerKey key, IReadOnlyList<Fact> facts, IReadOnlySet<string> leaving)
    {
        var own = Profile.New(key);
        var messages = new HashSet<string>();
        var gone = Partings(facts);
        for (var i = 0; i < facts.Count; i++)
        {
            switch (facts[i])
            {
                case Fact.EventApplied { Event: var happened } when happened.Via is { } via && leaving.Contains(via):
                    messages.Add(happened.MessageId);
                    break;
                case Fact.CustomerAbsorbed absorbed when leaving.Contains(absorbed.Id):
                    messages.UnionWith(absorbed.State.Waits.SelectMany(static wait => wait.Arms.Newest.Append(wait.Arms.First)).Select(static arm => arm.MessageId));
                    messages.UnionWith(absorbed.State.Sends.Select(static send => send.ArmedThrough.MessageId));
                    break;
                case Fact.EventApplied applied when IsHeard(gone, applied, i):
                    own = Evolver.Evolve(own, applied);
                    break;
                case Fact.CustomerAbsorbed absorbed when IsHeard(gone, absorbed, i):
                    own = Union.Heard(own, absorbed.State);
                    break;
            }
        }
        return new(own, messages);
    }

    /// <summary>What traits and consent follow from: the events and the absorbed customers whose merge was not undone, each with its place among the facts.</summary>
    public static IEnumerable<(int Place, Fact Fact)> Heard(IReadOnlyList<Fact> facts)
    {
        var gone = Partings(facts);
        return facts.Index().Where(entry => IsHeard(gone, entry.Item, entry.Index));
    }

    private static bool IsHeard(Dictionary<string, int> gone, Fact fact, int place) => fact switch
    {
        Fact.EventApplied { Event.Via: var via } => via is null || !IsGone(gone, via, place),
        Fact.CustomerAbsorbed { Id: var id } => !IsGone(gone, id, place),
        _ => false,
    };

    /// <summary>The ids that were parted before, each with the place of its last parting: what came with them up to there went with them.</summary>
    private static Dictionary<string, int> Partings(IReadOnlyList<Fact> facts)
    {
        var partings = new Dictionary<string, int>();
        for (var i = 0; i < facts.Count; i++)
        {
            if (facts[i] is not Fact.IdentityParting parting)
                continue;
            foreach (var id in parting.Handback.Ids)
                partings[id] = i;
        }
        return partings;
    }

    private static bool IsGone(Dictionary<string, int> partings, string id, int place) => partings.TryGetValue(id, out var parting) && place < parting;
}
