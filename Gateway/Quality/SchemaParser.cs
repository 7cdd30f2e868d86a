using System.Collections.Frozen;
using System.Text.Json;
using System.Text.RegularExpressions;
using Orleans.Personalize.Gateway.Connectors;

namespace Orleans.Personalize.Gateway.Quality;

/// <summary>Reads the JSON Schema of a document. Of what it does not know nothing is ignored: it is an error.</summary>
internal sealed class SchemaParser(List<DocumentError> errors)
{
    /// <summary>Deeper than any event of a shop, and safe to recurse over.</summary>
    private const int DepthMax = 16;

    /// <summary>Schemas within a schema: one for each field of a very wide event.</summary>
    private const int NodesMax = 1_000;

    private const int ValuesMax = 1_000;
    private const int PatternLengthMax = 256;

    /// <summary>What an automaton may grow to is bounded by its pattern; counted repetitions multiply it.</summary>
    private static readonly TimeSpan PatternTime = TimeSpan.FromSeconds(1);

    private static readonly string[] Keywords =
    [
        "type", "enum", "const", "required", "minimum", "maximum", "exclusiveMinimum", "exclusiveMaximum", "minLength", "maxLength", "pattern", "format", "items", "minItems",
        "maxItems", "properties", "additionalProperties", "title", "description",
    ];

    public static readonly (string Name, JsonTypes Types)[] TypeNames =
    [
        ("null", JsonTypes.Null), ("boolean", JsonTypes.Boolean), ("integer", JsonTypes.Integer), ("number", JsonTypes.Number),
        ("string", JsonTypes.String), ("array", JsonTypes.Array), ("object", JsonTypes.Object),
    ];

    private int nodes;

    public SchemaNode Parse(JsonElement json, string pointer, int depth = 1)
    {
        if (json.ValueKind != JsonValueKind.Object)
            return Fail(pointer, "must be an object");
        if (depth > DepthMax)
            return Fail(pointer, $"is nested deeper than {DepthMax} schemas");
        if (++nodes > NodesMax)
            return Fail(pointer, $"is more than {NodesMax} schemas");
        foreach (var member in json.EnumerateObject())
        {
            if (!Keywords.Contains(member.Name))
                Fail(pointer + JsonDefects.Pointer(member.Name), $"is not supported; known are {string.Join(", ", Keywords)}");
        }
        var node = new SchemaNode
        {
            Types = Types(json, pointer),
            Values = Values(json, pointer),
            IsConst = json.TryGetProperty("const", out _),
            Required = Required(json, pointer),
            Minimum = Number(json, "minimum", pointer),
            Maximum = Number(json, "maximum", pointer),
            ExclusiveMinimum = Number(json, "exclusiveMinimum", pointer),
            ExclusiveMaximum = Number(json, "exclusiveMaximum", pointer),
            MinLength = Count(json, "minLength", pointer),
            MaxLength = Count(json, "maxLength", pointer),
            Pattern = Pattern(json, pointer),
            Format = Format(json, pointer),
            Items = json.TryGetProperty("items", out var items) ? Parse(items, pointer + "/items", depth + 1) : null,
            MinItems = Count(json, "minItems", pointer),
            MaxItems = Count(json, "maxItems", pointer),
            Properties = Properties(json, pointer, depth),
            AllowsMore = AllowsMore(json, pointer),
        };
        Text(json, "title", pointer);
        Text(json, "description", pointer);
        if (node.MinLength > node.MaxLength)
            Fail(pointer + "/minLength", "must not be above maxLength");
        if (node.MinItems > node.MaxItems)
            Fail(pointer + "/minItems", "must not be above maxItems");
        if (node.Minimum > node.Maximum)
            Fail(pointer + "/minimum", "must not be above maximum");
        return node;
    }

    private JsonTypes Types(JsonElement json, string pointer)
    {
        if (!json.TryGetProperty("type", out var value))
            return JsonTypes.Any;
        if (value.ValueKind == JsonValueKind.String)
            return Type(value, pointer + "/type");
        if (value.ValueKind != JsonValueKind.Array || value.GetArrayLength() == 0)
        {
            Fail(pointer + "/type", "must be the name of a type, or an array of them");
            return JsonTypes.Any;
        }
        var types = JsonTypes.None;
        var index = 0;
        foreach (var name in value.EnumerateArray())
            types |= Type(name, $"{pointer}/type/{index++}");
        return types;
    }

    private JsonTypes Type(JsonElement value, string pointer)
    {
        var name = value.ValueKind == JsonValueKind.String ? value.GetString() : null;
        foreach (var known in TypeNames)
        {
            if (known.Name == name)
                return known.Types;
        }
        Fail(pointer, $"must be one of {string.Join(", ", TypeNames.Select(static type => type.Name))}");
        return JsonTypes.Any;
    }

    private JsonElement[]? Values(JsonElement json, string pointer)
    {
        var hasConst = json.TryGetProperty("const", out var only);
        if (!json.TryGetProperty("enum", out var value))
            return hasConst ? [only.Clone()] : null;
        if (hasConst)
            Fail(pointer + "/const", "says the same as enum: leave out one of them");
        if (value.ValueKind == JsonValueKind.Array && value.GetArrayLength() is > 0 and <= ValuesMax)
            return [.. value.Clone().EnumerateArray()];
        Fail(pointer + "/enum", $"must be an array of 1 to {ValuesMax} values");
        return null;
    }

    private string[] Required(JsonElement json, string pointer)
    {
        if (!json.TryGetProperty("required", out var value))
            return [];
        if (value.ValueKind == JsonValueKind.Array && value.GetArrayLength() <= NodesMax && value.EnumerateArray().All(static name => name.ValueKind == JsonValueKind.String))
            return [.. value.EnumerateArray().Select(static name => name.GetString()!).Distinct()];
        Fail(pointer + "/required", $"must be an array of at most {NodesMax} names");
        return [];
    }

    private decimal? Number(JsonElement json, string name, string pointer)
    {
        if (!json.TryGetProperty(name, out var value))
            return null;
        if (value.ValueKind == JsonValueKind.Number && value.TryGetDecimal(out var number))
            return number;
        Fail($"{pointer}/{name}", "must be a number of at most 28 digits");
        return null;
    }

    private int? Count(JsonElement json, string name, string pointer)
    {
        if (!json.TryGetProperty(name, out var value))
            return null;
        if (value.ValueKind == JsonValueKind.Number && value.TryGetInt32(out var number) && number >= 0)
            return number;
        Fail($"{pointer}/{name}", "must be a whole number from 0 on");
        return null;
    }

    private Regex? Pattern(JsonElement json, string pointer)
    {
        if (Text(json, "pattern", pointer) is not { } pattern)
            return null;
        if (pattern.Length is 0 or > PatternLengthMax)
        {
            Fail(pointer + "/pattern", $"must have 1 to {PatternLengthMax} characters");
            return null;
        }
        try
        {
            // Linear in the text, whatever the pattern; what would make it otherwise is refused.
            var regex = new Regex(pattern, RegexOptions.NonBacktracking | RegexOptions.CultureInvariant, PatternTime);
            _ = regex.IsMatch("");
            return regex;
        }
        catch (Exception refused) when (refused is ArgumentException or NotSupportedException)
        {
            Fail(pointer + "/pattern", "must be a regular expression without look-around and back references");
            return null;
        }
    }

    private string? Format(JsonElement json, string pointer)
    {
        var format = Text(json, "format", pointer);
        if (format is null || SchemaFormats.Names.Contains(format))
            return format;
        Fail(pointer + "/format", $"must be one of {string.Join(", ", SchemaFormats.Names)}");
        return null;
    }

    private FrozenDictionary<string, SchemaNode> Properties(JsonElement json, string pointer, int depth)
    {
        if (!json.TryGetProperty("properties", out var value))
            return FrozenDictionary<string, SchemaNode>.Empty;
        if (value.ValueKind == JsonValueKind.Object)
        {
            return value.EnumerateObject().ToFrozenDictionary(
                static member => member.Name, member => Parse(member.Value, $"{pointer}/properties{JsonDefects.Pointer(member.Name)}", depth + 1));
        }
        Fail(pointer + "/properties", "must be an object");
        return FrozenDictionary<string, SchemaNode>.Empty;
    }

    private bool AllowsMore(JsonElement json, string pointer)
    {
        if (!json.TryGetProperty("additionalProperties", out var value))
            return true;
        if (value.ValueKind is not (JsonValueKind.True or JsonValueKind.False))
            Fail(pointer + "/additionalProperties", "must be true or false");
        return value.ValueKind != JsonValueKind.False;
    }

    private string? Text(JsonElement json, string name, string pointer)
    {
        if (!json.TryGetProperty(name, out var value))
            return null;
        if (value.ValueKind == JsonValueKind.String)
            return value.GetString();
        Fail($"{pointer}/{name}", "must be a text");
        return null;
    }

    private SchemaNode Fail(string pointer, string detail)
    {
        errors.Add(new(pointer, detail));
        return SchemaNode.Anything;
    }
}
