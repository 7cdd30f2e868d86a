using System.Text.Json;

namespace Orleans.Personalize.Gateway.Connectors;

/// <summary>A source as its document in the registry says: see docs/connectors.md.</summary>
/// <param name="Id">Its events' <see cref="CustomerEvent.Source"/>.</param>
/// <param name="Type">Which <see cref="ISourceType"/> reads it.</param>
/// <param name="Secrets">Any of them proves that a request is the source's: while one is changed, the old and the new one.</param>
/// <param name="Mapping">Null where the type needs none.</param>
/// <param name="Document">The whole document, for what only its type knows.</param>
public sealed record Source(string Id, string Type, long Version, bool IsEnabled, int Priority, string[] Secrets, Mapping? Mapping, JsonElement Document)
{
    /// <summary>More are nobody's rotation.</summary>
    private const int SecretsMax = 8;

    private const int PriorityMax = 1_000;

    private static readonly string[] Members = ["id", "type", "name", "description", "secret", "secrets", "priority", "enabled", "mapping"];

    /// <summary>The source of a stored document; null for one that no longer makes sense.</summary>
    public static Source? Of(RegistryDocument stored)
    {
        using var json = JsonDocument.Parse(stored.Document.Utf8);
        var errors = new List<DocumentError>();
        return Read(stored.Id, stored.Version, new(json.RootElement.Clone(), "", errors), null, errors);
    }

    /// <summary>All that is wrong with a document.</summary>
    public static List<DocumentError> Validate(string id, JsonElement document, IEnumerable<ISourceType> types)
    {
        var errors = new List<DocumentError>();
        var fields = new DocumentFields(document, "", errors);
        if (!fields.IsObject)
            return [new("", "must be an object")];
        var name = fields.Text("type");
        var known = types.ToDictionary(static type => type.Flow.Type, StringComparer.Ordinal);
        if (name is null || !known.TryGetValue(name, out var type))
            return [new("/type", $"must be one of {string.Join(", ", known.Keys.Order(StringComparer.Ordinal))}")];
        _ = Read(id, 0, fields, type, errors);
        return errors;
    }

    /// <summary>The origin of what comes in now.</summary>
    public Origin OriginAt(DateTimeOffset receivedAt) => new(Id, receivedAt) { Priority = Priority };

    /// <param name="type">Null where the document was checked before.</param>
    private static Source? Read(string id, long version, DocumentFields fields, ISourceType? type, List<DocumentError> errors)
    {
        var members = type is null ? null : (IReadOnlyCollection<string>)[.. Members, .. type.Members];
        if (members is not null)
            fields.IsObjectOf(members);
        if (fields.Member("secret") is not null && fields.Member("secrets") is not null)
            fields.Fail("/secrets", "stands beside secret: one of them says it all");
        _ = fields.Text("name");
        _ = fields.Text("description", 1024);
        var source = new Source(
            id,
            fields.Text("type") ?? "",
            version,
            fields.Flag("enabled") ?? true,
            fields.Whole("priority", 0, PriorityMax) ?? 0,
            ReadSecrets(fields),
            fields.Member("mapping") is { } mapping ? Mapping.Parse(mapping, GivenOf(fields, type)) : null,
            fields.Element);
        type?.Validate(source, fields);
        return errors.Count == 0 ? source : null;
    }

    /// <summary>Once stored, what a mapping may leave out was settled.</summary>
    private static string[] GivenOf(DocumentFields fields, ISourceType? type) => type is null ? ["customer", "name"] : type.Given(fields);

    private static string[] ReadSecrets(DocumentFields fields)
    {
        if ((fields.Member("secrets") ?? fields.Member("secret")) is not { } member)
            return [];
        DocumentFields[] items = [.. member.Items()];
        if (items.Length is 0 or > SecretsMax)
            member.Fail("", $"must hold 1 to {SecretsMax} secrets");
        foreach (var item in items.Where(static item => !IsSecret(item.Element)))
            item.Fail("", "must be a text of 1 to 1024 characters");
        return [.. items.Where(static item => IsSecret(item.Element)).Select(static item => item.Element.GetString()!)];
    }

    private static bool IsSecret(JsonElement secret) => secret.ValueKind == JsonValueKind.String && secret.GetString() is { Length: > 0 and <= 1024 };
}

/// <summary>A kind of source: what its document must hold, and what docs/data-flows.md says of it.</summary>
public interface ISourceType
{
    DataFlow Flow { get; }

    /// <summary>The members of the document besides those that all sources have.</summary>
    IReadOnlyCollection<string> Members { get; }

    /// <summary>Which of <c>customer</c> and <c>name</c> a mapping may leave out, because the transport knows them.</summary>
    string[] Given(DocumentFields document) => [];

    /// <summary>Notes what is wrong with what only this type knows: its own members, whether it needs a secret or a mapping.</summary>
    void Validate(Source source, DocumentFields document);
}

/// <summary>The rule by which the registry checks sources.</summary>
internal sealed class SourceRule(IEnumerable<ISourceType> types) : IDocumentRule
{
    public string Kind => RegistryKind.Source;

    public IReadOnlyCollection<DocumentError> Validate(string id, JsonElement document) => Source.Validate(id, document, types);
}
