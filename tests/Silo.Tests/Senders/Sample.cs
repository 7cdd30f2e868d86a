using Orleans.Personalize.Sending;

namespace Orleans.Personalize.Silo.Tests.Senders;

internal static class Sample
{
    public const string DecisionId = "0123456789abcdef0123456789abcdef";

    public static readonly DateTimeOffset DecidedAt = new(2026, 3, 1, 10, 0, 0, TimeSpan.Zero);

    public static SendMessage Message(SendJob? job = null, RenderedContent? content = null) =>
        new("shop", "ada/é", job ?? Job(), content ?? new RenderedContent("Your <cart>", "<p>Mug & more</p>", "Mug & more"));

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
        Profile = new CustomerView
        {
            Customer = "ada/é",
            Version = 3,
            FirstSeenAt = null,
            LastSeenAt = null,
            Traits = [new TraitView("first name", JsonText.FromString("\"Ada\""), DecidedAt, "api", "m1"), new TraitView("age", JsonText.FromString("36"), DecidedAt, "api", "m1")],
            Consent = [],
            Counters = [],
            Cart = new CartView(null, 0, [], null),
            Orders = [],
            Waits = [],
            Sends = [],
            Decisions = [],
            Recent = [],
        },
    };
}
