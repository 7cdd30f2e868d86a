using System.Security.Claims;
using System.Security.Cryptography;
using System.Text;
using System.Text.Json;
using System.Text.Json.Serialization;

namespace Orleans.Personalize.Gateway.Security;

/// <summary>What is stored of a key: never the key, only the SHA-256 of it, which is enough for 256 random bits.</summary>
/// <param name="Hash">In hex.</param>
internal sealed record KeyDocument(string Name, string Role, string Workspace, string Hash, DateTimeOffset CreatedAt)
{
    public JsonText ToJson() => new(JsonSerializer.SerializeToUtf8Bytes(this, KeyJson.Default.KeyDocument));

    public static KeyDocument? FromJson(JsonText json) => JsonSerializer.Deserialize(json.Span, KeyJson.Default.KeyDocument);
}

[JsonSourceGenerationOptions(JsonSerializerDefaults.Web)]
[JsonSerializable(typeof(KeyDocument))]
internal sealed partial class KeyJson : JsonSerializerContext;

/// <summary>A key as its owner holds it: <c>pk_{id}_{secret}</c>, the id 64 and the secret 256 random bits in lower-case hex.</summary>
internal static class ApiKey
{
    private const string Prefix = "pk_";

    public static (string Id, string Key) Create()
    {
        var id = Convert.ToHexStringLower(RandomNumberGenerator.GetBytes(8));
        return (id, $"{Prefix}{id}_{Convert.ToHexStringLower(RandomNumberGenerator.GetBytes(32))}");
    }

    /// <summary>The id within a key; empty where the text does not look like one.</summary>
    public static string IdOf(string key)
    {
        var end = key.StartsWith(Prefix, StringComparison.Ordinal) ? key.IndexOf('_', Prefix.Length) : -1;
        return end < 0 ? "" : key[Prefix.Length..end];
    }

    public static byte[] Hash(string key) => SHA256.HashData(Encoding.UTF8.GetBytes(key));

    public static ClaimsPrincipal Principal(string id, string role, string workspace) =>
        new(new ClaimsIdentity(
            [new(ClaimTypes.NameIdentifier, id), new(ClaimTypes.Role, role), new(Caller.WorkspaceClaim, workspace)],
            KeyAuthentication.SchemeName));
}

internal static class Caller
{
    public const string WorkspaceClaim = "workspace";

    /// <summary>The workspace of an authenticated caller.</summary>
    public static string Workspace(this ClaimsPrincipal user) => user.FindFirstValue(WorkspaceClaim)
        ?? throw new InvalidOperationException("The endpoint lets anonymous callers in.");

    /// <summary>The id of the key that an authenticated caller holds.</summary>
    public static string KeyId(this ClaimsPrincipal user) => user.FindFirstValue(ClaimTypes.NameIdentifier) ?? "none";

    public static string Role(this ClaimsPrincipal user) => user.FindFirstValue(ClaimTypes.Role) ?? "none";
}
