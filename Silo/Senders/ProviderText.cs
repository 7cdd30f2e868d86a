using System.Text.RegularExpressions;

namespace Orleans.Personalize.Senders;

/// <summary>Makes a provider's words fit to be kept and shown: they tend to repeat what they were given.</summary>
internal static partial class ProviderText
{
    /// <summary>In UTF-16 code units; more of an error message explains no more.</summary>
    public const int LengthMax = 300;

    /// <summary>
    /// One line of at most <see cref="LengthMax"/>, without the secrets and with addresses like <c>a***@example.com</c>; null where nothing is said.
    /// </summary>
    public static string? Quote(string? text, params ReadOnlySpan<string?> secrets)
    {
        if (string.IsNullOrWhiteSpace(text))
            return null;
        foreach (var secret in secrets)
        {
            if (!string.IsNullOrEmpty(secret))
                text = text.Replace(secret, "***", StringComparison.Ordinal);
        }
        text = OneLine(Address().Replace(text, "${first}***@"));
        return text.Length <= LengthMax ? text : $"{text[..(LengthMax - 1)]}…";
    }

    /// <summary>The text with every run of line breaks, control characters and blanks as one blank, so that it can stand in a header.</summary>
    public static string OneLine(string text) => Blanks().Replace(text, " ").Trim();

    [GeneratedRegex("""(?<first>[^\s<>@"'(),;:\[\]])[^\s<>@"'(),;:\[\]]*@""", RegexOptions.CultureInvariant | RegexOptions.NonBacktracking)]
    private static partial Regex Address();

    [GeneratedRegex("""[\p{Cc}\p{Zl}\p{Zp}\s]+""", RegexOptions.CultureInvariant | RegexOptions.NonBacktracking)]
    private static partial Regex Blanks();
}
