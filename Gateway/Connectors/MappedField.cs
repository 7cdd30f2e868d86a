using System.Buffers;
using System.Globalization;
using System.Runtime.InteropServices;
using System.Text;
using System.Text.Json;

namespace Orleans.Personalize.Gateway.Connectors;

/// <summary>How one value of an event is made from an item of a source: docs/connectors.md has the language.</summary>
internal sealed class MappedField
{
    private const int SourcesMax = 16;

    private static readonly string[] Members = ["from", "join", "value", "type", "default", "map", "prefix", "each", "fields"];

    /// <summary>What a text of a number may look like; no thousands separators: which of comma and point is which, only the source knows.</summary>
    private const NumberStyles NumberStyle = NumberStyles.AllowLeadingSign | NumberStyles.AllowDecimalPoint | NumberStyles.AllowLeadingWhite | NumberStyles.AllowTrailingWhite;

    private static readonly string[] TimeFormats =
        ["yyyy-MM-dd HH:mm:ss", "yyyy-MM-dd HH:mm:ss.FFFFFFF", "yyyy-MM-dd HH:mm:sszzz", "yyyy-MM-dd HH:mm:ss.FFFFFFFzzz", "yyyy-MM-dd"];

    private Place[] sources = [];
    private bool isJoined;
    private string type = "any";
    private byte[]? value;
    private byte[]? otherwise;
    private string prefix = "";
    private Dictionary<string, byte[]>? map;
    private JsonPath? each;
    private (string Name, MappedField Field)[]? fields;

    /// <summary>Where the value is looked for first; empty where it is constant.</summary>
    public string Pointer => sources is [var first, ..] ? first.Pointer : each?.Text ?? "";

    public static MappedField Parse(DocumentFields document, string type = "any")
    {
        var field = new MappedField { type = type };
        if (document.Element.ValueKind is JsonValueKind.String or JsonValueKind.Array)
        {
            field.sources = Places(document);
            return field;
        }

        if (!document.IsObjectOf(Members))
            return field;
        string[] ways = [.. ((string[])["from", "join", "value", "fields"]).Where(way => document.Member(way) is not null)];
        if (ways.Length != 1)
            document.Fail("", "must have one of from, join, value or fields");
        if (document.Member("each") is not null && document.Member("fields") is null)
            document.Fail("/each", "needs fields: what each element becomes");
        if (document.Member("join") is { } joined && joined.Items().Any(static item => item.IsObject))
            document.Fail("/join", "takes JSON pointers only");
        field.type = document.OneOf("type", Types.All) ?? type;
        field.isJoined = document.Member("join") is not null;
        field.sources = (document.Member("join") ?? document.Member("from")) is { } from ? Places(from) : [];
        field.value = Raw(document.Member("value"));
        field.otherwise = Raw(document.Member("default"));
        field.prefix = document.Text("prefix") ?? "";
        field.each = document.Member("each") is { } array ? Path(array) : null;
        field.fields = document.Member("fields") is { } members ? ParseObject(members) : null;
        if (document.Member("map") is { } table && table.IsObjectOf([.. table.Members().Select(static member => member.Name)]))
            field.map = table.Members().ToDictionary(static member => member.Name, static member => Raw(member.Value)!, StringComparer.Ordinal);
        return field;
    }

    public static (string Name, MappedField Field)[] ParseObject(DocumentFields document, string type = "any")
    {
        if (!document.IsObject)
            document.Fail("", "must be an object of names and what they come from");
        return [.. document.Members().Select(member => (member.Name, Parse(member.Value, type)))];
    }

    /// <summary>The value as JSON; null where the item has none, or where it is wrong.</summary>
    public byte[]? Read(JsonElement item, ref EventFields errors)
    {
        if (value is not null)
            return value;
        if (fields is not null)
            return ReadFields(item, ref errors);
        return (isJoined ? Join(item, ref errors) : First(item, ref errors)) ?? otherwise;
    }

    /// <summary>An object of the members that have a value; null where none has.</summary>
    public static byte[]? ReadObject((string Name, MappedField Field)[] members, JsonElement item, ref EventFields errors)
    {
        var buffer = new ArrayBufferWriter<byte>();
        using var writer = new Utf8JsonWriter(buffer);
        var written = WriteObject(writer, members, item, ref errors);
        writer.Flush();
        return written ? buffer.WrittenSpan.ToArray() : null;
    }

    private static bool WriteObject(Utf8JsonWriter writer, (string Name, MappedField Field)[] members, JsonElement item, ref EventFields errors)
    {
        var written = false;
        writer.WriteStartObject();
        foreach (var (name, field) in members)
        {
            if (field.Read(item, ref errors) is not { } read)
                continue;
            writer.WritePropertyName(name);
            writer.WriteRawValue(read, skipInputValidation: true);
            written = true;
        }

        writer.WriteEndObject();
        return written;
    }

    private byte[]? ReadFields(JsonElement item, ref EventFields errors)
    {
        if (each is null)
            return ReadObject(fields!, item, ref errors) ?? otherwise;
        if (each.Find(item) is not { } array)
            return otherwise;
        if (array.ValueKind != JsonValueKind.Array)
        {
            errors.Refuse(each.Text, "must be an array");
            return null;
        }

        var buffer = new ArrayBufferWriter<byte>();
        using var writer = new Utf8JsonWriter(buffer);
        writer.WriteStartArray();
        foreach (var element in array.EnumerateArray())
            WriteObject(writer, fields!, element, ref errors);
        writer.WriteEndArray();
        writer.Flush();
        return buffer.WrittenSpan.ToArray();
    }

    private byte[]? First(JsonElement item, ref EventFields errors)
    {
        foreach (var (path, field) in sources)
        {
            var read = path is null ? field!.Read(item, ref errors)
                : path.Find(item) is { } found && !IsBlank(found) ? Convert(found, path.Text, ref errors)
                : null;
            if (read is not null || errors.Error is not null)
                return read;
        }

        return null;
    }

    /// <summary>An empty text is none, except where texts are kept as they are: spreadsheets write nothing else for what is not there.</summary>
    private bool IsBlank(JsonElement found) =>
        (type is not ("any" or "string") || prefix.Length > 0 || sources.Length > 1) && found.ValueKind == JsonValueKind.String && found.ValueEquals(""u8);

    private byte[]? Join(JsonElement item, ref EventFields errors)
    {
        var joined = new StringBuilder(prefix);
        foreach (var source in sources)
        {
            if (source.Path?.Find(item) is not { } found)
                return null;
            if (Text(found) is not { } text)
            {
                errors.Refuse(source.Pointer, "must be a text or a number");
                return null;
            }

            joined.Append(joined.Length > prefix.Length ? "-" : "").Append(text);
        }

        return Quote(joined.ToString());
    }

    /// <summary>The value after the table, the type and the prefix; null where the table says that it stands for nothing.</summary>
    private byte[]? Convert(JsonElement found, string pointer, ref EventFields errors)
    {
        if (map is not null && Text(found) is { } key && map.TryGetValue(key, out var mapped))
            return mapped.AsSpan().SequenceEqual("null"u8) ? null : mapped;
        if (map is not null && otherwise is not null)
            return otherwise;
        var typed = Typed(found, pointer, ref errors);
        if (typed is null || prefix.Length == 0)
            return typed;
        if (typed is [(byte)'"', ..])
            return Quote(prefix + EventFields.Decode(typed));
        if (typed is not [(byte)'{' or (byte)'[', ..])
            return Quote(prefix + Encoding.ASCII.GetString(typed));
        errors.Refuse(pointer, "must be a text or a number");
        return null;
    }

    private byte[]? Typed(JsonElement found, string pointer, ref EventFields errors)
    {
        var raw = JsonMarshal.GetRawUtf8Value(found);
        var (typed, need) = type switch
        {
            "string" => (found.ValueKind == JsonValueKind.String ? raw.ToArray() : Text(found) is { } text ? Quote(text) : null, "a text, a number or a boolean"),
            "number" => (Number(found), "a number"),
            "integer" => (Number(found) is { } number && !number.AsSpan().ContainsAny(".eE"u8) ? number : null, "a whole number"),
            "boolean" => (Boolean(found), "true or false"),
            "email" => (found.ValueKind == JsonValueKind.String && Suppressions.IsAddress(found.GetString()!.Trim()) ? Quote(Suppressions.Canonical(found.GetString()!)) : null, "an e-mail address"),
            "time" => (Time(found), "a date and time such as 2026-01-31T09:30:00Z"),
            "unix" => (Unix(found, 1000), "seconds since 1970"),
            "unixMillis" => (Unix(found, 1), "milliseconds since 1970"),
            _ => (raw.ToArray(), ""),
        };
        if (typed is null)
            errors.Refuse(pointer, $"must be {need}");
        return typed;
    }

    /// <summary>A text, or a number or boolean as it is written; null for what is composed.</summary>
    internal static string? Text(JsonElement found) => found.ValueKind switch
    {
        JsonValueKind.String => found.GetString(),
        JsonValueKind.Number or JsonValueKind.True or JsonValueKind.False => found.GetRawText(),
        _ => null,
    };

    private static byte[]? Number(JsonElement found) => found.ValueKind switch
    {
        JsonValueKind.Number => JsonMarshal.GetRawUtf8Value(found).ToArray(),
        JsonValueKind.String when decimal.TryParse(found.GetString(), NumberStyle, CultureInfo.InvariantCulture, out var number) =>
            Encoding.ASCII.GetBytes(number.ToString(CultureInfo.InvariantCulture)),
        _ => null,
    };

    private static byte[]? Boolean(JsonElement found) => Text(found)?.Trim().ToLowerInvariant() switch
    {
        "true" or "1" or "yes" => "true"u8.ToArray(),
        "false" or "0" or "no" => "false"u8.ToArray(),
        _ => null,
    };

    private static byte[]? Time(JsonElement found)
    {
        if (found.ValueKind != JsonValueKind.String)
            return null;
        if (EventFields.TimeOrNull(JsonMarshal.GetRawUtf8Value(found)) is { } iso)
            return Quote(iso);
        return DateTimeOffset.TryParseExact(
            found.GetString(), TimeFormats, CultureInfo.InvariantCulture, DateTimeStyles.AssumeUniversal | DateTimeStyles.AllowWhiteSpaces, out var time)
            ? Quote(time)
            : null;
    }

    private static byte[]? Unix(JsonElement found, int unit) =>
        decimal.TryParse(Text(found), NumberStyle | NumberStyles.AllowExponent, CultureInfo.InvariantCulture, out var number) && number is >= 0 and < 253_402_300_799_999m
        && number * unit < 253_402_300_799_999m
            ? Quote(DateTimeOffset.FromUnixTimeMilliseconds((long)(number * unit)))
            : null;

    private static byte[] Quote(DateTimeOffset time) => Quote(time.UtcDateTime.ToString("yyyy-MM-dd'T'HH:mm:ss.FFFFFFF'Z'", CultureInfo.InvariantCulture));

    private static byte[] Quote(string text) => JsonObjects.String(text).ToArray();

    private static byte[]? Raw(DocumentFields? document) => document is null ? null : JsonMarshal.GetRawUtf8Value(document.Element).ToArray();

    private static Place[] Places(DocumentFields document)
    {
        Place[] places = [.. document.Items().Select(static item => item.IsObject ? new Place(null, Parse(item)) : new Place(Path(item), null))];
        if (places.Length is 0 or > SourcesMax)
            document.Fail("", $"must name 1 to {SourcesMax} places");
        return places;
    }

    internal static JsonPath? Path(DocumentFields document)
    {
        if (document.Element.ValueKind == JsonValueKind.String && JsonPath.Parse(document.Element.GetString()!) is { } path)
            return path;
        document.Fail("", "must be a JSON pointer such as /customer/id");
        return null;
    }

    private static class Types
    {
        public static readonly string[] All = ["any", "string", "number", "integer", "boolean", "email", "time", "unix", "unixMillis"];
    }

    /// <summary>Where a value may come from: a place in the item, or another field.</summary>
    private readonly record struct Place(JsonPath? Path, MappedField? Field)
    {
        public string Pointer => Path?.Text ?? Field?.Pointer ?? "";
    }
}
