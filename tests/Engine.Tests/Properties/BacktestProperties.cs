using System.Collections.Immutable;
using static Orleans.Personalize.Engine.Story;

namespace Orleans.Personalize.Engine.Properties;

/// <summary>The backtest against a calculation that shares nothing with the engine but the input.</summary>
public sealed class BacktestProperties
{
    private sealed record World(TriggerSpec Trigger, ImmutableArray<(string Customer, CustomerEvent Event)> Events)
    {
        public static World Make(System.Random random, int size)
        {
            var now = 0;
            var events = Enumerable.Range(0, size).Select(i =>
            {
                now += History.Pick(random, 0, 0, 1, 4, 5, 6, 9, 10, 11, 20, 59, 60, 61, 200);
                var name = History.Pick(random, "Product Added", "Product Added", "Order Completed", "Product Removed", "Viewed");
                var cart = History.Pick(random, """{"cart":"a"}""", """{"cart":"b"}""", "{}");
                return ($"c{random.Next(3)}", Event(name, now, id: $"{(char)('a' + random.Next(3))}{i}", properties: cart));
            });
            return new(TriggerSpec.MakeWaiting(random, "t1") with { AtMost = null }, [.. events]);
        }

        public IEnumerable<World> Shrink() => Property.Shrink(Events.ToArray()).Select(fewer => this with { Events = [.. fewer] });

        public override string ToString() => Trigger.ToJson() + "\n" +
            string.Join("\n", Events.Select(static entry => $"{entry.Customer} {Minute(entry.Event.OccurredAt)} {entry.Event.MessageId} {entry.Event.Name} {entry.Event.Properties}"));
    }

    [Fact]
    public void It_decides_what_a_naive_calculation_decides() => Property.Holds(
        World.Make,
        static world => world.Shrink(),
        static world =>
        {
            var replay = new Replay("shop", new([Trigger(world.Trigger.ToJson())]));
            var replayed = replay.Run(Replay.InOrder(world.Events)).Select(static entry =>
                $"{entry.Customer} {entry.Decision.Key} {Minute(entry.Decision.At)} {entry.Decision.Reason ?? "send"} by {entry.Decision.ArmedBy.MessageId}");
            Assert.Equal(Naive(world).Order(StringComparer.Ordinal), replayed.Order(StringComparer.Ordinal));
            Assert.Equal(0, replay.Withdrawn);
        });

    private static IEnumerable<string> Naive(World world)
    {
        var spec = world.Trigger;
        foreach (var customer in world.Events.GroupBy(static entry => entry.Customer))
        {
            // Key → (minute at which it runs out, id of the first event).
            var open = new Dictionary<string, (double Until, string First)>();
            var ordered = customer.Select(static entry => entry.Event).OrderBy(static happened => happened.OccurredAt)
                .ThenBy(static happened => happened.MessageId, StringComparer.Ordinal);
            foreach (var happened in ordered)
            {
                var minute = Minute(happened.OccurredAt);
                foreach (var (key, wait) in open.Where(entry => entry.Value.Until <= minute).ToArray())
                {
                    open.Remove(key);
                    yield return $"{customer.Key} {key} {wait.Until} send by {wait.First}";
                }
                var cart = !spec.IsKeyed || happened.Properties.Utf8.Length == 2 ? "" : happened.Properties.ToString()[9..10];
                if (happened.Name == spec.Unless)
                {
                    foreach (var (key, wait) in open.Where(entry => cart.Length == 0 || entry.Key == cart).ToArray())
                    {
                        open.Remove(key);
                        yield return $"{customer.Key} {key} {minute} unless by {wait.First}";
                    }
                }
                if (happened.Name != TriggerSpec.On)
                    continue;
                if (!open.TryGetValue(cart, out var known))
                    open[cart] = (minute + spec.For!.Value, happened.MessageId);
                else if (!spec.IsFixed)
                    open[cart] = known with { Until = minute + spec.For!.Value };
            }
            foreach (var (key, wait) in open)
                yield return $"{customer.Key} {key} {wait.Until} send by {wait.First}";
        }
    }

    [Fact]
    public void It_stops_where_it_is_told()
    {
        var replay = new Replay("shop", new([Trigger("""{ "wait": { "for": "PT1H" } }""")]));
        (string, CustomerEvent)[] events = [("ada", Event("Added", 0)), ("bob", Event("Added", 1)), ("cid", Event("Added", 61))];
        Assert.Equal(["ada", "bob"], replay.Run(events, until: At(61)).Select(entry => entry.Customer));
        Assert.Equal(3, replay.Customers);
        Assert.Equal(3, replay.Receipts[ReceiptStatus.Accepted]);
    }

    [Fact]
    public void It_delivers_at_once_so_that_limits_count_and_quiet_hours_end()
    {
        var replay = new Replay("shop", new([
            Trigger("""{ "limits": { "cooldown": "PT1H" }, "quietHours": { "from": "12:00", "to": "13:00" }, "unless": [{ "event": "Ordered" }] }""")]));
        (string, CustomerEvent)[] events = [("ada", Event("Added", 0)), ("ada", Event("Added", 30)), ("bob", Event("Added", 0)), ("bob", Event("Ordered", 30))];
        Assert.Equal(["ada ", "bob ", "ada cooldown"], replay.Run(Replay.InOrder(events)).Select(entry => $"{entry.Customer} {entry.Decision.Reason}"));
        Assert.Equal(1, replay.Withdrawn);
    }
}
