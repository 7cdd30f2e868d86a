using System.Collections.Immutable;
using System.Text.Json.Serialization;

namespace Orleans.Personalize.Engine;

public enum OrderStatus
{
    [JsonStringEnumMemberName("completed")] Completed,
    [JsonStringEnumMemberName("updated")] Updated,
    [JsonStringEnumMemberName("refunded")] Refunded,
    [JsonStringEnumMemberName("cancelled")] Cancelled,
}

/// <summary>An order, from Segment's e-commerce events that carry an <c>order_id</c>. Each part is of the newest event that told it.</summary>
/// <param name="PlacedAt">The first event of the order.</param>
/// <param name="StatusBy">The event the status is from.</param>
/// <param name="TotalBy">The event the total is from.</param>
public sealed record Order(
    string OrderId, Stamp PlacedAt, OrderStatus Status, Stamp StatusBy, decimal? Total, string? Currency, Stamp? TotalBy)
{
    [JsonIgnore]
    public bool Counts => Status is OrderStatus.Completed or OrderStatus.Updated;

    public static ImmutableArray<Order> Apply(ImmutableArray<Order> orders, CustomerEvent happened)
    {
        if (happened.Type != EventType.Track || StatusOf(happened.Name) is not { } status)
            return orders;
        if (Commerce.Text(happened.Properties, "order_id") is not { } id)
            return orders;
        var stamp = Stamp.Of(happened);
        var total = status is OrderStatus.Completed or OrderStatus.Updated ? TotalOf(happened.Properties) : null;
        var currency = Commerce.Text(happened.Properties, "currency");
        var found = orders.Find(id, static order => order.OrderId);
        var order = found < 0
            ? new Order(id, stamp, status, stamp, total, total is null ? null : currency, total is null ? null : stamp)
            : orders[found].With(stamp, status, total, currency);
        return orders.Put(found, order).DropLowest(Limits.OrdersMax, CompareAges);
    }

    internal static int CompareAges(Order left, Order right) => left.PlacedAt.CompareTo(right.PlacedAt);

    /// <summary>The orders with another one, or with what another customer's events tell of one of them.</summary>
    internal static ImmutableArray<Order> Put(ImmutableArray<Order> orders, Order other)
    {
        var found = orders.Find(other.OrderId, static order => order.OrderId);
        if (found < 0)
            return orders.Put(found, other);
        var order = orders[found];
        if (other.PlacedAt < order.PlacedAt)
            order = order with { PlacedAt = other.PlacedAt };
        if (other.StatusBy > order.StatusBy)
            order = order with { Status = other.Status, StatusBy = other.StatusBy };
        if (other.TotalBy is { } by && !(order.TotalBy >= by))
            order = order with { Total = other.Total, Currency = other.Currency, TotalBy = by };
        return orders.SetItem(found, order);
    }

    private Order With(Stamp stamp, OrderStatus status, decimal? total, string? currency)
    {
        var order = this;
        if (stamp < order.PlacedAt)
            order = order with { PlacedAt = stamp };
        if (stamp > order.StatusBy)
            order = order with { Status = status, StatusBy = stamp };
        if (total is not null && (order.TotalBy is null || stamp > order.TotalBy))
            order = order with { Total = total, Currency = currency, TotalBy = stamp };
        return order;
    }

    private static OrderStatus? StatusOf(string? name) => name switch
    {
        "Order Completed" => OrderStatus.Completed,
        "Order Updated" => OrderStatus.Updated,
        "Order Refunded" => OrderStatus.Refunded,
        "Order Cancelled" => OrderStatus.Cancelled,
        _ => null,
    };

    private static decimal? TotalOf(JsonText properties) =>
        Commerce.Amount(properties, "total") ?? Commerce.Amount(properties, "revenue") ?? Commerce.Amount(properties, "value");
}
