using System.Net.Http.Headers;
using System.Text;

namespace Orleans.Personalize.Gateway.Connectors;

/// <summary>
/// A secret that stands in the request itself: as Bearer, as the password (or without one the user) of Basic, or in a header that the document names.
/// It proves the sender, not the body, so it wants TLS.
/// </summary>
internal static class SharedSecret
{
    /// <summary>The member of the document that names the header.</summary>
    public const string HeaderMember = "header";

    public static void Validate(DocumentFields document)
    {
        if (document.Text(HeaderMember) is { } header && !IsHeaderName(header))
            document.Fail($"/{HeaderMember}", "must be the name of a header");
    }

    public static Proof Verify(Delivery delivery, Source source)
    {
        var given = MailEvent.Text(source.Document, HeaderMember) is { } header ? delivery.Header(header) : OfAuthorization(delivery.Header("Authorization"));
        return string.IsNullOrEmpty(given) ? Proof.Missing : Signatures.IsSame(given, source.Secrets) ? Proof.Valid : Proof.Wrong;
    }

    /// <summary>A token of RFC 9110, section 5.6.2.</summary>
    public static bool IsHeaderName(string text) => text.Length is > 0 and <= 64 && text.All(static character => char.IsAsciiLetterOrDigit(character) || "!#$%&'*+-.^_`|~".Contains(character));

    private static string? OfAuthorization(string? header)
    {
        if (!AuthenticationHeaderValue.TryParse(header, out var authorization) || authorization.Parameter is not { } parameter)
            return null;
        if (authorization.Scheme.Equals("Bearer", StringComparison.OrdinalIgnoreCase))
            return parameter;
        if (!authorization.Scheme.Equals("Basic", StringComparison.OrdinalIgnoreCase) || Signatures.Base64(parameter) is not { } bytes)
            return null;
        var pair = Encoding.UTF8.GetString(bytes).Split(':', 2);
        return pair.Length == 2 && pair[1].Length > 0 ? pair[1] : pair[0];
    }
}
