using System.Globalization;
using System.Text;

namespace Orleans.Personalize.Sending;

/// <summary>
/// One rendering of one content: what helpers and formatters need to know of it. Handlebars hands them nothing but values, and rendering never leaves
/// its thread.
/// </summary>
internal sealed class TemplateRendering(string content, TemplateLocale language, TemplateLocale locale, TimeZoneInfo zone, TemplateBudget budget,
    MailLinks? links = null)
{
    /// <summary>So many say enough.</summary>
    private const int MissesMax = 100;

    [ThreadStatic]
    private static TemplateRendering? current;

    private readonly List<MissingField> misses = [];
    private string part = "";

    /// <exception cref="InvalidOperationException">Nothing is being rendered on this thread.</exception>
    public static TemplateRendering Current => current ?? throw new InvalidOperationException("Nothing is being rendered.");

    /// <summary>Of the template's words.</summary>
    public TemplateLocale Language => language;

    /// <summary>Of the customer.</summary>
    public TemplateLocale Locale => locale;

    /// <summary>Of the customer.</summary>
    public TimeZoneInfo Zone => zone;

    public IReadOnlyList<MissingField> Misses => misses;

    /// <summary>Where a slot's content is shown.</summary>
    /// <param name="form">Such as <c>png</c> for an image; null for html.</param>
    public string Content(string slot, string? form) =>
        links?.Content is not { } address ? "#" : form is null ? address(slot) : $"{address(slot)}.{form}";

    public void Miss(string field)
    {
        var miss = new MissingField(content, part, field);
        if (misses.Count < MissesMax && !misses.Contains(miss))
            misses.Add(miss);
    }

    /// <exception cref="TemplateException">It cannot be rendered.</exception>
    public string Render(string name, TemplatePart template, TemplateObject model)
    {
        part = name;
        var outer = current;
        current = this;
        using var writer = new BoundedWriter(name, budget);
        try
        {
            template(writer, model, null!);
            return writer.ToString();
        }
        catch (Exception fault) when (fault is not OutOfMemoryException)
        {
            throw TemplateCompiler.Explain(fault, $"The {name} of the template cannot be rendered");
        }
        finally
        {
            current = outer;
        }
    }

    private sealed class BoundedWriter(string part, TemplateBudget budget) : TextWriter(CultureInfo.InvariantCulture)
    {
        private readonly int lengthMax = part == "preheader" ? Template.PreheaderLengthMax : Template.OutputLengthMax;
        private readonly StringBuilder text = new();

        public override Encoding Encoding => Encoding.UTF8;

        public override void Write(char value) => Room(1).Append(value);

        public override void Write(string? value)
        {
            budget.CheckTime();
            Room(value?.Length ?? 0).Append(value);
        }

        public override void Write(char[] buffer, int index, int count) => Room(count).Append(buffer, index, count);

        public override void Write(ReadOnlySpan<char> buffer) => Room(buffer.Length).Append(buffer);

        public override string ToString() => text.ToString();

        private StringBuilder Room(int length) => text.Length + length <= lengthMax
            ? text
            : throw new TemplateException($"The {part} of the template came out longer than {lengthMax:N0} characters.");
    }
}
