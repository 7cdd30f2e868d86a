using System.Text.Json;

namespace Orleans.Personalize.Simulation;

/// <summary>What the simulated customers do, and the rules of the shop they do it in.</summary>
internal static class Shop
{
    public const string Workspace = "shop";

    /// <summary>Rules whose <c>unless</c> and key never change, so that the ledger can hold them to it.</summary>
    public static readonly Dictionary<string, string> Unless = new() { ["abandoned"] = "Order Completed", ["browsed"] = "Product Added" };

    private static readonly string[] Names = ["Product Added", "Product Added", "Product Viewed", "Order Completed", "Signed Up"];

    public static string Abandoned(int waitSeconds) => $$$"""
        {"on":{"event":"Product Added"},"key":"event.properties.cart_id","wait":{"for":"PT{{{waitSeconds}}}S","atMost":"PT3M"},
        "unless":[{"event":"Order Completed"}],"priority":10,"send":{"sender":"mail","expires":"PT20M"}}
        """;

    /// <summary>Longer than a customer's own timer reaches, and than it stays in memory unused.</summary>
    public const string Browsed = """
        {"on":{"event":"Product Viewed"},"wait":{"for":"PT4M","mode":"fixed"},"unless":[{"event":"Product Added"}],
        "send":{"sender":"mail","template":"hello","expires":"PT15M"}}
        """;

    public const string Welcomed = """
        {"on":{"event":"Signed Up"},"limits":{"max":2,"per":"PT10M"},"send":{"sender":"mail","expires":"PT15M"}}
        """;

    public static string Flaky(int waitSeconds, bool enabled) => $$$"""
        {"on":{"event":"Product Viewed"},"enabled":{{{(enabled ? "true" : "false")}}},"wait":{"for":"PT{{{waitSeconds}}}S"},
        "send":{"sender":"sms","expires":"PT10M"}}
        """;

    public const string Template = """{"subject":"Hello {{customer.id}}","text":"You looked at {{event.properties.product_id}}."}""";

    public const string Sender = """{"type":"test"}""";

    /// <summary>Its provider would deliver what is repeated twice.</summary>
    public const string HoldingSender = """{"type":"test","unknown":"hold","rate":{"max":2,"per":"PT1S"}}""";

    /// <summary>Whether a trigger's sends go out by it.</summary>
    public static bool IsHeld(string trigger) => trigger == "flaky";

    public static CustomerEvent Happens(Random random, string messageId, DateTimeOffset now)
    {
        var happenedBefore = random.Next(20) switch
        {
            0 => TimeSpan.FromHours(80), // too late
            1 => TimeSpan.FromHours(-2), // a wrong clock, for longer than the history lasts
            < 6 => TimeSpan.FromSeconds(random.Next(300)),
            _ => TimeSpan.FromMilliseconds(random.Next(2_000)),
        };
        var cart = random.Next(4) switch { 0 => null, var number => $"cart-{number % 2}" };
        return new CustomerEvent
        {
            MessageId = messageId,
            Type = EventType.Track,
            Name = Names[random.Next(Names.Length)],
            OccurredAt = now - happenedBefore,
            ReceivedAt = now,
            Source = "simulation",
            Properties = JsonText.FromString(cart is null ? """{"product_id":"p"}""" : $$$"""{"product_id":"p","cart_id":"{{{cart}}}"}"""),
            Traits = random.Next(4) == 0 ? JsonText.FromString($$$"""{"mood":{{{random.Next(9)}}}}""") : default,
            Fingerprint = 1,
        };
    }

    public static string? CartOf(CustomerEvent happened)
    {
        using var properties = JsonDocument.Parse(happened.Properties.Utf8);
        return properties.RootElement.TryGetProperty("cart_id", out var cart) ? cart.GetString() : null;
    }
}
