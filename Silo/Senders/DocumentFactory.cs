using System.Text.Json;
using Orleans.Personalize.Engine;
using Orleans.Personalize.Sending;

namespace Orleans.Personalize.Senders;

/// <summary>A factory whose documents are read once into settings, with every fault noted on the way.</summary>
/// <param name="members">What the documents have beside the terms of all senders.</param>
internal abstract class DocumentFactory<TSettings>(string type, bool deduplicates, params string[] members) : ISenderFactory
{
    public string Type => type;

    public bool Deduplicates => deduplicates;

    public IReadOnlyList<DocumentError> Validate(JsonElement document) => Read(document).Errors;

    /// <exception cref="ArgumentException">The document is not valid, or no longer since private targets are not allowed.</exception>
    public ISender Create(string workspace, string senderId, JsonElement document)
    {
        var (errors, settings) = Read(document);
        return errors.Count == 0
            ? Create(settings!)
            : throw new ArgumentException($"Sender '{senderId}' is not valid: {errors[0].Pointer}: {errors[0].Detail}", nameof(document));
    }

    /// <summary>The settings; of no use where a fault was noted.</summary>
    protected abstract TSettings Read(DocumentReader document);

    protected abstract ISender Create(TSettings settings);

    /// <summary>A text that is required and goes into headers or addresses: printable ASCII.</summary>
    protected static string Required(DocumentReader document, string name, int lengthMax = 256)
    {
        if (document.Text(name) is { Length: > 0 } text && text.Length <= lengthMax && text.All(char.IsAscii) && !text.Any(char.IsControl))
            return text;
        document.Fail($"/{name}", $"must be a text of 1 to {lengthMax} printable ASCII characters");
        return "";
    }

    /// <summary>As <see cref="Required"/>; null where it is absent.</summary>
    protected static string? Optional(DocumentReader document, string name, int lengthMax = 256) =>
        document.Member(name) is null ? null : Required(document, name, lengthMax);

    /// <summary>
    /// The keys by which the gateway knows that what the provider reports comes from there; no sender needs them. Several while they are changed.
    /// </summary>
    protected static void CheckWebhookKeys(DocumentReader document)
    {
        var key = document.Member("webhookKey");
        foreach (var each in key is null ? [] : key.Kind == JsonValueKind.Array ? key.Items() : [key])
        {
            if (each.AsText() is not { Length: > 0 })
                each.Fail("", "must be a text, or an array of texts while the key is changed");
        }
    }

    private (IReadOnlyList<DocumentError> Errors, TSettings? Settings) Read(JsonElement json)
    {
        var errors = new List<DocumentError>();
        var document = new DocumentReader(json, "", errors);
        return SenderTerms.Read(document, this, members) is null ? (errors, default) : (errors, Read(document));
    }
}
