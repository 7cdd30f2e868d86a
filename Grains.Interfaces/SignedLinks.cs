using System.Buffers.Text;
using System.Security.Cryptography;
using System.Text;

namespace Orleans.Personalize;

/// <summary>What a token is good for. One made for one purpose is none for another. Numbers are stored in links: they never change.</summary>
public enum LinkPurpose
{
    Unsubscribe = 1,
    Preferences = 2,
    /// <summary>Names a send to a provider, which returns it with what it reports of the send.</summary>
    Reference = 3,
    Content = 4,
}

/// <summary>What a token says. No text is longer than <see cref="SignedLinks.TextLengthMax"/>.</summary>
/// <param name="Channel">Such as <c>email</c>.</param>
/// <param name="Topic">The topic's id without its channel, such as <c>offers</c>; null for the whole channel.</param>
/// <param name="Slot">Which content, for links to content.</param>
public sealed record LinkClaims(
    string Workspace, string Customer, string? Channel = null, string? Topic = null, string? DecisionId = null, string? Slot = null)
{
    /// <summary>The name under which a profile keeps the consent: <c>email/offers</c>, or <c>email</c> for the whole channel.</summary>
    public string? ConsentName => Topic is null ? Channel : $"{Channel}/{Topic}";
}

/// <summary>
/// Makes and checks the links that stand in mails. A token is base64url of: version 1, key id (1 byte), nonce (12), the encrypted expiry and claims,
/// tag (16). AES-256-GCM makes it hard to forge and hides whom it names, since customer ids may be e-mail addresses. The nonce is the start of a keyed
/// hash of what is encrypted, so that the same claims always give the same link and no nonce serves two texts.
/// </summary>
public sealed class SignedLinks
{
    /// <summary>The shortest key, in bytes.</summary>
    public const int KeyBytesMin = 32;

    /// <summary>UTF-16 code units of a claim, as of a customer id.</summary>
    public const int TextLengthMax = CustomerKey.CustomerIdLengthMax;

    /// <summary>No token is longer: six claims of the greatest length, of which none has more than three bytes a code unit.</summary>
    public const int TokenLengthMax = 8 * 1024;

    private const byte Version = 1;
    private const int HeaderBytes = 2;
    private const int NonceBytes = 12;
    private const int TagBytes = 16;

    private readonly Uri root;
    private readonly Key[] keys;
    private readonly TimeProvider clock;

    /// <param name="publicUrl">Where recipients reach this installation: absolute, http or https.</param>
    /// <param name="secrets">The first makes tokens, all of them read: to change the key put a new one before it, and drop the old one when no mail
    /// that carries it matters any more.</param>
    /// <param name="clock">For what expires.</param>
    public SignedLinks(Uri publicUrl, IReadOnlyCollection<byte[]> secrets, TimeProvider clock)
    {
        if (secrets.Count == 0 || secrets.Any(static secret => secret.Length < KeyBytesMin))
            throw new ArgumentException($"There must be a key, and each must have {KeyBytesMin} bytes or more.", nameof(secrets));
        root = new Uri(publicUrl.AbsoluteUri.TrimEnd('/') + "/");
        keys = [.. secrets.Select(Key.Of)];
        this.clock = clock;
    }

    /// <summary>Where one click unsubscribes (RFC 8058), and a visit shows a page that asks: for <c>List-Unsubscribe</c> and for a link in the mail.</summary>
    /// <param name="topic">Null unsubscribes from the channel.</param>
    public Uri Unsubscribe(string workspace, string customer, string channel, string? topic, string? decisionId) =>
        Url($"u/{Seal(LinkPurpose.Unsubscribe, new(workspace, customer, channel, topic, decisionId))}");

    /// <summary>The page on which a customer chooses topics.</summary>
    public Uri Preferences(string workspace, string customer, string? decisionId = null) =>
        Url($"p/{Seal(LinkPurpose.Preferences, new(workspace, customer, DecisionId: decisionId))}");

    /// <summary>What a provider may know of a send: not whose it is.</summary>
    public string Reference(string workspace, string customer, string decisionId) =>
        Seal(LinkPurpose.Reference, new(workspace, customer, DecisionId: decisionId));

    /// <summary>What a slot shows to a customer, now and whenever it is looked at: html, or with <c>.json</c> or <c>.png</c> behind it the other forms.</summary>
    public Uri Content(string workspace, string customer, string slot) =>
        Url($"c/{Seal(LinkPurpose.Content, new(workspace, customer, Slot: slot))}");

    /// <param name="path">Relative to the public address, without a slash before it.</param>
    public Uri Url(string path) => new(root, path);

    /// <param name="expiresAt">To the second; null for ever.</param>
    /// <exception cref="ArgumentException">A claim is too long.</exception>
    public string Seal(LinkPurpose purpose, LinkClaims claims, DateTimeOffset? expiresAt = null)
    {
        var key = keys[0];
        var text = Write(claims, expiresAt);
        var header = Header(key, purpose);
        var token = new byte[HeaderBytes + NonceBytes + text.Length + TagBytes];
        header.AsSpan(0, HeaderBytes).CopyTo(token);
        var nonce = token.AsSpan(HeaderBytes, NonceBytes);
        byte[] whole = [.. header, .. text];
        HMACSHA256.HashData(key.Nonce, whole).AsSpan(0, NonceBytes).CopyTo(nonce);
        using var cipher = new AesGcm(key.Cipher, TagBytes);
        cipher.Encrypt(nonce, text, token.AsSpan(HeaderBytes + NonceBytes, text.Length), token.AsSpan(token.Length - TagBytes), header);
        return Base64Url.EncodeToString(token);
    }

    /// <summary>What a token says; null for one that is not of this installation, for another purpose, altered or expired.</summary>
    public LinkClaims? Open(string? token, LinkPurpose purpose)
    {
        if (token is not { Length: > 0 and <= TokenLengthMax } || !Base64Url.IsValid(token))
            return null;
        var bytes = Base64Url.DecodeFromChars(token);
        // Only the one way to write it: padding, white space or unused bits would be other links to the same thing.
        if (bytes.Length <= HeaderBytes + NonceBytes + TagBytes || bytes[0] != Version || Base64Url.EncodeToString(bytes) != token)
            return null;
        return keys.Where(key => key.Id == bytes[1]).Select(key => Open(bytes, key, purpose)).FirstOrDefault(static claims => claims is not null);
    }

    private LinkClaims? Open(byte[] token, Key key, LinkPurpose purpose)
    {
        var text = new byte[token.Length - HeaderBytes - NonceBytes - TagBytes];
        using var cipher = new AesGcm(key.Cipher, TagBytes);
        try
        {
            cipher.Decrypt(
                token.AsSpan(HeaderBytes, NonceBytes), token.AsSpan(HeaderBytes + NonceBytes, text.Length), token.AsSpan(token.Length - TagBytes), text,
                Header(key, purpose));
        }
        catch (AuthenticationTagMismatchException)
        {
            return null;
        }
        return Read(text);
    }

    /// <summary>The purpose is authenticated without being told.</summary>
    private static byte[] Header(Key key, LinkPurpose purpose) => [Version, key.Id, (byte)purpose];

    private static byte[] Write(LinkClaims claims, DateTimeOffset? expiresAt)
    {
        using var text = new MemoryStream();
        using var writer = new BinaryWriter(text);
        writer.Write7BitEncodedInt64(expiresAt?.ToUnixTimeSeconds() ?? 0);
        foreach (var claim in (ReadOnlySpan<string?>)[claims.Workspace, claims.Customer, claims.Channel, claims.Topic, claims.DecisionId, claims.Slot])
        {
            if (claim?.Length > TextLengthMax)
                throw new ArgumentException($"A claim has more than {TextLengthMax} characters.", nameof(claims));
            writer.Write(claim ?? "");
        }
        return text.ToArray();
    }

    private LinkClaims? Read(byte[] text)
    {
        using var reader = new BinaryReader(new MemoryStream(text), Encoding.UTF8);
        var expiresAt = reader.Read7BitEncodedInt64();
        if (expiresAt != 0 && expiresAt <= clock.GetUtcNow().ToUnixTimeSeconds())
            return null;
        return new(reader.ReadString(), reader.ReadString(), Next(), Next(), Next(), Next());

        string? Next() => reader.ReadString() is { Length: > 0 } claim ? claim : null;
    }

    /// <param name="Id">Which key made a token, so that a changed key costs no second try. Two keys may share one.</param>
    private sealed record Key(byte Id, byte[] Cipher, byte[] Nonce)
    {
        public static Key Of(byte[] secret) => new(Derive(secret, "id", 1)[0], Derive(secret, "cipher", 32), Derive(secret, "nonce", 32));

        /// <summary>HKDF (RFC 5869), so that no two uses share a key.</summary>
        private static byte[] Derive(byte[] secret, string use, int bytes) =>
            HKDF.DeriveKey(HashAlgorithmName.SHA256, secret, bytes, info: Encoding.UTF8.GetBytes($"orleans-personalize/links/{use}"));
    }
}
