using System.Diagnostics.CodeAnalysis;
using System.Globalization;
using System.Security.Cryptography;
using System.Text;

namespace Orleans.Personalize.Gateway.Connectors;

/// <summary>Checks of signatures, in time that does not depend on how much of one is right.</summary>
internal static class Signatures
{
    /// <summary>Whether the signature is the HMAC of the text under one of the secrets.</summary>
    /// <param name="given">Null where what was sent is no signature.</param>
    public static bool IsHmac(HashAlgorithmName algorithm, IEnumerable<byte[]> keys, ReadOnlySpan<byte> signed, byte[]? given)
    {
        if (given is null)
            return false;
        var found = false;
        foreach (var key in keys)
            found |= CryptographicOperations.FixedTimeEquals(Hmac(algorithm, key, signed), given);
        return found;
    }

    /// <summary>What a header proves that holds the HMAC of the body under one of the source's secrets.</summary>
    /// <param name="decode">Null for a text that is no signature.</param>
    public static Proof OfBody(Delivery delivery, Source source, string header, HashAlgorithmName algorithm, Func<string, byte[]?> decode) =>
        delivery.Header(header) is not { } signature ? Proof.Missing
        : IsHmac(algorithm, Keys(source), delivery.Body.Span, decode(signature)) ? Proof.Valid
        : Proof.Wrong;

    [SuppressMessage("Security", "CA5350", Justification = "The formats are the providers', and HMAC does not rest on SHA-1's resistance to collisions.")]
    public static byte[] Hmac(HashAlgorithmName algorithm, byte[] key, ReadOnlySpan<byte> signed) => algorithm.Name switch
    {
        "SHA1" => HMACSHA1.HashData(key, signed),
        "SHA512" => HMACSHA512.HashData(key, signed),
        _ => HMACSHA256.HashData(key, signed),
    };

    public static IEnumerable<byte[]> Keys(Source source) => source.Secrets.Select(Encoding.UTF8.GetBytes);

    public static byte[]? Hex(string text)
    {
        try
        {
            return Convert.FromHexString(text);
        }
        catch (FormatException)
        {
            return null;
        }
    }

    public static byte[]? Base64(string text)
    {
        var bytes = new byte[text.Length];
        return Convert.TryFromBase64String(text, bytes, out var length) ? bytes[..length] : null;
    }

    /// <summary>Whether two texts are the same.</summary>
    public static bool IsSame(string given, IEnumerable<string> secrets)
    {
        var hash = SHA256.HashData(Encoding.UTF8.GetBytes(given));
        var found = false;
        foreach (var secret in secrets)
            found |= CryptographicOperations.FixedTimeEquals(SHA256.HashData(Encoding.UTF8.GetBytes(secret)), hash);
        return found;
    }

    /// <summary>Whether a text of RSA-SHA256 (PKCS #1) signature is of the text under one of the public keys.</summary>
    /// <param name="keys">PEM.</param>
    public static bool IsRsa(IEnumerable<string> keys, ReadOnlySpan<byte> signed, byte[]? given)
    {
        if (given is null)
            return false;
        foreach (var key in keys)
        {
            using var rsa = PublicKey(key);
            if (rsa?.VerifyData(signed, given, HashAlgorithmName.SHA256, RSASignaturePadding.Pkcs1) is true)
                return true;
        }

        return false;
    }

    /// <summary>Null where the text is no PEM of an RSA key.</summary>
    public static RSA? PublicKey(string pem)
    {
        var rsa = RSA.Create();
        try
        {
            rsa.ImportFromPem(pem);
            return rsa;
        }
        catch (Exception unusable) when (unusable is ArgumentException or CryptographicException)
        {
            rsa.Dispose();
            return null;
        }
    }

    /// <summary>Seconds since 1970; null where the text is none.</summary>
    public static DateTimeOffset? UnixSeconds(string? text) =>
        long.TryParse(text, NumberStyles.None, CultureInfo.InvariantCulture, out var seconds) && seconds <= 253_402_300_799
            ? DateTimeOffset.FromUnixTimeSeconds(seconds)
            : null;

    public static bool IsFresh(DateTimeOffset? at, DateTimeOffset now, TimeSpan tolerance) => at is { } time && (now - time).Duration() <= tolerance;

    /// <summary>Notes the lack of a secret.</summary>
    public static void RequireSecret(Source source, DocumentFields document)
    {
        if (source.Secrets.Length == 0)
            document.Fail("/secret", "is missing: what signs the source's requests");
    }
}
