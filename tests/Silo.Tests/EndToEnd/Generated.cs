using System.Text.Json;

namespace Orleans.Personalize.Silo.Tests.EndToEnd;

/// <summary>
/// A made-up shop's recorded events, and what abandonment with a debounce of an hour means for them, worked out in the plainest way: list a
/// customer's events, walk through them. It shares nothing with the engine.
/// </summary>
internal static class Generated
{
    private static readonly TimeSpan Wait = TimeSpan.FromHours(1);
    private static readonly string[] Names = ["Product Viewed", "Product Added", "Product Added", "Order Completed", "Cart Viewed"];

    /// <summary>Segment's format, in no order; some lines are there twice, some instants are shared, some events are exactly an hour apart.</summary>
    public static string[] Lines(Random random)
    {
        var lines = new List<string>();
        for (var customer = 0; customer < 40; customer++)
        {
            var at = new DateTimeOffset(2026, 3, 28, 20, 0, 0, TimeSpan.Zero).AddMilliseconds(random.Next(86_400_000));
            for (var index = random.Next(2, 40); index > 0; index--)
            {
                at += random.Next(6) switch
                {
                    0 => TimeSpan.Zero,
                    1 => Wait,
                    2 => Wait - TimeSpan.FromMilliseconds(1),
                    _ => TimeSpan.FromMilliseconds(random.Next(7_000_000)),
                };
                var line = JsonSerializer.Serialize(new Dictionary<string, string>
                {
                    ["type"] = "track",
                    ["event"] = Names[random.Next(Names.Length)],
                    ["messageId"] = $"{random.Next():x8}-{customer}-{index}",
                    [customer % 2 == 0 ? "userId" : "anonymousId"] = $"customer-{customer}",
                    [customer % 2 == 0 ? "anonymousId" : "ignored"] = $"browser-{random.Next(100)}",
                    ["timestamp"] = at.UtcDateTime.ToString(random.Next(2) == 0 ? "O" : "yyyy-MM-dd'T'HH:mm:ss.fff'Z'"),
                });
                lines.Add(line);
                if (random.Next(20) == 0)
                    lines.Add(line);
            }
        }
        var shuffled = lines.ToArray();
        random.Shuffle(shuffled);
        return shuffled;
    }

    public static List<(string At, string Customer, string Decision)> Decisions(string[] lines)
    {
        var decisions = new List<(string At, string Customer, string Decision)>();
        var events = lines
            .Select(line => JsonSerializer.Deserialize<Dictionary<string, string>>(line)!)
            .Select(line => (
                Customer: line.TryGetValue("userId", out var user) ? user : line["anonymousId"],
                At: DateTimeOffset.Parse(line["timestamp"]),
                Id: line["messageId"],
                Name: line["event"]))
            .Distinct();
        foreach (var customer in events.GroupBy(happened => happened.Customer))
        {
            DateTimeOffset? lastAdded = null;
            foreach (var (_, at, _, name) in customer.OrderBy(happened => happened.At).ThenBy(happened => happened.Id, StringComparer.Ordinal))
            {
                if (lastAdded is { } added && added + Wait <= at)
                {
                    Decide(added + Wait, "send");
                    lastAdded = null;
                }
                if (name == "Product Added")
                    lastAdded = at;
                if (name == "Order Completed" && lastAdded is not null)
                {
                    Decide(at, "suppressed");
                    lastAdded = null;
                }
            }
            if (lastAdded is { } left)
                Decide(left + Wait, "send");

            void Decide(DateTimeOffset at, string decision) => decisions.Add((at.UtcDateTime.ToString("yyyy-MM-dd'T'HH:mm:ss.fff'Z'"), customer.Key, decision));
        }
        return decisions;
    }
}
