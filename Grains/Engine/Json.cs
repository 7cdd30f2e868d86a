using System.Globalization;
using System.Text;
using System.Text.Json;

namespace Orleans.Personalize.Engine;

public enum ScalarKind
{
    Missing,
    Null,
    Boolean,
    Number,
    Text,
    /// <summary>An object or an array, kept as JSON text.</summary>
    Composite,
}

/// <summary>A JSON value as conditions compare it.</summary>
/// <param name="Number">Exact where the text fits a decimal.</param>
/// <param name="Approximate">The number as a double, where it does not; otherwise the same number.</param>
public readonly record struct Scalar(
    ScalarKind Kind, decimal Number = 0, double Approximate = 0, string? Text = null, JsonText Json = default, bool IsExact = true)
{
    public static readonly Scalar Missing = new(ScalarKind.Missing);
    public static readonly Scalar Null = new(ScalarKind.Null);

    public static Scalar Of(bool value) => new(ScalarKind.Boolean, value ? 1 : 0);

    public static Scalar Of(decimal value) => new(ScalarKind.Number, value, (double)value);

    public static Scalar Of(string? value) => value is null ? Missing : new(ScalarKind.Text, Text: value);

    /// <summary>An instant as the text that events carry: ISO 8601 in UTC.</summary>
    public static Scalar Of(DateTimeOffset? value) =>
        value is { } instant ? Of(instant.UtcDateTime.ToString("yyyy-MM-dd'T'HH:mm:ss.FFFFFFF'Z'", CultureInfo.InvariantCulture)) : Missing;

    /// <summary>Order of two numbers or two texts (ordinal); null where they have none.</summary>
    public int? CompareTo(in Scalar other) => (Kind, other.Kind) switch
    {
        (ScalarKind.Number, ScalarKind.Number) when IsExact && other.IsExact => Number.CompareTo(other.Number),
        (ScalarKind.Number, ScalarKind.Number) => Approximate.CompareTo(other.Approximate),
        (ScalarKind.Text, ScalarKind.Text) => string.CompareOrdinal(Text, other.Text),
        _ => null,
    };

    /// <summary>Equality within a kind: numbers by value, texts by code unit. Composites are never equal.</summary>
    public bool SameAs(in Scalar other) => Kind == other.Kind && Kind switch
    {
        ScalarKind.Null => true,
        ScalarKind.Boolean => Number == other.Number,
        ScalarKind.Number or ScalarKind.Text => CompareTo(other) == 0,
        _ => false,
    };

    public override string ToString() => Kind switch
    {
        ScalarKind.Missing => "(missing)",
        ScalarKind.Null => "null",
        ScalarKind.Boolean => Number == 0 ? "false" : "true",
        ScalarKind.Number => IsExact ? Number.ToString(CultureInfo.InvariantCulture) : Approximate.ToString("R", CultureInfo.InvariantCulture),
        ScalarKind.Text => Text!,
        _ => Json.ToString(),
    };
}

/// <summary>One step into a JSON value: a member by name or, where the name is a number, also an element by index.</summary>
public readonly struct PathSegment(string name)
{
    public byte[] Name { get; } = Encoding.UTF8.GetBytes(name);
    public int Index { get; } = int.TryParse(name, NumberStyles.None, CultureInfo.InvariantCulture, out var index) ? index : -1;
}

/// <summary>Looks values up in JSON text without building a tree. Of a repeated member the first counts.</summary>
public static class Json
{
    public static Scalar Find(JsonText json, ReadOnlySpan<PathSegment> path)
    {
        if (json.IsAbsent)
            return Scalar.Missing;
        var reader = new Utf8JsonReader(json.Span);
        return reader.Read() && Descend(ref reader, path) ? Read(ref reader, json) : Scalar.Missing;
    }

    public static Scalar Find(JsonText json, string member) => Find(json, [new PathSegment(member)]);

    /// <summary>The members of an object; nothing where it is not one.</summary>
    public static IEnumerable<KeyValuePair<string, JsonText>> Members(JsonText json)
    {
        if (json.IsAbsent)
            return [];
        var members = new List<KeyValuePair<string, JsonText>>();
        var reader = new Utf8JsonReader(json.Span);
        if (!reader.Read() || reader.TokenType != JsonTokenType.StartObject)
            return [];
        while (reader.Read() && reader.TokenType == JsonTokenType.PropertyName)
        {
            var name = reader.GetString()!;
            reader.Read();
            members.Add(new(name, Slice(ref reader, json)));
        }
        return members;
    }

    /// <summary>The elements of an array; nothing where it is not one.</summary>
    public static IEnumerable<Scalar> Elements(JsonText json)
    {
        var elements = new List<Scalar>();
        var reader = new Utf8JsonReader(json.Span);
        if (json.IsAbsent || !reader.Read() || reader.TokenType != JsonTokenType.StartArray)
            return [];
        while (reader.Read() && reader.TokenType != JsonTokenType.EndArray)
            elements.Add(Read(ref reader, json));
        return elements;
    }

    private static bool Descend(ref Utf8JsonReader reader, ReadOnlySpan<PathSegment> path)
    {
        foreach (ref readonly var segment in path)
        {
            var found = reader.TokenType switch
            {
                JsonTokenType.StartObject => ToMember(ref reader, segment.Name),
                JsonTokenType.StartArray when segment.Index >= 0 => ToElement(ref reader, segment.Index),
                _ => false,
            };
            if (!found)
                return false;
        }
        return true;
    }

    private static bool ToMember(ref Utf8JsonReader reader, ReadOnlySpan<byte> name)
    {
        while (reader.Read() && reader.TokenType == JsonTokenType.PropertyName)
        {
            var isIt = reader.ValueTextEquals(name);
            reader.Read();
            if (isIt)
                return true;
            reader.Skip();
        }
        return false;
    }

    private static bool ToElement(ref Utf8JsonReader reader, int index)
    {
        for (var i = 0; reader.Read() && reader.TokenType != JsonTokenType.EndArray; i++)
        {
            if (i == index)
                return true;
            reader.Skip();
        }
        return false;
    }

    private static Scalar Read(ref Utf8JsonReader reader, JsonText json) => reader.TokenType switch
    {
        JsonTokenType.Null => Scalar.Null,
        JsonTokenType.True => Scalar.Of(true),
        JsonTokenType.False => Scalar.Of(false),
        JsonTokenType.String => Scalar.Of(reader.GetString()),
        JsonTokenType.Number => ReadNumber(ref reader),
        _ => new Scalar(ScalarKind.Composite, Json: Slice(ref reader, json)),
    };

    private static Scalar ReadNumber(ref Utf8JsonReader reader)
    {
        if (reader.TryGetDecimal(out var number))
            return Scalar.Of(number);
        // Out of a decimal's range; a double's infinity still compares the right way round.
        var approximate = reader.TryGetDouble(out var value) ? value : double.NaN;
        return new Scalar(ScalarKind.Number, 0, approximate, IsExact: false);
    }

    private static JsonText Slice(ref Utf8JsonReader reader, JsonText json)
    {
        var start = (int)reader.TokenStartIndex;
        reader.Skip();
        return new JsonText(json.Span[start..(int)reader.BytesConsumed].ToArray());
    }
}
