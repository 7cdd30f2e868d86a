using System.Collections.Immutable;
using System.Text.Json;
using System.Text.RegularExpressions;
using Orleans.Personalize.Engine;

namespace Orleans.Personalize.Sending;

/// <summary>A template's document as it was put, read but not yet compiled.</summary>
/// <param name="Layout">The template around it.</param>
/// <param name="Locale">Of the words in it, and of profiles that have none or an unknown one.</param>
/// <param name="Zone">Of profiles that have none or an unknown one.</param>
/// <param name="IsStrict">Whether a field that is written and missing fails a content.</param>
/// <param name="Contents">In the order in which they are tried; the first is the document's own.</param>
internal sealed record TemplateDocument(
    string? Layout, TemplateLocale Locale, TimeZoneInfo Zone, bool IsStrict, ImmutableArray<TemplateContent> Contents)
{
    public const string Default = "default";

    public static readonly TemplateDocument Empty = new(null, TemplateLocale.Default, TimeZoneInfo.Utc, false, []);

    public static readonly string[] Parts = ["subject", "preheader", "html", "text"];

    /// <summary>More alternatives than anybody can keep an eye on.</summary>
    private const int FallbacksMax = 8;

    private static readonly string[] ContentMembers = ["requires", "maxStaleness", "if", .. Parts];

    /// <summary><c>id</c>, <c>name</c> and <c>description</c> are for people.</summary>
    private static readonly string[] Members = ["id", "name", "description", "layout", "locale", "timezone", "strict", "fallbacks", .. ContentMembers];

    /// <summary>Reads what is there; a document with errors is not to be used.</summary>
    /// <param name="json">The document.</param>
    /// <param name="errors">Where they are noted.</param>
    /// <param name="isNew">Whether unknown members are errors. Documents were stored before they were.</param>
    public static TemplateDocument Parse(JsonElement json, List<DocumentError> errors, bool isNew = false)
    {
        var document = new DocumentReader(json, "", errors);
        if (isNew)
            document.IsObjectOf(Members);
        var own = TemplateContent.Parse(document, Default, inherited: null);
        if (document.Kind == JsonValueKind.Object && document.Member("html") is null && document.Member("text") is null)
            document.Fail("", "needs html, text or both");
        return new(
            document.Text("layout"), LocaleOf(document), ZoneOf(document), document.Flag("strict") ?? false, [own, .. Fallbacks(document, own)]);
    }

    private static TemplateLocale LocaleOf(DocumentReader document)
    {
        if (document.Text("locale") is not { } tag)
            return TemplateLocale.Default;
        if (TemplateLocale.Find(tag) is { } locale)
            return locale;
        document.Fail("/locale", $"must be one of {string.Join(", ", TemplateLocale.Names)}, or a language of these");
        return TemplateLocale.Default;
    }

    private static TimeZoneInfo ZoneOf(DocumentReader document)
    {
        if (document.Text("timezone") is not { } id)
            return TimeZoneInfo.Utc;
        if (QuietHours.FindZone(id) is { } zone)
            return zone;
        document.Fail("/timezone", "must be an IANA time zone such as \"Europe/Berlin\"");
        return TimeZoneInfo.Utc;
    }

    private static List<TemplateContent> Fallbacks(DocumentReader document, TemplateContent own)
    {
        var contents = new List<TemplateContent>();
        foreach (var fallback in document.Elements("fallbacks"))
        {
            if (contents.Count == FallbacksMax)
            {
                document.Fail("/fallbacks", $"must be {FallbacksMax} at most");
                break;
            }
            fallback.IsObjectOf(["name", .. ContentMembers]);
            var name = fallback.Text("name") ?? "";
            if (!TemplateContent.NamePattern().IsMatch(name))
                fallback.Fail("/name", $"is required and must match {TemplateContent.NamePattern()}");
            else if (name == Default || contents.Exists(other => other.Name == name))
                fallback.Fail("/name", "must be another than those before it, and not \"default\"");
            contents.Add(TemplateContent.Parse(fallback, name, own));
        }
        return contents;
    }
}

/// <summary>One way to say it, and when.</summary>
/// <param name="Pointer">Where in the document it stands.</param>
/// <param name="Sources">Handlebars by part.</param>
/// <param name="Requires">What must be there.</param>
/// <param name="MaxStaleness">How old each of these may be; where none has an age, how long ago the customer was last seen.</param>
internal sealed partial record TemplateContent(
    string Name,
    string Pointer,
    ImmutableDictionary<string, string> Sources,
    ImmutableArray<TemplateField> Requires,
    TimeSpan? MaxStaleness,
    TemplateCondition? If)
{
    private const int RequiresMax = 32;

    private static readonly TimeSpan StalenessMax = TimeSpan.FromDays(3650);

    /// <param name="document">Its object.</param>
    /// <param name="name">Its name.</param>
    /// <param name="inherited">
    /// The content whose parts it takes where it has none. html and text are taken together: they say the same, so that one of them would not fit.
    /// </param>
    public static TemplateContent Parse(DocumentReader document, string name, TemplateContent? inherited)
    {
        var sources = inherited?.Sources ?? ImmutableDictionary<string, string>.Empty;
        if (document.Member("html") is not null || document.Member("text") is not null)
            sources = sources.Remove("html").Remove("text");
        foreach (var part in TemplateDocument.Parts)
        {
            if (document.Member(part) is { Kind: JsonValueKind.String } member && member.AsText() is null)
                member.Fail("", "holds half of a surrogate pair");
            if (document.Text(part) is not { } source)
                continue;
            sources = sources.SetItem(part, source);
            if (source.Length > Template.SourceLengthMax)
                document.Fail($"/{part}", $"is longer than {Template.SourceLengthMax:N0} characters");
        }
        var requires = ImmutableArray.CreateBuilder<TemplateField>();
        foreach (var item in document.Elements("requires"))
        {
            if (requires.Count == RequiresMax)
                document.Fail("/requires", $"must be {RequiresMax} at most");
            else if (item.AsText() is { } path && TemplateField.Find(path) is { } field)
                requires.Add(field);
            else
                item.Fail("", $"must be a field such as \"traits.first_name\", of {string.Join(", ", TemplateField.Roots)}");
        }
        return new(
            name,
            document.Pointer,
            sources,
            requires.ToImmutable(),
            document.Duration("maxStaleness", most: StalenessMax),
            document.Member("if") is { } condition ? TemplateCondition.Parse(condition) : null);
    }

    [GeneratedRegex("^[a-z0-9][a-z0-9._-]{0,63}$", RegexOptions.CultureInvariant, matchTimeoutMilliseconds: 1000)]
    internal static partial Regex NamePattern();
}
