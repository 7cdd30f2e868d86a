using System.Security.Cryptography;
using System.Text;
using System.Text.Json;
using Microsoft.AspNetCore.Http;
using Orleans.Personalize.Gateway.Api;

namespace Orleans.Personalize.Gateway.Connectors;

/// <summary>Any JSON over HTTP, as the source's document says: how it is signed, and how it becomes events.</summary>
internal sealed class JsonWebhook : IConnector
{
    private const string Body = "{body}", Timestamp = "{timestamp}";

    private static readonly string[] SignatureMembers = ["header", "algorithm", "encoding", "prefix", "timestampHeader", "tolerance", "signed"];

    public DataFlow Flow { get; } = new(
        "json",
        "POST /v1/webhooks/{workspace}/{source}",
        "`signature`: an HMAC in a header, with or without a timestamp; without it the secret as Bearer, as the password of Basic, or in the header that `header` names",
        "any JSON object or array",
        "as the source sends",
        "`mapping`, which is required",
        ["what the mapping says"]);

    public IReadOnlyCollection<string> Members => ["signature", SharedSecret.HeaderMember];

    public void Validate(Source source, DocumentFields document)
    {
        Signatures.RequireSecret(source, document);
        SharedSecret.Validate(document);
        if (source.Mapping is null && document.Member("mapping") is null)
            document.Fail("/mapping", "is missing: how its JSON becomes events");
        if (document.Member("signature") is not { } signature || !signature.IsObjectOf(SignatureMembers))
            return;
        foreach (var name in (ReadOnlySpan<string>)["header", "timestampHeader"])
        {
            if (signature.Text(name) is { } header && !SharedSecret.IsHeaderName(header))
                signature.Fail($"/{name}", "must be the name of a header");
        }

        if (signature.Member("header") is null)
            signature.Fail("/header", "is missing: where the signature stands");
        _ = signature.OneOf("algorithm", "sha1", "sha256", "sha512");
        _ = signature.OneOf("encoding", "hex", "base64");
        _ = signature.Text("prefix");
        _ = signature.Whole("tolerance", 1, 86_400);
        var signed = signature.Text("signed");
        if (signed is not null && !signed.Contains(Body, StringComparison.Ordinal))
            signature.Fail("/signed", $"must hold {Body}");
        var isTimed = signature.Member("timestampHeader") is not null;
        if (signed is not null && isTimed != signed.Contains(Timestamp, StringComparison.Ordinal))
            signature.Fail("/signed", isTimed ? $"must hold {Timestamp}: a time that is not signed proves nothing" : $"holds {Timestamp}, which needs a timestampHeader");
        if (signature.Member("tolerance") is not null && !isTimed)
            signature.Fail("/tolerance", "needs a timestampHeader");
    }

    public Proof Verify(Delivery delivery, Source source)
    {
        if (!source.Document.TryGetProperty("signature", out var signature) || signature.ValueKind == JsonValueKind.Null)
            return SharedSecret.Verify(delivery, source);
        var timestampHeader = MailEvent.Text(signature, "timestampHeader");
        var timestamp = timestampHeader is null ? null : delivery.Header(timestampHeader);
        if (delivery.Header(MailEvent.Text(signature, "header")!) is not { } given || (timestampHeader is not null && timestamp is null))
            return Proof.Missing;
        var prefix = MailEvent.Text(signature, "prefix") ?? "";
        if (!given.StartsWith(prefix, StringComparison.OrdinalIgnoreCase))
            return Proof.Wrong;
        var algorithm = MailEvent.Text(signature, "algorithm") switch
        {
            "sha1" => HashAlgorithmName.SHA1,
            "sha512" => HashAlgorithmName.SHA512,
            _ => HashAlgorithmName.SHA256,
        };
        var decoded = MailEvent.Text(signature, "encoding") == "base64" ? Signatures.Base64(given[prefix.Length..]) : Signatures.Hex(given[prefix.Length..]);
        if (!Signatures.IsHmac(algorithm, Signatures.Keys(source), Signed(signature, timestamp, delivery.Body.Span), decoded))
            return Proof.Wrong;
        if (timestamp is null)
            return Proof.Valid;
        var tolerance = signature.TryGetProperty("tolerance", out var seconds) && seconds.TryGetInt32(out var whole) ? TimeSpan.FromSeconds(whole) : IConnector.Tolerance;
        var at = Signatures.UnixSeconds(timestamp) ?? EventFields.TimeOrNull(JsonObjects.String(timestamp).Span);
        return Signatures.IsFresh(at, delivery.ReceivedAt, tolerance) ? Proof.Valid : Proof.Stale;
    }

    public Inflow Parse(Delivery delivery, Source source)
    {
        using var document = delivery.Parse();
        if (document.RootElement.ValueKind is not (JsonValueKind.Object or JsonValueKind.Array))
            throw new BadHttpRequestException("The body must be a JSON object or array.");
        var events = source.Mapping!.Apply(document.RootElement, source.OriginAt(delivery.ReceivedAt));
        return events.Count <= Limits.EventsMax
            ? new(events)
            : throw new BadHttpRequestException($"The body holds more than {Limits.EventsMax} events.", StatusCodes.Status413PayloadTooLarge);
    }

    public List<ParsedEvent> Read(JsonElement item, Origin origin, Source source) => [source.Mapping!.ApplyTo(item, origin)];

    private static byte[] Signed(JsonElement signature, string? timestamp, ReadOnlySpan<byte> body)
    {
        var text = MailEvent.Text(signature, "signed") ?? (timestamp is null ? Body : $"{Timestamp}.{Body}");
        var at = text.IndexOf(Body, StringComparison.Ordinal);
        return [.. Bytes(text[..at]), .. body, .. Bytes(text[(at + Body.Length)..])];

        byte[] Bytes(string part) => Encoding.UTF8.GetBytes(part.Replace(Timestamp, timestamp, StringComparison.Ordinal));
    }
}
