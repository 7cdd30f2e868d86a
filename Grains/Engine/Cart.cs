using System.Collections.Immutable;
using System.Text.Json.Serialization;

namespace Orleans.Personalize.Engine;

/// <summary>
/// The cart, folded from the operations since the last order; names and fields are those of Segment's e-commerce spec v2
/// (https://segment.com/docs/connections/spec/ecommerce/v2/).
/// </summary>
/// <param name="ClearedBy">The newest order: operations before it are gone, also when they arrive later.</param>
/// <param name="Operations">By when they occurred.</param>
public sealed record Cart(Stamp? ClearedBy, ImmutableArray<CartOperation> Operations)
{
    public static readonly Cart Empty = new(null, []);

    private ImmutableArray<CartLine> lines;

    /// <summary>What is in the cart, in the order in which it was first added.</summary>
    [JsonIgnore]
    public ImmutableArray<CartLine> Lines => lines.IsDefault ? lines = Fold() : lines;

    [JsonIgnore]
    public decimal Total => Lines.Sum(static line => line.Quantity * (line.Price ?? 0));

    [JsonIgnore]
    public decimal Items => Lines.Sum(static line => line.Quantity);

    [JsonIgnore]
    public string? CartId => Operations.LastOrDefault(static operation => operation.CartId is not null)?.CartId;

    [JsonIgnore]
    public DateTimeOffset? UpdatedAt => Operations is [.., var last] ? last.Stamp.At : ClearedBy?.At;

    public Cart Apply(CustomerEvent happened) => happened.Type != EventType.Track ? this : happened.Name switch
    {
        "Product Added" or "Wishlist Product Added to Cart" => With(CartOperation.Of(happened, isRemoval: false)),
        "Product Removed" => With(CartOperation.Of(happened, isRemoval: true)),
        "Order Completed" => ClearedThrough(Stamp.Of(happened)),
        _ => this,
    };

    private Cart With(CartOperation? operation) => operation is null || operation.Stamp <= ClearedBy
        ? this
        : new(ClearedBy, Operations.Insert(operation, static (a, b) => a.Stamp.CompareTo(b.Stamp)).KeepLast(Limits.CartOperationsMax));

    /// <summary>What was done to either, as one cart.</summary>
    public Cart UnionWith(Cart other)
    {
        var cart = other.Operations.Where(operation => !Operations.Contains(operation)).Aggregate(this, static (known, operation) => known.With(operation));
        return other.ClearedBy is { } cleared ? cart.ClearedThrough(cleared) : cart;
    }

    private Cart ClearedThrough(Stamp order) => order <= ClearedBy
        ? this
        : new(order, Operations.RemoveAll(operation => operation.Stamp <= order));

    private ImmutableArray<CartLine> Fold()
    {
        var folded = ImmutableArray<CartLine>.Empty;
        foreach (var operation in Operations)
        {
            var at = -1;
            for (var i = 0; at < 0 && i < folded.Length; i++)
                at = folded[i].ProductId == operation.ProductId ? i : -1;
            var before = at >= 0 ? folded[at].Quantity : 0;
            var after = (operation.IsRemoval, operation.Quantity) switch
            {
                (false, var quantity) => before + (quantity ?? 1),
                (true, null) => 0,
                (true, { } quantity) => before - quantity,
            };
            folded = (at, after) switch
            {
                ( < 0, > 0) => folded.Add(operation.ToLine(after)),
                ( < 0, _) => folded,
                (_, > 0) when operation.IsRemoval => folded.SetItem(at, folded[at] with { Quantity = after }),
                (_, > 0) => folded.SetItem(at, operation.ToLine(after)),
                _ => folded.RemoveAt(at),
            };
        }
        return folded;
    }
}

/// <param name="Quantity">Null: one when added, all when removed.</param>
public sealed record CartOperation(
    Stamp Stamp, bool IsRemoval, string ProductId, decimal? Quantity, string? CartId, string? Name, decimal? Price, string? Url, string? ImageUrl)
{
    /// <summary>Null where the event does not say which product.</summary>
    public static CartOperation? Of(CustomerEvent happened, bool isRemoval)
    {
        var properties = happened.Properties;
        var name = Commerce.Text(properties, "name");
        return (Commerce.Text(properties, "product_id") ?? Commerce.Text(properties, "sku") ?? name) is { } id
            ? new(
                Stamp.Of(happened),
                isRemoval,
                id,
                Commerce.Amount(properties, "quantity"),
                Commerce.Text(properties, "cart_id"),
                name,
                Commerce.Amount(properties, "price"),
                Commerce.Text(properties, "url"),
                Commerce.Text(properties, "image_url"))
            : null;
    }

    public CartLine ToLine(decimal quantity) => new(ProductId, Name, quantity, Price, Url, ImageUrl);
}

public sealed record CartLine(string ProductId, string? Name, decimal Quantity, decimal? Price, string? Url, string? ImageUrl);

/// <summary>The members of e-commerce events as shops write them.</summary>
internal static class Commerce
{
    /// <summary>Sums of bounded lists of these stay far inside of a decimal.</summary>
    private const decimal AmountMax = 1_000_000_000_000m;

    /// <summary>A number from 0 to 10¹², or null.</summary>
    public static decimal? Amount(JsonText properties, string member) =>
        Json.Find(properties, member) is { Kind: ScalarKind.Number, IsExact: true, Number: >= 0 and <= AmountMax } amount ? amount.Number : null;

    /// <summary>A text, or a number as its text; null where it is neither or too long.</summary>
    public static string? Text(JsonText properties, string member) =>
        Json.Find(properties, member) is { Kind: ScalarKind.Text or ScalarKind.Number } scalar
        && scalar.ToString() is { Length: <= Limits.CommerceTextLengthMax } text
            ? text
            : null;
}
