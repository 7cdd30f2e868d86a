using System.Buffers;
using System.Buffers.Binary;
using System.Text.Json;
using System.Text.Json.Serialization;
using System.Text.Json.Serialization.Metadata;
using Orleans.Personalize.Engine;

namespace Orleans.Personalize.Journal;

internal sealed class CustomerKeyConverter : JsonConverter<CustomerKey>
{
    public override CustomerKey Read(ref Utf8JsonReader reader, Type typeToConvert, JsonSerializerOptions options) =>
        CustomerKey.Parse(reader.GetString()!);

    public override void Write(Utf8JsonWriter writer, CustomerKey value, JsonSerializerOptions options) =>
        writer.WriteStringValue(value.ToString());
}

/// <summary>An event as it is stored: what is absent is left out, and its own JSON is copied, not parsed.</summary>
internal sealed class CustomerEventConverter : JsonConverter<CustomerEvent>
{
    private static readonly JsonEncodedText[] TypeNames =
        [.. Enum.GetValues<EventType>().Select(static type => JsonEncodedText.Encode(Evolver.TypeName(type)))];

    public override void Write(Utf8JsonWriter writer, CustomerEvent value, JsonSerializerOptions options) => Write(writer, value);

    public static void Write(Utf8JsonWriter writer, CustomerEvent value)
    {
        writer.WriteStartObject();
        writer.WriteString("messageId"u8, value.MessageId);
        writer.WriteString("type"u8, TypeNames[(int)value.Type]);
        if (value.Name is not null)
            writer.WriteString("name"u8, value.Name);
        writer.WriteString("occurredAt"u8, value.OccurredAt);
        writer.WriteString("receivedAt"u8, value.ReceivedAt);
        writer.WriteString("source"u8, value.Source);
        if (value.SourcePriority != 0)
            writer.WriteNumber("sourcePriority"u8, value.SourcePriority);
        WriteJson(writer, "properties"u8, value.Properties);
        WriteJson(writer, "traits"u8, value.Traits);
        WriteJson(writer, "consent"u8, value.Consent);
        writer.WriteNumber("fingerprint"u8, value.Fingerprint);
        if (value.IsHistory)
            writer.WriteBoolean("history"u8, true);
        WriteTexts(writer, "identities"u8, value.Identities);
        if (value.IsProvisional)
            writer.WriteBoolean("provisional"u8, true);
        if (value.Via is not null)
            writer.WriteString("via"u8, value.Via);
        writer.WriteEndObject();
    }

    private static void WriteTexts(Utf8JsonWriter writer, ReadOnlySpan<byte> name, string[]? texts)
    {
        if (texts is null)
            return;
        writer.WriteStartArray(name);
        foreach (var text in texts)
            writer.WriteStringValue(text);
        writer.WriteEndArray();
    }

    private static string[] ReadTexts(ref Utf8JsonReader reader)
    {
        var texts = new List<string>();
        while (reader.Read() && reader.TokenType == JsonTokenType.String)
            texts.Add(reader.GetString()!);
        return [.. texts];
    }

    private static void WriteJson(Utf8JsonWriter writer, ReadOnlySpan<byte> name, JsonText json)
    {
        if (json.IsAbsent)
            return;
        writer.WritePropertyName(name);
        writer.WriteRawValue(json.Span, skipInputValidation: true);
    }

    public override CustomerEvent Read(ref Utf8JsonReader reader, Type typeToConvert, JsonSerializerOptions options)
    {
        string? messageId = null, type = null, name = null, source = null, via = null;
        DateTimeOffset? occurredAt = null, receivedAt = null;
        JsonText properties = default, traits = default, consent = default;
        int priority = 0;
        ulong fingerprint = 0;
        var (isHistory, isProvisional) = (false, false);
        string[]? identities = null;
        while (reader.Read() && reader.TokenType == JsonTokenType.PropertyName)
        {
            var member = reader.GetString();
            reader.Read();
            switch (member)
            {
                case "messageId": messageId = reader.GetString(); break;
                case "type": type = reader.GetString(); break;
                case "name": name = reader.GetString(); break;
                case "occurredAt": occurredAt = reader.GetDateTimeOffset(); break;
                case "receivedAt": receivedAt = reader.GetDateTimeOffset(); break;
                case "source": source = reader.GetString(); break;
                case "sourcePriority": priority = reader.GetInt32(); break;
                case "properties": properties = JsonTextConverter.Read(ref reader); break;
                case "traits": traits = JsonTextConverter.Read(ref reader); break;
                case "consent": consent = JsonTextConverter.Read(ref reader); break;
                case "fingerprint": fingerprint = reader.GetUInt64(); break;
                case "history": isHistory = reader.GetBoolean(); break;
                case "identities": identities = ReadTexts(ref reader); break;
                case "provisional": isProvisional = reader.GetBoolean(); break;
                case "via": via = reader.GetString(); break;
                default: reader.Skip(); break;
            }
        }
        var known = Array.FindIndex(TypeNames, encoded => encoded.Value == type);
        if (messageId is null || known < 0 || occurredAt is null || receivedAt is null || source is null)
            throw new JsonException("A stored event lacks a member.");
        return new CustomerEvent
        {
            MessageId = messageId,
            Type = (EventType)known,
            Name = name,
            OccurredAt = occurredAt.Value,
            ReceivedAt = receivedAt.Value,
            Source = source,
            SourcePriority = priority,
            Properties = properties,
            Traits = traits,
            Consent = consent,
            Fingerprint = fingerprint,
            IsHistory = isHistory,
            Identities = identities,
            IsProvisional = isProvisional,
            Via = via,
        };
    }
}

/// <summary>As an array.</summary>
internal sealed class TailConverter<T> : JsonConverter<Tail<T>>
{
    public override void Write(Utf8JsonWriter writer, Tail<T> value, JsonSerializerOptions options)
    {
        var item = (JsonTypeInfo<T>)options.GetTypeInfo(typeof(T));
        writer.WriteStartArray();
        foreach (var one in value.Span)
            JsonSerializer.Serialize(writer, one, item);
        writer.WriteEndArray();
    }

    public override Tail<T> Read(ref Utf8JsonReader reader, Type typeToConvert, JsonSerializerOptions options) =>
        new(JsonSerializer.Deserialize(ref reader, (JsonTypeInfo<T[]>)options.GetTypeInfo(typeof(T[]))));
}

/// <summary>
/// A window as <c>{"floor":…,"entries":"…"}</c>: of each message id its hash, its fingerprint, and the ticks at which it occurred, three little-endian
/// 64-bit integers, in Base64.
/// </summary>
internal sealed class DedupeWindowConverter : JsonConverter<DedupeWindow>
{
    private const int EntrySize = 24;

    public override void Write(Utf8JsonWriter writer, DedupeWindow value, JsonSerializerOptions options)
    {
        var size = value.Count * EntrySize;
        var entries = ArrayPool<byte>.Shared.Rent(size);
        var at = 0;
        foreach (var (id, fingerprint, occurredAt) in value.Entries())
        {
            var entry = entries.AsSpan(at++ * EntrySize, EntrySize);
            BinaryPrimitives.WriteUInt64LittleEndian(entry, id);
            BinaryPrimitives.WriteUInt64LittleEndian(entry[8..], fingerprint);
            BinaryPrimitives.WriteInt64LittleEndian(entry[16..], occurredAt.UtcTicks);
        }
        writer.WriteStartObject();
        writer.WriteString("floor"u8, value.Floor);
        writer.WriteBase64String("entries"u8, entries.AsSpan(0, size));
        writer.WriteEndObject();
        ArrayPool<byte>.Shared.Return(entries);
    }

    public override DedupeWindow Read(ref Utf8JsonReader reader, Type typeToConvert, JsonSerializerOptions options)
    {
        DateTimeOffset? floor = null;
        byte[]? bytes = null;
        while (reader.Read() && reader.TokenType == JsonTokenType.PropertyName)
        {
            var member = reader.GetString();
            reader.Read();
            switch (member)
            {
                case "floor": floor = reader.GetDateTimeOffset(); break;
                case "entries": bytes = reader.GetBytesFromBase64(); break;
                default: reader.Skip(); break;
            }
        }
        if (floor is null || bytes is null || bytes.Length % EntrySize != 0)
            throw new JsonException("A stored window lacks a member.");
        var entries = new (ulong, ulong, DateTimeOffset)[bytes.Length / EntrySize];
        for (var i = 0; i < entries.Length; i++)
        {
            var entry = bytes.AsSpan(i * EntrySize, EntrySize);
            entries[i] = (
                BinaryPrimitives.ReadUInt64LittleEndian(entry),
                BinaryPrimitives.ReadUInt64LittleEndian(entry[8..]),
                new DateTimeOffset(BinaryPrimitives.ReadInt64LittleEndian(entry[16..]), TimeSpan.Zero));
        }
        return DedupeWindow.Restore(entries, floor.Value);
    }
}
