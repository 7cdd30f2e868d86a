using System.Collections.Immutable;
using Orleans.Personalize.Engine;
using Orleans.Personalize.Journal;

namespace Orleans.Personalize.Customers;

/// <summary>
/// The traits that customers are found by. They are few and declared, because each value costs a row in an index whenever it changes; all others
/// stay in the profiles.
/// </summary>
/// <param name="names">At the most <see cref="NamesMax"/>, each of 1 to <see cref="NameLengthMax"/> characters without a colon.</param>
public sealed class SearchTraits(params IReadOnlyList<string> names)
{
    public const int NamesMax = 8;
    public const int NameLengthMax = 64;

    public static readonly SearchTraits None = new();

    public static bool AreValid(IReadOnlyList<string> names) => names.Count <= NamesMax
        && names.All(static name => name.Length is > 0 and <= NameLengthMax && !name.Any(static character => character == ':' || char.IsControl(character)));

    /// <summary>
    /// What a customer is found by: <c>plan:gold</c>. Texts, numbers and truth values, and of a list each of its elements; longer texts are left out.
    /// </summary>
    /// <returns>Null where no trait is declared: then nobody looks for any.</returns>
    internal string[]? TermsOf(Profile profile) => names.Count == 0 ? null : SearchText.KeptTerms(
        [.. names.SelectMany(name => Searchable(profile).Where(trait => trait.Name == name && !trait.IsRemoved).SelectMany(static trait => Terms(trait)))]);

    /// <summary>Who was merged into another is not found; the other is.</summary>
    private static ImmutableArray<Trait> Searchable(Profile profile) => profile.Merge is null ? profile.Traits : [];

    private static IEnumerable<string> Terms(Trait trait)
    {
        var values = trait.Value.Span is [(byte)'[', ..] ? Json.Elements(trait.Value) : [Json.Find(trait.Value, [])];
        return values.Where(static value => value.Kind is ScalarKind.Text or ScalarKind.Number or ScalarKind.Boolean).Select(value => $"{trait.Name}:{value}");
    }
}
