using System.Collections.Immutable;
using System.Text.Json;
using Orleans.Personalize.Engine;

namespace Orleans.Personalize.Sending;

/// <summary>A template does not compile, or cannot render what it was given. The message holds no personal data.</summary>
public sealed class TemplateException : Exception
{
    public TemplateException(string message) : base(message) { }

    public TemplateException(string message, Exception inner) : base(message, inner) { }

    /// <summary>Whether it may pass by itself, as a lack of time does.</summary>
    public bool MayPass { get; init; }
}

/// <summary>What came of a rendering.</summary>
/// <param name="Content">Null where none could be rendered.</param>
/// <param name="Misses">The fields that were missing, of each content that was tried.</param>
/// <param name="Reasons">Why the contents before it were not used.</param>
internal sealed record TemplateOutcome(RenderedContent? Content, IReadOnlyList<MissingField> Misses, IReadOnlyList<string> Reasons);

/// <summary>
/// One compiled template: a registry document in Handlebars (https://handlebarsjs.com/guide/), the syntax of SendGrid's dynamic templates, with all that
/// it includes. docs/templates.md describes it. Safe for concurrent use.
/// </summary>
public sealed class Template
{
    /// <summary>The longest part of a document, in UTF-16 code units.</summary>
    public const int SourceLengthMax = 256 * 1024;

    /// <summary>The longest rendered subject, html or text, in UTF-16 code units.</summary>
    public const int OutputLengthMax = 1024 * 1024;

    /// <summary>The longest rendered preheader; mail clients show less than 150 characters.</summary>
    public const int PreheaderLengthMax = 1_000;

    private readonly TemplateDocument document;
    private readonly ImmutableArray<(TemplateContent Content, Dictionary<string, TemplatePart> Parts)> contents;

    private Template(TemplateDocument document, ImmutableArray<(TemplateContent, Dictionary<string, TemplatePart>)> contents, IReadOnlyCollection<string> uses)
    {
        this.document = document;
        this.contents = contents;
        Uses = uses;
    }

    /// <summary>Why it renders nothing; null where it may.</summary>
    public string? Fault { get; private init; }

    /// <summary>The ids of the templates it is made from, beside itself.</summary>
    public IReadOnlyCollection<string> Uses { get; }

    /// <summary>The ids of the templates that a document names itself; of one that is wrong, perhaps not all.</summary>
    public static IReadOnlySet<string> References(JsonElement json)
    {
        var read = TemplateDocument.Parse(json, []);
        var names = read.Contents.SelectMany(static content => content.Sources.Values).SelectMany(TemplateIncludes.NamedIn).ToHashSet();
        if (read.Layout is not null)
            names.Add(read.Layout);
        return names;
    }

    /// <summary>What is wrong with a template document; empty when nothing is.</summary>
    /// <param name="json">The document.</param>
    /// <param name="id">Its id.</param>
    /// <param name="find">The documents of other templates by their ids.</param>
    public static IReadOnlyList<DocumentError> Validate(JsonElement json, string id = "", Func<string, JsonElement?>? find = null)
    {
        var errors = new List<DocumentError>();
        Make(json, id, find ?? (static _ => null), Care.Validate, errors);
        return errors;
    }

    /// <summary>What is wrong with how a sound document fits to what it includes; empty when nothing is.</summary>
    /// <param name="json">The document.</param>
    /// <param name="id">Its id.</param>
    /// <param name="find">The documents of other templates by their ids.</param>
    public static IReadOnlyList<DocumentError> ValidateIncludes(JsonElement json, string id, Func<string, JsonElement?> find)
    {
        var errors = new List<DocumentError>();
        Make(json, id, find, Care.PutTogether, errors);
        return errors;
    }

    /// <param name="json">The document.</param>
    /// <param name="id">Its id.</param>
    /// <param name="find">The documents of other templates by their ids.</param>
    /// <exception cref="TemplateException">It is wrong.</exception>
    public static Template Compile(JsonElement json, string id = "", Func<string, JsonElement?>? find = null)
    {
        var errors = new List<DocumentError>();
        return Make(json, id, find ?? (static _ => null), Care.Compile, errors)
            ?? throw new TemplateException($"The template is not valid: {errors[0].Pointer} {errors[0].Detail}".Replace("  ", " "));
    }

    /// <summary>One that renders nothing and says why: the document was stored, but something that it includes is gone.</summary>
    public static Template Broken(string fault) => new(TemplateDocument.Empty, [], []) { Fault = fault };

    /// <summary>
    /// Renders the first content whose required data is there and fresh, with <c>customer</c>, <c>traits</c>, <c>consent</c>, <c>cart</c>,
    /// <c>orders</c>, <c>event</c>, <c>data</c>, <c>trigger</c>, <c>key</c>,
    /// <c>links</c> and <c>now</c>. Only html is HTML-escaped; a subject is always one line.
    /// </summary>
    /// <exception cref="TemplateException">
    /// There is no such content; or of each the output is too long, a loop too large, or a helper cannot do what it is asked.
    /// </exception>
    public RenderedContent Render(SendJob job, CustomerKey customer, TimeProvider clock, MailLinks? links = null)
    {
        var outcome = Try(job, customer, clock, links);
        return outcome.Content ?? throw new TemplateException(
            outcome.Reasons.Count == 1 ? outcome.Reasons[0] : $"None of the template's contents can be used. {string.Join(" ", outcome.Reasons)}");
    }

    /// <summary>As <see cref="Render(SendJob, CustomerKey, TimeProvider, MailLinks?)"/>, with all that was found on the way.</summary>
    /// <exception cref="TemplateException">It took too long.</exception>
    internal TemplateOutcome Try(SendJob job, CustomerKey customer, TimeProvider clock, MailLinks? links)
    {
        if (Fault is not null)
            return new(null, [], [Fault]);
        var now = clock.GetUtcNow();
        var budget = new TemplateBudget(clock);
        var model = TemplateModel.Of(job, customer, links, now, budget);
        var (locale, zone) = (LocaleOf(model), ZoneOf(model));
        var misses = new List<MissingField>();
        var reasons = new List<string>();
        foreach (var (content, parts) in contents)
        {
            var rendering = new TemplateRendering(content.Name, document.Locale, locale, zone, budget, links);
            budget.Refill();
            try
            {
                foreach (var field in content.Requires.Where(field => !field.IsIn(model)))
                    misses.Add(new(content.Name, null, $"{field}"));
                var refusal = WhyNot(content, job, model, now);
                var rendered = refusal is null ? Render(content.Name, parts, rendering, model) : null;
                misses.AddRange(rendering.Misses);
                if (document.IsStrict && rendering.Misses is { Count: > 0 } missing)
                    refusal = $"Missing: {string.Join(", ", missing.Select(static miss => $"{miss.Field} in {miss.Part}"))}.";
                if (refusal is null)
                    return new(rendered, misses, reasons);
                reasons.Add(contents.Length == 1 ? refusal : $"{content.Name}: {refusal}");
            }
            catch (TemplateException fault) when (!fault.MayPass)
            {
                reasons.Add(contents.Length == 1 ? fault.Message : $"{content.Name}: {fault.Message}");
            }
        }
        return new(null, misses, reasons);
    }

    private static RenderedContent Render(string name, Dictionary<string, TemplatePart> parts, TemplateRendering rendering, TemplateObject model)
    {
        string? Part(string part) => parts.TryGetValue(part, out var template) ? rendering.Render(part, template, model) : null;

        var subject = Part("subject");
        var preheader = Part("preheader") is { } line ? TemplateCompiler.OneLine(line) : null;
        var html = Part("html") is { } raw ? TemplateHtml.WithoutScripts(raw) : null;
        var text = Part("text") ?? (html is null ? null : HtmlText.Of(html));
        return new(
            subject is null ? null : TemplateCompiler.OneLine(subject),
            html is not null && preheader is { Length: > 0 } ? TemplateHtml.WithPreheader(html, preheader) : html,
            text,
            preheader,
            name);
    }

    /// <summary>Why a content is not to be used; null when it may be.</summary>
    private static string? WhyNot(TemplateContent content, SendJob job, TemplateObject model, DateTimeOffset now)
    {
        string[] missing = [.. content.Requires.Where(field => !field.IsIn(model)).Select(static field => $"{field}")];
        if (missing.Length > 0)
            return $"Missing: {string.Join(", ", missing)}.";
        if (content.If is { } condition && !condition.Holds(job))
            return $"{content.Pointer}/if does not hold.";
        if (content.MaxStaleness is not { } maxStaleness)
            return null;
        var news = content.Requires.Select(field => (Name: $"{field}", At: field.At(job.Profile))).Where(static field => field.At is not null).ToArray();
        if (news.Length == 0)
            news = [("The profile", job.Profile.LastSeenAt ?? DateTimeOffset.MinValue)];
        var (name, at) = news.MinBy(static field => field.At);
        return now - at <= maxStaleness
            ? null
            : $"{name} is of {at:yyyy-MM-dd}, more than {maxStaleness.TotalDays:0.##} days ago.";
    }

    private TemplateLocale LocaleOf(TemplateObject model) => (Trait(model, "locale") is { } tag ? TemplateLocale.Find(tag) : null) ?? document.Locale;

    private TimeZoneInfo ZoneOf(TemplateObject model) => (Trait(model, "timezone") is { } id ? QuietHours.FindZone(id) : null) ?? document.Zone;

    private static string? Trait(TemplateObject model, string name) =>
        (model.Fields["traits"] as TemplateObject)?.Fields.GetValueOrDefault(name) as string;

    private static Template? Make(JsonElement json, string id, Func<string, JsonElement?> find, Care care, List<DocumentError> errors)
    {
        if (json.ValueKind != JsonValueKind.Object)
        {
            errors.Add(new("", "must be an object with subject, preheader, html and text"));
            return null;
        }
        var read = TemplateDocument.Parse(json, errors, isNew: care == Care.Validate);
        var includes = new TemplateIncludes(other => find(other) is { ValueKind: JsonValueKind.Object } found ? TemplateDocument.Parse(found, []) : null);
        var compiled = read.Contents.Select(content => (content, Compile(read, content, id, includes, care, errors))).ToImmutableArray();
        return errors.Count == 0 ? new(read, compiled, includes.Used) : null;
    }

    private static Dictionary<string, TemplatePart> Compile(
        TemplateDocument read, TemplateContent content, string id, TemplateIncludes includes, Care care, List<DocumentError> errors)
    {
        var parts = new Dictionary<string, TemplatePart>();
        foreach (var part in TemplateDocument.Parts)
        {
            if (!content.Sources.TryGetValue(part, out var source) || source.Length > SourceLengthMax)
                continue;
            var inherited = content.Pointer.Length > 0 && read.Contents[0].Sources.GetValueOrDefault(part) == source;
            var pointer = inherited ? $"/{part}" : $"{content.Pointer}/{part}";
            try
            {
                var whole = includes.Expand(part, source, [id]);
                if (read.Layout is not null && part is "html" or "text")
                {
                    // First by itself, so that a fault is told by its place in the author's own text.
                    if (care == Care.Validate)
                        TemplateCompiler.Compile(part, whole);
                    pointer = "/layout";
                    whole = includes.Wrap(part, whole, read.Layout, [id]);
                }
                if (care == Care.PutTogether)
                    TemplateCompiler.RefuseUnsupported(whole);
                else
                    parts[part] = TemplateCompiler.Compile(part, whole);
            }
            catch (TemplateException fault)
            {
                if (!errors.Exists(error => error.Pointer == pointer))
                    errors.Add(new(pointer, fault.Message));
            }
        }
        return parts;
    }

    /// <summary>How much is made of a document; compilation takes milliseconds.</summary>
    private enum Care
    {
        PutTogether,
        Compile,
        Validate,
    }
}
