using System.Collections.Immutable;

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
        if (reason is null)
            (reason, detail) = MakeRoom(turn, trigger);
        if (reason is not null)
        {
            Suppress(turn, about, reason, detail);
            return;
        }
        var send = trigger.Send;
        turn.Record(DecidedAbout(turn, about) with
        {
            Send = new(
                send.Sender, send.Template, send.Channel, send.Data, trigger.Priority, notBefore, expires, send.Topic, send.IsTransactional),
        });
    }

    /// <summary>
    /// The arbiter between the triggers of a customer: where the channel's cap is reached, the least important send that has not left yet yields to a
    /// more important one.
    /// </summary>
    private static (string? Reason, string? Detail) MakeRoom(TurnBuilder turn, Trigger trigger)
    {
        if (WhyCapped(turn, trigger.Send, except: null) is not { Reason: not null } capped)
            return (null, null);
        var least = turn.Profile.Sends
            .Where(send => send.IsWaiting && send.Order.Channel == trigger.Send.Channel && !send.Order.IsTransactional && send.Order.Priority < trigger.Priority)
            .MinBy(static send => send.Order.Priority);
        if (least is null)
            return capped;
        turn.Record(new Fact.SendSettled(
            least.DecisionId, SendState.Suppressed, turn.Now, Reason.Outranked, Detail.Of($"by {trigger.Id}, priority {trigger.Priority} over {least.Order.Priority}")));
        return WhyCapped(turn, trigger.Send, except: null);
    }

    private static (string? Reason, string? Detail) WhyCapped(TurnBuilder turn, SendRule send, string? except) =>
        !send.IsTransactional && turn.Triggers.PolicyOf(send.Channel)?.Cap is { } cap
        && WhyLimited(cap, turn.Profile.ChannelTallies, send.Channel, turn.Now, except) is { Reason: not null, Detail: var detail }
            ? (Reason.Cap, detail)
            : (null, null);

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
        // Last but for the cap, so that the control group and the shadow meet every other condition of those who get it and take nobody's place.
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
        if (!trigger.Send.IsTransactional && WhoRefuses(scope.Profile, trigger.Send) is { } refused)
            return (Reason.Consent, refused);
        return trigger.Limits is { } limits ? WhyLimited(limits, scope.Profile.Tallies, trigger.Id, now, except) : (null, null);
    }

    /// <summary>The name of the consent that the customer has refused; null where nothing is.</summary>
    private static string? WhoRefuses(Profile profile, SendRule send)
    {
        if (profile.Allows(send.Channel) == false)
            return send.Channel;
        return send.Topic is { } topic && profile.Allows($"{send.Channel}/{topic}") == false ? $"{send.Channel}/{topic}" : null;
    }

    private static (string? Reason, string? Detail) WhyLimited(
        LimitRule limits, ImmutableArray<Tally> tallies, string name, DateTimeOffset now, string? except)
    {
        var found = tallies.Find(name, static tally => tally.Name);
        if (found < 0)
            return (null, null);
        // Only those before it: two that are asked about under a rule that became stricter must not refuse each other.
        var entries = tallies[found].Entries.TakeWhile(entry => entry.DecisionId != except).ToArray();
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
