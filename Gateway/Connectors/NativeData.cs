using System.Runtime.InteropServices;
using System.Text.Json;

namespace Orleans.Personalize.Gateway.Connectors;

/// <summary>Reads an event of an envelope: by the source's mapping, which sees the whole envelope, or else the data as one of the native API.</summary>
internal static class NativeData
{
    /// <param name="envelope">What the mapping is applied to, and what is kept of a refused event.</param>
    /// <param name="data">The native event; its own members win over what the origin says.</param>
    public static List<ParsedEvent> Read(JsonElement envelope, JsonElement? data, Source source, Origin origin)
    {
        if (source.Mapping is { } mapping)
            return mapping.Apply(envelope, origin);
        if (data is not { ValueKind: JsonValueKind.Object } native)
            return [Mapping.Refused(new("/data", "must be an object; a mapping can read anything else"), envelope, origin)];
        var parsed = NativeEvents.ParseOne(WithDefaults(native, origin), origin.ReceivedAt);
        if (parsed.Event is not { } happened)
            return [parsed with { Error = parsed.Error! with { Pointer = $"/data{parsed.Error.Pointer}" }, Raw = JsonMarshal.GetRawUtf8Value(envelope).ToArray(), Origin = origin }];
        // The transport's id is what a repeated delivery has in common.
        var marked = origin.Mark(happened);
        return [parsed with { MessageId = origin.MessageId ?? happened.MessageId, Event = origin.MessageId is { } id ? marked with { MessageId = id } : marked }];
    }

    /// <summary>The defaults before the members of the data; none for what the data has under any of its names.</summary>
    private static byte[] WithDefaults(JsonElement data, Origin origin)
    {
        var defaults = JsonObjects.Of(
            ("name", Has(data, "name", "event") ? default : JsonObjects.String(origin.Name)),
            ("customer", Has(data, "customer", "userId", "anonymousId") ? default : JsonObjects.String(origin.Customer)),
            ("occurredAt", Has(data, "occurredAt", "timestamp") ? default : JsonObjects.String(origin.OccurredAt?.ToString("O"))));
        var members = JsonMarshal.GetRawUtf8Value(data)[1..].TrimStart(" \t\r\n"u8);
        var head = defaults.Span[..^1];
        return [.. head, .. head.Length > 1 && members is not [(byte)'}', ..] ? ","u8 : ""u8, .. members];
    }

    private static bool Has(JsonElement data, params ReadOnlySpan<string> names)
    {
        foreach (var name in names)
        {
            if (data.TryGetProperty(name, out var value) && value.ValueKind != JsonValueKind.Null)
                return true;
        }

        return false;
    }
}
