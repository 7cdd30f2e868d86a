using System.Net;

namespace Orleans.Personalize.Sending;

internal enum HtmlTokenKind
{
    Text,
    Start,
    End,
    Comment,
    /// <summary><c>&lt;!doctype …&gt;</c> and the like.</summary>
    Declaration,
    /// <summary>What stands in a script, a style or another element that holds no elements.</summary>
    Raw,
}

/// <summary>
/// A piece of HTML, cut as the tokenizer of browsers cuts it (https://html.spec.whatwg.org/multipage/parsing.html#tokenization), as far as mails need
/// it. All pieces in a row are the whole.
/// </summary>
/// <param name="Name">Of an element, in lower case; empty for what is none.</param>
internal readonly record struct HtmlToken(HtmlTokenKind Kind, string Name, int Start, int End)
{
    private static readonly string[] RawElements = ["script", "style", "title", "textarea", "xmp", "noembed", "noframes"];

    public bool IsStartOf(string element) => Kind == HtmlTokenKind.Start && Name == element;

    public bool IsEndOf(string element) => Kind == HtmlTokenKind.End && Name == element;

    /// <summary>Reads a text in a time in proportion to its length.</summary>
    /// <param name="html">The text.</param>
    /// <param name="asOutlook">Whether what stands in conditional comments (<c>&lt;!--[if mso]&gt;</c>) counts.</param>
    public static IEnumerable<HtmlToken> Read(string html, bool asOutlook = false)
    {
        for (var at = 0; at < html.Length;)
        {
            var token = Next(html, at, asOutlook);
            yield return token;
            at = token.End;
            if (token.Kind != HtmlTokenKind.Start || !RawElements.Contains(token.Name))
                continue;
            var close = html.IndexOf($"</{token.Name}", at, StringComparison.OrdinalIgnoreCase);
            var ending = close < 0 ? html.Length : close;
            if (ending > at)
                yield return new(HtmlTokenKind.Raw, token.Name, at, ending);
            at = ending;
        }
    }

    /// <summary>The attributes of a start tag; of two of one name the first counts, but all are listed.</summary>
    public IEnumerable<HtmlAttribute> Attributes(string html)
    {
        var end = html[End - 1] == '>' ? End - 1 : End;
        for (var at = Start + 1 + Name.Length; at < end;)
        {
            while (at < end && (char.IsWhiteSpace(html[at]) || html[at] == '/'))
                at++;
            var name = at;
            while (at < end && (at == name || html[at] != '=') && !char.IsWhiteSpace(html[at]) && html[at] != '/')
                at++;
            var afterName = at;
            while (at < end && char.IsWhiteSpace(html[at]))
                at++;
            if (at >= end || html[at] != '=')
            {
                if (afterName > name)
                    yield return new(html, html[name..afterName].ToLowerInvariant(), afterName, 0);
                continue;
            }
            at++;
            while (at < end && char.IsWhiteSpace(html[at]))
                at++;
            var quote = at < end && html[at] is '"' or '\'' ? html[at] : '\0';
            var value = quote == '\0' ? at : at + 1;
            at = value;
            while (at < end && (quote == '\0' ? !char.IsWhiteSpace(html[at]) : html[at] != quote))
                at++;
            yield return new(html, html[name..afterName].ToLowerInvariant(), value, at - value);
            at += quote == '\0' ? 0 : 1;
        }
    }

    private static HtmlToken Next(string html, int at, bool asOutlook)
    {
        var end = html.Length;
        if (html[at] == '<' && at + 1 < end)
        {
            var rest = html.AsSpan(at);
            if (rest.StartsWith("<!--") && !(asOutlook && rest.StartsWith("<!--[if")))
                return new(HtmlTokenKind.Comment, "", at, After(html, "-->", at + 2));
            if (html[at + 1] is '!' or '?')
                return new(HtmlTokenKind.Declaration, "", at, After(html, ">", at));
            if (char.IsAsciiLetter(html[at + 1]))
                return Tag(HtmlTokenKind.Start, html, at, at + 1);
            if (html[at + 1] == '/' && at + 2 < end && char.IsAsciiLetter(html[at + 2]))
                return Tag(HtmlTokenKind.End, html, at, at + 2);
        }
        var next = html.IndexOf('<', at + 1);
        return new(HtmlTokenKind.Text, "", at, next < 0 ? end : next);
    }

    private static HtmlToken Tag(HtmlTokenKind kind, string html, int start, int nameStart)
    {
        var (at, end) = (nameStart, html.Length);
        while (at < end && !char.IsWhiteSpace(html[at]) && html[at] is not ('>' or '/'))
            at++;
        var name = html[nameStart..at].ToLowerInvariant();
        // A quote opens a value only behind an equals sign.
        for (var (quote, isValue) = ('\0', false); at < end; at++)
        {
            var character = html[at];
            if (quote != '\0')
                quote = character == quote ? '\0' : quote;
            else if (character == '>')
                return new(kind, name, start, at + 1);
            else if (isValue && character is '"' or '\'')
                quote = isValue ? character : quote;
            isValue = quote == '\0' && (character == '=' || (isValue && char.IsWhiteSpace(character)));
        }
        // A tag without an end takes all that follows with it.
        return new(kind, name, start, end);
    }

    private static int After(string html, string closing, int from)
    {
        var at = html.IndexOf(closing, from, StringComparison.Ordinal);
        return at < 0 ? html.Length : at + closing.Length;
    }
}

/// <param name="Name">In lower case.</param>
/// <param name="Start">Where its value starts, without a quote.</param>
internal readonly record struct HtmlAttribute(string Html, string Name, int Start, int Length)
{
    /// <summary>With character references decoded.</summary>
    public string Value => WebUtility.HtmlDecode(Html.Substring(Start, Length))
        .Replace("&colon;", ":", StringComparison.OrdinalIgnoreCase)
        .Replace("&tab;", "", StringComparison.OrdinalIgnoreCase)
        .Replace("&newline;", "", StringComparison.OrdinalIgnoreCase);
}
