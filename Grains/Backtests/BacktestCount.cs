using System.Runtime.InteropServices;
using Orleans.Personalize.Engine;

namespace Orleans.Personalize.Backtests;

/// <summary>Counts what a trigger would have decided, a customer at a time. What it holds is bounded by triggers and days, not by customers.</summary>
internal sealed class BacktestCount(string trigger, DateTimeOffset? from)
{
    private const int SampleMax = 200;

    /// <summary>Ten years of days with decisions; those that are older than all of them are counted in the totals only.</summary>
    private const int DaysMax = 3_660;

    private readonly Dictionary<string, long> byReason = [];
    private readonly SortedDictionary<long, BacktestDay> days = [];
    private readonly Dictionary<string, long> overlap = [];
    private readonly PriorityQueue<BacktestDecision, (DateTimeOffset, string)> sample = new();
    private long customers;
    private long replayed;

    /// <param name="decisions">All decisions about one customer.</param>
    public void Add(string customer, IEnumerable<Fact.Decided> decisions)
    {
        replayed++;
        var senders = new HashSet<string>();
        foreach (var decided in decisions)
        {
            if (decided.At < from)
                continue;
            if (decided.IsSend)
                senders.Add(decided.Trigger);
            if (decided.Trigger == trigger)
                Count(customer, decided);
        }
        if (!senders.Remove(trigger))
            return;
        customers++;
        foreach (var other in senders)
            CollectionsMarshal.GetValueRefOrAddDefault(overlap, other, out _)++;
    }

    public BacktestResult Result(long leftOut) => new(
        byReason.GetValueOrDefault("send"), customers, replayed, leftOut, byReason, days.ToDictionary(), overlap,
        [.. sample.UnorderedItems.OrderByDescending(static item => item.Priority).Select(static item => item.Element)]);

    private void Count(string customer, Fact.Decided decided)
    {
        CollectionsMarshal.GetValueRefOrAddDefault(byReason, decided.Reason ?? "send", out _)++;
        var day = decided.At.ToUnixTimeSeconds() / (24 * 3600);
        var known = days.GetValueOrDefault(day) ?? new(0, 0);
        days[day] = decided.IsSend ? known with { Sends = known.Sends + 1 } : known with { Suppressed = known.Suppressed + 1 };
        if (days.Count > DaysMax)
            days.Remove(days.Keys.First());
        sample.Enqueue(new(decided.At, customer, decided.Key, decided.DecisionId, decided.Reason, decided.Detail), (decided.At, decided.DecisionId));
        if (sample.Count > SampleMax)
            sample.Dequeue();
    }
}

/// <summary>How many backtests a silo works on at a time: each takes most of a processor.</summary>
public sealed class BacktestSlots
{
    private const int Max = 2;

    private int taken;

    public bool TryTake()
    {
        if (Interlocked.Increment(ref taken) <= Max)
            return true;
        Return();
        return false;
    }

    public void Return() => Interlocked.Decrement(ref taken);
}
