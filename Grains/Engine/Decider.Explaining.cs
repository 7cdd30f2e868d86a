using System.Collections.Immutable;
using System.Xml;

namespace Orleans.Personalize.Engine;

public static partial class Decider
{
    /// <summary>
    /// Says what a trigger would decide if its time were now, and of each thing that is asked whether it holds. What it would decide is asked of
    /// the decision itself, so that the two cannot differ.
    /// </summary>
    /// <param name="trigger">One of <paramref name="triggers"/>.</param>
    /// <param name="key">Only the wait or send of this key; null: the wait that ends first, else the latest send.</param>
    /// <param name="listed">Why the address is on the suppression list; null where it is not.</param>
    public static Explanation Explain(Profile profile, Trigger trigger, string? key, TriggerSet triggers, DateTimeOffset now, string? listed = null)
    {
        var wait = profile.Waits.Where(wait => wait.Trigger == trigger.Id && (key is null || wait.Key == key)).MinBy(static wait => wait.Deadline);
        var send = wait is null ? profile.Sends.LastOrDefault(send => send.Trigger == trigger.Id && (key is null || send.Key == key)) : null;
        var happened = wait?.Event ?? send?.Event;
        var about = happened is null
            ? null
            : new ExplainedEvent(wait is null ? "send" : "wait", wait is null ? send!.Key : wait.Key, happened.Stamp.MessageId, happened.Name, happened.Stamp.At);
        var asked = new Question(
            new(profile, triggers, now), trigger, new Scope(profile, happened, wait?.Deadline < now ? wait.Deadline : now), about?.Key ?? key, listed);
        return new(
            trigger.Id,
            trigger.Version,
            trigger.Enabled,
            profile.Version,
            asked.Scope.At,
            about,
            [.. Checks(asked)],
            trigger.If is { } condition ? Part(condition, asked.Scope) : null,
            [],
            [],
            Would(asked));
    }

    private static string Would(Question asked)
    {
        if (!IsKnown(asked).Holds)
            return Reason.NoEvent;
        if (IsClosed(asked))
            return Reason.Unless;
        var why = WhyNot(asked.Turn, asked.Trigger, asked.Scope, asked.NotBefore, asked.Expires).Reason ?? MakeRoom(asked.Turn, asked.Trigger).Reason;
        return why ?? (asked.Listed is null ? "send" : Reason.Suppression);
    }

    private static IEnumerable<ExplainedCheck> Checks(Question asked)
    {
        var (trigger, profile, now) = (asked.Trigger, asked.Scope.Profile, asked.Turn.Now);
        yield return IsKnown(asked);
        yield return Check("unless", IsClosed(asked) ? "closed by an event that occurred after it" : null);
        yield return Check("enabled", trigger.Enabled ? null : "the trigger is disabled");
        yield return Check("rollout", trigger.Rollout.Includes(profile.Hash, trigger.Id) ? null : $"outside of {trigger.Rollout.Percent} %");
        yield return Check("condition", trigger.If is { } condition && !condition.Holds(asked.Scope) ? condition.WhyNot(asked.Scope) : null);
        yield return Check("consent", !trigger.Send.IsTransactional && WhoRefuses(profile, trigger.Send) is { } refused ? $"the customer refused {refused}" : null);
        yield return Check("limits", trigger.Limits is { } limits && WhyLimited(limits, profile.Tallies, trigger.Id, now, null) is { Reason: { } limit, Detail: var more }
            ? $"{limit}: {more}"
            : null);
        yield return IsQuiet(asked);
        yield return Check("expires", asked.Expires <= asked.NotBefore ? $"at {asked.Expires:O}, before it could go out at {asked.NotBefore:O}" : null);
        yield return Check("outbox", profile.Sends.Count(static send => send.IsOpen) >= Limits.OpenSendsMax ? $"{Limits.OpenSendsMax} sends are open" : null);
        yield return Check("holdout", trigger.Rollout.HoldsOut(profile.Hash, trigger.Id) ? "in the control group" : null);
        yield return Check("shadow", trigger.Rollout.IsShadow ? "the trigger runs in shadow mode" : null);
        yield return Check("cap", MakeRoom(new(profile, asked.Turn.Triggers, now), trigger) is { Reason: not null, Detail: var capped } ? capped : null);
        yield return Check("suppression", asked.Listed is { } listed ? $"the address is on the suppression list: {listed}" : null);
    }

    private static ExplainedCheck Check(string name, string? whyNot) => new(name, whyNot is null, Detail.Of(whyNot));

    /// <summary>Whether anything has happened that the trigger is about. Which of several events matched its <c>where</c> is not kept.</summary>
    private static ExplainedCheck IsKnown(Question asked)
    {
        if (asked.Scope.Event is { } happened)
            return new("event", true, $"{happened.Name ?? Evolver.TypeName(happened.Type)} occurred at {happened.Stamp.At:O}");
        var (on, profile) = (asked.Trigger.On, asked.Scope.Profile);
        var name = on.Event ?? Evolver.TypeName(on.Type ?? default);
        if (on.Event is not null && profile.FindCounter(name) is { } counter)
            return new("event", true, Detail.Of($"{name} occurred {counter.Count} times, last at {counter.LastAt:O}; none of them is kept for this trigger, so fields of the event count as missing"));
        return on.Event is null && profile.Recent.LastOrDefault(one => one.Type == on.Type) is { } latest
            ? new("event", true, $"{name} occurred at {latest.Stamp.At:O}; it is not kept for this trigger, so fields of the event count as missing")
            : new("event", false, Detail.Of($"{name} has not occurred"));
    }

    private static ExplainedCheck IsQuiet(Question asked) => asked switch
    {
        { Trigger.QuietHours: { } quiet } when asked.NotBefore > asked.Turn.Now =>
            new("quiet-hours", quiet.Delays, quiet.Delays ? $"it would wait until {asked.NotBefore:O}" : $"until {asked.NotBefore:O}"),
        _ => new("quiet-hours", true, null),
    };

    private static bool IsClosed(Question asked) =>
        asked.Scope.Event is { } happened && IsClosed(asked.Scope.Profile, asked.Trigger.Id, asked.Key, happened.Stamp);

    private static ExplainedCondition Part(Condition condition, in Scope scope) => condition switch
    {
        Condition.All all => Parts(all, "all of", all.Parts, scope),
        Condition.Any any => Parts(any, "any of", any.Parts, scope),
        Condition.Not not => Parts(not, "not", [not.Part], scope),
        Condition.Field field => Leaf(field, $"{field.Path}", field.Comparison, field.Values, field.Path.Read(scope), scope),
        Condition.Count count => Leaf(
            count,
            $"count of {count.Event}{(count.Within is { } within ? $" within {XmlConvert.ToString(within)}" : "")}",
            count.Comparison, count.Values, Scalar.Of(count.Occurrences(scope)), scope),
        _ => throw new InvalidOperationException($"No words for {condition.GetType().Name}."),
    };

    private static ExplainedCondition Parts(Condition condition, string text, ImmutableArray<Condition> parts, in Scope scope)
    {
        var children = new ExplainedCondition[parts.Length];
        for (var i = 0; i < children.Length; i++)
            children[i] = Part(parts[i], scope);
        return new(condition.Pointer, text, null, condition.Holds(scope), children);
    }

    private static ExplainedCondition Leaf(
        Condition condition, string subject, Comparison comparison, ImmutableArray<Scalar> values, in Scalar actual, in Scope scope) => new(
            condition.Pointer,
            Detail.Of($"{subject} {Comparisons.Name(comparison)} {(comparison == Comparison.Exists ? values[0].Number != 0 ? "true" : "false" : string.Join(", ", values))}")!,
            Detail.Of(actual.ToString()),
            condition.Holds(scope),
            []);

    /// <param name="Turn">Of which nothing is kept.</param>
    private sealed record Question(TurnBuilder Turn, Trigger Trigger, Scope Scope, string? Key, string? Listed)
    {
        public DateTimeOffset NotBefore { get; } = Trigger.QuietHours?.EndAfter(Turn.Now, Scope.Profile) ?? Turn.Now;

        public DateTimeOffset? Expires { get; } = Scope.At + Trigger.Send.Expires;
    }
}
