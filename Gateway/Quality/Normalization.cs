using System.Collections.Frozen;
using System.Globalization;
using System.Text.Encodings.Web;
using System.Text.Json;
using System.Text.Json.Nodes;

namespace Orleans.Personalize.Gateway.Quality;

/// <summary>
/// One step of a normalization. Pure; what it does not understand it leaves alone, for the schema to judge; done twice it does no more than once.
/// </summary>
/// <param name="Path">The names down to the field; <c>*</c> stands for every element or member.</param>
internal abstract record NormalizationStep(string[] Path)
{
    public abstract void Apply(JsonObject root);

    /// <summary>Runs for every object that holds, or could hold, the field.</summary>
    protected void ForEachParent(JsonNode? node, Action<JsonObject, string> act, int depth = 0)
    {
        if (depth == Path.Length - 1)
        {
            if (node is JsonObject parent)
            {
                foreach (var name in Path[depth] == "*" ? [.. parent.Select(static member => member.Key)] : (string[])[Path[depth]])
                    act(parent, name);
            }
            return;
        }
        foreach (var child in Children(node, Path[depth]))
            ForEachParent(child, act, depth + 1);
    }

    /// <summary>The members or elements that a name stands for.</summary>
    protected static JsonNode?[] Children(JsonNode? node, string name) => node switch
    {
        JsonObject parent when name == "*" => [.. parent.Select(static member => member.Value)],
        JsonObject parent => parent.TryGetPropertyValue(name, out var child) ? [child] : [],
        JsonArray array when name == "*" => [.. array],
        JsonArray array when int.TryParse(name, NumberStyles.None, CultureInfo.InvariantCulture, out var index) && index < array.Count => [array[index]],
        _ => [],
    };
}

/// <summary>Gives a field another name in its object, unless there is one of that name already.</summary>
internal sealed record RenameStep(string[] Path, string To) : NormalizationStep(Path)
{
    public override void Apply(JsonObject root) => ForEachParent(root, (parent, name) =>
    {
        if (parent.ContainsKey(To) || !parent.Remove(name, out var value))
            return;
        parent[To] = value;
    });
}

internal sealed record DropStep(string[] Path) : NormalizationStep(Path)
{
    public override void Apply(JsonObject root) => ForEachParent(root, static (parent, name) => parent.Remove(name));
}

/// <summary>Sets a field that is absent or null.</summary>
internal sealed record DefaultStep(string[] Path, JsonElement Value) : NormalizationStep(Path)
{
    public override void Apply(JsonObject root) => ForEachParent(root, (parent, name) =>
    {
        if (!parent.TryGetPropertyValue(name, out var value) || value is null)
            parent[name] = Normalization.ToNode(Value);
    });
}

/// <summary>Changes values where they are.</summary>
/// <param name="Change">The new value; the same one where there is nothing to change.</param>
internal sealed record ChangeStep(string[] Path, Func<JsonNode, JsonNode> Change) : NormalizationStep(Path)
{
    public override void Apply(JsonObject root) => Visit(root, 0);

    private void Visit(JsonNode? node, int depth)
    {
        if (depth < Path.Length - 1)
        {
            foreach (var child in Children(node, Path[depth]))
                Visit(child, depth + 1);
            return;
        }
        var last = Path[depth];
        if (node is JsonObject parent)
        {
            foreach (var name in last == "*" ? [.. parent.Select(static member => member.Key)] : (string[])[last])
            {
                if (parent.TryGetPropertyValue(name, out var value) && value is not null && Change(value) is var changed && !ReferenceEquals(changed, value))
                    parent[name] = changed;
            }
        }
        else if (node is JsonArray array)
        {
            for (var index = 0; index < array.Count; index++)
            {
                if ((last == "*" || last == index.ToString(CultureInfo.InvariantCulture))
                    && array[index] is { } value && Change(value) is var changed && !ReferenceEquals(changed, value))
                    array[index] = changed;
            }
        }
    }
}

internal static class Normalization
{
    private static readonly JsonSerializerOptions Relaxed = new() { Encoder = JavaScriptEncoder.UnsafeRelaxedJsonEscaping };

    /// <summary>The object after all steps, one after another; absent counts as empty.</summary>
    public static JsonText Apply(NormalizationStep[] steps, JsonText json)
    {
        var root = json.IsAbsent ? [] : (JsonObject)ToNode(JsonElement.Parse(json.Span))!;
        foreach (var step in steps)
            step.Apply(root);
        return new JsonText(JsonSerializer.SerializeToUtf8Bytes(root, Relaxed));
    }

    /// <summary>A tree that can be changed; of a repeated member the last counts.</summary>
    public static JsonNode? ToNode(JsonElement value)
    {
        switch (value.ValueKind)
        {
            case JsonValueKind.Object:
                var members = new JsonObject();
                foreach (var member in value.EnumerateObject())
                    members[member.Name] = ToNode(member.Value);
                return members;
            case JsonValueKind.Array:
                return new JsonArray([.. value.EnumerateArray().Select(ToNode)]);
            case JsonValueKind.Null:
                return null;
            default:
                return JsonValue.Create(value);
        }
    }

    public static string? TextOf(JsonNode value) => value.GetValueKind() == JsonValueKind.String ? value.GetValue<string>() : null;
}

/// <summary>The functions of <see cref="ChangeStep"/>.</summary>
internal static class Changes
{
    private static readonly FrozenDictionary<string, string> Symbols = new Dictionary<string, string>
    {
        ["€"] = "EUR", ["$"] = "USD", ["£"] = "GBP", ["¥"] = "JPY", ["₹"] = "INR", ["₩"] = "KRW", ["₽"] = "RUB", ["₺"] = "TRY", ["₪"] = "ILS", ["₫"] = "VND", ["₴"] = "UAH",
        ["zł"] = "PLN", ["Kč"] = "CZK", ["Ft"] = "HUF", ["R$"] = "BRL", ["US$"] = "USD", ["CA$"] = "CAD", ["A$"] = "AUD", ["NZ$"] = "NZD", ["HK$"] = "HKD", ["Fr."] = "CHF",
    }.ToFrozenDictionary();

    public static JsonNode Trim(JsonNode value) => Normalization.TextOf(value) is { } text && text.Trim() is var trimmed && trimmed.Length != text.Length ? trimmed : value;

    public static Func<JsonNode, JsonNode> Case(bool isUpper) => value =>
        Normalization.TextOf(value) is { } text && (isUpper ? text.ToUpperInvariant() : text.ToLowerInvariant()) is var cased && cased != text ? cased : value;

    public static Func<JsonNode, JsonNode> Map(FrozenDictionary<string, string> values, string? otherwise)
    {
        var outputs = values.Values.ToFrozenSet();
        return value => Normalization.TextOf(value) is not { } text ? value
            : values.TryGetValue(text, out var mapped) ? mapped
            : otherwise is null || outputs.Contains(text) ? value : otherwise;
    }

    public static Func<JsonNode, JsonNode> Currency(FrozenDictionary<string, string> own) => value =>
        Normalization.TextOf(value)?.Trim() is not { } text ? value
        : own.TryGetValue(text, out var code) || Symbols.TryGetValue(text, out code) ? code
        : SchemaFormats.Currencies.Contains(text.ToUpperInvariant()) ? text.ToUpperInvariant() : value;

    /// <param name="separator">Of decimals, where texts are to be read as people write amounts; null: as JSON does.</param>
    public static Func<JsonNode, JsonNode> ToNumber(char? separator, bool isWhole) => value =>
    {
        var number = value.GetValueKind() switch
        {
            JsonValueKind.Number => Number(value.ToJsonString()),
            JsonValueKind.String => Number(Plain(value.GetValue<string>().Trim(), separator)),
            _ => null,
        };
        if (number is not { } known || (isWhole && !decimal.IsInteger(known)))
            return value;
        // A whole number is written like one; the fraction of another is left as it is.
        var written = isWhole ? decimal.Truncate(known) : known;
        return value.GetValueKind() == JsonValueKind.Number && value.ToJsonString() == written.ToString(CultureInfo.InvariantCulture) ? value : written;
    };

    public static JsonNode ToText(JsonNode value) => value.GetValueKind() is JsonValueKind.Number or JsonValueKind.True or JsonValueKind.False ? value.ToJsonString() : value;

    public static JsonNode ToBoolean(JsonNode value) => (value.GetValueKind() switch
    {
        JsonValueKind.String => value.GetValue<string>().Trim().ToLowerInvariant(),
        JsonValueKind.Number => value.ToJsonString(),
        _ => "",
    }) switch
    {
        "true" or "yes" or "1" => true,
        "false" or "no" or "0" => false,
        _ => value,
    };

    /// <param name="formats">.NET's custom format strings, or <c>unix</c> and <c>unix-ms</c>; ISO 8601 is always understood.</param>
    public static Func<JsonNode, JsonNode> Date(string[] formats, bool hasTime) => value =>
    {
        var instant = value.GetValueKind() switch
        {
            JsonValueKind.Number => Unix(value.ToJsonString(), formats),
            JsonValueKind.String => Instant(value.GetValue<string>().Trim(), formats),
            _ => null,
        };
        if (instant is not { } known)
            return value;
        var written = known.UtcDateTime.ToString(hasTime ? "yyyy-MM-dd'T'HH:mm:ss.FFFFFFF'Z'" : "yyyy-MM-dd", CultureInfo.InvariantCulture);
        return Normalization.TextOf(value) == written ? value : written;
    };

    private static DateTimeOffset? Instant(string text, string[] formats) =>
        SchemaFormats.IsDate(text) || SchemaFormats.IsDateTime(text) ? Parse(text, null)
        : Parse(text, [.. formats.Where(static format => format is not ("unix" or "unix-ms"))]) ?? Unix(text, formats);

    /// <summary>Without an offset it is UTC.</summary>
    private static DateTimeOffset? Parse(string text, string[]? formats)
    {
        const DateTimeStyles Styles = DateTimeStyles.AssumeUniversal | DateTimeStyles.AdjustToUniversal;
        return (formats is null
            ? DateTimeOffset.TryParse(text, CultureInfo.InvariantCulture, Styles, out var instant)
            : DateTimeOffset.TryParseExact(text, formats, CultureInfo.InvariantCulture, Styles, out instant)) ? instant : null;
    }

    private static DateTimeOffset? Unix(string text, string[] formats)
    {
        if (!long.TryParse(text, NumberStyles.AllowLeadingSign, CultureInfo.InvariantCulture, out var number))
            return null;
        // The range of DateTimeOffset, in seconds and in milliseconds.
        return formats.Contains("unix") && number is >= -62_135_596_800 and <= 253_402_300_799 ? DateTimeOffset.FromUnixTimeSeconds(number)
            : formats.Contains("unix-ms") && number is >= -62_135_596_800_000 and <= 253_402_300_799_999 ? DateTimeOffset.FromUnixTimeMilliseconds(number)
            : null;
    }

    /// <summary>An amount as people write it: without what groups its digits, and with a point before its decimals.</summary>
    private static string Plain(string text, char? separator) => separator is null ? text
        : string.Concat(text.Where(character => !(character is ' ' or '\u00A0' or '\u202F' or '\'' || (character is '.' or ',' && character != separator)))).Replace(separator.Value, '.');

    private static decimal? Number(string text) => decimal.TryParse(
        text, NumberStyles.AllowLeadingSign | NumberStyles.AllowDecimalPoint | NumberStyles.AllowExponent, CultureInfo.InvariantCulture, out var number) ? number : null;
}
