using System.Buffers;
using System.Text.Json;
using System.Text.RegularExpressions;
using Orleans.Personalize.Engine;
using Orleans.Personalize.Sending;

namespace Orleans.Personalize.Content;

/// <summary>
/// One compiled slot: a registry document <c>{"json","html","image","maxStaleness","budget","cache","fallback":{"json","html","image"}}</c>, of which
/// docs/content.md tells. The fallback holds no templates: nothing can go wrong with it. Safe for concurrent use.
/// </summary>
public sealed partial class Slot
{
    private static readonly TimeSpan BudgetDefault = TimeSpan.FromMilliseconds(50);
    private static readonly TimeSpan BudgetMin = TimeSpan.FromMilliseconds(1);
    private static readonly TimeSpan CacheMax = TimeSpan.FromDays(1);

    /// <summary>Templates in one json; each is rendered by itself.</summary>
    private const int TextsMax = 100;

    /// <summary>Rendered json; a mail client or a page waits for it.</summary>
    private const int JsonBytesMax = 256 * 1024;

    /// <summary>A fallback travels to every gateway and stays in its memory.</summary>
    private const int FallbackBytesMax = 64 * 1024;

    private static readonly string[] Forms = ["json", "html", "image"];

    private Action<Utf8JsonWriter, Func<Template, RenderedContent>>? json;
    private Template? html;
    private Template? image;
    private JsonText fallbackJson;
    private string? fallbackHtml;
    private string? fallbackImage;

    private Slot() { }

    public TimeSpan? MaxStaleness { get; private set; }

    public TimeSpan Budget { get; private set; }

    private TimeSpan CacheFor { get; set; }

    public bool Has(SlotForm form) => form switch { SlotForm.Json => json is not null, SlotForm.Html => html is not null, _ => image is not null };

    public SlotTerms Terms(long version) => new(version, Budget, CacheFor, fallbackJson, fallbackHtml, fallbackImage);

    /// <returns>A slot, or null and at least one error.</returns>
    public static (Slot? Slot, IReadOnlyList<DocumentError> Errors) Parse(JsonElement document)
    {
        var errors = new List<DocumentError>();
        try
        {
            var slot = Read(document, new DocumentReader(document, "", errors), errors);
            return errors.Count == 0 ? (slot, errors) : (null, errors);
        }
        catch (InvalidOperationException invalid)
        {
            // JSON's grammar lets half a surrogate pair pass; it shows when the text is read.
            return (null, [new("", $"Not valid Unicode: {invalid.Message}")]);
        }
    }

    private static Slot? Read(JsonElement document, DocumentReader reader, List<DocumentError> errors)
    {
        if (!reader.IsObjectOf([.. Forms, "maxStaleness", "budget", "cache", "fallback", "description"]))
            return null;
        reader.Text("description");
        if (Forms.All(form => reader.Member(form) is null))
            reader.Fail("", "needs json, html, image or several of them");
        var texts = 0;
        var slot = new Slot
        {
            MaxStaleness = reader.Duration("maxStaleness"),
            Budget = reader.Duration("budget", BudgetMin, SlotTerms.BudgetMax) ?? BudgetDefault,
            CacheFor = reader.Duration("cache", TimeSpan.Zero, CacheMax) ?? TimeSpan.Zero,
            json = reader.Member("json") is null ? null : Compile(document.GetProperty("json"), "/json", errors, ref texts),
            html = reader.Text("html") is { } source ? Compile("html", source, "/html", errors) : null,
            image = reader.Text("image") is { } address ? CompileAddress(reader, address, errors) : null,
        };
        if (texts > TextsMax)
            reader.Fail("/json", $"has more than {TextsMax} templates");
        if (reader.Member("fallback") is { } fallback)
            slot.ReadFallback(fallback);
        return slot;
    }

    /// <exception cref="TemplateException">It cannot be rendered with this profile.</exception>
    public JsonText RenderJson(Func<Template, RenderedContent> render)
    {
        var buffer = new ArrayBufferWriter<byte>(1024);
        using (var writer = new Utf8JsonWriter(buffer))
            json!(writer, render);
        return new(buffer.WrittenSpan.ToArray());
    }

    /// <summary>The html, or the address of the image.</summary>
    /// <exception cref="TemplateException">It cannot be rendered with this profile.</exception>
    public string RenderText(SlotForm form, Func<Template, RenderedContent> render)
    {
        if (form == SlotForm.Html)
            return render(html!).Html!;
        var text = render(image!).Text!.Trim();
        // The host stands in the document, so a profile cannot lead anywhere else.
        return Address(text) ?? throw new TemplateException("The image's address is none.");
    }

    private void ReadFallback(DocumentReader fallback)
    {
        if (!fallback.IsObjectOf(Forms))
            return;
        if (fallback.Raw.Span.Length > FallbackBytesMax)
            fallback.Fail("", $"is larger than {FallbackBytesMax} bytes");
        fallbackJson = fallback.Member("json")?.Raw ?? default;
        fallbackHtml = fallback.Text("html");
        fallbackImage = fallback.Text("image");
        if (fallbackImage is not null && Address(fallbackImage) is null)
            fallback.Fail("/image", "must be an https address");
    }

    private static string? Address(string text) =>
        Uri.TryCreate(text, UriKind.Absolute, out var address) && address is { Scheme: "https", UserInfo: "" } ? address.AbsoluteUri : null;

    private static Template? CompileAddress(DocumentReader reader, string address, List<DocumentError> errors)
    {
        if (!LiteralHost().IsMatch(address))
            reader.Fail("/image", "must start with https://, a host and a slash, without templates in them");
        return Compile("text", address, "/image", errors);
    }

    private static Template? Compile(string part, string source, string pointer, List<DocumentError> errors)
    {
        var document = JsonSerializer.SerializeToElement(new Dictionary<string, string> { [part] = source });
        var faults = Template.Validate(document);
        errors.AddRange(faults.Select(fault => new DocumentError(pointer, fault.Detail)));
        return faults.Count == 0 ? Template.Compile(document) : null;
    }

    /// <summary>What writes a value: a text that holds templates rendered, all else as it is.</summary>
    private static Action<Utf8JsonWriter, Func<Template, RenderedContent>> Compile(JsonElement value, string pointer, List<DocumentError> errors, ref int texts)
    {
        switch (value.ValueKind)
        {
            case JsonValueKind.Object:
                var members = new List<(string Name, Action<Utf8JsonWriter, Func<Template, RenderedContent>> Write)>();
                foreach (var member in value.EnumerateObject())
                    members.Add((member.Name, Compile(member.Value, $"{pointer}/{member.Name.Replace("~", "~0").Replace("/", "~1")}", errors, ref texts)));
                return (writer, render) =>
                {
                    writer.WriteStartObject();
                    foreach (var (name, write) in members)
                    {
                        writer.WritePropertyName(name);
                        write(writer, render);
                    }
                    writer.WriteEndObject();
                };
            case JsonValueKind.Array:
                var items = new List<Action<Utf8JsonWriter, Func<Template, RenderedContent>>>();
                foreach (var item in value.EnumerateArray())
                    items.Add(Compile(item, $"{pointer}/{items.Count}", errors, ref texts));
                return (writer, render) =>
                {
                    writer.WriteStartArray();
                    foreach (var write in items)
                        write(writer, render);
                    writer.WriteEndArray();
                };
            case JsonValueKind.String when value.GetString()!.Contains("{{", StringComparison.Ordinal):
                texts++;
                var template = Compile("text", value.GetString()!, pointer, errors);
                return (writer, render) => WriteText(writer, render(template!).Text!);
            default:
                // Beyond the life of the document that it is read from.
                var constant = value.Clone();
                return (writer, _) => constant.WriteTo(writer);
        }
    }

    private static void WriteText(Utf8JsonWriter writer, string text)
    {
        if (writer.BytesCommitted + writer.BytesPending + text.Length > JsonBytesMax)
            throw new TemplateException($"The json came out larger than {JsonBytesMax:N0} bytes.");
        writer.WriteStringValue(text);
    }

    [GeneratedRegex(@"^https://[A-Za-z0-9.-]+(:[0-9]{1,5})?/", RegexOptions.ExplicitCapture | RegexOptions.CultureInvariant, matchTimeoutMilliseconds: 1000)]
    private static partial Regex LiteralHost();
}
