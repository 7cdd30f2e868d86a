using System.Collections.Immutable;
using static Orleans.Personalize.Engine.Story;

namespace Orleans.Personalize.Engine.Properties;

public sealed class MergeProperties
{
    /// <summary>All events arrive in this minute, and no wait runs out before it.</summary>
    private const int Now = 30;

    private static readonly CustomerKey Visitor = new("shop", "visitor-1");

    /// <summary>Events and whose they are: 0 Ada's, 1 the visitor's before the merge, 2 Ada's after it, 3 the visitor's after it.</summary>
    private sealed record World(ImmutableArray<TriggerSpec> Triggers, ImmutableArray<(CustomerEvent Event, int Whose)> Events)
    {
        public static World Make(System.Random random, int size)
        {
            var events = new List<(CustomerEvent, int)>();
            // Fewer than a wait remembers, as of any order of arrival.
            while (events.Count < Math.Min(size, Limits.WaitArmsMax))
            {
                var happened = History.MakeEvent(random, Now, []) with
                {
                    MessageId = $"{(char)('a' + random.Next(3))}{events.Count}",
                    OccurredAt = At(random.Next(Now + 1)),
                    IsProvisional = true,
                    Source = History.Pick(random, "web", "crm"),
                };
                events.Add((happened, random.Next(4)));
            }
            return new([.. ((string[])["t1", "t2"]).Select(id => TriggerSpec.MakeWaiting(random, id, scale: 10))], [.. events]);
        }

        public TriggerSet Set => new(Triggers.Select(static spec => Trigger(spec.ToJson())));

        public CustomerEvent[] Of(params int[] whose) => [.. Events.Where(one => whose.Contains(one.Whose)).Select(static one => one.Event)];

        public IEnumerable<World> Shrink() => Property.Shrink(Events.ToArray()).Select(fewer => this with { Events = [.. fewer] });

        public override string ToString() =>
            string.Join("\n", Triggers.Select(static trigger => trigger.ToJson())) + "\n" + string.Join("\n", Events.Select(static one => $"{one.Whose}: {new Step.Arrive(Now, [one.Event])}"));
    }

    private static Profile Hear(Profile profile, TriggerSet triggers, IEnumerable<CustomerEvent> events) =>
        events.Aggregate(profile, (known, happened) => Decider.Decide(known, new Input.EventsArrived([happened]), triggers, At(Now)).Profile);

    private static Profile Absorb(Profile survivor, Profile other, TriggerSet triggers) =>
        Decider.Decide(survivor, new Input.AbsorptionOffered(other.Key.CustomerId, "m", other), triggers, At(Now)).Profile;

    /// <summary>Without whose it is, and what tells of the merge.</summary>
    private static string Shape(Profile profile) => Convergence.Of(profile with { Key = Ada, Identities = [], Window = DedupeWindow.Empty });

    /// <summary>What follows from events alone.</summary>
    private static string Heard(Profile profile) => Shape(profile with { Waits = [], Marks = [], Sends = [], Tallies = [], ChannelTallies = [] });

    private static IEnumerable<(Trait, Trait, string)> Lost(Fact[] facts) => Conflict.Of(Ada, facts).Select(static one => (one.Winner, one.Loser, one.Won));

    [Fact]
    public void However_events_are_split_between_two_ids_their_merge_is_as_if_all_had_been_ones() => Property.Holds(
        World.Make,
        static world => world.Shrink(),
        static world =>
        {
            var triggers = world.Set;
            var one = Hear(Profile.New(Ada), triggers, world.Events.Select(static each => each.Event));
            var ada = Hear(Profile.New(Ada), triggers, world.Of(0, 2));
            var visitor = Hear(Profile.New(Visitor), triggers, world.Of(1, 3));
            Assert.Equal(Shape(one), Shape(Absorb(ada, visitor, triggers)));
        });

    [Fact]
    public void A_merge_is_the_same_whichever_of_the_two_survives() => Property.Holds(
        World.Make,
        static world => world.Shrink(),
        static world =>
        {
            var triggers = world.Set;
            var ada = Hear(Profile.New(Ada), triggers, world.Of(0, 2));
            var visitor = Hear(Profile.New(Visitor), triggers, world.Of(1, 3));
            Assert.Equal(Shape(Absorb(ada, visitor, triggers)), Shape(Absorb(visitor, ada, triggers)));
        });

    [Fact]
    public void Undone_each_is_as_if_they_had_never_been_one() => Property.Holds(
        World.Make,
        static world => world.Shrink(),
        static world =>
        {
            var triggers = world.Set;
            var facts = new List<Fact>();
            var profile = Profile.New(Ada);
            Turn Decide(Input input)
            {
                var turn = Decider.Decide(profile, input, triggers, At(Now));
                facts.AddRange(turn.Facts);
                profile = turn.Profile;
                return turn;
            }

            var visitor = Hear(Profile.New(Visitor), triggers, world.Of(1));
            foreach (var happened in world.Of(0))
                Decide(new Input.EventsArrived([happened]));
            Decide(new Input.AbsorptionOffered(Visitor.CustomerId, "m", visitor));
            foreach (var (happened, whose) in world.Events.Where(static one => one.Whose >= 2))
                Decide(new Input.EventsArrived([whose == 2 ? happened : happened with { Via = Visitor.CustomerId }]));
            var open = profile.Waits.Length;
            var part = OwnPart.Of(Ada, facts, new HashSet<string> { Visitor.CustomerId });
            Assert.Null(Decide(new Input.PartingRequested(Visitor.CustomerId, "support", part.Profile, part.Messages)).Refusal);

            var handback = profile.FindIdentity(Visitor.CustomerId)!.Handback!;
            visitor = Decider.Decide(visitor, new Input.MergeRequested("ada", "m", null, IsForced: true), triggers, At(Now)).Profile;
            visitor = Decider.Decide(visitor, new Input.UndoRequested("m", "support", handback), triggers, At(Now)).Profile;
            visitor = Hear(visitor, triggers, world.Of(3).Select(static happened => happened with { IsHistory = true }));

            Assert.Equal(Heard(Hear(Profile.New(Ada), triggers, world.Of(0, 2))), Heard(profile));
            Assert.Equal(Heard(Hear(Profile.New(Visitor), triggers, world.Of(1, 3))), Heard(visitor));
            Assert.Equal(open, profile.Waits.Length + handback.Waits.Length);
            Fact[] own = [.. world.Of(0).Concat(world.Of(2)).Select(static happened => new Fact.EventApplied(happened, Late: false))];
            Assert.Equal(Lost(own), Lost([.. facts]));
        });
}
