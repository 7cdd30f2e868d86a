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
        string? product = null, sku = null, name = null, cart = null, url = null, image = null;
        decimal? quantity = null, price = null;
        foreach (var (member, value) in Json.Members(happened.Properties))
        {
            var scalar = Json.Find(value, []);
            var text = scalar.Kind is ScalarKind.Text or ScalarKind.Number ? scalar.ToString() : null;
            switch (member)
            {
                case "product_id": product = text; break;
                case "sku": sku = text; break;
                case "name": name = text; break;
                case "cart_id": cart = text; break;
                case "url": url = text; break;
                case "image_url": image = text; break;
                case "quantity": quantity = Quantities.Of(scalar); break;
                case "price": price = Quantities.Of(scalar); break;
            }
        }
        return (product ?? sku ?? name) is { } id
            ? new(Stamp.Of(happened), isRemoval, id, quantity, cart, name, price, url, image)
            : null;
    }

    public CartLine ToLine(decimal quantity) => new(ProductId, Name, quantity, Price, Url, ImageUrl);
}

public sealed record CartLine(string ProductId, string? Name, decimal Quantity, decimal? Price, string? Url, string? ImageUrl);

/// <summary>Amounts as shops write them.</summary>
internal static class Quantities
{
    /// <summary>Sums of bounded lists of these stay far inside of a decimal.</summary>
    private const decimal Max = 1_000_000_000_000m;

    /// <summary>A number from 0 to 10¹², or null.</summary>
    public static decimal? Of(in Scalar scalar) =>
        scalar is { Kind: ScalarKind.Number, IsExact: true, Number: >= 0 and <= Max } ? scalar.Number : null;
}
