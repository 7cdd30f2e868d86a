using System.Buffers.Binary;
using System.Security.Cryptography;
using System.Text;

namespace Orleans.Personalize.Engine;

/// <summary>
/// The identity of a decision: the first 128 bits, in hex, of the SHA-256 over (workspace/customer, trigger, key, message id of the event that armed
/// it), each as its UTF-8 length in four bytes (−1 for no key) and its bytes. The same decision has the same id wherever and however often
/// it is taken, and the provider gets it as the idempotency key.
/// </summary>
public static class DecisionId
{
    public static string Of(CustomerKey customer, string trigger, string? key, string armedBy)
    {
        using var hash = IncrementalHash.CreateHash(HashAlgorithmName.SHA256);
        foreach (var part in (ReadOnlySpan<string?>)[customer.ToString(), trigger, key, armedBy])
            Append(hash, part);
        Span<byte> digest = stackalloc byte[SHA256.HashSizeInBytes];
        hash.GetHashAndReset(digest);
        return Convert.ToHexStringLower(digest[..16]);
    }

    private static void Append(IncrementalHash hash, string? part)
    {
        var bytes = part is null ? [] : Encoding.UTF8.GetBytes(part);
        Span<byte> length = stackalloc byte[4];
        BinaryPrimitives.WriteInt32LittleEndian(length, part is null ? -1 : bytes.Length);
        hash.AppendData(length);
        hash.AppendData(bytes);
    }
}
