namespace Orleans.Personalize.Engine;

public static partial class Decider
{
    /// <summary>Whether a customer that was merged into another still decides about it.</summary>
    public static bool IsForMerged(Input input) => input is Input.Tick or Input.MergeAnswered or Input.UndoRequested;

    /// <summary>An event names other ids of its customer: those that are new are asked about.</summary>
    private static void Claim(TurnBuilder turn, CustomerEvent happened)
    {
        foreach (var id in happened.Identities ?? [])
        {
            if (turn.Profile.FindIdentity(id) is null)
                _ = Claim(turn, id, by: null);
        }
    }

    /// <returns>Why not, as a code; null when it is claimed.</returns>
    private static string? Claim(TurnBuilder turn, string id, string? by)
    {
        var profile = turn.Profile;
        if (id == profile.Key.CustomerId)
            return MergeRefusal.Same;
        if (profile.FindIdentity(id) is { } known ? known.State is IdentityState.Linked or IdentityState.Parting : profile.Identities.Length >= Limits.IdentitiesMax)
            return profile.FindIdentity(id)?.State switch { null => MergeRefusal.TooMany, IdentityState.Linked => null, _ => MergeRefusal.Parting };
        var mergeId = DecisionId.Of(profile.Key, "merge", id, $"{profile.Version} {turn.Now.UtcTicks}");
        turn.Record(new Fact.IdentityClaimed(id, mergeId, turn.Now, Detail.Of(by), IsForced: by is not null));
        return null;
    }

    private static Turn AnswerClaim(TurnBuilder turn, Input.ClaimAnswered answer)
    {
        if (turn.Profile.FindIdentity(answer.Id) is { State: IdentityState.Claimed } claim && claim.MergeId == answer.MergeId)
        {
            turn.Record(answer.IsRefused
                ? new Fact.IdentityRefused(answer.Id, answer.MergeId, answer.Customer, turn.Now)
                : new Fact.IdentityLinked(answer.Id, answer.MergeId, turn.Now, answer.Customer == answer.Id ? null : answer.Customer));
        }
        return turn.Build([]);
    }

    /// <summary>Another customer says that this one is it.</summary>
    private static Turn StartMerge(TurnBuilder turn, Input.MergeRequested asked)
    {
        if (!asked.IsForced && (turn.Profile.IsKnown || turn.Profile.FindIdentity(asked.Into) is { State: IdentityState.Parted }))
            return turn.Build([], MergeRefusal.Known);
        turn.Record(new Fact.MergeStarted(asked.Into, asked.MergeId, turn.Now, Detail.Of(asked.By)));
        return turn.Build([]);
    }

    private static Turn AnswerMerge(TurnBuilder turn, Input.MergeAnswered answered)
    {
        if (turn.Profile.Merge is { IsHandedOver: false } merge && merge.MergeId == answered.MergeId)
            turn.Record(answered.Into is { } into ? new Fact.MergeCompleted(merge.MergeId, into, turn.Now) : new Fact.MergeAbandoned(merge.MergeId, turn.Now));
        return turn.Build([]);
    }

    /// <summary>
    /// All that another customer knew becomes this one's. Waits of both meet what each has seen: what one saw closes a wait of the other, and what one
    /// has decided about is not decided again.
    /// </summary>
    private static Turn Absorb(TurnBuilder turn, Input.AbsorptionOffered offered)
    {
        if (turn.Profile.FindIdentity(offered.Id) is { State: not IdentityState.Claimed } known && known.MergeId == offered.MergeId)
            return turn.Build([]);
        var waits = offered.State.Waits.Select(wait => turn.Profile.FindWait(wait.Trigger, wait.Key) is { } own
            ? Union.Of(own, wait, turn.Triggers.Find(wait.Trigger)?.Wait)
            : wait);
        turn.Record(new Fact.CustomerAbsorbed(offered.Id, offered.MergeId, turn.Now, offered.State, [.. waits]));
        foreach (var wait in turn.Profile.Waits)
            CloseSeen(turn, wait, offered.Id);
        while (turn.Profile.Waits.Length > Limits.WaitsMax)
        {
            var last = turn.Profile.Waits.MaxBy(static wait => wait.Deadline)!;
            Suppress(turn, AboutClosing(turn, last, last.Arms.Last, turn.Now), Reason.WaitLimit, $"{Limits.WaitsMax} waits are open");
        }
        FireDue(turn, turn.Now);
        return turn.Build([]);
    }

    private static void CloseSeen(TurnBuilder turn, Wait wait, string absorbed)
    {
        var mark = turn.Profile.FindMark(wait.Trigger, wait.Key);
        var unless = mark?.UnlessThrough;
        if (wait.Key is not null && turn.Profile.FindMark(wait.Trigger, null)?.UnlessThrough is { } any && !(unless >= any))
            unless = any;
        if (unless > wait.Arms.First)
            Suppress(turn, AboutClosing(turn, wait, wait.Arms.Newest.LastOrDefault(arm => arm < unless, wait.Arms.First), unless.Value.At), Reason.Unless, $"seen by {absorbed} or here before they were one");
        else if (mark?.DecidedThrough is { } decided && decided > wait.Arms.First.At)
            Suppress(turn, AboutClosing(turn, wait, wait.Arms.LastBefore(decided), decided), Reason.Superseded, $"decided before {absorbed} was merged");
    }

    /// <summary>A wait is closed for what kept it open up to an event, that event included: one that closes a wait may open the next.</summary>
    private static Subject AboutClosing(TurnBuilder turn, Wait wait, Stamp through, DateTimeOffset at)
    {
        var trigger = turn.Triggers.Find(wait.Trigger);
        var closed = new WaitClosed(through, wait.Arms.After(through)?.Deadline(trigger?.Wait), Fired: false);
        return new(wait.Trigger, trigger?.Version ?? wait.TriggerVersion, wait.Key, at, wait.Arms.First, through, closed);
    }

    /// <summary>A merge was a mistake: each gets back what is its own.</summary>
    private static Turn Part(TurnBuilder turn, Input.PartingRequested asked)
    {
        switch (turn.Profile.FindIdentity(asked.Id))
        {
            case { State: IdentityState.Parting or IdentityState.Parted }:
                return turn.Build([]);
            case not { State: IdentityState.Linked, Through: null }:
                return turn.Build([], MergeRefusal.Unknown);
        }
        var theirs = asked.Messages;
        turn.Record(new Fact.IdentityParting(asked.Id, turn.Now, Detail.Of(asked.By)!, asked.Own, new(
            [asked.Id, .. turn.Profile.IdsWith(asked.Id)],
            [.. turn.Profile.Waits.Where(wait => theirs.Contains(wait.Arms.First.MessageId) && wait.Arms.Newest.All(arm => theirs.Contains(arm.MessageId)))],
            [.. turn.Profile.Sends.Where(send => send.IsWaiting && theirs.Contains(send.ArmedThrough.MessageId))])));
        return turn.Build([]);
    }

    private static Turn AnswerParting(TurnBuilder turn, string id)
    {
        if (turn.Profile.FindIdentity(id) is { State: IdentityState.Parting })
            turn.Record(new Fact.IdentityParted(id, turn.Now));
        return turn.Build([]);
    }

    private static Turn UndoMerge(TurnBuilder turn, Input.UndoRequested asked)
    {
        if (turn.Profile.Merge?.MergeId == asked.MergeId)
            turn.Record(new Fact.MergeUndone(asked.MergeId, turn.Now, Detail.Of(asked.By)!, asked.Handback));
        return turn.Build([]);
    }
}
