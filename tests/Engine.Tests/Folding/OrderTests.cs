using static Orleans.Personalize.Engine.Story;

namespace Orleans.Personalize.Engine.Folding;

public sealed class OrderTests
{
    private static readonly (string Name, double At, string Properties)[] Lifecycle =
    [
        ("Order Completed", 0, """{"order_id":"o","total":30,"currency":"EUR"}"""),
        ("Order Updated", 1, """{"order_id":"o","revenue":25,"currency":"EUR"}"""),
        ("Order Refunded", 2, """{"order_id":"o","total":5}"""),
        ("Order Cancelled", 3, """{"order_id":"o"}"""),
    ];

    private static Order Fold(IEnumerable<(string Name, double At, string Properties)> events)
    {
        var story = With();
        foreach (var (name, at, properties) in events)
            story.Hears(Event(name, at, properties: properties, received: 10));
        return Assert.Single(story.Profile.Orders);
    }

    [Theory]
    [InlineData(1, OrderStatus.Completed, 30, true)]
    [InlineData(2, OrderStatus.Updated, 25, true)]
    [InlineData(3, OrderStatus.Refunded, 25, false)]
    [InlineData(4, OrderStatus.Cancelled, 25, false)]
    public void An_order_is_what_its_newest_events_say(int events, OrderStatus status, int total, bool counts)
    {
        var order = Fold(Lifecycle.Take(events));
        Assert.Equal((status, (decimal)total, "EUR", At(0), counts), (order.Status, order.Total, order.Currency, order.PlacedAt.At, order.Counts));
        Assert.Equal(order, Fold(Lifecycle.Take(events).Reverse()));
    }

    [Theory]
    [InlineData("""{"order_id":7,"value":3}""", "7", 3)]
    [InlineData("""{"order_id":"o","total":"x","revenue":4}""", "o", 4)]
    [InlineData("""{"order_id":"o","total":-1}""", "o", null)]
    [InlineData("""{"order_id":"o","total":1e30}""", "o", null)]
    public void Its_total_is_the_first_of_total_revenue_and_value_that_is_an_amount(string properties, string id, int? total)
    {
        var order = Fold([("Order Completed", 0, properties)]);
        Assert.Equal((id, (decimal?)total), (order.OrderId, order.Total));
    }

    [Fact]
    public void Without_an_id_there_is_no_order_but_the_cart_is_cleared()
    {
        var story = With();
        story.Hears("Product Added", 0, properties: """{"product_id":"p"}""");
        story.Hears("Order Completed", 1, properties: """{"total":5}""");
        Assert.Empty(story.Profile.Orders);
        Assert.Empty(story.Profile.Cart.Lines);
    }

    [Fact]
    public void The_newest_orders_are_kept()
    {
        var story = With();
        for (var i = 0; i <= Limits.OrdersMax; i++)
            story.Hears("Order Completed", i, properties: $$"""{"order_id":"{{i}}"}""");
        Assert.Equal(Limits.OrdersMax, story.Profile.Orders.Length);
        Assert.DoesNotContain(story.Profile.Orders, order => order.OrderId == "0");
    }
}
