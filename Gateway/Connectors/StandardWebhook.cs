using System.Security.Cryptography;
using System.Text;

namespace Orleans.Personalize.Gateway.Connectors;

/// <summary>
/// Symmetric signatures of Standard Webhooks, both ways (https://github.com/standard-webhooks/standard-webhooks/blob/main/spec/standard-webhooks.md).
/// </summary>
public static class StandardWebhook
{
    private const string SecretPrefix = "whsec_";
    public const string SecretForm = "must be whsec_ followed by 24 to 64 bytes in base64";

    private const int SecretBytesMin = 24;
    private const int SecretBytesMax = 64;

    /// <summary>The key of a secret in its form <c>whsec_</c> + base64 of 24 to 64 bytes; null for any other text.</summary>
    public static byte[]? Key(string? secret)
    {
        if (secret?.StartsWith(SecretPrefix, StringComparison.Ordinal) is not true)
            return null;
        Span<byte> bytes = stackalloc byte[SecretBytesMax];
        return Convert.TryFromBase64String(secret[SecretPrefix.Length..], bytes, out var length) && length >= SecretBytesMin
            ? bytes[..length].ToArray()
            : null;
    }

    /// <summary>
    /// The <c>webhook-signature</c> header: for each key <c>v1,</c> + base64 of HMAC-SHA256 over <c>{id}.{timestamp}.{body}</c>, separated by
    /// spaces, so that a receiver may still know only the old key while secrets change.
    /// </summary>
    /// <param name="id">Holds no full stop, so that no other split of the signed text is possible.</param>
    /// <param name="timestamp">Unix seconds of the attempt.</param>
    public static string Sign(string id, long timestamp, ReadOnlySpan<byte> body, IReadOnlyList<byte[]> keys)
    {
        byte[] signed = [.. Encoding.UTF8.GetBytes($"{id}.{timestamp}."), .. body];
        return string.Join(' ', keys.Select(key => $"v1,{Convert.ToBase64String(HMACSHA256.HashData(key, signed))}"));
    }
}
