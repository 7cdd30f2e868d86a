using System.Collections.Immutable;
using System.Runtime.InteropServices;
using System.Text;
using System.Text.Json;
using System.Text.Json.Nodes;
using System.Text.Json.Serialization;
using System.Text.Json.Serialization.Metadata;
using Orleans.Personalize.Engine;

namespace Orleans.Personalize.Journal;

/// <summary>
/// The payload of a journal record: one format byte (1), then a UTF-8 JSON array of facts, each
/// <c>{"type":"…","v":1,"data":{…}}</c>. What was ever written is read for ever: a changed shape gets a new <c>v</c> and an upcaster from the one
/// before, with a golden file each (tests/Grains.Tests/Journal/golden). An unknown type or a newer version is an error, never skipped.
/// </summary>
public static class FactCodec
{
    private const byte Format = 1;

    /// <summary>Each fact type under its stored name, with the steps from version 1 up to the current one.</summary>
    private static readonly ImmutableArray<FactType> Types =
    [
        new("eventApplied", typeof(Fact.EventApplied), FactJson.Default.EventApplied, []),
        new("unlessSeen", typeof(Fact.UnlessSeen), FactJson.Default.UnlessSeen, []),
        new("waitArmed", typeof(Fact.WaitArmed), FactJson.Default.WaitArmed, []),
        new("waitMoved", typeof(Fact.WaitMoved), FactJson.Default.WaitMoved, []),
        new("decided", typeof(Fact.Decided), FactJson.Default.Decided, []),
        new("sendAuthorized", typeof(Fact.SendAuthorized), FactJson.Default.SendAuthorized, []),
        new("sendSettled", typeof(Fact.SendSettled), FactJson.Default.SendSettled, []),
        new("identityClaimed", typeof(Fact.IdentityClaimed), FactJson.Default.IdentityClaimed, []),
        new("identityRefused", typeof(Fact.IdentityRefused), FactJson.Default.IdentityRefused, []),
        new("identityLinked", typeof(Fact.IdentityLinked), FactJson.Default.IdentityLinked, []),
        new("mergeStarted", typeof(Fact.MergeStarted), FactJson.Default.MergeStarted, []),
        new("mergeAbandoned", typeof(Fact.MergeAbandoned), FactJson.Default.MergeAbandoned, []),
        new("mergeCompleted", typeof(Fact.MergeCompleted), FactJson.Default.MergeCompleted, []),
        new("customerAbsorbed", typeof(Fact.CustomerAbsorbed), FactJson.Default.CustomerAbsorbed, []),
        new("identityParting", typeof(Fact.IdentityParting), FactJson.Default.IdentityParting, []),
        new("identityParted", typeof(Fact.IdentityParted), FactJson.Default.IdentityParted, []),
        new("mergeUndone", typeof(Fact.MergeUndone), FactJson.Default.MergeUndone, []),
    ];

    private static readonly Dictionary<string, FactType> ByName = Types.ToDictionary(static type => type.Name);
    private static readonly Dictionary<Type, FactType> ByType = Types.ToDictionary(static type => type.Type);

    public static byte[] Encode(ImmutableArray<Fact> facts) => PooledJson.Encode(Format, facts, static (writer, facts) =>
    {
        writer.WriteStartArray();
        foreach (var fact in facts)
            Write(writer, fact);
        writer.WriteEndArray();
    });

    /// <exception cref="FormatException">The payload is of an unknown format, holds an unknown fact type or version, or is damaged.</exception>
    public static ImmutableArray<Fact> Decode(ReadOnlyMemory<byte> payload) => [.. Read(payload, static (type, version, data) => type.Decode(version, data))];

    /// <summary>Only the facts of those stored names, for those who read everything and want little; a type that is unknown is an error here, too.</summary>
    /// <exception cref="FormatException">As of <see cref="Decode"/>.</exception>
    public static ImmutableArray<Fact> DecodeOnly(ReadOnlyMemory<byte> payload, params string[] names) =>
        [.. Read(payload, (type, version, data) => names.Contains(type.Name) ? type.Decode(version, data) : null).OfType<Fact>()];

    /// <summary>What every payload with a fact of that stored name holds, and hardly any other: enough to pass most by without decoding.</summary>
    public static byte[] MarkOf(string name) => Encoding.UTF8.GetBytes($"\"type\":\"{name}\",\"v\":");

    /// <summary>The facts with their stored names and their <c>data</c> as stored, for people to read.</summary>
    public static IEnumerable<(string Type, Fact Fact, JsonText Data)> Read(ReadOnlyMemory<byte> payload) =>
        Read(payload, static (type, version, data) => (type.Name, type.Decode(version, data), new JsonText(JsonMarshal.GetRawUtf8Value(data).ToArray())));

    private static List<T> Read<T>(ReadOnlyMemory<byte> payload, Func<FactType, int, JsonElement, T> read)
    {
        if (payload.Length < 2 || payload.Span[0] != Format)
            throw new FormatException($"A journal record has the unknown format {(payload.IsEmpty ? "(empty)" : payload.Span[0])}.");
        try
        {
            using var document = JsonDocument.Parse(payload[1..]);
            var facts = new List<T>(document.RootElement.GetArrayLength());
            foreach (var fact in document.RootElement.EnumerateArray())
            {
                var name = fact.GetProperty("type").GetString() ?? "";
                facts.Add(ByName.TryGetValue(name, out var type)
                    ? read(type, fact.GetProperty("v").GetInt32(), fact.GetProperty("data"))
                    : throw new FormatException($"The journal holds a fact of the unknown type '{name}'. Was it written by a newer version?"));
            }
            return facts;
        }
        catch (Exception damaged) when (damaged is JsonException or InvalidOperationException or KeyNotFoundException)
        {
            throw new FormatException("A journal record is damaged.", damaged);
        }
    }

    private static void Write(Utf8JsonWriter writer, Fact fact)
    {
        var type = ByType[fact.GetType()];
        writer.WriteStartObject();
        writer.WriteString("type"u8, type.Name);
        writer.WriteNumber("v"u8, type.Version);
        writer.WritePropertyName("data"u8);
        if (fact is Fact.EventApplied applied)
            Write(writer, applied);
        else
            JsonSerializer.Serialize(writer, fact, type.Json);
        writer.WriteEndObject();
    }

    /// <summary>As the serializer does, without its machinery: by far the most frequent.</summary>
    private static void Write(Utf8JsonWriter writer, Fact.EventApplied applied)
    {
        writer.WriteStartObject();
        writer.WritePropertyName("event"u8);
        CustomerEventConverter.Write(writer, applied.Event);
        writer.WriteBoolean("late"u8, applied.Late);
        writer.WriteEndObject();
    }

    private sealed record FactType(string Name, Type Type, JsonTypeInfo Json, Func<JsonObject, JsonObject>[] Upcasters)
    {
        public int Version => Upcasters.Length + 1;

        public Fact Decode(int version, JsonElement data)
        {
            if (version < 1 || version > Version)
                throw new FormatException($"The journal holds version {version} of '{Name}'; known are 1 to {Version}. Was it written by a newer version?");
            if (data.ValueKind != JsonValueKind.Object)
                throw new JsonException($"The data of a fact of the type '{Name}' is no object.");
            if (version == Version)
                return (Fact)data.Deserialize(Json)!;
            var upcast = JsonObject.Create(data)!;
            foreach (var step in Upcasters.AsSpan(version - 1))
                upcast = step(upcast);
            return (Fact)upcast.Deserialize(Json)!;
        }
    }
}

[JsonSourceGenerationOptions(
    PropertyNamingPolicy = JsonKnownNamingPolicy.CamelCase,
    DefaultIgnoreCondition = JsonIgnoreCondition.WhenWritingNull,
    RespectNullableAnnotations = true,
    RespectRequiredConstructorParameters = false,
    UseStringEnumConverter = true,
    Converters = [typeof(CustomerEventConverter), typeof(CustomerKeyConverter), typeof(DedupeWindowConverter), typeof(TailConverter<Activity>), typeof(TailConverter<DateTimeOffset>)])]
[JsonSerializable(typeof(Fact.EventApplied))]
[JsonSerializable(typeof(Fact.UnlessSeen))]
[JsonSerializable(typeof(Fact.WaitArmed))]
[JsonSerializable(typeof(Fact.WaitMoved))]
[JsonSerializable(typeof(Fact.Decided))]
[JsonSerializable(typeof(Fact.SendAuthorized))]
[JsonSerializable(typeof(Fact.SendSettled))]
[JsonSerializable(typeof(Fact.IdentityClaimed))]
[JsonSerializable(typeof(Fact.IdentityRefused))]
[JsonSerializable(typeof(Fact.IdentityLinked))]
[JsonSerializable(typeof(Fact.MergeStarted))]
[JsonSerializable(typeof(Fact.MergeAbandoned))]
[JsonSerializable(typeof(Fact.MergeCompleted))]
[JsonSerializable(typeof(Fact.CustomerAbsorbed))]
[JsonSerializable(typeof(Fact.IdentityParting))]
[JsonSerializable(typeof(Fact.IdentityParted))]
[JsonSerializable(typeof(Fact.MergeUndone))]
[JsonSerializable(typeof(Handback))]
[JsonSerializable(typeof(SnapshotCodec.Stored))]
[JsonSerializable(typeof(Activity[]))]
[JsonSerializable(typeof(DateTimeOffset[]))]
internal sealed partial class FactJson : JsonSerializerContext;
