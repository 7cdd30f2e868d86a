namespace Orleans.Personalize.Journal;

/// <summary>How customers are compared and found by text, alike in every journal.</summary>
public static class SearchText
{
    /// <summary>Letter case aside, unit by unit, so that a prefix stays a prefix. Stored: a change needs a migration.</summary>
    public static string Fold(string text) => text.ToUpperInvariant();

    /// <summary>
    /// The address as it is kept: null where there is none, and where no store could index it (too long, NUL, lone surrogates). An odd address
    /// must not keep a customer's facts from being recorded, so it is left out of the search instead of refused.
    /// </summary>
    public static string? KeptEmail(string email) =>
        email.Length is > 0 and <= JournalLimits.EmailLengthMax && JournalRules.IsStorable(email) ? email : null;

    /// <summary>Whether a text to search for may be the start of a term.</summary>
    public static bool MayBeTerm(string text) => text.Contains(':', StringComparison.Ordinal);

    /// <summary>
    /// The terms as they are kept: folded, each once, in order, without those that no store could index (too long, no colon, control characters, lone surrogates) and
    /// without those past the bound.
    /// </summary>
    public static string[] KeptTerms(IReadOnlyList<string> terms) =>
    [
        .. terms.Where(static term => term.Length <= JournalLimits.TermLengthMax && MayBeTerm(term) && !term.Any(char.IsControl) && JournalRules.IsStorable(term))
            .Select(Fold).Distinct().Order(Order).Take(JournalLimits.TermsMax),
    ];

    /// <summary>
    /// The order of the UTF-8 bytes, which is that of the code points and what SQLite and PostgreSQL's "C" sort by. It differs from the order of
    /// UTF-16 units only in that surrogates come last.
    /// </summary>
    public static readonly IComparer<string> Order = Comparer<string>.Create(Compare);

    private static int Compare(string left, string right)
    {
        var at = left.AsSpan().CommonPrefixLength(right);
        return at == left.Length || at == right.Length
            ? left.Length.CompareTo(right.Length)
            : Weight(left[at]).CompareTo(Weight(right[at]));

        static int Weight(char unit) => char.IsSurrogate(unit) ? unit + char.MaxValue : unit;
    }
}
