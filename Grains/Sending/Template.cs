using System.Globalization;
using System.Text;
using System.Text.Json;
using System.Text.RegularExpressions;
using HandlebarsDotNet;

namespace Orleans.Personalize.Sending;

/// <summary>A template does not compile, or cannot render what it was given. The message holds no personal data.</summary>
public sealed class TemplateException : Exception
{
    public TemplateException(string message) : base(message) { }

    public TemplateException(string message, Exception inner) : base(message, inner) { }
}

/// <summary>
/// One compiled template: a registry document <c>{"subject","html","text"}</c> in Handlebars (https://handlebarsjs.com/guide/), the syntax of
/// SendGrid's dynamic templates. Safe for concurrent use.
/// </summary>
public sealed partial class Template
{
    /// <summary>The longest subject, html or text of a document, in UTF-16 code units.</summary>
    public const int SourceLengthMax = 256 * 1024;

    /// <summary>The longest rendered subject, html or text, in UTF-16 code units.</summary>
    public const int OutputLengthMax = 1024 * 1024;

    /// <summary>Handlebars recurses into blocks and sub-expressions; a few thousand would overflow the stack and end the process.</summary>
    private const int NestingMax = 100;

    /// <summary>The time that compilation takes grows with the square of the expressions; this many take a quarter of a second.</summary>
    private const int TagsMax = 5_000;

    private static readonly string[] BlockHelpers = ["if", "unless", "each", "with"];

    internal static readonly string[] Parts = ["subject", "html", "text"];

    private readonly Dictionary<string, HandlebarsTemplate<TextWriter, object, object>> parts = [];

    private Template() { }

    /// <summary>What is wrong with a template document; empty when nothing is.</summary>
    public static IReadOnlyList<DocumentError> Validate(JsonElement document)
    {
        if (document.ValueKind != JsonValueKind.Object)
            return [new DocumentError("", "must be an object with subject, html and text")];
        var errors = new List<DocumentError>();
        foreach (var part in Parts)
            if (document.TryGetProperty(part, out var source) && Fault(part, source) is { } fault)
                errors.Add(new DocumentError($"/{part}", fault));
        if (!document.TryGetProperty("html", out _) && !document.TryGetProperty("text", out _))
            errors.Add(new DocumentError("", "needs html, text or both"));
        return errors;
    }

    private static string? Fault(string part, JsonElement source)
    {
        if (source.ValueKind != JsonValueKind.String)
            return "must be a string";
        try
        {
            if (source.GetString()!.Length > SourceLengthMax)
                return $"is longer than {SourceLengthMax:N0} characters";
            CompilePart(part, source.GetString()!);
            return null;
        }
        catch (TemplateException fault)
        {
            return fault.Message;
        }
        catch (InvalidOperationException)
        {
            return "holds half of a surrogate pair";
        }
    }

    /// <exception cref="TemplateException">It does not compile.</exception>
    public static Template Compile(JsonElement document)
    {
        var template = new Template();
        foreach (var part in Parts)
            if (document.TryGetProperty(part, out var source))
                template.parts[part] = CompilePart(part, source.GetString()!);
        return template;
    }

    /// <summary>
    /// Renders with <c>customer</c>, <c>traits</c>, <c>consent</c>, <c>cart</c>, <c>orders</c>, <c>event</c>, <c>data</c>,
    /// <c>trigger</c> and <c>key</c>. A missing field renders as nothing. Only html is HTML-escaped; a subject is always one line.
    /// </summary>
    /// <exception cref="TemplateException">The output is too long, a loop too large, or a helper cannot do what it is asked.</exception>
    public RenderedContent Render(SendJob job, CustomerKey customer)
    {
        var model = TemplateModel.Of(job, customer);
        return new RenderedContent(
            Render("subject", model) is { } subject ? OneLine(subject) : null,
            Render("html", model),
            Render("text", model));
    }

    internal static HandlebarsTemplate<TextWriter, object, object> CompilePart(string part, string source)
    {
        var helpers = new UnknownHelpers();
        var configuration = new HandlebarsConfiguration
        {
            NoEscape = part != "html",
            FormatProvider = CultureInfo.InvariantCulture,
            HelperResolvers = { helpers },
            ObjectDescriptorProviders = { new TemplateAccess() },
            FormatterProviders = { new TemplateFormatter() },
        };
        try
        {
            RefuseUnsupported(source);
            using var reader = new StringReader(source);
            return Handlebars.Create(configuration).Compile(reader);
        }
        catch (Exception fault) when (fault is not OutOfMemoryException)
        {
            // The parser answers some malformed sources with exceptions of all kinds; to the author each is a syntax error.
            throw Explain(fault, "It does not compile");
        }
        finally
        {
            helpers.CompilationEnded();
        }
    }

    private string? Render(string part, TemplateObject model)
    {
        if (!parts.TryGetValue(part, out var render))
            return null;
        using var writer = new BoundedWriter(part);
        try
        {
            render(writer, model, null!);
            return writer.ToString();
        }
        catch (Exception fault) when (fault is not OutOfMemoryException)
        {
            throw Explain(fault, $"The {part} of the template cannot be rendered");
        }
    }

    private static void RefuseUnsupported(string source)
    {
        if (source.AsSpan().Count("{{") > TagsMax)
            throw new TemplateException($"There are more than {TagsMax:N0} expressions.");
        var blocks = new Stack<int>();
        var (depth, parentheses) = (0, 0);
        foreach (Match tag in Tags().Matches(source))
        {
            if (tag.Value == "(")
                parentheses++;
            else if (tag.Value == ")")
                parentheses = Math.Max(0, parentheses - 1);
            else if (tag.Groups["partial"].Success)
                throw new TemplateException("Partials and inline partials are not supported.");
            else if (tag.Groups["argument"].Success && !BlockHelpers.Contains(tag.Groups["block"].Value))
                throw new TemplateException($"There is no block helper named '{Shorten(tag.Groups["block"].Value)}'.");
            else if (tag.Groups["close"].Success)
                depth -= blocks.TryPop(out var levels) ? levels : 0;
            else
            {
                // An "else if" is a block inside the one before, closed together with it.
                var chained = tag.Groups["chain"].Success && blocks.TryPop(out var above) ? above : 0;
                blocks.Push(chained + 1);
                depth++;
            }
            if (depth > NestingMax || parentheses > NestingMax)
                throw new TemplateException($"Blocks or sub-expressions are nested more than {NestingMax} deep.");
        }
    }

    private static TemplateException Explain(Exception fault, string what)
    {
        var cause = fault.GetBaseException();
        return cause as TemplateException ?? new TemplateException($"{what}: {Shorten(OneLine(cause.Message))}", fault);
    }

    private static string Shorten(string text) => text.Length <= 200 ? text : text[..200] + "…";

    /// <summary>The line breaks of a value would end the subject's header and begin another (CWE-93).</summary>
    private static string OneLine(string text) => ControlCharacters().Replace(text, " ").Trim();

    [GeneratedRegex("""
        [()] | \{\{~?\s* (?:
            (?<partial>\#?[>*])
          | [\#^]\s*(?<block>[^\s~{}]+)(?<argument>\s+(?!as\s*\|)[^\s~}])?
          | (?<close>/)
          | (?<chain>else\s+[^\s~}]) )
        """, RegexOptions.ExplicitCapture | RegexOptions.IgnorePatternWhitespace, matchTimeoutMilliseconds: 1000)]
    private static partial Regex Tags();

    [GeneratedRegex(@"[\p{Cc}\u2028\u2029]+", RegexOptions.None, matchTimeoutMilliseconds: 1000)]
    private static partial Regex ControlCharacters();

    private sealed class BoundedWriter(string part) : TextWriter(CultureInfo.InvariantCulture)
    {
        private readonly StringBuilder text = new();

        public override Encoding Encoding => Encoding.UTF8;

        public override void Write(char value) => Room(1).Append(value);

        public override void Write(string? value) => Room(value?.Length ?? 0).Append(value);

        public override void Write(char[] buffer, int index, int count) => Room(count).Append(buffer, index, count);

        public override void Write(ReadOnlySpan<char> buffer) => Room(buffer.Length).Append(buffer);

        public override string ToString() => text.ToString();

        private StringBuilder Room(int length) => text.Length + length <= OutputLengthMax
            ? text
            : throw new TemplateException($"The {part} of the template came out longer than {OutputLengthMax:N0} characters.");
    }
}
