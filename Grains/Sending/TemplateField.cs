using System.Text.RegularExpressions;

namespace Orleans.Personalize.Sending;

/// <summary>A path to something that a template may show, such as <c>traits.first_name</c> or <c>traits.[first name]</c>.</summary>
internal sealed partial class TemplateField
{
    public static readonly string[] Roots = ["traits", "consent", "cart", "orders", "event", "data", "key"];

    private readonly string[] names;
    private readonly string text;

    private TemplateField(string text, string[] names)
    {
        this.text = text;
        this.names = names;
    }

    /// <returns>Null where nothing can be there.</returns>
    public static TemplateField? Find(string text)
    {
        var match = Pattern().Match(text);
        string[] parts = [.. match.Groups["name"].Captures.Select(static name => name.Value)];
        return match.Success && Roots.Contains(parts[0]) ? new(text, parts) : null;
    }

    /// <summary>Whether it is there. A null, an empty text and an empty list are not.</summary>
    public bool IsIn(TemplateObject model)
    {
        object? value = model;
        foreach (var name in names)
        {
            value = value switch
            {
                TemplateObject fields => fields.Fields.GetValueOrDefault(name),
                TemplateList items => items.Find(name),
                _ => null,
            };
        }
        return value is not (null or "" or TemplateList { Count: 0 });
    }

    /// <summary>When it was last heard of; null for what has no age.</summary>
    public DateTimeOffset? At(CustomerView profile) => names[0] switch
    {
        "traits" when names.Length > 1 => Array.Find(profile.Traits, trait => trait.Name == names[1])?.At,
        "consent" when names.Length > 1 => Array.Find(profile.Consent, trait => trait.Name == names[1])?.At,
        "cart" => profile.Cart.UpdatedAt,
        "orders" => profile.Orders.Max(static order => (DateTimeOffset?)order.At),
        _ => null,
    };

    public override string ToString() => text;

    [GeneratedRegex(@"^(?<name>[^.\[\]{}\s]{1,256})(\.(\[(?<name>[^\[\]]{1,256})\]|(?<name>[^.\[\]{}\s]{1,256}))){0,15}\z",
        RegexOptions.ExplicitCapture | RegexOptions.CultureInvariant, matchTimeoutMilliseconds: 1000)]
    private static partial Regex Pattern();
}
