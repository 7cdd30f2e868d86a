using System.Net;
using System.Text;

namespace Orleans.Personalize.Sending;

/// <summary>What is done to rendered HTML as a whole. Every function takes a time in proportion to its length.</summary>
internal static class TemplateHtml
{
    /// <summary>Mail clients show about so many characters behind the subject.</summary>
    private const int PreheaderShown = 150;

    /// <summary>A character that has no width and one that is none: nothing to see, but no text of the body comes after it.</summary>
    private const string Padding = "&#847;&zwnj;&nbsp;";

    /// <summary>Each client heeds some of these.</summary>
    private const string Hidden =
        "display:none;max-height:0;max-width:0;overflow:hidden;opacity:0;color:transparent;font-size:1px;line-height:1px;mso-hide:all";

    /// <summary>Attributes whose value is a URL that somebody or something follows.</summary>
    private static readonly string[] Links = ["href", "src", "action", "formaction", "background", "poster", "cite", "data", "xlink:href"];

    /// <summary>
    /// Replaces by <c>#</c> each link whose scheme runs what follows it: a value from an event may hold anything. What a mail client makes of a value
    /// counts, so that references are decoded and controls ignored (https://url.spec.whatwg.org/#concept-basic-url-parser).
    /// </summary>
    public static string WithoutScripts(string html)
    {
        var safe = new StringBuilder();
        var from = 0;
        foreach (var (start, length) in ScriptLinks(html))
        {
            safe.Append(html, from, start - from).Append('#');
            from = start + length;
        }
        return from == 0 ? html : safe.Append(html, from, html.Length - from).ToString();
    }

    /// <summary>Puts the preheader, which is text, as the first element into the body and hides it.</summary>
    public static string WithPreheader(string html, string preheader)
    {
        var padding = string.Concat(Enumerable.Repeat(Padding, Math.Max(0, PreheaderShown - preheader.Length)));
        return html.Insert(StartOfBody(html), $"<div style=\"{Hidden}\">{WebUtility.HtmlEncode(preheader)}{padding}</div>");
    }

    private static int StartOfBody(string html)
    {
        var otherwise = 0;
        foreach (var token in HtmlToken.Read(html))
        {
            if (token.IsStartOf("body"))
                return token.End;
            if (token.Kind == HtmlTokenKind.Declaration || token.IsStartOf("html") || token.IsEndOf("head"))
                otherwise = token.End;
        }
        return otherwise;
    }

    private static IEnumerable<(int Start, int Length)> ScriptLinks(string html) =>
        from token in HtmlToken.Read(html, asOutlook: true)
        where token.Kind == HtmlTokenKind.Start
        from attribute in token.Attributes(html)
        where Links.Contains(attribute.Name) && RunsScript(attribute)
        select (attribute.Start, attribute.Length);

    private static bool RunsScript(HtmlAttribute attribute)
    {
        var url = new StringBuilder();
        foreach (var character in attribute.Value)
        {
            if (character > ' ' && !char.IsControl(character) && url.Append(character).Length == 16)
                break;
        }
        var start = url.ToString();
        return start.StartsWith("javascript:", StringComparison.OrdinalIgnoreCase)
            || start.StartsWith("vbscript:", StringComparison.OrdinalIgnoreCase)
            || (start.StartsWith("data:", StringComparison.OrdinalIgnoreCase)
                && !(attribute.Name is "src" or "background" or "poster" && start.StartsWith("data:image/", StringComparison.OrdinalIgnoreCase)));
    }
}
