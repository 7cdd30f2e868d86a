using System.Text;
using Orleans.Personalize.Engine;
using Orleans.Personalize.Sending;

namespace Orleans.Personalize.Senders;

/// <summary>A message as any mail sender needs it; built once, so that all of them refuse the same things with the same words.</summary>
/// <param name="Subject">One line.</param>
internal sealed record Mail(MailAddress To, string Subject, string? Html, string Text, Uri? Unsubscribe)
{
    /// <summary>The mail, or why there is none.</summary>
    public static (Mail? Mail, string? Fault) Of(SendMessage message)
    {
        if (message.Content is not { } content)
            return (null, "A mail needs a template, and the send names none.");
        if (ProviderText.OneLine(content.Subject ?? "") is not { Length: > 0 } subject)
            return (null, "The template has no subject.");
        if (content.Text is not { } text)
            return (null, "The template has neither html nor text.");
        var (to, fault) = Recipient.Of(message.Job);
        return to is null ? (null, fault) : (new Mail(to, subject, content.Html, text, message.Unsubscribe), null);
    }

    /// <summary>
    /// The headers by which mail clients offer to unsubscribe by one click (RFC 8058, section 3.1); the provider's signature has to cover them.
    /// </summary>
    public static IEnumerable<(string Name, string Value)> UnsubscribeHeaders(Uri? unsubscribe) => unsubscribe is null ? [] :
    [
        ("List-Unsubscribe", $"<{unsubscribe.AbsoluteUri}>"),
        ("List-Unsubscribe-Post", "List-Unsubscribe=One-Click"),
    ];
}

/// <summary>To whom a job goes, by the profile's traits.</summary>
internal static class Recipient
{
    /// <summary>
    /// The trait <c>email</c>, with the name of the trait <c>name</c>, or else <c>first_name</c> and <c>last_name</c> (also <c>firstName</c>,
    /// <c>lastName</c>). The fault never holds the address.
    /// </summary>
    public static (MailAddress? To, string? Fault) Of(SendJob job)
    {
        if (Trait(job, "email") is not { Length: > 0 } email)
            return (null, "The profile has no email.");
        var name = Trait(job, "name")
            ?? $"{Trait(job, "first_name") ?? Trait(job, "firstName")} {Trait(job, "last_name") ?? Trait(job, "lastName")}";
        return MailAddress.TryParse(email, name) is { } to ? (to, null) : (null, "The profile's email is not an address that mail can be sent to.");
    }

    private static string? Trait(SendJob job, string name)
    {
        var value = job.Profile.Traits.FirstOrDefault(trait => trait.Name == name)?.Value ?? default;
        if (value.IsAbsent)
            return null;
        using var json = System.Text.Json.JsonDocument.Parse(value.Utf8);
        return new DocumentReader(json.RootElement, "", []).AsText() is { } text && !string.IsNullOrWhiteSpace(text) ? text : null;
    }
}

/// <summary>
/// A mailbox whose parts are safe to stand in commands and headers: the local part is a dot-atom (RFC 5322, section 3.2.3, with letters beyond
/// ASCII by RFC 6532), the domain is in its ASCII form (RFC 5891). Quoted local parts and address literals are refused; nobody's customers have them.
/// </summary>
/// <param name="Name">One line; null where there is none.</param>
internal sealed record MailAddress(string Local, string Domain, string? Name)
{
    private const int LocalBytesMax = 64;   // RFC 5321, section 4.5.3.1.1
    private const int EmailBytesMax = 254;  // RFC 5321, section 4.5.3.1.3, without its angle brackets
    private const int LabelLengthMax = 63;
    private const int NameLengthMax = 128;

    private static readonly System.Globalization.IdnMapping Idn = new() { UseStd3AsciiRules = true };

    public string Email => $"{Local}@{Domain}";

    /// <summary>Whether any server takes it; else only those that announce SMTPUTF8 (RFC 6531).</summary>
    public bool IsAscii => Ascii.IsValid(Local);

    /// <summary>Why providers that know nothing of RFC 6531 do not take it; null where they do.</summary>
    public string? AsciiFault => IsAscii ? null : "The address has letters beyond ASCII before the @, which this provider does not take.";

    /// <returns>Null where it is none, or of a form that is not taken.</returns>
    public static MailAddress? TryParse(string email, string? name)
    {
        email = email.Trim();
        var at = email.LastIndexOf('@');
        if (at < 1 || !IsDotAtom(email[..at]) || ToAscii(email[(at + 1)..]) is not { } domain)
            return null;
        var address = new MailAddress(email[..at].Normalize(), domain, Shortened(ProviderText.OneLine(name ?? "")));
        return Encoding.UTF8.GetByteCount(address.Local) <= LocalBytesMax && Encoding.UTF8.GetByteCount(address.Email) <= EmailBytesMax ? address : null;
    }

    /// <summary>A document's <c>{"email":"shop@example.com","name":"The shop"}</c>; what is wrong with it is noted.</summary>
    public static MailAddress? Read(DocumentReader document, string name, bool required = false)
    {
        if (document.Member(name) is not { } member)
        {
            if (required)
                document.Fail($"/{name}", """is required, as {"email":"shop@example.com","name":"The shop"}""");
            return null;
        }
        if (!member.IsObjectOf("email", "name"))
            return null;
        var address = TryParse(member.Text("email") ?? "", member.Text("name"));
        if (address is not { IsAscii: true })
            member.Fail("/email", "must be a mail address, with only ASCII before the @");
        return address;
    }

    private static bool IsDotAtom(string local) =>
        local.Split('.').All(atom => atom.Length > 0 && atom.EnumerateRunes().All(IsAtomText));

    private static bool IsAtomText(Rune rune) => rune.IsAscii
        ? Rune.IsLetterOrDigit(rune) || "!#$%&'*+-/=?^_`{|}~".Contains((char)rune.Value)
        : Rune.IsLetterOrDigit(rune) || Rune.GetUnicodeCategory(rune) is System.Globalization.UnicodeCategory.NonSpacingMark or System.Globalization.UnicodeCategory.SpacingCombiningMark;

    private static string? ToAscii(string domain)
    {
        try
        {
            var ascii = Idn.GetAscii(domain.Normalize(NormalizationForm.FormKC).ToLowerInvariant());
            var labels = ascii.Split('.');
            return labels.Length > 1 && labels.All(label => label.Length is > 0 and <= LabelLengthMax) && !labels[^1].All(char.IsAsciiDigit) ? ascii : null;
        }
        catch (ArgumentException)
        {
            return null;
        }
    }

    private static string? Shortened(string name) => name.Length switch
    {
        0 => null,
        <= NameLengthMax => name,
        // Not through the middle of a pair.
        _ => name[..(char.IsHighSurrogate(name[NameLengthMax - 1]) ? NameLengthMax - 1 : NameLengthMax)],
    };
}
