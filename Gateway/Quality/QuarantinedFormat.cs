using System.Text.Json;
using Orleans.Personalize.Gateway.Connectors;

namespace Orleans.Personalize.Gateway.Quality;

/// <summary>The port by which a connector reads a quarantined body again, once it was mended. One an implementation, found by its name.</summary>
internal interface IQuarantinedFormat
{
    /// <summary>As in <see cref="Door.Format"/>.</summary>
    string Name { get; }

    /// <summary>
    /// The events of a body: nearly always one, and of some sources two. One that has no message id of its own gets the same with each reading, such as
    /// <paramref name="fallbackId"/>, so that replaying it twice is once.
    /// </summary>
    /// <exception cref="JsonException">The body is no JSON.</exception>
    Task<List<ParsedEvent>> ReadAsync(string workspace, QuarantineEntry entry, string fallbackId);
}

/// <summary>
/// The native format, which is also how an event is kept that could be read and failed a schema: whatever door it came by, people mend it in one format. What
/// the format does not have is in the context.
/// </summary>
internal sealed class NativeFormat : IQuarantinedFormat
{
    public const string FormatName = "native";

    public string Name => FormatName;

    public Task<List<ParsedEvent>> ReadAsync(string workspace, QuarantineEntry entry, string fallbackId) =>
        Task.FromResult<List<ParsedEvent>>([Read(entry, fallbackId)]);

    private static ParsedEvent Read(QuarantineEntry entry, string fallbackId)
    {
        var parsed = WithId(NativeEvents.ParseOne(entry.Body.Length == 0 ? "null"u8 : entry.Body, entry.ReceivedAt), entry.Body, fallbackId);
        if (parsed.Event is not { } one || entry.Context.IsAbsent)
            return parsed;
        var kept = JsonElement.Parse(entry.Context.Span);
        // That of another format says nothing of what was written by hand in its place.
        if (!kept.TryGetProperty("fingerprint", out var fingerprint))
            return parsed;
        return parsed with
        {
            Event = one with
            {
                Fingerprint = fingerprint.GetUInt64(),
                IsHistory = kept.GetProperty("isHistory").GetBoolean(),
                SourcePriority = kept.GetProperty("sourcePriority").GetInt32(),
                IsProvisional = kept.TryGetProperty("isProvisional", out var provisional) && provisional.GetBoolean(),
                Identities = kept.TryGetProperty("identities", out var ids) ? [.. ids.EnumerateArray().Select(static id => id.GetString()!)] : null,
            },
        };
    }

    /// <summary>An event as its body and what goes besides it.</summary>
    public static (byte[] Body, JsonText Context) Write(string customer, CustomerEvent one)
    {
        var body = Object(json =>
        {
            json.WriteString("messageId", one.MessageId);
            json.WriteString("type", one.Type.ToString().ToLowerInvariant());
            if (one.Name is not null)
                json.WriteString("name", one.Name);
            json.WriteString("customer", customer);
            json.WriteString("occurredAt", one.OccurredAt);
            json.WriteString("source", one.Source);
            foreach (var (name, value) in (ReadOnlySpan<(string, JsonText)>)[("properties", one.Properties), ("traits", one.Traits), ("consent", one.Consent)])
            {
                if (value.IsAbsent)
                    continue;
                json.WritePropertyName(name);
                json.WriteRawValue(value.Span, skipInputValidation: true);
            }
        });
        var context = Object(json =>
        {
            json.WriteNumber("fingerprint", one.Fingerprint);
            json.WriteBoolean("isHistory", one.IsHistory);
            json.WriteNumber("sourcePriority", one.SourcePriority);
            json.WriteBoolean("isProvisional", one.IsProvisional);
            if (one.Identities is not { } identities)
                return;
            json.WriteStartArray("identities");
            foreach (var id in identities)
                json.WriteStringValue(id);
            json.WriteEndArray();
        });
        return (body, new JsonText(context));
    }

    /// <summary>Replaces an id that was made up for a body that has none.</summary>
    public static ParsedEvent WithId(ParsedEvent parsed, ReadOnlySpan<byte> body, string fallbackId)
    {
        if (parsed.Event is not { } one || !(JsonObjects.Member(body, "messageId") is var id && (EventFields.IsAbsent(id) || id.SequenceEqual("\"\""u8))))
            return parsed;
        return parsed with { MessageId = fallbackId, Event = one with { MessageId = fallbackId } };
    }

    private static byte[] Object(Action<Utf8JsonWriter> write)
    {
        var buffer = new System.Buffers.ArrayBufferWriter<byte>();
        using (var json = new Utf8JsonWriter(buffer, new JsonWriterOptions { Encoder = System.Text.Encodings.Web.JavaScriptEncoder.UnsafeRelaxedJsonEscaping }))
        {
            json.WriteStartObject();
            write(json);
            json.WriteEndObject();
        }
        return buffer.WrittenSpan.ToArray();
    }
}

/// <summary>A call of Segment's, with what its batch and its path said about it written into it.</summary>
internal sealed class SegmentFormat : IQuarantinedFormat
{
    public const string FormatName = "segment";

    public string Name => FormatName;

    public Task<List<ParsedEvent>> ReadAsync(string workspace, QuarantineEntry entry, string fallbackId) => Task.FromResult<List<ParsedEvent>>(
        [NativeFormat.WithId(SegmentConnector.Parse(entry.Body, new SegmentEnvelope { ReceivedAt = entry.ReceivedAt }), entry.Body, fallbackId)]);
}
