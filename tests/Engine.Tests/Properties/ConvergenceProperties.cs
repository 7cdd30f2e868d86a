using System.Collections.Immutable;
using static Orleans.Personalize.Engine.Story;

namespace Orleans.Personalize.Engine.Properties;

public sealed class ConvergenceProperties
{
    /// <summary>All events arrive in this minute, and no wait runs out before it.</summary>
    private const int Now = 30;

    private sealed record World(ImmutableArray<TriggerSpec> Triggers, ImmutableArray<CustomerEvent> Events, int Order)
    {
        public static World Make(System.Random random, int size)
        {
            var events = new List<CustomerEvent>();
            // Fewer than a wait remembers: of more, an unless that comes late can no longer tell those it closed from those it left.
            while (events.Count < Math.Min(size, Limits.WaitArmsMax))
            {
                var happened = History.MakeEvent(random, Now, []);
                var isLate = random.Next(15) == 0;
                events.Add(happened with
                {
                    MessageId = $"{(char)('a' + random.Next(3))}{events.Count}",
                    OccurredAt = At(isLate ? Now - (73 * 60) : random.Next(Now + 1)),
                });
            }
            return new([.. ((string[])["t1", "t2"]).Select(id => TriggerSpec.MakeWaiting(random, id, scale: 10) with { Freshness = random.Next(3) == 0 ? 10 : null })], [.. events], random.Next());
        }

        public IEnumerable<World> Shrink() => Property.Shrink(Events.ToArray()).Select(fewer => this with { Events = [.. fewer] });

        public override string ToString() =>
            string.Join("\n", Triggers.Select(static trigger => trigger.ToJson())) + $"\norder {Order} of\n" + new Step.Arrive(Now, Events);
    }

    private static Profile Fold(TriggerSet triggers, IEnumerable<CustomerEvent[]> batches) => batches.Aggregate(
        Profile.New(Ada),
        (profile, batch) => Decider.Decide(profile, new Input.EventsArrived(batch), triggers, At(Now)).Profile);

    [Fact]
    public void Any_order_duplication_and_batching_of_the_same_events_gives_the_same_profile() => Property.Holds(
        World.Make,
        static world => world.Shrink(),
        static world =>
        {
            var triggers = new TriggerSet(world.Triggers.Select(static spec => Trigger(spec.ToJson())));
            var inOrder = Fold(triggers, world.Events.OrderBy(Stamp.Of).Select(static happened => (CustomerEvent[])[happened]));
            Assert.Empty(inOrder.Sends);
            for (var i = 0; i < 4; i++)
            {
                var random = new System.Random(world.Order + i);
                var twice = world.Events.Concat(world.Events.Where(_ => random.Next(3) == 0)).ToArray();
                random.Shuffle(twice);
                var batches = new List<CustomerEvent[]>();
                for (var at = 0; at < twice.Length;)
                {
                    var length = Math.Min(random.Next(1, 6), twice.Length - at);
                    batches.Add(twice[at..(at += length)]);
                }
                Assert.Equal(Convergence.Of(inOrder), Convergence.Of(Fold(triggers, batches)));
            }
        });
}
