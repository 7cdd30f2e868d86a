using System.Text.Json;
using Orleans.Personalize.Sending;

namespace Orleans.Personalize.Grains.Tests.Sending;

/// <summary>Templates and jobs for tests. It is noon on 20 March 2026; the customer was last heard of an hour ago.</summary>
internal static class TemplateSample
{
    public static readonly CustomerKey Customer = new("shop", "ada/1");

    public static readonly DateTimeOffset Noon = new(2026, 3, 20, 12, 0, 0, TimeSpan.Zero);

    public static readonly TimeProvider Clock = new FixedClock(Noon, TimeSpan.Zero);

    /// <summary>A clock that stands still, except that each look at its stopwatch takes a while.</summary>
    public sealed class FixedClock(DateTimeOffset now, TimeSpan look) : TimeProvider
    {
        private long timestamp;

        public override long TimestampFrequency => TimeSpan.TicksPerSecond;

        public override DateTimeOffset GetUtcNow() => now;

        public override long GetTimestamp() => timestamp += look.Ticks;
    }

    public static JsonElement Document(object document) =>
        document is string json ? JsonElement.Parse(json) : JsonSerializer.SerializeToElement(document);

    /// <summary>Finds among documents given as JSON by id.</summary>
    public static Func<string, JsonElement?> Library(params (string Id, object Document)[] documents) => id =>
    {
        foreach (var (known, document) in documents)
        {
            if (known == id)
                return Document(document);
        }
        return null;
    };

    public static RenderedContent Render(object document, SendJob? job = null, params (string Id, object Document)[] library) =>
        Template.Compile(Document(document), "mail", Library(library)).Render(job ?? Job(), Customer, Clock);

    public static string Text(string text, SendJob? job = null) => Render(new { text }, job).Text!;

    public static string Html(string html, SendJob? job = null) => Render(new { html }, job).Html!;

    /// <summary>As <see cref="Text"/>, with a customer of that locale and zone.</summary>
    public static string Localized(string text, string? locale, string? zone = null, SendJob? job = null) =>
        Text(text, (job ?? Job()).With(("locale", JsonSerializer.Serialize(locale)), ("timezone", JsonSerializer.Serialize(zone))));

    public static IReadOnlyList<DocumentError> Validate(object document, params (string Id, object Document)[] library) =>
        Template.Validate(Document(document), "mail", Library(library));

    public static SendJob WithData(object data) => Job() with { Data = JsonText.FromString(data as string ?? JsonSerializer.Serialize(data)) };

    public static SendJob With(this SendJob job, params (string Name, string Json)[] traits) => job with
    {
        Profile = job.Profile with
        {
            Traits = [.. job.Profile.Traits, .. traits.Select(trait => new TraitView(trait.Name, JsonText.FromString(trait.Json), Noon, "api", "m1"))],
        },
    };

    public static SendJob Job() => new()
    {
        DecisionId = "0123456789abcdef0123456789abcdef",
        Attempt = 1,
        Trigger = "cart-abandoned",
        Key = "c7",
        Template = "mail",
        Data = default,
        EventName = "Product Added",
        EventProperties = JsonText.FromString("""{"price":19.90,"name":"Mug"}"""),
        DecidedAt = Noon,
        ExpiresAt = null,
        Profile = new CustomerView
        {
            Customer = Customer.CustomerId,
            Version = 3,
            FirstSeenAt = Noon.AddDays(-30),
            LastSeenAt = Noon.AddHours(-1),
            Traits = [],
            Consent = [],
            Counters = [new CounterView("Product Viewed", 5, Noon.AddDays(-3), Noon)],
            Cart = new CartView("c7", 1239.80m,
                [
                    new CartLineView("p1", "Mug & Saucer", 2, 19.90m, "https://shop.example/p1?a=1&b=2", null),
                    new CartLineView("p2", "Sofa", 1, 1200m, "javascript:alert(1)", null),
                ], Noon.AddHours(-2)),
            Orders = [new OrderView("o1", "completed", 12.50m, "EUR", Noon.AddDays(-10))],
            Waits = [],
            Sends = [],
            Decisions = [],
            Recent = [],
        },
    };
}
