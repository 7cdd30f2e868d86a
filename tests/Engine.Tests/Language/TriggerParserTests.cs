using System.Text;

namespace Orleans.Personalize.Engine.Language;

public sealed class TriggerParserTests
{
    private const string Send = """ "send": { "sender": "mail" } """;
    private const string Least = $$""" "on": { "event": "A" }, {{Send}} """;

    private static (Trigger? Trigger, IReadOnlyList<DocumentError> Errors) Parse(string json) => TriggerParser.Parse("t", 7, JsonText.FromString(json));

    private static Trigger Good(string members)
    {
        var (trigger, errors) = Parse($$"""{ {{Least}}, {{members}} }""");
        Assert.Empty(errors);
        return trigger!;
    }

    [Fact]
    public void The_least_trigger_has_these_defaults()
    {
        var trigger = Parse($$"""{ {{Least}} }""").Trigger!;
        Assert.Equal(("t", "t", 7L, true, 0), (trigger.Id, trigger.Name, trigger.Version, trigger.Enabled, trigger.Priority));
        Assert.Equal(new EventPattern("A", null, null), trigger.On);
        Assert.True(trigger is { Key: null, Wait: null, If: null, Freshness: null, Limits: null, QuietHours: null, Unless.IsEmpty: true });
        Assert.Equal(new RolloutRule(100, 0, false), trigger.Rollout);
        Assert.Equal(new SendRule("mail", null, "email", null, default), trigger.Send);
    }

    [Fact]
    public void Every_member_is_read()
    {
        var trigger = Parse("""
            { "id": "t", "name": "Cart", "description": "why", "enabled": false, "priority": -3,
              "on": { "event": "Product Added", "type": "track", "where": { "field": "event.properties.price", "op": "gte", "value": 20 } },
              "key": "event.properties.cart_id",
              "wait": { "for": "PT1H", "mode": "debounce", "atMost": "P1D" },
              "unless": [{ "event": "Order Completed" }, { "type": "alias" }],
              "if": { "all": [{ "field": "profile.consent.email", "op": "eq", "value": true }, { "count": { "event": "Order Completed", "within": "P30D" }, "op": "lt", "value": 1 }] },
              "freshness": "PT10M", "limits": { "cooldown": "P1D", "max": 3, "per": "P7D" },
              "quietHours": { "from": "21:00", "to": "08:00", "timezone": "Europe/Berlin", "fallback": "Asia/Tokyo", "policy": "suppress" },
              "rollout": { "percent": 12.5, "holdout": 10, "mode": "shadow" },
              "send": { "sender": "email", "template": "cart", "channel": "sms", "expires": "PT6H", "data": { "a": 1 } } }
            """).Trigger!;
        Assert.Equal(("Cart", false, -3), (trigger.Name, trigger.Enabled, trigger.Priority));
        Assert.Equal(("Product Added", EventType.Track), (trigger.On.Event, trigger.On.Type));
        Assert.IsType<Condition.Field>(trigger.On.Where);
        Assert.Equal("event.properties.cart_id", trigger.Key!.ToString());
        Assert.Equal(new WaitRule(TimeSpan.FromHours(1), true, TimeSpan.FromDays(1)), trigger.Wait);
        Assert.Equal([new("Order Completed", null, null), new(null, EventType.Alias, null)], trigger.Unless.ToArray());
        Assert.IsType<Condition.All>(trigger.If);
        Assert.Equal(TimeSpan.FromMinutes(10), trigger.Freshness);
        Assert.Equal(new LimitRule(TimeSpan.FromDays(1), 3, TimeSpan.FromDays(7)), trigger.Limits);
        Assert.Equal((new TimeOnly(21, 0), new TimeOnly(8, 0), "Europe/Berlin", "Asia/Tokyo", false),
            (trigger.QuietHours!.From, trigger.QuietHours.To, trigger.QuietHours.Zone!.Id, trigger.QuietHours.Fallback.Id, trigger.QuietHours.Delays));
        Assert.Equal(new RolloutRule(12.5m, 10, true), trigger.Rollout);
        Assert.Equal(new SendRule("email", "cart", "sms", TimeSpan.FromHours(6), JsonText.FromString("""{ "a": 1 }""")), trigger.Send);
    }

    [Fact]
    public void A_null_member_is_an_absent_one()
    {
        var trigger = Good(""" "wait": null, "if": null, "limits": null, "unless": null, "priority": null, "enabled": null, "name": null """);
        Assert.True(trigger is { Wait: null, If: null, Limits: null, Unless.IsEmpty: true, Priority: 0, Enabled: true, Name: "t" });
    }

    [Fact]
    public void Quiet_hours_take_the_profiles_zone_and_fall_back_to_utc()
    {
        var quiet = Good(""" "quietHours": { "from": "21:00", "to": "08:00", "timezone": "profile" } """).QuietHours!;
        Assert.Equal((null, "UTC", true), (quiet.Zone, quiet.Fallback.Id, quiet.Delays));
    }

    [Theory]
    // What is required.
    [InlineData("{}", "/on", "/send")]
    [InlineData($$"""{ "on": {}, {{Send}} }""", "/on")]
    [InlineData($$"""{ "on": 5, {{Send}} }""", "/on")]
    [InlineData("""{ "on": { "event": "A" }, "send": {} }""", "/send/sender")]
    [InlineData("""{ "on": { "event": "A" }, "send": { "sender": "" } }""", "/send/sender")]
    [InlineData("[]", "")]
    [InlineData("7", "")]
    [InlineData("{", "")]
    [InlineData("", "")]
    // Unknown members, at every level; a slash and a tilde are escaped in pointers.
    [InlineData($$"""{ {{Least}}, "cooldown": "P1D" }""", "/cooldown")]
    [InlineData($$"""{ {{Least}}, "a/b~c": 1 }""", "/a~1b~0c")]
    [InlineData($$"""{ "on": { "event": "A", "name": "B" }, {{Send}} }""", "/on/name")]
    [InlineData($$"""{ {{Least}}, "wait": { "for": "PT1H", "max": 1 } }""", "/wait/max")]
    [InlineData($$"""{ {{Least}}, "limits": { "coolDown": "PT1H" } }""", "/limits/coolDown")]
    [InlineData($$"""{ {{Least}}, "unless": [{ "event": "B" }, { "event": "C", "x": 1 }] }""", "/unless/1/x")]
    [InlineData($$"""{ {{Least}}, "if": { "field": "event.name", "op": "exists", "values": 1 } }""", "/if/values")]
    [InlineData($$"""{ {{Least}}, "quietHours": { "from": "21:00", "to": "08:00", "zone": "UTC" } }""", "/quietHours/zone")]
    [InlineData($$"""{ {{Least}}, "rollout": { "percentage": 5 } }""", "/rollout/percentage")]
    [InlineData("""{ "on": { "event": "A" }, "send": { "sender": "mail", "to": "x" } }""", "/send/to")]
    // Kinds.
    [InlineData($$"""{ {{Least}}, "id": "u" }""", "/id")]
    [InlineData($$"""{ {{Least}}, "name": 1 }""", "/name")]
    [InlineData($$"""{ {{Least}}, "description": [] }""", "/description")]
    [InlineData($$"""{ {{Least}}, "enabled": "yes" }""", "/enabled")]
    [InlineData($$"""{ {{Least}}, "priority": 1.5 }""", "/priority")]
    [InlineData($$"""{ {{Least}}, "priority": 1000001 }""", "/priority")]
    [InlineData($$"""{ {{Least}}, "unless": { "event": "B" } }""", "/unless")]
    [InlineData($$"""{ {{Least}}, "unless": [null] }""", "/unless/0")]
    [InlineData($$"""{ {{Least}}, "wait": "PT1H" }""", "/wait")]
    [InlineData("""{ "on": { "event": "A" }, "send": { "sender": "mail", "data": [] } }""", "/send/data")]
    // Patterns and keys.
    [InlineData($$"""{ "on": { "event": "" }, {{Send}} }""", "/on/event")]
    [InlineData($$"""{ "on": { "type": "Track" }, {{Send}} }""", "/on/type")]
    [InlineData($$"""{ "on": { "type": "track,page" }, {{Send}} }""", "/on/type")]
    [InlineData($$"""{ "on": { "type": "-1" }, {{Send}} }""", "/on/type")]
    [InlineData($$"""{ {{Least}}, "key": "profile.traits.x" }""", "/key")]
    [InlineData($$"""{ {{Least}}, "key": "cart_id" }""", "/key")]
    // Times.
    [InlineData($$"""{ {{Least}}, "wait": {} }""", "/wait/for")]
    [InlineData($$"""{ {{Least}}, "wait": { "for": "1h" } }""", "/wait/for")]
    [InlineData($$"""{ {{Least}}, "wait": { "for": "PT0S" } }""", "/wait/for")]
    [InlineData($$"""{ {{Least}}, "wait": { "for": "P401D" } }""", "/wait/for")]
    [InlineData($$"""{ {{Least}}, "wait": { "for": 60 } }""", "/wait/for")]
    [InlineData($$"""{ {{Least}}, "wait": { "for": "PT1H", "mode": "slow" } }""", "/wait/mode")]
    [InlineData($$"""{ {{Least}}, "wait": { "for": "PT1H", "mode": "fixed", "atMost": "PT2H" } }""", "/wait/atMost")]
    [InlineData($$"""{ {{Least}}, "wait": { "for": "PT1H", "atMost": "PT59M" } }""", "/wait/atMost")]
    [InlineData($$"""{ {{Least}}, "freshness": "P1M" }""", "/freshness")]
    [InlineData("""{ "on": { "event": "A" }, "send": { "sender": "mail", "expires": "PT١H" } }""", "/send/expires")]
    // Limits, quiet hours, rollout.
    [InlineData($$"""{ {{Least}}, "limits": { "max": 1 } }""", "/limits/per")]
    [InlineData($$"""{ {{Least}}, "limits": { "per": "P1D" } }""", "/limits/max")]
    [InlineData($$"""{ {{Least}}, "limits": { "max": 0, "per": "P1D" } }""", "/limits/max")]
    [InlineData($$"""{ {{Least}}, "limits": { "max": 65, "per": "P1D" } }""", "/limits/max")]
    [InlineData($$"""{ {{Least}}, "quietHours": {} }""", "/quietHours/from", "/quietHours/to")]
    [InlineData($$"""{ {{Least}}, "quietHours": { "from": "21:00", "to": "21:00" } }""", "/quietHours/to")]
    [InlineData($$"""{ {{Least}}, "quietHours": { "from": "9pm", "to": "24:00" } }""", "/quietHours/from", "/quietHours/to")]
    [InlineData($$"""{ {{Least}}, "quietHours": { "from": "21:00", "to": "08:00", "timezone": "Berlin", "fallback": "" } }""", "/quietHours/timezone", "/quietHours/fallback")]
    [InlineData($$"""{ {{Least}}, "quietHours": { "from": "21:00", "to": "08:00", "policy": "drop" } }""", "/quietHours/policy")]
    [InlineData($$"""{ {{Least}}, "rollout": { "percent": 101, "holdout": -1, "mode": "dark" } }""", "/rollout/percent", "/rollout/holdout", "/rollout/mode")]
    // Conditions.
    [InlineData($$"""{ {{Least}}, "if": [] }""", "/if")]
    [InlineData($$"""{ {{Least}}, "if": {} }""", "/if")]
    [InlineData($$"""{ {{Least}}, "if": { "all": [], "any": [] } }""", "/if")]
    [InlineData($$"""{ {{Least}}, "if": { "all": [] } }""", "/if/all")]
    [InlineData($$"""{ {{Least}}, "if": { "all": {} } }""", "/if/all")]
    [InlineData($$"""{ {{Least}}, "if": { "not": [] } }""", "/if/not")]
    [InlineData($$"""{ {{Least}}, "if": { "any": [{ "not": { "field": "event.nope", "op": "is" } }] } }""", "/if/any/0/not/field", "/if/any/0/not/op")]
    [InlineData($$"""{ {{Least}}, "if": { "field": "event.name", "op": "eq" } }""", "/if/value")]
    [InlineData($$"""{ {{Least}}, "if": { "field": "event.name", "op": "eq", "value": [1] } }""", "/if/value")]
    [InlineData($$"""{ {{Least}}, "if": { "field": "event.name", "op": "in", "value": "a" } }""", "/if/value")]
    [InlineData($$"""{ {{Least}}, "if": { "field": "event.name", "op": "in", "value": [] } }""", "/if/value")]
    [InlineData($$"""{ {{Least}}, "if": { "field": "event.name", "op": "in", "value": [{}] } }""", "/if/value")]
    [InlineData($$"""{ {{Least}}, "if": { "field": "event.name", "op": "gt", "value": true } }""", "/if/value")]
    [InlineData($$"""{ {{Least}}, "if": { "field": "event.name", "op": "startsWith", "value": 1 } }""", "/if/value")]
    [InlineData($$"""{ {{Least}}, "if": { "field": "event.name", "op": "exists", "value": 1 } }""", "/if/value")]
    [InlineData($$"""{ {{Least}}, "if": { "count": "A", "op": "gt", "value": 1 } }""", "/if/count")]
    [InlineData($$"""{ {{Least}}, "if": { "count": {}, "op": "gt", "value": 1 } }""", "/if/count/event")]
    [InlineData($$"""{ {{Least}}, "if": { "count": { "event": "A", "within": "1d" }, "op": "gt", "value": 1 } }""", "/if/count/within")]
    [InlineData($$"""{ {{Least}}, "if": { "count": { "event": "A" }, "op": "contains", "value": "1" } }""", "/if/op")]
    [InlineData($$"""{ {{Least}}, "if": { "count": { "event": "A" }, "op": "gt", "value": -1 } }""", "/if/value")]
    [InlineData($$"""{ {{Least}}, "if": { "count": { "event": "A", "within": "P1D" }, "op": "gte", "value": 128 } }""", "/if/value")]
    [InlineData($$"""{ "on": { "event": "A", "where": { "field": "x", "op": "exists" } }, {{Send}} }""", "/on/where/field")]
    public void What_is_wrong_is_named_by_its_pointer(string json, params string[] pointers)
    {
        var (trigger, errors) = Parse(json);
        Assert.Null(trigger);
        Assert.Equal(pointers, errors.Select(error => error.Pointer));
        Assert.All(errors, error => Assert.NotEmpty(error.Detail));
    }

    [Fact]
    public void All_errors_are_told_at_once()
    {
        var (_, errors) = Parse("""{ "enabled": 1, "on": {}, "wait": { "for": "x", "mode": "y" }, "unless": [{}], "send": { "data": 1 } }""");
        Assert.Equal(
            ["/enabled", "/on", "/send/data", "/send/sender", "/unless/0", "/wait/for", "/wait/mode"],
            errors.Select(error => error.Pointer).Order(StringComparer.Ordinal));
    }

    [Fact]
    public void Conditions_nest_sixteen_deep_and_no_deeper()
    {
        static string Nested(int depth) => $$"""{ {{Least}}, "if": {{string.Concat(Enumerable.Repeat("{\"not\":", depth - 1))}}{"field":"event.name","op":"exists"}{{new string('}', depth)}} """;
        Assert.Empty(Parse(Nested(16)).Errors);
        Assert.EndsWith("/not", Assert.Single(Parse(Nested(17)).Errors).Pointer, StringComparison.Ordinal);
        Assert.Equal("", Assert.Single(Parse(Nested(10_000)).Errors).Pointer);
    }

    [Theory]
    [InlineData("\"name\": \"\\ud800\"")]
    [InlineData("\"\\ud800\": 1")]
    [InlineData("\"if\": { \"field\": \"event.name\", \"op\": \"eq\", \"value\": \"\\udc00\" }")]
    public void Half_a_surrogate_pair_is_an_error(string members) => Assert.NotEmpty(Parse($$"""{ {{Least}}, {{members}} }""").Errors);

    [Fact]
    public void Bytes_that_are_no_text_are_an_error()
    {
        byte[] bytes = [.. Encoding.UTF8.GetBytes("{ \"name\": \""), 0xff, .. Encoding.UTF8.GetBytes("\" }")];
        Assert.NotEmpty(TriggerParser.Parse("t", 1, new(bytes)).Errors);
        Assert.NotEmpty(TriggerParser.Parse("t", 1, default).Errors);
    }
}
