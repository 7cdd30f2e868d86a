using System.Collections.Immutable;

namespace Orleans.Personalize.Engine.Properties;

/// <summary>A trigger as a property can reason about it; times are in minutes.</summary>
internal sealed record TriggerSpec
{
    public const string On = "Product Added";

    public required string Id { get; init; }
    /// <summary>The event that closes it; null for none.</summary>
    public string? Unless { get; init; }
    public bool IsKeyed { get; init; }
    /// <summary>Null fires at once.</summary>
    public int? For { get; init; }
    public bool IsFixed { get; init; }
    public int? AtMost { get; init; }
    public bool Enabled { get; init; } = true;
    public int Priority { get; init; }
    public int? Cooldown { get; init; }
    public int? Max { get; init; }
    public int? Freshness { get; init; }
    public int? Expires { get; init; }
    /// <summary>Further members, as JSON.</summary>
    public string Rest { get; init; } = "";

    public static ImmutableArray<TriggerSpec> MakeSome(System.Random random) =>
        [.. ((string[])["t1", "t2", "t3"]).Where(_ => random.Next(4) > 0).Select(id => Make(random, id))];

    private static TriggerSpec Make(System.Random random, string id) => MakeWaiting(random, id) is var spec && random.Next(4) == 0
        ? spec with { For = null, AtMost = null }
        : spec with
        {
            Enabled = random.Next(12) > 0,
            Cooldown = History.Pick<int?>(random, null, null, 10, 600),
            Max = History.Pick<int?>(random, null, null, 1, 2),
            Freshness = History.Pick<int?>(random, null, null, null, 10),
            Expires = History.Pick<int?>(random, null, null, 5, 60, 600),
            Rest = History.Pick(
                random,
                "",
                "",
                """ "quietHours": { "from": "12:30", "to": "13:30", "policy": "delay" },""",
                """ "quietHours": { "from": "22:00", "to": "07:00", "timezone": "America/New_York", "policy": "suppress" },""",
                """ "rollout": { "percent": 50, "holdout": 50 },""",
                """ "rollout": { "mode": "shadow" },""",
                """ "if": { "any": [{ "field": "profile.cart.items", "op": "gt", "value": 0 }, { "count": { "event": "Viewed", "within": "PT1H" }, "op": "gte", "value": 1 }] },"""),
        };

    /// <summary>A trigger whose waits depend on nothing but the events: with a wait and without limits.</summary>
    public static TriggerSpec MakeWaiting(System.Random random, string id, int scale = 1)
    {
        var length = scale * History.Pick(random, 5, 10, 60);
        var isFixed = random.Next(3) == 0;
        return new()
        {
            Id = id,
            Unless = History.Pick(random, null, "Order Completed", "Order Completed", "Product Removed", On),
            IsKeyed = random.Next(2) == 0,
            For = length,
            IsFixed = isFixed,
            AtMost = isFixed || random.Next(2) == 0 ? null : length * History.Pick(random, 1, 2, 3),
            Priority = random.Next(2),
        };
    }

    public string ToJson() => $$"""
        { "id": "{{Id}}", "on": { "event": "{{On}}" }, "enabled": {{(Enabled ? "true" : "false")}}, "priority": {{Priority}},{{Rest}}
          {{Member("key", IsKeyed ? "\"event.properties.cart\"" : null)}}{{Member("wait", WaitJson())}}{{Member("freshness", Minutes(Freshness))}}
          {{Member("unless", Unless is null ? null : $$"""[{ "event": "{{Unless}}" }]""")}}{{Member("limits", LimitsJson())}}
          "send": { "sender": "mail"{{(Expires is null ? "" : $", \"expires\": {Minutes(Expires)}")}} } }
        """;

    private string? WaitJson() => For is null
        ? null
        : $$"""{ "for": {{Minutes(For)}}, "mode": "{{(IsFixed ? "fixed" : "debounce")}}"{{(AtMost is null ? "" : $", \"atMost\": {Minutes(AtMost)}")}} }""";

    private string? LimitsJson() => Cooldown is null && Max is null
        ? null
        : $"{{ {Member("cooldown", Minutes(Cooldown))}{(Max is null ? "" : $"\"max\": {Max}, \"per\": \"P1D\"")}".TrimEnd(' ', ',') + " }";

    private static string? Minutes(int? minutes) => minutes is null ? null : $"\"PT{minutes}M\"";

    private static string Member(string name, string? json) => json is null ? "" : $"\"{name}\": {json}, ";
}
