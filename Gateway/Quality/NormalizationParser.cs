using System.Collections.Frozen;
using System.Globalization;
using System.Text.Json;

namespace Orleans.Personalize.Gateway.Quality;

/// <summary>Reads the steps of a schema's normalization: objects whose one member that names a step has the path of the field.</summary>
internal sealed class NormalizationParser(List<DocumentError> errors)
{
    private const int StepsMax = 100;
    private const int PathLengthMax = 8;
    private const int ValuesMax = 1_000;
    private const int FormatsMax = 10;

    /// <summary>It may be set in each element of an array.</summary>
    private const int DefaultBytesMax = 1_024;

    /// <summary>The steps, each with the other members that it knows.</summary>
    private static readonly (string Name, string[] Members)[] Steps =
    [
        ("rename", ["to"]), ("coerce", ["to", "decimal"]), ("trim", []), ("case", ["to"]), ("date", ["from", "to"]),
        ("currency", ["symbols"]), ("map", ["values", "otherwise"]), ("default", ["value"]), ("drop", []),
    ];

    public NormalizationStep[] Parse(JsonElement json, string pointer)
    {
        if (json.ValueKind == JsonValueKind.Array && json.GetArrayLength() <= StepsMax)
            return [.. json.EnumerateArray().Select((step, index) => ParseStep(step, $"{pointer}/{index}")).OfType<NormalizationStep>()];
        errors.Add(new(pointer, $"must be an array of at most {StepsMax} steps"));
        return [];
    }

    private NormalizationStep? ParseStep(JsonElement json, string pointer)
    {
        if (json.ValueKind != JsonValueKind.Object)
            return Fail(pointer, "must be an object");
        var named = Steps.Where(step => json.TryGetProperty(step.Name, out _)).ToArray();
        if (named is not [var (name, members)])
            return Fail(pointer, $"must have one of {string.Join(", ", Steps.Select(static step => step.Name))}");
        foreach (var member in json.EnumerateObject().Where(member => member.Name != name && !members.Contains(member.Name)))
            Fail(pointer + Connectors.JsonDefects.Pointer(member.Name), $"is not known to {name}; known are {string.Join(", ", members.Prepend(name))}");
        return PathOf(json.GetProperty(name), $"{pointer}/{name}") is { } path ? Make(name, path, json, pointer) : null;
    }

    private NormalizationStep? Make(string name, string[] path, JsonElement json, string pointer)
    {
        switch (name)
        {
            case "rename":
                if (path[^1] == "*")
                    return Fail($"{pointer}/rename", "must name one field of its object");
                return Text(json, "to", pointer) is { Length: > 0 and <= 256 } to ? new RenameStep(path, to) : Fail($"{pointer}/to", "must be a name of 1 to 256 characters");
            case "drop":
                return new DropStep(path);
            case "default":
                if (path[^1] == "*")
                    return Fail($"{pointer}/default", "must name one field of its object");
                return json.TryGetProperty("value", out var value) && value.ValueKind != JsonValueKind.Null && value.GetRawText().Length <= DefaultBytesMax
                    ? new DefaultStep(path, value.Clone())
                    : Fail($"{pointer}/value", $"must be a value other than null, of at most {DefaultBytesMax} characters");
            default:
                return Change(name, json, pointer) is { } change ? new ChangeStep(path, change) : null;
        }
    }

    private Func<System.Text.Json.Nodes.JsonNode, System.Text.Json.Nodes.JsonNode>? Change(string name, JsonElement json, string pointer)
    {
        switch (name)
        {
            case "trim":
                return Changes.Trim;
            case "case":
                return OneOf(json, "to", pointer, "upper", "lower") is { } letters ? Changes.Case(letters == "upper") : null;
            case "currency":
                return Texts(json, "symbols", pointer, isRequired: false) is { } symbols && AreCurrencies(symbols, pointer) ? Changes.Currency(symbols) : null;
            case "coerce":
                var separator = json.TryGetProperty("decimal", out _) ? OneOf(json, "decimal", pointer, ".", ",")?[0] : null;
                return OneOf(json, "to", pointer, "number", "integer", "string", "boolean") switch
                {
                    "number" => Changes.ToNumber(separator, isWhole: false),
                    "integer" => Changes.ToNumber(separator, isWhole: true),
                    "string" => Changes.ToText,
                    "boolean" => Changes.ToBoolean,
                    _ => null,
                };
            case "date":
                return Formats(json, pointer) is { } formats && OneOf(json, "to", pointer, "date", "date-time") is { } to ? Changes.Date(formats, to == "date-time") : null;
            default:
                return MapOf(json, pointer);
        }
    }

    private Func<System.Text.Json.Nodes.JsonNode, System.Text.Json.Nodes.JsonNode>? MapOf(JsonElement json, string pointer)
    {
        if (Texts(json, "values", pointer, isRequired: true) is not { } values)
            return null;
        var again = values.FirstOrDefault(pair => values.TryGetValue(pair.Value, out var next) && next != pair.Value);
        if (again.Key is not null)
        {
            Fail($"{pointer}/values{Connectors.JsonDefects.Pointer(again.Key)}", $"becomes '{again.Value}', which is mapped to something else again");
            return null;
        }
        var otherwise = json.TryGetProperty("otherwise", out _) ? Text(json, "otherwise", pointer) : null;
        if (otherwise is not null && values.TryGetValue(otherwise, out var other) && other != otherwise)
        {
            Fail($"{pointer}/otherwise", "is mapped to something else again");
            return null;
        }
        // What all others become is a value like those of the map.
        return Changes.Map(otherwise is null ? values : values.Append(new(otherwise, otherwise)).DistinctBy(static pair => pair.Key).ToFrozenDictionary(), otherwise);
    }

    private string[]? PathOf(JsonElement json, string pointer)
    {
        if (json.ValueKind == JsonValueKind.String && json.GetString() is ['/', ..] text && text.Split('/') is { Length: <= PathLengthMax + 1 } names)
            return [.. names.Skip(1).Select(static name => name.Replace("~1", "/", StringComparison.Ordinal).Replace("~0", "~", StringComparison.Ordinal))];
        Fail(pointer, $"must be a path of up to {PathLengthMax} names, such as /products/*/price");
        return null;
    }

    private string[]? Formats(JsonElement json, string pointer)
    {
        if (!json.TryGetProperty("from", out var value))
            return [];
        if (value.ValueKind != JsonValueKind.Array || value.GetArrayLength() is 0 or > FormatsMax || value.EnumerateArray().Any(static format => format.ValueKind != JsonValueKind.String))
        {
            Fail($"{pointer}/from", $"must be an array of 1 to {FormatsMax} formats");
            return null;
        }
        string[] formats = [.. value.EnumerateArray().Select(static format => format.GetString()!)];
        for (var index = 0; index < formats.Length; index++)
        {
            if (formats[index] is "unix" or "unix-ms" || IsFormat(formats[index]))
                continue;
            Fail($"{pointer}/from/{index}", "must be unix, unix-ms or a format such as dd.MM.yyyy or MM/dd/yyyy HH:mm");
            return null;
        }
        return formats;
    }

    /// <summary>Whether it says the day, and means something: a day that is written by it is read back.</summary>
    private static bool IsFormat(string format)
    {
        if (format.Length is < 4 or > 64 || !format.Contains('y', StringComparison.Ordinal) || !format.Contains('M', StringComparison.Ordinal) || !format.Contains('d', StringComparison.Ordinal))
            return false;
        var day = new DateTimeOffset(2021, 12, 23, 0, 0, 0, TimeSpan.Zero);
        try
        {
            return DateTimeOffset.TryParseExact(
                day.ToString(format, CultureInfo.InvariantCulture), format, CultureInfo.InvariantCulture, DateTimeStyles.AssumeUniversal | DateTimeStyles.AdjustToUniversal, out var read) && read == day;
        }
        catch (FormatException)
        {
            return false;
        }
    }

    private bool AreCurrencies(FrozenDictionary<string, string> symbols, string pointer)
    {
        var wrong = symbols.FirstOrDefault(static pair => !SchemaFormats.Currencies.Contains(pair.Value)
            || (SchemaFormats.Currencies.Contains(pair.Key) && pair.Key != pair.Value)).Key;
        if (wrong is not null)
            Fail($"{pointer}/symbols{Connectors.JsonDefects.Pointer(wrong)}", "must be a currency code of ISO 4217, and its name none");
        return wrong is null;
    }

    private FrozenDictionary<string, string>? Texts(JsonElement json, string name, string pointer, bool isRequired)
    {
        if (!json.TryGetProperty(name, out var value) && !isRequired)
            return FrozenDictionary<string, string>.Empty;
        if (value.ValueKind == JsonValueKind.Object && value.EnumerateObject().Count() is > 0 and <= ValuesMax
            && value.EnumerateObject().All(static member => member.Value.ValueKind == JsonValueKind.String))
            return value.EnumerateObject().ToFrozenDictionary(static member => member.Name, static member => member.Value.GetString()!);
        Fail($"{pointer}/{name}", $"must be an object of 1 to {ValuesMax} texts");
        return null;
    }

    private string? OneOf(JsonElement json, string name, string pointer, params string[] choices)
    {
        if (json.TryGetProperty(name, out var value) && value.ValueKind == JsonValueKind.String && choices.Contains(value.GetString()))
            return value.GetString();
        Fail($"{pointer}/{name}", $"must be {string.Join(" or ", choices)}");
        return null;
    }

    private string? Text(JsonElement json, string name, string pointer)
    {
        if (json.TryGetProperty(name, out var value) && value.ValueKind == JsonValueKind.String)
            return value.GetString();
        Fail($"{pointer}/{name}", "must be a text");
        return null;
    }

    private NormalizationStep? Fail(string pointer, string detail)
    {
        if (!errors.Exists(error => error.Pointer == pointer))
            errors.Add(new(pointer, detail));
        return null;
    }
}
