using Orleans.Personalize.Journal;
using static Orleans.Personalize.Engine.Story;

namespace Orleans.Personalize.Engine.Properties;

/// <summary>Any JSON that the gateway lets pass, under any trigger that parses.</summary>
public sealed class WeirdInputProperties
{
    private static readonly string[] Values =
    [
        "null", "true", "false", "0", "-0", "1e400", "-1e400", "1e-400", "1e99999999999", "79228162514264337593543950335", "0.1234567890123456789012345678901234567890",
        "\"\"", "\" \"", "\"😀\"", "\"\\ud83d\\ude00\"", "\"\\u202e\"", "\"Europe/Berlin\"", "\"../../etc/passwd\"", "\"\\\\\"", "\"0001-01-01T00:00:00Z\"",
        "[]", "{}", "[[[[[[[[1]]]]]]]]", "[null,true,{\"a\":[1,\"x\"]}]", "{\"\":{\"\":1}}", "{\"a\":1,\"a\":{\"a\":2}}", "{\"a.b\":1}",
    ];

    private static readonly string[] Names = ["x", "", "a.b", "0", "cart", "product_id", "quantity", "price", "order_id", "total", "currency", "timezone", "email", "😀", "\\n"];

    private static readonly string[] EventNames = ["Product Added", "Product Removed", "Order Completed", "Order Refunded", "page", "\t", "😀", "\u202e"];

    private static readonly string[] Operators = [.. Comparisons.AllNames];

    private sealed record Case(string Trigger, string Properties, string Traits, string Consent, string Name, EventType Type, double At)
    {
        public static Case Make(System.Random random, int size)
        {
            string Value() => random.Next(6) == 0 ? Object() : History.Pick(random, Values);
            string Object() => $"{{{string.Join(",", Enumerable.Range(0, random.Next(5)).Select(_ => $"\"{History.Pick(random, Names)}\":{Value()}"))}}}";
            string Condition(int depth) => random.Next(depth > 3 ? 2 : 5) switch
            {
                0 => $$"""{"count":{"event":"{{History.Pick(random, "Product Added", "page")}}"{{History.Pick(random, "", ",\"within\":\"PT1H\"")}}},"op":"{{History.Pick(random, "eq", "gt", "lt")}}","value":{{random.Next(3)}}}""",
                1 => $$"""{"field":"{{Path()}}","op":"{{History.Pick(random, Operators)}}","value":{{History.Pick(random, "1", "true", "\"x\"", "[1]", "[\"😀\",true]", "1e400")}}}""",
                2 => $$"""{"all":[{{Condition(depth + 1)}},{{Condition(depth + 1)}}]}""",
                3 => $$"""{"any":[{{Condition(depth + 1)}},{{Condition(depth + 1)}}]}""",
                _ => $$"""{"not":{{Condition(depth + 1)}}}""",
            };
            string Path() => History.Pick(random, FieldPath.Forms).Replace("*", History.Pick(random, "x", "cart.0.a", "timezone", "email", "quantity", "😀"), StringComparison.Ordinal);
            return new(
                $$"""
                { "on": {"type":"{{History.Pick(random, "track", "page")}}","where":{{Condition(1)}}}, "key": "event.properties.{{History.Pick(random, "x", "cart.0", "total")}}",
                  "if": {{Condition(1)}}, "unless": [{"event":"Order Completed","where":{{Condition(2)}}}], {{History.Pick(random, "", """ "wait": {"for":"PT1S"}, """)}}
                  "quietHours": {"from":"21:00","to":"08:00"}, "send": {"sender":"mail"} }
                """,
                Object(), Object(), $$"""{"email":{{History.Pick(random, "true", "false", "null")}}}""",
                History.Pick(random, EventNames), (EventType)random.Next(6), -random.Next(4) * 1500);
        }

        public IEnumerable<Case> Shrink()
        {
            if (Properties != "{}")
                yield return this with { Properties = "{}" };
            if (Traits != "{}")
                yield return this with { Traits = "{}" };
        }
    }

    [Fact]
    public void Nothing_throws_and_everything_is_stored_and_read_back() => Property.Holds(
        Case.Make,
        static weird => weird.Shrink(),
        static weird =>
        {
            var (trigger, errors) = TriggerParser.Parse("t1", 1, JsonText.FromString(weird.Trigger));
            Assert.True(trigger is not null || errors.Count > 0);
            var triggers = trigger is null ? TriggerSet.Empty : new TriggerSet([trigger]);
            var profile = Profile.New(new("shop", "😀/../\u202e"));
            void Decide(Input input, double now)
            {
                var turn = Decider.Decide(profile, input, triggers, At(now));
                var replayed = FactCodec.Decode(FactCodec.Encode(turn.Facts)).Aggregate(profile, Evolver.Evolve);
                profile = SnapshotCodec.Decode(SnapshotCodec.Encode(turn.Profile))!;
                Assert.Equal(SnapshotCodec.Encode(turn.Profile), SnapshotCodec.Encode(replayed));
                Assert.Equal(SnapshotCodec.Encode(turn.Profile), SnapshotCodec.Encode(profile));
            }
            for (var i = 0; i < 3; i++)
            {
                var happened = Event(
                    weird.Name, weird.At + i, id: $"😀{i}", weird.Properties, weird.Traits, weird.Consent, received: i, type: weird.Type);
                Decide(new Input.EventsArrived([happened]), i);
            }
            Decide(Input.Tick.Now, 10);
            foreach (var send in profile.Sends)
                Decide(new Input.SendRequested(send.DecisionId), 11);
            ProfileLimits.Hold(profile);
            _ = (profile.Cart.Total, profile.Cart.Lines.Length);
        },
        tests: 1000);
}
