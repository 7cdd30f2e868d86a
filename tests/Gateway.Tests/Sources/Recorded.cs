using System.Security.Cryptography;
using System.Text;
using System.Text.Json;
using Microsoft.AspNetCore.Http;
using Orleans.Personalize.Gateway.Connectors;

namespace Orleans.Personalize.Tests.Sources;

/// <summary>A request of a source in the folder Fixtures: what the providers' public documentation shows, with our own names and numbers.</summary>
internal sealed record Recorded(string Type, string Name, (string Name, string Value)[] Headers, byte[] Body)
{
    public const string Secret = "a secret of the tests", StandardSecret = "whsec_MfKQ9r8GKYqrTwjUPD8ILPZIo2LaLaSw";

    /// <summary>When the requests were received.</summary>
    public static readonly DateTimeOffset Noon = new(2026, 1, 31, 12, 0, 0, TimeSpan.Zero);

    private static readonly RSA Adobe = RSA.Create(2048);

    private static readonly Recorded[] Files =
    [
        .. Directory.GetFiles(Path.Combine(AppContext.BaseDirectory, "Fixtures"), "*.http", SearchOption.AllDirectories).Order(StringComparer.Ordinal).Select(Load),
    ];

    public static IEnumerable<Recorded> All => Files;

    public static IEnumerable<string> Types => Files.Select(static one => one.Type).Distinct(StringComparer.Ordinal);

    public static Recorded Of(string type, string name) => Files.Single(one => one.Type == type && one.Name == name);

    /// <summary>The document of a source that takes these requests.</summary>
    public static string Document(string type, params string[] secrets)
    {
        var document = new Dictionary<string, object> { ["type"] = type, ["priority"] = 10 };
        if (type == "magento")
            document.Add("publicKeys", Adobe.ExportSubjectPublicKeyInfoPem());
        else if (secrets.Length > 0)
            document.Add("secrets", secrets);
        else
            document.Add("secret", type == "standard-webhooks" ? StandardSecret : Secret);
        if (type == "json")
        {
            document.Add("signature", new { header = "X-Signature", prefix = "sha256=", timestampHeader = "X-Timestamp", tolerance = 300 });
            document.Add("mapping", JsonElement.Parse("""
                {
                  "each": "/bookings", "customer": {"from": "/guest/mail", "type": "email", "prefix": "email:"}, "messageId": {"join": ["/no", "/state"]},
                  "name": {"from": "/state", "map": {"CONFIRMED": "Order Completed", "CANCELLED": "Order Cancelled"}, "default": "Order Updated"},
                  "occurredAt": "/changed", "properties": {"order_id": "/no", "total": {"from": "/sum", "type": "number"}, "nights": {"from": "/nights", "type": "integer", "default": 1}},
                  "consent": {"email": "/guest/newsletter"}, "identities": {"phone": "/guest/phone"}
                }
                """));
        }

        return JsonSerializer.Serialize(document);
    }

    public static Source Source(string type, string? json = null) => Gateway.Connectors.Source.Of(
        new RegistryDocument(RegistryKind.Source, type, 1, Noon, JsonText.FromString(json ?? Document(type))))!;

    public static IConnector Connector(string type) => DataFlows.Connectors.Single(one => one.Flow.Type == type);

    /// <summary>The request as its source would sign it.</summary>
    public Recorded Sign(DateTimeOffset? at = null, string? secret = null)
    {
        var now = at ?? Noon;
        var seconds = now.ToUnixTimeSeconds().ToString();
        var key = Encoding.UTF8.GetBytes(secret ?? Secret);
        switch (Type)
        {
            case "segment":
                return With("x-signature", Convert.ToHexStringLower(Signatures.Hmac(HashAlgorithmName.SHA1, key, Body)));
            case "shopify":
                return With("X-Shopify-Hmac-SHA256", Convert.ToBase64String(HMACSHA256.HashData(key, Body)));
            case "woocommerce":
                return Name == "ping" ? this : With("X-WC-Webhook-Signature", Convert.ToBase64String(HMACSHA256.HashData(key, Body)));
            case "klaviyo":
                var timestamp = Headers.Single(static header => header.Name == "Klaviyo-Timestamp").Value;
                return With("Klaviyo-Signature", Convert.ToHexStringLower(HMACSHA256.HashData(key, (byte[])[.. Body, .. Encoding.ASCII.GetBytes(timestamp)])));
            case "json":
                return With("X-Timestamp", seconds)
                    .With("X-Signature", "sha256=" + Convert.ToHexStringLower(HMACSHA256.HashData(key, (byte[])[.. Encoding.ASCII.GetBytes(seconds + "."), .. Body])));
            case "standard-webhooks":
                var id = Headers.Single(static header => header.Name == "webhook-id").Value;
                return With("webhook-timestamp", seconds)
                    .With("webhook-signature", StandardWebhook.Sign(id, now.ToUnixTimeSeconds(), Body, [StandardWebhook.Key(secret ?? StandardSecret)!]));
            case "magento":
                return Name.StartsWith("io.", StringComparison.Ordinal)
                    ? With("x-adobe-digital-signature-2", Rsa(Body)).With("x-adobe-digital-signature-1", Convert.ToBase64String(new byte[256]))
                    : With("x-adobe-commerce-webhook-signature", Rsa(Encoding.ASCII.GetBytes(Convert.ToBase64String(Body))));
            default:
                return With("Authorization", $"Bearer {secret ?? Secret}");
        }
    }

    public Recorded With(string name, string? value) => this with
    {
        Headers = [.. Headers.Where(header => !header.Name.Equals(name, StringComparison.OrdinalIgnoreCase)), .. value is null ? [] : new[] { (name, value) }],
    };

    /// <summary>The same with another body, not signed.</summary>
    public Recorded With(string body) => this with { Body = Encoding.UTF8.GetBytes(body) };

    public Delivery Deliver(DateTimeOffset? at = null)
    {
        var headers = new HeaderDictionary();
        foreach (var (name, value) in Headers)
            headers[name] = value;
        return new Delivery(headers, Body, at ?? Noon);
    }

    public HttpRequestMessage Request(string path)
    {
        var request = new HttpRequestMessage(HttpMethod.Post, path) { Content = new ByteArrayContent(Body) };
        foreach (var (name, value) in Headers)
        {
            if (!request.Headers.TryAddWithoutValidation(name, value))
                request.Content.Headers.TryAddWithoutValidation(name, value);
        }

        return request;
    }

    /// <summary>What a connector makes of the signed request.</summary>
    public Inflow Parse()
    {
        var (connector, source, delivery) = (Connector(Type), Source(Type), Sign().Deliver());
        Assert.Equal(Proof.Valid, connector.Verify(delivery, source));
        return connector.Parse(delivery, source);
    }

    public override string ToString() => $"{Type}/{Name}";

    private static string Rsa(byte[] signed) => Convert.ToBase64String(Adobe.SignData(signed, HashAlgorithmName.SHA256, RSASignaturePadding.Pkcs1));

    private static Recorded Load(string path)
    {
        var text = File.ReadAllText(path);
        var end = text.IndexOf("\n\n", StringComparison.Ordinal);
        return new(
            Path.GetFileName(Path.GetDirectoryName(path))!,
            Path.GetFileNameWithoutExtension(path),
            [.. text[..end].Split('\n').Select(static line => line.Split(": ", 2)).Select(static pair => (pair[0], pair[1]))],
            Encoding.UTF8.GetBytes(text[(end + 2)..].TrimEnd('\n')));
    }
}
