using System.Collections.Immutable;
using System.Globalization;

namespace Orleans.Personalize.Engine.Properties;

/// <summary>Something that happens to a customer, at a minute of the story's clock.</summary>
internal abstract record Step(int Now)
{
    public sealed record Arrive(int Now, ImmutableArray<CustomerEvent> Events) : Step(Now)
    {
        public override string ToString() => $"{Now}: " + string.Join(", ", Events.Select(Show));
    }

    public sealed record Tick(int Now) : Step(Now)
    {
        public override string ToString() => $"{Now}: tick";
    }

    /// <param name="Send">Which of the sends so far, modulo their number.</param>
    public sealed record Request(int Now, int Send) : Step(Now)
    {
        public override string ToString() => $"{Now}: request of send {Send}";
    }

    /// <param name="Back">0 reports the newest attempt, 1 the one before.</param>
    public sealed record Report(int Now, int Send, SendOutcome Outcome, int Back) : Step(Now)
    {
        public override string ToString() => $"{Now}: {Outcome} of send {Send}, {Back} attempts back";
    }

    /// <param name="Wait">Which of the open waits, modulo their number.</param>
    /// <param name="Minutes">Of a shift.</param>
    public sealed record Operate(int Now, int Wait, WaitVerb Verb, int Minutes) : Step(Now)
    {
        public override string ToString() => $"{Now}: {Verb} of wait {Wait} by {Minutes}";
    }

    public sealed record Edit(int Now, ImmutableArray<TriggerSpec> Triggers) : Step(Now)
    {
        public override string ToString() => $"{Now}: triggers {string.Join("\n   ", Triggers.Select(trigger => trigger.ToJson()))}";
    }

    private static string Show(CustomerEvent happened) =>
        $"{happened.MessageId} \"{happened.Name}\" of {Story.Minute(happened.OccurredAt).ToString(CultureInfo.InvariantCulture)} {happened.Properties} {happened.Traits} {happened.Consent}";
}

/// <summary>One turn of a history with what was before it.</summary>
internal sealed record Moment(Step Step, TriggerSet Triggers, Profile Before, Turn Turn)
{
    public DateTimeOffset Now => Story.At(Step.Now);
}

/// <summary>What can happen to one customer, in the order in which it happens. Times, names, keys and ids are few, so that they coincide often.</summary>
internal sealed record History(ImmutableArray<Step> Steps)
{
    private static readonly int[] Pauses = [0, 0, 0, 0, 1, 1, 2, 5, 5, 9, 10, 29, 30, 55, 60, 61, 600, 1440, 72 * 60, (72 * 60) + 1];
    private static readonly int[] Latenesses = [0, 0, 0, 0, 0, 0, 1, 5, 10, 30, 60, 61, 72 * 60, (72 * 60) + 1, -1, -5, -6];

    /// <param name="size">About how many steps.</param>
    public static History Make(System.Random random, int size)
    {
        var steps = ImmutableArray.CreateBuilder<Step>();
        var seen = new List<CustomerEvent>();
        var now = 0;
        steps.Add(new Step.Edit(0, TriggerSpec.MakeSome(random)));
        for (var i = 0; i < size; i++)
        {
            now += Pauses[random.Next(Pauses.Length)];
            steps.Add(random.Next(22) switch
            {
                < 11 => new Step.Arrive(now, [.. Enumerable.Range(0, random.Next(4) == 0 ? random.Next(1, 6) : 1).Select(_ => MakeEvent(random, now, seen))]),
                < 14 => new Step.Tick(now),
                < 17 => new Step.Request(now, random.Next(100)),
                19 or 20 => new Step.Operate(now, random.Next(100), (WaitVerb)random.Next(3), Pick(random, -60, -5, 0, 1, 5, 60, 1440)),
                < 19 => new Step.Report(now, random.Next(100), (SendOutcome)random.Next(3), random.Next(5) == 0 ? 1 : 0),
                _ => new Step.Edit(now, TriggerSpec.MakeSome(random)),
            });
        }
        return new(steps.ToImmutable());
    }

    public static CustomerEvent MakeEvent(System.Random random, int now, List<CustomerEvent> seen)
    {
        if (seen.Count > 0 && random.Next(6) == 0)
        {
            var again = seen[random.Next(seen.Count)] with { ReceivedAt = Story.At(now) };
            return random.Next(10) == 0 ? again with { Fingerprint = 99 } : again;
        }
        var name = Pick(random, "Product Added", "Product Added", "Product Removed", "Order Completed", "Order Refunded", "Viewed");
        var happened = Story.Event(
            name,
            now - Latenesses[random.Next(Latenesses.Length)],
            id: $"{(char)('a' + random.Next(3))}{seen.Count}",
            properties: Pick(random, null, "{}", MakeProperties(random), MakeProperties(random), MakeProperties(random)),
            traits: Pick(random, null, null, null, $$"""{"plan":{{random.Next(3)}}}""", """{"plan":null,"vip":true}""", """{"timezone":"America/New_York"}"""),
            consent: Pick(random, null, null, null, null, """{"email":true}""", """{"email":false}"""),
            received: now,
            priority: random.Next(2));
        seen.Add(happened);
        return happened;
    }

    private static string MakeProperties(System.Random random) =>
        $$"""{"cart":{{Pick(random, "\"a\"", "\"b\"", "7", "null")}},"product_id":"p{{random.Next(3)}}","order_id":{{random.Next(2)}},"price":{{random.Next(30)}},"quantity":{{random.Next(3)}}}""";

    public static T Pick<T>(System.Random random, params T[] choices) => choices[random.Next(choices.Length)];

    public IEnumerable<History> Shrink()
    {
        foreach (var fewer in Property.Shrink(Steps.ToArray()))
            yield return new([.. fewer]);
        for (var i = 0; i < Steps.Length; i++)
        {
            if (Steps[i] is Step.Arrive { Events: { Length: > 1 } events } arrive)
            {
                for (var j = 0; j < events.Length; j++)
                    yield return new(Steps.SetItem(i, arrive with { Events = events.RemoveAt(j) }));
            }
            if (Steps[i] is Step.Edit { Triggers: { Length: > 1 } triggers } edit)
            {
                for (var j = 0; j < triggers.Length; j++)
                    yield return new(Steps.SetItem(i, edit with { Triggers = triggers.RemoveAt(j) }));
            }
        }
    }

    /// <summary>Lets it happen.</summary>
    public IEnumerable<Moment> Run()
    {
        var profile = Profile.New(Story.Ada);
        var triggers = TriggerSet.Empty;
        var version = 0;
        foreach (var step in Steps)
        {
            if (step is Step.Edit edit)
            {
                version++;
                triggers = new(edit.Triggers.Select(spec => Story.Trigger(spec.ToJson(), version: version)));
                continue;
            }
            var turn = Decider.Decide(profile, InputOf(step, profile), triggers, Story.At(step.Now));
            yield return new(step, triggers, profile, turn);
            profile = turn.Profile;
        }
    }

    private static Input InputOf(Step step, Profile profile)
    {
        Send? Chosen(int send) => profile.Sends.IsEmpty ? null : profile.Sends[send % profile.Sends.Length];
        return step switch
        {
            Step.Arrive arrive => new Input.EventsArrived(arrive.Events),
            Step.Request request => new Input.SendRequested(Chosen(request.Send)?.DecisionId ?? "none"),
            Step.Operate operate when profile.Waits is { Length: > 0 } waits && waits[operate.Wait % waits.Length] is { } wait =>
                new Input.WaitOperated(new(operate.Verb, wait.Trigger, wait.Key, null, TimeSpan.FromMinutes(operate.Minutes), "key 7", null)),
            Step.Report report when Chosen(report.Send) is { } send =>
                new Input.SendReported(send.DecisionId, new(send.Attempts - report.Back, report.Outcome, null, null)),
            _ => Input.Tick.Now,
        };
    }

    public override string ToString() => string.Join("\n", Steps);
}
