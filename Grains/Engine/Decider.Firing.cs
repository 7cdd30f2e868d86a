namespace Orleans.Personalize.Engine;

public static partial class Decider
{
    /// <summary>A trigger's time has come: decide whether it sends.</summary>
    private static void Fire(TurnBuilder turn, Trigger trigger, Subject about, KeptEvent happened)
    {
        var scope = new Scope(turn.Profile, happened, about.At);
        var expires = about.At + trigger.Send.Expires;
        var notBefore = trigger.QuietHours?.EndAfter(turn.Now, turn.Profile) ?? turn.Now;
        var (reason, detail) = WhyNot(turn, trigger, scope, notBefore, expires);
        if (reason is not null)
        {
            Suppress(turn, about, reason, detail);
            return;
        }
        turn.Record(DecidedAbout(turn, about) with
        {
            Send = new(
                trigger.Send.Sender, trigger.Send.Template, trigger.Send.Channel, trigger.Send.Data, trigger.Priority, notBefore, expires),
        });
    }

    /// <summary>The first of the reasons not to send; the order is part of the documented behaviour.</summary>
    private static (string? Reason, string? Detail) WhyNot(
        TurnBuilder turn, Trigger trigger, in Scope scope, DateTimeOffset notBefore, DateTimeOffset? expires)
    {
        var profile = turn.Profile;
        if (!trigger.Enabled)
            return (Reason.TriggerDisabled, null);
        if (!trigger.Rollout.Includes(profile.Hash, trigger.Id))
            return (Reason.Rollout, $"outside of {trigger.Rollout.Percent} %");
        if (WhyIrrelevant(trigger, scope, turn.Now, except: null) is { Reason: not null } irrelevant)
            return irrelevant;
        if (notBefore > turn.Now && trigger.QuietHours is { Delays: false })
            return (Reason.QuietHours, $"until {notBefore:O}");
        if (expires <= notBefore)
            return (Reason.Expired, $"at {expires:O}");
        if (profile.Sends.Count(static send => send.IsOpen) >= Limits.OpenSendsMax)
            return (Reason.OutboxFull, $"{Limits.OpenSendsMax} sends are open");
        // Last, so that the control group and the shadow meet every other condition of those who get it.
        if (trigger.Rollout.HoldsOut(profile.Hash, trigger.Id))
            return (Reason.Holdout, null);
        return trigger.Rollout.IsShadow ? (Reason.Shadow, null) : (null, null);
    }

    /// <summary>The reasons that are looked at when it is decided and once more when it is about to be delivered.</summary>
    /// <param name="except">The decision that asks: it does not stand in its own way.</param>
    private static (string? Reason, string? Detail) WhyIrrelevant(Trigger trigger, in Scope scope, DateTimeOffset now, string? except)
    {
        if (trigger.If is { } condition && !condition.Holds(scope))
            return (Reason.Condition, condition.WhyNot(scope));
        if (scope.Profile.Allows(trigger.Send.Channel) == false)
            return (Reason.Consent, trigger.Send.Channel);
        return trigger.Limits is { } limits ? WhyLimited(limits, scope.Profile, trigger.Id, now, except) : (null, null);
    }

    private static (string? Reason, string? Detail) WhyLimited(LimitRule limits, Profile profile, string trigger, DateTimeOffset now, string? except)
    {
        var found = profile.Tallies.Find(trigger, static tally => tally.Trigger);
        if (found < 0)
            return (null, null);
        var entries = profile.Tallies[found].Entries.RemoveAll(entry => entry.DecisionId == except);
        if (limits.Cooldown is { } cooldown && entries is [.., var last] && last.At > now - cooldown)
            return (Reason.Cooldown, $"the last one was decided at {last.At:O}");
        if (limits.Max is { } max && limits.Per is { } per && entries.Count(entry => entry.At > now - per) is var sent && sent >= max)
            return (Reason.Limit, $"{sent} within {per}");
        return (null, null);
    }

    private static void Suppress(TurnBuilder turn, Subject about, string reason, string? detail = null) =>
        turn.Record(DecidedAbout(turn, about) with { Reason = reason, Detail = Detail.Of(detail) });

    private static Fact.Decided DecidedAbout(TurnBuilder turn, Subject about) => new()
    {
        DecisionId = DecisionId.Of(turn.Profile.Key, about.Trigger, about.Key, about.ArmedBy.MessageId),
        Trigger = about.Trigger,
        TriggerVersion = about.TriggerVersion,
        Key = about.Key,
        At = about.At,
        DecidedAt = turn.Now,
        ArmedBy = about.ArmedBy,
        ArmedThrough = about.ArmedThrough,
        Wait = about.Wait,
    };
}
