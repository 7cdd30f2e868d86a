using System.Security.Cryptography;
using System.Text;
using System.Runtime.InteropServices;
using System.Text.Json;

namespace Orleans.Personalize.Gateway.Connectors;

/// <summary>Standard Webhooks, symmetric (https://github.com/standard-webhooks/standard-webhooks/blob/main/spec/standard-webhooks.md).</summary>
internal sealed class StandardWebhooks : IConnector
{
    public const string IdHeader = "webhook-id", TimestampHeader = "webhook-timestamp", SignatureHeader = "webhook-signature";

    /// <summary>A sender that changes its secrets signs with two or three.</summary>
    private const int SignaturesMax = 16;

    public DataFlow Flow { get; } = new(
        "standard-webhooks",
        "POST /v1/webhooks/{workspace}/{source}",
        "`webhook-signature`: `v1,` base64 HMAC-SHA256 of `{id}.{timestamp}.{body}`, at most 5 minutes old",
        "[Standard Webhooks](https://www.standardwebhooks.com): `{type, timestamp, data}`",
        "as it happens; the senders repeat over days, under the same `webhook-id`",
        "`mapping` over the whole body, or `data` as an event of the native API; `type` is its name, `webhook-id` its id",
        ["what the types say"]);

    public IReadOnlyCollection<string> Members => [];

    public string[] Given(DocumentFields document) => ["name"];

    public void Validate(Source source, DocumentFields document)
    {
        Signatures.RequireSecret(source, document);
        if (source.Secrets.Any(static secret => StandardWebhook.Key(secret) is null))
            document.Fail(document.Member("secrets") is null ? "/secret" : "/secrets", StandardWebhook.SecretForm);
    }

    public Proof Verify(Delivery delivery, Source source)
    {
        if (delivery.Header(IdHeader) is not { } id || delivery.Header(TimestampHeader) is not { } timestamp || delivery.Header(SignatureHeader) is not { } signatures)
            return Proof.Missing;
        byte[] signed = [.. Encoding.UTF8.GetBytes($"{id}.{timestamp}."), .. delivery.Body.Span];
        byte[][] keys = [.. source.Secrets.Select(StandardWebhook.Key).OfType<byte[]>()];
        var isSigned = signatures.Split(' ', SignaturesMax + 1).Take(SignaturesMax).Any(signature =>
            signature.StartsWith("v1,", StringComparison.Ordinal)
            && Signatures.IsHmac(HashAlgorithmName.SHA256, keys, signed, Signatures.Base64(signature[3..])));
        return !isSigned ? Proof.Wrong
            : Signatures.IsFresh(Signatures.UnixSeconds(timestamp), delivery.ReceivedAt, IConnector.Tolerance) ? Proof.Valid
            : Proof.Stale;
    }

    public Inflow Parse(Delivery delivery, Source source)
    {
        using var document = delivery.ParseObject();
        var id = delivery.Header(IdHeader);
        return new(Read(document.RootElement, source.OriginAt(delivery.ReceivedAt) with { MessageId = Identities.IsId(id) ? id : null }, source));
    }

    public List<ParsedEvent> Read(JsonElement item, Origin origin, Source source)
    {
        if (item.ValueKind != JsonValueKind.Object)
            return [Mapping.Refused(new("", "must be an object"), item, origin)];
        origin = origin with
        {
            Name = MailEvent.Text(item, "type"),
            OccurredAt = item.TryGetProperty("timestamp", out var at) ? EventFields.TimeOrNull(JsonMarshal.GetRawUtf8Value(at)) : null,
        };
        return NativeData.Read(item, item.TryGetProperty("data", out var data) ? data : null, source, origin);
    }
}
