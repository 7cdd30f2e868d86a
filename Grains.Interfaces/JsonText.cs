using System.Runtime.InteropServices;
using System.Text;
using System.Text.Json;
using System.Text.Json.Serialization;

namespace Orleans.Personalize;

/// <summary>
/// One JSON value as the UTF-8 text it arrived in, checked once at the door and never re-serialized.
/// The default value means "absent". Two texts are equal when their bytes are.
/// </summary>
[GenerateSerializer, Immutable, Alias("JsonText"), JsonConverter(typeof(JsonTextConverter))]
public readonly struct JsonText(byte[]? utf8) : IEquatable<JsonText>
{
    [Id(0)]
    private readonly byte[]? utf8 = utf8;

    /// <summary>The UTF-8 bytes; empty when absent. The caller must not have kept a writable reference to them.</summary>
    public ReadOnlyMemory<byte> Utf8 => utf8;

    [JsonIgnore]
    public ReadOnlySpan<byte> Span => utf8;

    public bool IsAbsent => utf8 is null or { Length: 0 };

    public static JsonText FromString(string json) => new(Encoding.UTF8.GetBytes(json));

    public bool Equals(JsonText other) => Span.SequenceEqual(other.Span);

    public override bool Equals(object? obj) => obj is JsonText other && Equals(other);

    public override int GetHashCode()
    {
        var hash = new HashCode();
        hash.AddBytes(Span);
        return hash.ToHashCode();
    }

    public override string ToString() => Encoding.UTF8.GetString(Span);

    public static bool operator ==(JsonText left, JsonText right) => left.Equals(right);

    public static bool operator !=(JsonText left, JsonText right) => !left.Equals(right);
}

/// <summary>JSON text stands in other JSON as it arrived; absent text, where it is not left out, as null.</summary>
public sealed class JsonTextConverter : JsonConverter<JsonText>
{
    public override bool HandleNull => true;

    public override JsonText Read(ref Utf8JsonReader reader, Type typeToConvert, JsonSerializerOptions options) => Read(ref reader);

    public override void Write(Utf8JsonWriter writer, JsonText value, JsonSerializerOptions options) =>
        writer.WriteRawValue(value.IsAbsent ? "null"u8 : value.Span, skipInputValidation: true);

    public static JsonText Read(ref Utf8JsonReader reader)
    {
        using var value = JsonDocument.ParseValue(ref reader);
        return new(JsonMarshal.GetRawUtf8Value(value.RootElement).ToArray());
    }
}
