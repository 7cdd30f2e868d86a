using static Orleans.Personalize.Engine.Story;

namespace Orleans.Personalize.Engine.Deciding;

public sealed class FieldPathTests
{
    private static string Read(string path)
    {
        var story = With();
        story.Hears(Event("Signed Up", -5, traits: """{"name":"Ada","address":{"city":"London"},"gone":1}""", consent: """{"email":true,"sms":false}"""));
        story.Hears(Event("Changed", -4, traits: """{"gone":null}"""));
        story.Hears("Ordered.v2", -3.5);
        story.Hears(Event("Order Completed", -3, properties: """{"order_id":1,"total":12.50}"""));
        story.Hears(Event("Order Refunded", -2.9, properties: """{"order_id":1}"""));
        story.Hears(Event("Order Completed", -2, properties: """{"order_id":2,"total":30}"""));
        story.Hears(Event("Product Added", -1, properties: """{"product_id":"p","price":2.5,"quantity":2,"cart_id":"c"}"""));
        var asked = KeptEvent.Of(Event("Asked", 0, id: "m-1", properties: """{"a":{"b":[{"c":"deep"},7]},"dotted.name":1}"""));
        return FieldPath.Find(path)!.Read(new(story.Profile, asked, At(0))).ToString();
    }

    [Theory]
    [InlineData("event.name", "Asked")]
    [InlineData("event.type", "track")]
    [InlineData("event.source", "test")]
    [InlineData("event.messageId", "m-1")]
    [InlineData("event.occurredAt", "2026-01-12T12:00:00Z")]
    [InlineData("event.properties.a.b.0.c", "deep")]
    [InlineData("event.properties.a.b.1", "7")]
    [InlineData("event.properties.a.b", """[{"c":"deep"},7]""")]
    [InlineData("event.properties.a.b.2", "(missing)")]
    [InlineData("event.properties.a.b.x", "(missing)")]
    [InlineData("event.properties.dotted.name", "(missing)")]
    [InlineData("profile.customerId", "ada")]
    [InlineData("profile.firstSeenAt", "2026-01-12T11:55:00Z")]
    [InlineData("profile.lastSeenAt", "2026-01-12T11:59:00Z")]
    [InlineData("profile.traits.name", "Ada")]
    [InlineData("profile.traits.address.city", "London")]
    [InlineData("profile.traits.gone", "null")]
    [InlineData("profile.traits.never", "(missing)")]
    [InlineData("profile.consent.email", "true")]
    [InlineData("profile.consent.sms", "false")]
    [InlineData("profile.consent.push", "(missing)")]
    [InlineData("profile.counters.Order Completed", "2")]
    [InlineData("profile.counters.Ordered.v2", "1")]
    [InlineData("profile.counters.Never", "0")]
    [InlineData("profile.cart.id", "c")]
    [InlineData("profile.cart.total", "5.0")]
    [InlineData("profile.cart.items", "2")]
    [InlineData("profile.cart.updatedAt", "2026-01-12T11:59:00Z")]
    [InlineData("profile.orders.count", "1")]
    [InlineData("profile.orders.revenue", "30")]
    [InlineData("profile.orders.lastAt", "2026-01-12T11:58:00Z")]
    public void A_path_reads_its_field(string path, string value) => Assert.Equal(value, Read(path));

    [Theory]
    [InlineData("")]
    [InlineData("event")]
    [InlineData("event.")]
    [InlineData("event.nope")]
    [InlineData("event.properties")]
    [InlineData("event.properties.")]
    [InlineData("event.properties.a..b")]
    [InlineData("event.name.x")]
    [InlineData("profile.traits")]
    [InlineData("profile.cart.colour")]
    [InlineData("Profile.cart.total")]
    [InlineData("customer.traits.x")]
    public void Other_paths_are_none(string path) => Assert.Null(FieldPath.Find(path));

    [Fact]
    public void Every_documented_form_is_a_path() =>
        Assert.All(FieldPath.Forms, form => Assert.NotNull(FieldPath.Find(form.Replace("*", "x", StringComparison.Ordinal))));
}
