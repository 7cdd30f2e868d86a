using System.Text.Json.Nodes;

namespace Orleans.Personalize.Gateway.Security;

/// <summary>Hides the secrets in documents from everyone who reads them back.</summary>
internal static class DocumentSecrets
{
    public const string Hidden = "***";

    /// <summary>Whether documents of a kind hold secrets.</summary>
    public static bool AreIn(string kind) => kind is RegistryKind.Sender or RegistryKind.Source;

    /// <summary>How the names of secret members end, letter case aside: <c>secret</c>, <c>apiKey</c>, <c>accessToken</c>, …</summary>
    private static readonly string[] Endings = ["secret", "secrets", "password", "key", "token", "authorization"];

    /// <summary>Where fields of a source are named, which may well be called <c>cart_token</c>.</summary>
    private const string Mapping = "mapping";

    /// <summary>The document with the value of every secret member, at any depth, replaced.</summary>
    public static JsonText Mask(JsonText document)
    {
        var root = JsonNode.Parse(document.Span);
        foreach (var (parent, name, _) in Secrets(root, ""))
            parent[name] = Hidden;
        return root is null ? document : JsonText.FromString(root.ToJsonString());
    }

    /// <summary>The first secret that is a mask: a document was read, edited and put back without its secrets.</summary>
    public static DocumentError? FindMask(JsonNode? document) =>
        Secrets(document, "")
            .Where(secret => secret.Parent[secret.Name] is JsonValue value && value.TryGetValue(out string? text) && text == Hidden)
            .Select(secret => new DocumentError(secret.Pointer, "is masked; put the real secret"))
            .FirstOrDefault();

    /// <summary>Materialized, so that the caller may change the tree. The depth is bounded by what was let in.</summary>
    private static List<(JsonObject Parent, string Name, string Pointer)> Secrets(JsonNode? node, string pointer) => node switch
    {
        JsonObject parent => [.. parent.SelectMany(member => IsSecret(member.Key) && member.Value is not null
            ? [(parent, member.Key, pointer + Connectors.JsonDefects.Pointer(member.Key))]
            : member.Key == Mapping && pointer.Length == 0 ? [] : Secrets(member.Value, pointer + Connectors.JsonDefects.Pointer(member.Key)))],
        JsonArray array => [.. array.SelectMany((element, index) => Secrets(element, $"{pointer}/{index}"))],
        _ => [],
    };

    private static bool IsSecret(string name) => Endings.Any(ending => name.EndsWith(ending, StringComparison.OrdinalIgnoreCase));
}
