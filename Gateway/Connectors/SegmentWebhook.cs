using System.Runtime.InteropServices;
using System.Security.Cryptography;
using System.Text.Json;
using Microsoft.AspNetCore.Http;
using Orleans.Personalize.Gateway.Api;

namespace Orleans.Personalize.Gateway.Connectors;

/// <summary>
/// Segment's webhook destination (https://segment.com/docs/connections/destinations/catalog/webhooks/): calls of Segment's spec, signed with the
/// shared secret of the destination.
/// </summary>
internal sealed class SegmentWebhook : IConnector
{
    /// <summary>Hex of HMAC-SHA1 over the body.</summary>
    public const string SignatureHeader = "x-signature";

    public DataFlow Flow { get; } = new(
        "segment",
        "POST /v1/webhooks/{workspace}/{source}",
        "`x-signature`: hex HMAC-SHA1 of the body",
        "[Segment's spec](https://segment.com/docs/connections/spec/), one call or `{\"batch\": […]}`",
        "as it happens; Segment repeats for four hours what was not answered with 2xx",
        "as the Segment API's",
        ["what the calls say"]);

    public IReadOnlyCollection<string> Members => [];

    public void Validate(Source source, DocumentFields document)
    {
        Signatures.RequireSecret(source, document);
        if (source.Mapping is not null)
            document.Fail("/mapping", "is not used here: the format says what an event is");
    }

    public Proof Verify(Delivery delivery, Source source) => Signatures.OfBody(delivery, source, SignatureHeader, HashAlgorithmName.SHA1, Signatures.Hex);

    public Inflow Parse(Delivery delivery, Source source)
    {
        RequestBody.RequireObject(delivery.Body.Span);
        using var document = delivery.Parse();
        var envelope = new SegmentEnvelope { ReceivedAt = delivery.ReceivedAt };
        if (!document.RootElement.TryGetProperty("batch", out var batch))
            return new([ParseOne(document.RootElement, envelope, source)]);
        if (batch.ValueKind != JsonValueKind.Array)
            throw new BadHttpRequestException("/batch must be an array.");
        if (batch.GetArrayLength() > Limits.SegmentEventsMax)
            throw new BadHttpRequestException($"/batch holds more than {Limits.SegmentEventsMax} elements.", 413);
        var sentAt = document.RootElement.TryGetProperty("sentAt", out var sent) ? EventFields.TimeOrNull(JsonMarshal.GetRawUtf8Value(sent)) : null;
        return new([.. batch.EnumerateArray().Select(one => ParseOne(one, envelope with { SentAt = sentAt }, source))]);
    }

    public List<ParsedEvent> Read(JsonElement item, Origin origin, Source source) => [ParseOne(item, new SegmentEnvelope { ReceivedAt = origin.ReceivedAt }, source)];

    private static ParsedEvent ParseOne(JsonElement json, SegmentEnvelope envelope, Source source)
    {
        var raw = JsonMarshal.GetRawUtf8Value(json);
        var parsed = SegmentConnector.Parse(raw, envelope);
        return parsed.Event is { } happened
            ? parsed with { Event = source.OriginAt(happened.ReceivedAt).Mark(happened) }
            : parsed with { Raw = SegmentRequest.Whole(raw.Trim(" \t\r\n"u8), envelope).Utf8, Origin = source.OriginAt(envelope.ReceivedAt!.Value) };
    }
}
