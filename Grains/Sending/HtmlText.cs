using System.Globalization;
using System.Net;
using System.Text;

namespace Orleans.Personalize.Sending;

/// <summary>
/// A plain text that says what HTML shows: the text part of a mail whose template has none. Links are written as <c>text (url)</c>, list items with
/// their bullet or number, images as their alternative text; what is hidden is left out. Takes a time in proportion to the length.
/// </summary>
internal sealed class HtmlText
{
    /// <summary>Deeper lists are not set in further, so that a thousand of them cost no more than their items.</summary>
    private const int IndentMax = 6;

    /// <summary>Elements around which a blank line stands.</summary>
    private static readonly string[] Paragraphs = ["p", "h1", "h2", "h3", "h4", "h5", "h6", "ul", "ol", "dl", "table", "blockquote", "pre", "hr"];

    /// <summary>Elements that start a line.</summary>
    private static readonly string[] Blocks =
    [
        "div", "section", "article", "header", "footer", "main", "nav", "aside", "address", "center", "form", "figure", "figcaption", "caption",
        "tr", "li", "dt", "dd", "br",
    ];

    private static readonly string[] Invisible = ["head", "script", "style", "title", "template", "noframes", "noembed", "select", "object", "svg"];

    private static readonly string[] Void = ["area", "base", "br", "col", "embed", "hr", "img", "input", "link", "meta", "source", "track", "wbr"];

    private readonly StringBuilder text = new();
    private readonly Stack<int?> lists = [];
    private readonly Stack<(string Url, int Start)> links = [];
    private string skipped = "";
    private int skippedDepth;
    private int lineStart;
    private int preformatted;
    private bool isSpaceDue;
    private int linesDue;

    private HtmlText() { }

    public static string Of(string html)
    {
        var reader = new HtmlText();
        foreach (var token in HtmlToken.Read(html))
        {
            if (reader.text.Length > Template.OutputLengthMax)
                break;
            reader.Take(token, html);
        }
        return reader.text.ToString(0, Math.Min(reader.text.Length, Template.OutputLengthMax)).Trim();
    }

    private void Take(HtmlToken token, string html)
    {
        if (skippedDepth > 0)
        {
            if (token.Name == skipped && token.Kind is HtmlTokenKind.Start or HtmlTokenKind.End)
                skippedDepth += token.Kind == HtmlTokenKind.Start ? 1 : -1;
            return;
        }
        switch (token.Kind)
        {
            case HtmlTokenKind.Text:
                Write(WebUtility.HtmlDecode(html[token.Start..token.End]));
                break;
            case HtmlTokenKind.Start when !Void.Contains(token.Name) && (Invisible.Contains(token.Name) || IsHidden(token, html)):
                (skipped, skippedDepth) = (token.Name, 1);
                break;
            case HtmlTokenKind.Start:
                Open(token, html);
                break;
            case HtmlTokenKind.End:
                Close(token.Name);
                break;
        }
    }

    private void Open(HtmlToken token, string html)
    {
        Break(token.Name);
        switch (token.Name)
        {
            case "ul" or "ol":
                lists.Push(token.Name == "ol" ? 0 : null);
                break;
            case "li":
                StartItem();
                break;
            case "td" or "th":
                isSpaceDue = true;
                break;
            case "pre":
                preformatted++;
                break;
            case "hr":
                Put("----------");
                linesDue = 2;
                break;
            case "img":
                Write(Attribute(token, html, "alt") ?? "");
                break;
            case "a":
                links.Push((Attribute(token, html, "href")?.Trim() ?? "", text.Length));
                break;
        }
    }

    private void Close(string name)
    {
        switch (name)
        {
            case "ul" or "ol":
                lists.TryPop(out _);
                break;
            case "pre":
                preformatted = Math.Max(0, preformatted - 1);
                break;
            case "a" when links.TryPop(out var link):
                EndLink(link.Url, link.Start);
                break;
            case "h1":
                Underline();
                break;
        }
        Break(name);
    }

    /// <summary>Breaks come before what follows them, so that none stand at an end and no more than two in a row.</summary>
    private void Break(string name)
    {
        if (name == "br" && linesDue > 0 && text.Length > 0)
            linesDue = 2;
        else if (Paragraphs.Contains(name) && !(name is "ul" or "ol" && lists.Count > 0))
            linesDue = 2;
        else if (Blocks.Contains(name) || name is "ul" or "ol")
            linesDue = Math.Max(linesDue, 1);
    }

    private void StartItem()
    {
        var number = lists.TryPop(out var last) ? last + 1 : null;
        lists.Push(number);
        Put(new string(' ', 2 * Math.Min(lists.Count - 1, IndentMax)));
        text.Append(number is null ? "- " : string.Create(CultureInfo.InvariantCulture, $"{number}. "));
    }

    private void EndLink(string url, int start)
    {
        start = Math.Min(start, text.Length);
        var shown = text.ToString(start, text.Length - start).Trim();
        var address = url.StartsWith("mailto:", StringComparison.OrdinalIgnoreCase) || url.StartsWith("tel:", StringComparison.OrdinalIgnoreCase)
            ? url[(url.IndexOf(':', StringComparison.Ordinal) + 1)..].Split('?')[0]
            : url;
        if (address.Length == 0 || address[0] == '#' || shown == address)
            return;
        isSpaceDue |= shown.Length > 0;
        Put(shown.Length == 0 ? address : $"({address})");
    }

    private void Underline()
    {
        var length = text.Length - lineStart;
        if (length == 0 || linesDue > 0)
            return;
        text.Append('\n');
        lineStart = text.Length;
        text.Append('=', Math.Min(length, 60));
    }

    /// <summary>Writes text with white space as HTML shows it.</summary>
    private void Write(string words)
    {
        var from = 0;
        for (var at = 0; at < words.Length; at++)
        {
            var isBlank = words[at] is ' ' or '\t' or '\r' or '\n' or '\f' or '\u00A0';
            // Filling without a width, such as stands behind a preheader.
            var isNothing = words[at] is '\u00AD' or '\u034F' or '\u200B' or '\uFEFF';
            if (!isBlank && !isNothing)
                continue;
            if (at > from)
                Put(words.AsSpan(from, at - from));
            from = at + 1;
            if (preformatted > 0 && words[at] == '\n')
                linesDue = Math.Min(linesDue + 1, 2);
            isSpaceDue |= isBlank;
        }
        if (from < words.Length)
            Put(words.AsSpan(from));
    }

    private void Put(ReadOnlySpan<char> word)
    {
        if (linesDue > 0)
        {
            if (text.Length > 0)
                text.Append('\n', linesDue);
            lineStart = text.Length;
        }
        else if (isSpaceDue && text.Length > lineStart && text[^1] != ' ')
        {
            text.Append(' ');
        }
        (linesDue, isSpaceDue) = (0, false);
        text.Append(word);
    }

    private static bool IsHidden(HtmlToken token, string html)
    {
        foreach (var attribute in token.Attributes(html))
        {
            if (attribute.Name == "hidden"
                || (attribute.Name == "style" && attribute.Value.Replace(" ", "", StringComparison.Ordinal).Contains("display:none", StringComparison.OrdinalIgnoreCase)))
                return true;
        }
        return false;
    }

    private static string? Attribute(HtmlToken token, string html, string name)
    {
        foreach (var attribute in token.Attributes(html))
        {
            if (attribute.Name == name)
                return attribute.Value;
        }
        return null;
    }
}
