using System.Collections.Immutable;

namespace Orleans.Personalize.Engine;

/// <summary>
/// The events that keep a wait open. When the wait runs out is a function of them, so the order of their arrival does not matter.
/// </summary>
/// <param name="First">The oldest of all.</param>
/// <param name="Newest">The newest ones, oldest first; never empty. Those that were dropped lie between <paramref name="First"/> and these.</param>
public sealed record Arms(Stamp First, ImmutableArray<Stamp> Newest)
{
    public static Arms Of(Stamp arm) => new(arm, [arm]);

    public Stamp Last => Newest[^1];

    public Arms With(Stamp arm) => new(
        arm < First ? arm : First,
        Newest.Insert(arm, static (a, b) => a.CompareTo(b)).KeepLast(Limits.WaitArmsMax));

    /// <summary>What is left when all up to an event are taken away; null when nothing is.</summary>
    public Arms? After(Stamp through)
    {
        var left = Newest.RemoveAll(arm => arm <= through);
        return left.IsEmpty ? null : new(through < First ? First : left[0], left);
    }

    /// <summary>When the wait runs out. Arms at or after that instant belong to the next wait.</summary>
    public DateTimeOffset Deadline(WaitRule? rule)
    {
        if (rule is null)
            return First.At;
        if (!rule.Restarts)
            return First.At + rule.For;
        var latest = rule.AtMost is { } atMost ? First.At + atMost : DateTimeOffset.MaxValue;
        var deadline = Newest[0].At + rule.For;
        for (var i = 1; i < Newest.Length && Newest[i].At < deadline && deadline < latest; i++)
            deadline = Newest[i].At + rule.For;
        return deadline < latest ? deadline : latest;
    }

    /// <summary>The last event that a deadline covers.</summary>
    public Stamp LastBefore(DateTimeOffset deadline)
    {
        var last = First;
        foreach (var arm in Newest)
        {
            if (arm.At < deadline)
                last = arm;
        }
        return last;
    }
}
