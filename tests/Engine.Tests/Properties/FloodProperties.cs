using static Orleans.Personalize.Engine.Story;

namespace Orleans.Personalize.Engine.Properties;

/// <summary>Far more of everything than a profile keeps.</summary>
public sealed class FloodProperties
{
    private static readonly TriggerSet Triggers = new(
        Enumerable.Range(0, 150).Select(i => Trigger($$"""{ "id": "now{{i}}", "on": { "event": "Event{{i}}" }, "limits": { "cooldown": "PT1M" } }"""))
            .Append(Trigger("""{ "id": "wait", "on": { "type": "track" }, "key": "event.properties.key", "wait": { "for": "PT5M" }, "unless": [{ "event": "Event7" }] }"""))
            .Append(Trigger("""{ "id": "debounce", "on": { "type": "track" }, "wait": { "for": "PT5M" }, "if": { "field": "event.properties.text", "op": "exists", "value": false } }""")));

    /// <param name="Kind">What is many in this stretch.</param>
    private sealed record Stretch(string Kind, int Count, int MinutesApart);

    private static CustomerEvent MakeEvent(Stretch stretch, int index, double now)
    {
        var text = $"\"{index}{new string('x', 1000)}\"";
        return Event(
            stretch.Kind == "names" ? $"Event{index}" : stretch.Kind == "carts" ? "Product Added" : stretch.Kind == "orders" ? "Order Completed" : "Seen",
            now,
            id: $"{stretch}{index}",
            properties: $$"""{"key":{{(stretch.Kind == "keys" ? index : 1)}},"product_id":{{text}},"cart_id":{{text}},"order_id":{{text}},"url":{{text}},"text":{{text}}}""",
            traits: stretch.Kind == "traits" ? $$"""{"trait{{index}}":{{text}},"{{new string('t', 250)}}{{index}}":1}""" : null,
            consent: stretch.Kind == "traits" ? $$"""{"channel{{index}}":true}""" : null);
    }

    [Fact]
    public void Limits_hold_in_a_flood_of_anything() => Property.Holds(
        (random, size) => Enumerable.Range(0, Math.Max(1, size / 12)).Select(_ => new Stretch(
            History.Pick(random, "names", "carts", "orders", "keys", "traits", "plain"), random.Next(400), random.Next(3))).ToArray(),
        stretches =>
        {
            var profile = Profile.New(Ada);
            var now = 0;
            foreach (var stretch in stretches)
            {
                for (var i = 0; i < stretch.Count; i += 20)
                {
                    now += 20 * stretch.MinutesApart;
                    var batch = Enumerable.Range(i, 20).Select(index => MakeEvent(stretch, index, now - (20 - (index - i)) * stretch.MinutesApart)).ToArray();
                    profile = Decider.Decide(profile, new Input.EventsArrived(batch), Triggers, At(now)).Profile;
                }
                ProfileLimits.Hold(profile);
            }
        },
        tests: 12);
}
