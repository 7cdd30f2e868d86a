using System.Buffers;
using System.Runtime.InteropServices;
using System.Text;
using System.Text.Json;
using Microsoft.AspNetCore.Http;
using Orleans.Personalize.Gateway.Api;

namespace Orleans.Personalize.Gateway.Connectors;

/// <summary>
/// CloudEvents 1.0 over HTTP, binary, structured and batched (https://github.com/cloudevents/spec/blob/v1.0.2/cloudevents/bindings/http-protocol-binding.md),
/// with the handshake of its webhooks (https://github.com/cloudevents/spec/blob/v1.0.2/cloudevents/http-webhook.md).
/// </summary>
internal sealed class CloudEvents : IConnector
{
    private const string Prefix = "ce-", Structured = "application/cloudevents+json", Batch = "application/cloudevents-batch+json";

    public DataFlow Flow { get; } = new(
        "cloudevents",
        "POST /v1/webhooks/{workspace}/{source}; OPTIONS asks whether a sender may",
        "the secret as Bearer, as the password of Basic, or in the header that `header` names",
        "[CloudEvents 1.0](https://cloudevents.io), JSON: binary, structured or batch",
        "as it happens",
        "`mapping` over the whole event, or `data` as an event of the native API; `type` is its name, `subject` the customer, `source` and `id` its id",
        ["what the types say"]);

    public IReadOnlyCollection<string> Members => [SharedSecret.HeaderMember, "origins"];

    public string[] Given(DocumentFields document) => ["name", "customer"];

    public void Validate(Source source, DocumentFields document)
    {
        Signatures.RequireSecret(source, document);
        SharedSecret.Validate(document);
        if (document.Member("origins") is { } origins && origins.Items().Any(static origin => origin.Element.ValueKind != JsonValueKind.String))
            origins.Fail("", "must be an array of the names that senders give as WebHook-Request-Origin");
    }

    /// <summary>A binary event without data has no type.</summary>
    public bool Takes(string mediaType) => mediaType.Length == 0 || IConnector.IsJson(mediaType);

    public Proof Verify(Delivery delivery, Source source) => SharedSecret.Verify(delivery, source);

    public Inflow Parse(Delivery delivery, Source source)
    {
        if (delivery.MediaType == Batch)
        {
            using var batch = delivery.Parse();
            if (batch.RootElement.ValueKind != JsonValueKind.Array)
                throw new BadHttpRequestException("The body must be a JSON array of events.");
            if (batch.RootElement.GetArrayLength() > Limits.EventsMax)
                throw new BadHttpRequestException($"The body holds more than {Limits.EventsMax} events.", StatusCodes.Status413PayloadTooLarge);
            return new([.. batch.RootElement.EnumerateArray().SelectMany(one => Read(one, source.OriginAt(delivery.ReceivedAt), source))]);
        }

        if (delivery.MediaType == Structured)
        {
            using var one = delivery.Parse();
            return new(Read(one.RootElement, source.OriginAt(delivery.ReceivedAt), source));
        }

        if (delivery.Header(Prefix + "specversion") is null)
            throw new BadHttpRequestException($"This is no CloudEvent: the content type is neither {Structured} nor {Batch}, and there is no header ce-specversion.");
        using var binary = JsonDocument.Parse(OfHeaders(delivery), new JsonDocumentOptions { MaxDepth = Limits.DepthMax + 1 });
        return new(Read(binary.RootElement, source.OriginAt(delivery.ReceivedAt), source));
    }

    public List<ParsedEvent> Read(JsonElement cloud, Origin origin, Source source)
    {
        if (cloud.ValueKind != JsonValueKind.Object)
            return [Mapping.Refused(new("", "must be an object"), cloud, origin)];
        if (JsonDefects.FindInObject(JsonMarshal.GetRawUtf8Value(cloud)) is { } defect)
            return [Mapping.Refused(defect, cloud, origin)];
        foreach (var name in (ReadOnlySpan<string>)["id", "source", "type"])
        {
            if (string.IsNullOrEmpty(MailEvent.Text(cloud, name)))
                return [Mapping.Refused(new($"/{name}", "must be a text"), cloud, origin)];
        }

        if (MailEvent.Text(cloud, "specversion") != "1.0")
            return [Mapping.Refused(new("/specversion", "must be 1.0"), cloud, origin)];
        var time = cloud.TryGetProperty("time", out var at) && at.ValueKind != JsonValueKind.Null ? EventFields.TimeOrNull(JsonMarshal.GetRawUtf8Value(at)) : origin.ReceivedAt;
        if (time is null)
            return [Mapping.Refused(new("/time", "must be an RFC 3339 date and time"), cloud, origin)];
        var id = $"{MailEvent.Text(cloud, "source")}#{MailEvent.Text(cloud, "id")}";
        var (subject, type) = (MailEvent.Text(cloud, "subject"), MailEvent.Text(cloud, "type"));
        origin = origin with
        {
            MessageId = Identities.IsId(id) ? id : $"cloudevent-{Mapping.Hash(Encoding.UTF8.GetBytes(id))}",
            Name = Identities.IsId(type) ? type : null,
            Customer = Identities.IsId(subject) ? subject : null,
            // Without a time of its own it is not part of the origin: a repeated delivery would be another event.
            OccurredAt = cloud.TryGetProperty("time", out _) ? time : null,
        };
        return NativeData.Read(cloud, cloud.TryGetProperty("data", out var data) ? data : null, source, origin);
    }

    public IResult? Greet(HttpRequest request, Source source)
    {
        if (!HttpMethods.IsOptions(request.Method))
            return null;
        if (request.Headers["WebHook-Request-Origin"] is not [{ Length: > 0 and <= 255 } origin] || !origin.All(static character => character is > ' ' and < '\x7f'))
            return Problems.Of(400, "WebHook-Request-Origin must name the sender.");
        if (source.Document.TryGetProperty("origins", out var origins) && !origins.EnumerateArray().Any(one => one.ValueEquals(origin)))
            return Problems.Of(403, "This sender may not: the source's document names others.");
        var headers = request.HttpContext.Response.Headers;
        headers.Allow = "POST";
        headers["WebHook-Allowed-Origin"] = origin;
        headers["WebHook-Allowed-Rate"] = "*";
        return Results.Ok();
    }

    /// <summary>The event of binary mode in the form of the structured one, so that a mapping sees the same in all modes.</summary>
    /// <exception cref="JsonException">The data is no JSON.</exception>
    private static ReadOnlyMemory<byte> OfHeaders(Delivery delivery)
    {
        var buffer = new ArrayBufferWriter<byte>(delivery.Body.Length + 512);
        using var writer = new Utf8JsonWriter(buffer);
        writer.WriteStartObject();
        foreach (var (name, values) in delivery.Headers)
        {
            if (name.StartsWith(Prefix, StringComparison.OrdinalIgnoreCase) && name.Length > Prefix.Length && values is [{ } value])
                writer.WriteString(name[Prefix.Length..].ToLowerInvariant(), Decode(value));
        }

        if (!delivery.Body.IsEmpty)
        {
            using var data = delivery.Parse();
            writer.WritePropertyName("data");
            writer.WriteRawValue(delivery.Body.Span, skipInputValidation: true);
        }

        writer.WriteEndObject();
        writer.Flush();
        return buffer.WrittenMemory;
    }

    /// <summary>Section 3.1.3.2 of the binding: first the quotes, then the percent signs.</summary>
    private static string Decode(string value)
    {
        if (value is ['"', .. var inner, '"'])
        {
            var unquoted = new StringBuilder(inner.Length);
            for (var at = 0; at < inner.Length; at++)
                unquoted.Append(inner[at] == '\\' && at + 1 < inner.Length ? inner[++at] : inner[at]);
            value = unquoted.ToString();
        }

        return Uri.UnescapeDataString(value);
    }
}
