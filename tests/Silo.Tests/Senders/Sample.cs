using Orleans.Personalize.Sending;
using Orleans.Personalize.Testing;

namespace Orleans.Personalize.Silo.Tests.Senders;

internal static class Sample
{
    public const string DecisionId = "0123456789abcdef0123456789abcdef";

    public static readonly DateTimeOffset DecidedAt = new(2026, 3, 1, 10, 0, 0, TimeSpan.Zero);

    public static SendMessage Message(SendJob? job = null, RenderedContent? content = null) =>
        new("shop", "ada/é", job ?? Job(), content ?? new RenderedContent("Your <cart>", "<p>Mug & more</p>", "Mug & more"));

    /// <summary>A message to somebody with a name, a cart and something to unsubscribe from.</summary>
    /// <param name="email">The trait's JSON; null for none.</param>
    public static SendMessage Mail(string? email = "\"ada@example.com\"", string name = "Ada Lovelace", RenderedContent? content = null)
    {
        var job = Job();
        TraitView[] traits = [new("name", JsonText.FromString(System.Text.Json.JsonSerializer.Serialize(name)), DecidedAt, "api", "m1")];
        if (email is not null)
            traits = [.. traits, new("email", JsonText.FromString(email), DecidedAt, "api", "m1")];
        var cart = new CartView("c7", 39.80m, [new CartLineView("mug", "Mug", 2, 19.90m, "https://shop.example/mug", null)], DecidedAt);
        return Message(job with { Profile = job.Profile with { Traits = traits, Cart = cart } }, content) with
        {
            Unsubscribe = new Uri("https://shop.example/u/c2lnbmVk"),
            Reference = "b3BhcXVl",
        };
    }

    public static SendJob Job() => new()
    {
        DecisionId = DecisionId,
        Attempt = 1,
        Trigger = "cart-abandoned",
        Key = "c7",
        Template = "cart",
        Data = JsonText.FromString("""{ "campaign" : "spring" }"""),
        EventName = "Product Added",
        EventProperties = JsonText.FromString("""{"price":19.90}"""),
        DecidedAt = DecidedAt,
        ExpiresAt = null,
        Profile = FakeViews.Of("ada/é") with
        {
            Version = 3,
            Traits = [new TraitView("first name", JsonText.FromString("\"Ada\""), DecidedAt, "api", "m1"), new TraitView("age", JsonText.FromString("36"), DecidedAt, "api", "m1")],
        },
    };
}
