using static Orleans.Personalize.Engine.Story;

namespace Orleans.Personalize.Engine.Folding;

public sealed class CartTests
{
    private static string Lines(Story story) => string.Join(", ", story.Profile.Cart.Lines.Select(line => $"{line.Quantity} {line.ProductId}"));

    private static Story Shop(params (string Name, double At, string Properties)[] events)
    {
        var story = With();
        foreach (var (name, at, properties) in events)
            story.Hears(Event(name, at, properties: properties, received: 100));
        return story;
    }

    [Fact]
    public void Products_are_added_and_removed_in_quantities()
    {
        var story = Shop(
            ("Product Added", 0, """{"product_id":"p","price":10,"quantity":2,"cart_id":"c-1"}"""),
            ("Product Added", 1, """{"product_id":"q","price":2.5}"""),
            ("Product Added", 2, """{"product_id":"p","price":12}"""),
            ("Product Removed", 3, """{"product_id":"p","quantity":1}"""));
        Assert.Equal("2 p, 1 q", Lines(story));
        var cart = story.Profile.Cart;
        Assert.Equal((26.5m, 3m, "c-1", At(3)), (cart.Total, cart.Items, cart.CartId, cart.UpdatedAt));
    }

    [Theory]
    [InlineData("""{"product_id":"p"}""", "")]
    [InlineData("""{"product_id":"p","quantity":2}""", "")]
    [InlineData("""{"product_id":"p","quantity":5}""", "")]
    [InlineData("""{"product_id":"p","quantity":1}""", "1 p")]
    [InlineData("""{"product_id":"p","quantity":0}""", "2 p")]
    [InlineData("""{"product_id":"q"}""", "2 p")]
    public void Removing_takes_all_unless_it_says_how_many(string removed, string left) => Assert.Equal(
        left,
        Lines(Shop(("Product Added", 0, """{"product_id":"p","quantity":2}"""), ("Product Removed", 1, removed))));

    [Theory]
    [InlineData("""{"product_id":7}""", "1 7")]
    [InlineData("""{"sku":"s","name":"n"}""", "1 s")]
    [InlineData("""{"name":"n"}""", "1 n")]
    [InlineData("""{"product_id":null,"sku":"s"}""", "1 s")]
    [InlineData("""{"product_id":{"id":1}}""", "")]
    [InlineData("""{"price":1}""", "")]
    [InlineData("""[1]""", "")]
    [InlineData("""{"product_id":"p","quantity":"2"}""", "1 p")]
    [InlineData("""{"product_id":"p","quantity":-2}""", "1 p")]
    [InlineData("""{"product_id":"p","quantity":1e300}""", "1 p")]
    [InlineData("""{"product_id":"p","quantity":0}""", "")]
    [InlineData("""{"product_id":"p","product_id":"q"}""", "1 p")]
    public void Odd_products_are_read_as_far_as_they_make_sense(string added, string lines) =>
        Assert.Equal(lines, Lines(Shop(("Product Added", 0, added))));

    [Fact]
    public void A_text_longer_than_a_url_is_not_kept()
    {
        var cart = Shop(("Product Added", 0, $$"""{"product_id":"p","url":"{{new string('u', Limits.CommerceTextLengthMax + 1)}}"}""")).Profile.Cart;
        Assert.Null(Assert.Single(cart.Lines).Url);
    }

    [Fact]
    public void An_order_clears_the_cart()
    {
        var story = Shop(("Product Added", 0, """{"product_id":"p"}"""), ("Order Completed", 1, "{}"), ("Product Added", 2, """{"product_id":"q"}"""));
        Assert.Equal("1 q", Lines(story));
    }

    [Fact]
    public void What_was_added_before_the_order_and_arrives_after_it_was_ordered_with_it()
    {
        var story = Shop(("Order Completed", 1, "{}"), ("Product Added", 0, """{"product_id":"p"}"""));
        Assert.Equal("", Lines(story));
        Assert.Equal(At(1), story.Profile.Cart.UpdatedAt);
    }

    [Fact]
    public void An_older_order_leaves_what_came_after_it()
    {
        var story = Shop(
            ("Product Added", 5, """{"product_id":"p"}"""), ("Product Added", 1, """{"product_id":"q"}"""), ("Order Completed", 3, "{}"));
        Assert.Equal("1 p", Lines(story));
    }

    [Fact]
    public void Lines_follow_the_order_of_events_not_of_arrival()
    {
        var story = Shop(("Product Removed", 1, """{"product_id":"p"}"""), ("Product Added", 0, """{"product_id":"p"}"""));
        Assert.Equal("", Lines(story));
    }

    [Fact]
    public void Only_track_events_touch_it()
    {
        var story = With();
        story.Hears(Event("Product Added", 0, properties: """{"product_id":"p"}""", type: EventType.Page));
        Assert.Equal("", Lines(story));
    }

    [Fact]
    public void The_newest_operations_are_kept()
    {
        var story = Shop([.. Enumerable.Range(0, Limits.CartOperationsMax + 1).Select(i => ("Product Added", i * 0.1, $$"""{"product_id":{{i}}}"""))]);
        Assert.Equal(Limits.CartOperationsMax, story.Profile.Cart.Operations.Length);
        Assert.Equal("1", story.Profile.Cart.Lines[0].ProductId);
    }
}
