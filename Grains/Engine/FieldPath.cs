namespace Orleans.Personalize.Engine;

/// <summary>
/// A path to a value of the event or the profile, such as <c>event.properties.price</c> or <c>profile.cart.total</c>. Compiled once; reading
/// builds no tree.
/// </summary>
public sealed class FieldPath
{
    private delegate Scalar Reader(in Scope scope);

    private readonly Reader read;
    private readonly string text;

    private FieldPath(string text, Reader read)
    {
        this.text = text;
        this.read = read;
    }

    /// <summary>What a path may be; <c>*</c> stands for one name and what follows it inside of the value.</summary>
    public static readonly string[] Forms =
    [
        "event.name", "event.type", "event.source", "event.messageId", "event.occurredAt", "event.properties.*",
        "profile.customerId", "profile.firstSeenAt", "profile.lastSeenAt", "profile.traits.*", "profile.consent.*", "profile.counters.*",
        "profile.cart.id", "profile.cart.total", "profile.cart.items", "profile.cart.updatedAt",
        "profile.orders.count", "profile.orders.revenue", "profile.orders.lastAt",
    ];

    public Scalar Read(in Scope scope) => read(scope);

    public bool IsOfEvent => text.StartsWith("event.", StringComparison.Ordinal);

    public override string ToString() => text;

    /// <returns>Null where there is no such field.</returns>
    public static FieldPath? Find(string text)
    {
        if (text.Split('.') is not [var root, var member, .. var rest] || rest.Any(static part => part.Length == 0))
            return null;
        var reader = rest.Length == 0 ? Plain(root, member) : Nested(root, member, rest);
        return reader is null ? null : new(text, reader);
    }

    private static Reader? Plain(string root, string member) => (root, member) switch
    {
        ("event", "name") => static (in Scope scope) => Scalar.Of(scope.Event?.Name),
        ("event", "type") => static (in Scope scope) => scope.Event is { } happened ? Scalar.Of(Evolver.TypeName(happened.Type)) : Scalar.Missing,
        ("event", "source") => static (in Scope scope) => Scalar.Of(scope.Event?.Source),
        ("event", "messageId") => static (in Scope scope) => Scalar.Of(scope.Event?.Stamp.MessageId),
        ("event", "occurredAt") => static (in Scope scope) => Scalar.Of(scope.Event?.Stamp.At),
        ("profile", "customerId") => static (in Scope scope) => Scalar.Of(scope.Profile.Key.CustomerId),
        ("profile", "firstSeenAt") => static (in Scope scope) => Scalar.Of(scope.Profile.FirstSeenAt),
        ("profile", "lastSeenAt") => static (in Scope scope) => Scalar.Of(scope.Profile.LastSeenAt),
        _ => null,
    };

    private static Reader? Nested(string root, string member, string[] rest)
    {
        var first = rest[0];
        var inside = rest[1..].Select(static name => new PathSegment(name)).ToArray();
        var all = rest.Select(static name => new PathSegment(name)).ToArray();
        // Event names and the names of counters may hold dots; values of traits and consents may be looked into.
        var whole = string.Join('.', rest);
        return (root, member, whole) switch
        {
            ("event", "properties", _) => (in Scope scope) => Json.Find(scope.Event?.Properties ?? default, all),
            ("profile", "traits", _) => (in Scope scope) => scope.Profile.FindTrait(first) is { } trait ? Json.Find(trait.Value, inside) : Scalar.Missing,
            ("profile", "consent", _) => (in Scope scope) => scope.Profile.Allows(whole) is { } allowed ? Scalar.Of(allowed) : Scalar.Missing,
            ("profile", "counters", _) => (in Scope scope) => Scalar.Of((decimal)(scope.Profile.FindCounter(whole)?.Count ?? 0)),
            ("profile", "cart", "id") => static (in Scope scope) => Scalar.Of(scope.Profile.Cart.CartId),
            ("profile", "cart", "total") => static (in Scope scope) => Scalar.Of(scope.Profile.Cart.Total),
            ("profile", "cart", "items") => static (in Scope scope) => Scalar.Of(scope.Profile.Cart.Items),
            ("profile", "cart", "updatedAt") => static (in Scope scope) => Scalar.Of(scope.Profile.Cart.UpdatedAt),
            ("profile", "orders", "count") => static (in Scope scope) => Scalar.Of(scope.Profile.Orders.Count(static order => order.Counts)),
            ("profile", "orders", "revenue") => static (in Scope scope) =>
                Scalar.Of(scope.Profile.Orders.Where(static order => order.Counts).Sum(static order => order.Total ?? 0)),
            ("profile", "orders", "lastAt") => static (in Scope scope) =>
                Scalar.Of(scope.Profile.Orders.Where(static order => order.Counts).Max(static order => (DateTimeOffset?)order.PlacedAt.At)),
            _ => null,
        };
    }
}
