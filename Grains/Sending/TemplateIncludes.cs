using System.Collections.Immutable;
using System.Text;
using System.Text.RegularExpressions;

namespace Orleans.Personalize.Sending;

/// <summary>
/// Puts templates together before they are compiled: <c>{{> footer}}</c> becomes the same part of the template of that id, and a layout's
/// <c>{{{body}}}</c> becomes what it is the layout of. So all bounds of one template hold for the whole.
/// </summary>
/// <param name="find">Finds a template by its id.</param>
internal sealed partial class TemplateIncludes(Func<string, TemplateDocument?> find)
{
    /// <summary>Templates within templates; deeper ones nobody can follow.</summary>
    public const int DepthMax = 10;

    /// <summary>Includes and layouts of one part: each may name the next more than once, ten deep.</summary>
    private const int IncludesMax = 1_000;

    /// <summary>A part with all that it includes, in UTF-16 code units.</summary>
    private const int LengthMax = 2 * Template.SourceLengthMax;

    private const string Body = "body";

    private int included;

    /// <summary>The ids of all templates it asked for, also of those that are not there.</summary>
    public HashSet<string> Used { get; } = [];

    /// <summary>The ids that a part names itself.</summary>
    public static IEnumerable<string> NamedIn(string source) =>
        Tags(source).Select(static tag => tag.Include).OfType<string>().Where(static name => name != Body);

    /// <param name="path">The template whose part it is, first.</param>
    /// <exception cref="TemplateException">An include is missing, goes round in a circle, or they are too many, deep or long.</exception>
    public string Expand(string part, string source, ImmutableArray<string> path) => Expand(part, source, path, body: null, out _);

    /// <summary>Puts a part that is expanded into its layout, and that into the layout's own.</summary>
    /// <exception cref="TemplateException">As above, or the layout has no place for it.</exception>
    public string Wrap(string part, string inner, string? layout, ImmutableArray<string> path)
    {
        for (; layout is not null; path = path.Add(layout), layout = find(layout)!.Layout)
        {
            var document = Enter(layout, path);
            if (!document.Contents[0].Sources.TryGetValue(part, out var source))
                continue;
            inner = Expand(part, source, path.Add(layout), inner, out var hasBody);
            if (!hasBody)
                throw new TemplateException($"The {part} of the layout '{layout}' has no {{{{{{body}}}}}}.");
        }
        return inner;
    }

    private string Expand(string part, string source, ImmutableArray<string> path, string? body, out bool hasBody)
    {
        hasBody = false;
        var expanded = new StringBuilder();
        var from = 0;
        foreach (var tag in Tags(source))
        {
            expanded.Append(source, from, tag.Start - from);
            from = tag.End;
            if (tag.IsBody)
            {
                hasBody = true;
                expanded.Append(body);
            }
            else
            {
                var document = Enter(tag.Include!, path);
                if (!document.Contents[0].Sources.TryGetValue(part, out var text))
                    throw new TemplateException($"The template '{tag.Include}', which '{path[^1]}' includes, has no {part}.");
                var inner = Expand(part, text, path.Add(tag.Include!), body, out var innerHasBody);
                hasBody |= innerHasBody;
                expanded.Append(tag.Context.Length == 0 ? inner : $"{{{{#with {tag.Context}}}}}{inner}{{{{/with}}}}");
            }
            if (expanded.Length > LengthMax)
                break;
        }
        expanded.Append(source, from, source.Length - from);
        return expanded.Length <= LengthMax
            ? expanded.ToString()
            : throw new TemplateException($"With what it includes the {part} is longer than {LengthMax:N0} characters.");
    }

    private TemplateDocument Enter(string id, ImmutableArray<string> path)
    {
        Used.Add(id);
        if (path.Contains(id))
            throw new TemplateException($"It includes itself: {string.Join(" → ", path.Add(id))}.");
        if (path.Length >= DepthMax)
            throw new TemplateException($"Templates include each other more than {DepthMax} deep: {string.Join(" → ", path.Add(id))}.");
        if (++included > IncludesMax)
            throw new TemplateException($"There are more than {IncludesMax:N0} includes.");
        return find(id) ?? throw new TemplateException($"There is no template '{id}', which '{path[^1]}' refers to.");
    }

    /// <summary>Includes and bodies, without those in comments or escaped by a backslash. Takes a time in proportion to the length.</summary>
    private static IEnumerable<Tag> Tags(string source)
    {
        for (var at = 0; (at = source.IndexOf("{{", at, StringComparison.Ordinal)) >= 0;)
        {
            if (at > 0 && source[at - 1] == '\\' && (at == 1 || source[at - 2] != '\\'))
            {
                at += 2;
                continue;
            }
            var start = source.AsSpan(at + 2);
            var closing = start.StartsWith("!--") || start.StartsWith("~!--") ? "--}}" : start.StartsWith("{") ? "}}}" : "}}";
            var end = source.IndexOf(closing, at + 2, StringComparison.Ordinal);
            if (end < 0)
                yield break;
            end += closing.Length;
            if (Pattern().Match(source, at, end - at) is { Success: true } match)
            {
                var include = match.Groups["include"] is { Success: true } name ? name.Value : null;
                yield return new(at, end, include == Body ? null : include, match.Groups["context"].Value);
            }
            at = end;
        }
    }

    [GeneratedRegex(
        """^(\{\{\{\s*body\s*\}\}\}|\{\{>\s*(?<quote>["']?)(?<include>[a-z0-9][a-z0-9._-]{0,63})\k<quote>(\s+(?<context>[^\s{}()="']+))?\s*\}\})$""",
        RegexOptions.ExplicitCapture | RegexOptions.CultureInvariant, matchTimeoutMilliseconds: 1000)]
    private static partial Regex Pattern();

    /// <param name="Include">Null: the body.</param>
    /// <param name="Context">What the include sees as its own; empty: what surrounds it.</param>
    private readonly record struct Tag(int Start, int End, string? Include, string Context)
    {
        public bool IsBody => Include is null;
    }
}
