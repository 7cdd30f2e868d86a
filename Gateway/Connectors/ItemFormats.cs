using System.Runtime.CompilerServices;
using System.Runtime.InteropServices;
using System.Text.Json;
using Microsoft.AspNetCore.Http;
using Orleans.Personalize.Gateway.Api;

namespace Orleans.Personalize.Gateway.Connectors;

/// <summary>
/// What the messages of a broker and the items of a polled address may look like: the member <c>format</c> of their sources. What names no id gets one made from
/// its text, so that what comes twice is the same event.
/// </summary>
public static class ItemFormats
{
    public const string Native = "native", Segment = "segment", Json = "json", CloudEvents = "cloudevents", Debezium = "debezium";

    internal const string TablesMember = "tables";

    /// <summary>The members of a document that are read here.</summary>
    public static readonly string[] Members = ["format", TablesMember];

    private static readonly Connectors.CloudEvents Cloud = new();

    /// <summary>Tables compiled, as long as the source is in use.</summary>
    private static readonly ConditionalWeakTable<Source, Dictionary<string, DebeziumTable>> Tables = [];

    public static void Validate(Source source, DocumentFields document)
    {
        var format = document.OneOf("format", Native, Segment, Json, CloudEvents, Debezium) ?? FormatOf(source);
        if (format == Json && document.Member("mapping") is null)
            document.Fail("/mapping", "is missing: how the JSON becomes events");
        if (format is not (Json or CloudEvents) && document.Member("mapping") is not null)
            document.Fail("/mapping", $"is not used by the format {format}");
        if (format == Debezium)
            _ = Connectors.Debezium.ReadTables(document);
        else if (document.Member(TablesMember) is not null)
            document.Fail($"/{TablesMember}", $"is not used by the format {format}");
    }

    /// <summary>The events of a message.</summary>
    /// <exception cref="JsonException">It is no JSON.</exception>
    /// <exception cref="BadHttpRequestException">It is not what its format says.</exception>
    public static List<ParsedEvent> ReadMessage(Source source, ReadOnlyMemory<byte> body, DateTimeOffset receivedAt)
    {
        var format = FormatOf(source);
        if (format == Debezium && body.Span.Trim(" \t\r\n"u8) is [] or [(byte)'n', (byte)'u', (byte)'l', (byte)'l'])
            return [];
        using var document = Parse(body);
        return document.RootElement.ValueKind == JsonValueKind.Object && MembersOf(format) is { } many && document.RootElement.TryGetProperty(many, out var items)
            ? ReadItems(source, items, $"/{many}", receivedAt)
            : Read(source, document.RootElement, source.OriginAt(receivedAt));
    }

    /// <summary>The events of an array of items.</summary>
    /// <param name="pointer">Where it stands.</param>
    /// <exception cref="BadHttpRequestException">It is no array, or too long.</exception>
    public static List<ParsedEvent> ReadItems(Source source, JsonElement items, string pointer, DateTimeOffset receivedAt)
    {
        if (items.ValueKind != JsonValueKind.Array)
            throw new BadHttpRequestException($"{pointer} must be an array.");
        if (items.GetArrayLength() > Limits.EventsMax)
            throw new BadHttpRequestException($"{pointer} holds more than {Limits.EventsMax} elements.", StatusCodes.Status413PayloadTooLarge);
        return [.. items.EnumerateArray().SelectMany(item => Read(source, item, source.OriginAt(receivedAt)))];
    }

    /// <summary>A document whose texts can all be decoded, and whose nesting is bounded.</summary>
    /// <exception cref="JsonException">It is no JSON.</exception>
    /// <exception cref="BadHttpRequestException">It holds text that is none.</exception>
    public static JsonDocument Parse(ReadOnlyMemory<byte> body) => JsonDefects.Find(body.Span) is { } defect
        ? throw new BadHttpRequestException($"It {defect}.")
        : JsonDocument.Parse(body, new JsonDocumentOptions { MaxDepth = Limits.DepthMax });

    /// <summary>The events of one item.</summary>
    internal static List<ParsedEvent> Read(Source source, JsonElement item, Origin origin)
    {
        switch (FormatOf(source))
        {
            case Json:
                return source.Mapping!.Apply(item, origin);
            case Debezium:
                var events = Connectors.Debezium.Parse(item, Tables.GetValue(source, static source => Connectors.Debezium.ReadTables(new(source.Document, "", []))), origin);
                if (events.Count == 0)
                    GatewayInstruments.OnEventsIgnored(Debezium, 1);
                return events;
            case CloudEvents:
                return Cloud.Read(item, origin, source);
            case Segment:
                return [Mark(SegmentConnector.Parse(Raw(item), new SegmentEnvelope { ReceivedAt = origin.ReceivedAt }), item, origin)];
            default:
                return [Mark(NativeEvents.ParseOne(Raw(item), origin.ReceivedAt), item, origin)];
        }
    }

    private static ParsedEvent Mark(ParsedEvent parsed, JsonElement item, Origin origin)
    {
        if (parsed.Event is not { } happened)
            return parsed with { Raw = Raw(item).ToArray(), Origin = origin };
        var id = item.TryGetProperty("messageId", out var given) && given.ValueKind != JsonValueKind.Null && happened.MessageId.Length > 0 && !given.ValueEqualsEmpty()
            ? happened.MessageId
            : $"{origin.Source}-{Mapping.Hash(Raw(item))}";
        return parsed with { MessageId = id, Event = origin.Mark(happened) with { MessageId = id } };
    }

    private static string FormatOf(Source source) =>
        source.Type == Debezium ? Debezium
        : source.Document.TryGetProperty("format", out var format) && format.ValueKind == JsonValueKind.String ? format.GetString()!
        : source.Mapping is null ? Native
        : Json;

    /// <summary>The member of a message that holds many of its kind.</summary>
    private static string? MembersOf(string format) => format switch { Native => "events", Segment => "batch", _ => null };

    private static ReadOnlySpan<byte> Raw(JsonElement item) => JsonMarshal.GetRawUtf8Value(item);

    private static bool ValueEqualsEmpty(this JsonElement value) => value.ValueKind == JsonValueKind.String && value.ValueEquals(""u8);
}
