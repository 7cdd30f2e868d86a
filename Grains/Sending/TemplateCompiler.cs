global using TemplatePart = HandlebarsDotNet.HandlebarsTemplate<System.IO.TextWriter, object, object>;

using System.Globalization;
using System.Text.RegularExpressions;
using HandlebarsDotNet;

namespace Orleans.Personalize.Sending;

/// <summary>Compiles one part of a template, with all that it includes, and refuses what could exhaust the process.</summary>
internal static partial class TemplateCompiler
{
    /// <summary>Handlebars recurses into blocks and sub-expressions; a few thousand would overflow the stack and end the process.</summary>
    private const int NestingMax = 100;

    /// <summary>The time that compilation takes grows with the square of the expressions; this many take a quarter of a second.</summary>
    private const int TagsMax = 5_000;

    private static readonly string[] BlockHelpers = ["if", "unless", "each", "with"];

    /// <exception cref="TemplateException">It does not compile.</exception>
    public static TemplatePart Compile(string part, string source)
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
            var handlebars = Handlebars.Create(configuration);
            TemplateHelpers.Register(handlebars);
            return handlebars.Compile(reader);
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

    /// <summary>What is behind a fault, for people, in one short line.</summary>
    public static TemplateException Explain(Exception fault, string what)
    {
        for (var cause = fault; cause is not null; cause = cause.InnerException)
        {
            if (cause is TemplateException told)
                return told;
        }
        return new TemplateException($"{what}: {Shorten(OneLine(fault.GetBaseException().Message))}", fault);
    }

    /// <summary>The line breaks of a value would end the subject's header and begin another (CWE-93).</summary>
    public static string OneLine(string text) => ControlCharacters().Replace(text, " ").Trim();

    /// <exception cref="TemplateException">There is something that is not to be compiled.</exception>
    public static void RefuseUnsupported(string source)
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
                throw new TemplateException("Of partials there are only {{> id}} and {{> id field}}, with the id of a template.");
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

    private static string Shorten(string text) => text.Length <= 200 ? text : text[..200] + "…";

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
}
