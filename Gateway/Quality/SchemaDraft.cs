using System.Text.Json;
using System.Text.Json.Nodes;

namespace Orleans.Personalize.Gateway.Quality;

/// <summary>
/// Makes a schema of what values look like, for people to go on from. It accepts every value that it was made of. Where there is no telling, it says nothing.
/// </summary>
internal static class SchemaDraft
{
    /// <summary>Fewer values say too little about what is always so.</summary>
    private const int TellingMin = 20;

    /// <summary>Different texts that are a list rather than free text.</summary>
    private const int EnumMax = 6;

    /// <summary>Members of an object that are named; one with more is a map of some kind.</summary>
    private const int PropertiesMax = 100;

    /// <summary>Below what the parser allows, so that a draft can be put as it is.</summary>
    private const int DepthMax = 10;

    private const int NodesMax = 900;

    private static readonly (string Name, JsonTypes Types)[] TypeNames = [.. SchemaParser.TypeNames.Where(static type => type.Types != JsonTypes.Number)];

    /// <summary>The schema of the values; of none it is empty.</summary>
    public static JsonObject Infer(IReadOnlyList<JsonElement> values)
    {
        var nodes = 0;
        return Infer(values, 1, ref nodes);
    }

    private static JsonObject Infer(IReadOnlyList<JsonElement> values, int depth, ref int nodes)
    {
        var schema = new JsonObject();
        if (values.Count == 0 || depth > DepthMax || ++nodes > NodesMax)
            return schema;
        var types = values.Select(SchemaNode.TypeOf).Aggregate((one, other) => one | other);
        schema["type"] = Types(types);
        if (types.HasFlag(JsonTypes.String))
            AddTexts(schema, [.. values.Where(static value => value.ValueKind == JsonValueKind.String).Select(static value => value.GetString()!)], types);
        if (types.HasFlag(JsonTypes.Integer) || types.HasFlag(JsonTypes.Fraction))
            AddNumbers(schema, [.. values.Where(static value => value.ValueKind == JsonValueKind.Number)]);
        if (types.HasFlag(JsonTypes.Array))
        {
            JsonElement[] items = [.. values.Where(static value => value.ValueKind == JsonValueKind.Array).SelectMany(static value => value.EnumerateArray())];
            if (items.Length > 0)
                schema["items"] = Infer(items, depth + 1, ref nodes);
        }
        if (types.HasFlag(JsonTypes.Object))
            AddObjects(schema, [.. values.Where(static value => value.ValueKind == JsonValueKind.Object)], depth, ref nodes);
        return schema;
    }

    private static JsonNode Types(JsonTypes types)
    {
        if (types.HasFlag(JsonTypes.Fraction))
            types = (types | JsonTypes.Number) & ~JsonTypes.Integer;
        string[] names =
        [
            .. TypeNames.Where(type => types.HasFlag(type.Types)).Select(static type => type.Name),
            .. types.HasFlag(JsonTypes.Fraction) ? (string[])["number"] : [],
        ];
        return names is [var only] ? only : new JsonArray([.. names.Select(static name => (JsonNode)name)]);
    }

    private static void AddTexts(JsonObject schema, string[] texts, JsonTypes types)
    {
        var different = texts.Distinct().Order(StringComparer.Ordinal).ToArray();
        if (SchemaFormats.Names.FirstOrDefault(format => texts.All(text => SchemaFormats.Fits(format, text))) is { } common)
            schema["format"] = common;
        // An enum is about every value, so only where there is nothing but texts.
        else if (types == JsonTypes.String && texts.Length >= TellingMin && different.Length <= EnumMax)
            schema["enum"] = new JsonArray([.. different.Select(static text => (JsonNode)text)]);
    }

    private static void AddNumbers(JsonObject schema, JsonElement[] numbers)
    {
        if (numbers.Length >= TellingMin && numbers.All(static number => number.TryGetDecimal(out var value) ? value >= 0 : number.GetDouble() >= 0))
            schema["minimum"] = 0;
    }

    private static void AddObjects(JsonObject schema, JsonElement[] objects, int depth, ref int nodes)
    {
        var members = new SortedDictionary<string, (int Objects, List<JsonElement> Values)>(StringComparer.Ordinal);
        foreach (var one in objects)
        {
            foreach (var group in one.EnumerateObject().GroupBy(static member => member.Name))
            {
                var (known, values) = members.GetValueOrDefault(group.Key, (0, []));
                values.AddRange(group.Select(static member => member.Value));
                members[group.Key] = (known + 1, values);
            }
        }
        if (members.Count is 0 or > PropertiesMax)
            return;
        var properties = new JsonObject();
        foreach (var (name, (_, values)) in members)
            properties[name] = Infer(values, depth + 1, ref nodes);
        string[] always = [.. members.Where(member => member.Value.Objects == objects.Length).Select(static member => member.Key)];
        if (always.Length > 0 && objects.Length > 1)
            schema["required"] = new JsonArray([.. always.Select(static name => (JsonNode)name)]);
        schema["properties"] = properties;
    }
}
