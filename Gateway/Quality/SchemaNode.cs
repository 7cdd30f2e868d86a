using System.Collections.Frozen;
using System.Text;
using System.Text.Json;
using System.Text.RegularExpressions;
using Orleans.Personalize.Gateway.Connectors;

namespace Orleans.Personalize.Gateway.Quality;

/// <summary>The types of JSON Schema; a number without a fraction is an integer, however it is written.</summary>
[Flags]
internal enum JsonTypes
{
    None = 0,
    Null = 1,
    Boolean = 2,
    Integer = 4,
    Fraction = 8,
    Number = Integer | Fraction,
    String = 16,
    Array = 32,
    Object = 64,
    Any = Null | Boolean | Number | String | Array | Object,
}

/// <param name="Keyword">What does not hold, such as <c>required</c>; or <c>too-large</c>.</param>
/// <param name="Pointer">A JSON pointer into the event.</param>
/// <param name="Detail">Follows the pointer as a sentence; holds nothing of the event.</param>
internal sealed record SchemaFailure(string Keyword, string Pointer, string Detail);

/// <summary>
/// A compiled schema: the part of JSON Schema 2020-12 (https://json-schema.org/draft/2020-12/json-schema-validation) that docs/data-quality.md
/// lists. What a keyword does not apply to passes it, as there.
/// </summary>
internal sealed record SchemaNode
{
    /// <summary>An event that is this wrong is wrong altogether.</summary>
    public const int FailuresMax = 8;

    public static readonly SchemaNode Anything = new();

    public JsonTypes Types { get; init; } = JsonTypes.Any;

    /// <summary>Of <c>enum</c> or <c>const</c>; null where any will do.</summary>
    public JsonElement[]? Values { get; init; }

    /// <summary>Whether the one value is that of <c>const</c>.</summary>
    public bool IsConst { get; init; }

    public string[] Required { get; init; } = [];

    public decimal? Minimum { get; init; }

    public decimal? Maximum { get; init; }

    public decimal? ExclusiveMinimum { get; init; }

    public decimal? ExclusiveMaximum { get; init; }

    /// <summary>In characters, not in UTF-16 code units.</summary>
    public int? MinLength { get; init; }

    public int? MaxLength { get; init; }

    public Regex? Pattern { get; init; }

    public string? Format { get; init; }

    public SchemaNode? Items { get; init; }

    public int? MinItems { get; init; }

    public int? MaxItems { get; init; }

    public FrozenDictionary<string, SchemaNode> Properties { get; init; } = FrozenDictionary<string, SchemaNode>.Empty;

    /// <summary>Whether an object may have members besides <see cref="Properties"/>.</summary>
    public bool AllowsMore { get; init; } = true;

    /// <summary>What is wrong with a value, at the most <see cref="FailuresMax"/> things.</summary>
    public List<SchemaFailure> Validate(JsonElement value, string pointer)
    {
        var failures = new List<SchemaFailure>();
        Validate(value, pointer, failures);
        return failures;
    }

    public static JsonTypes TypeOf(JsonElement value) => value.ValueKind switch
    {
        JsonValueKind.Null => JsonTypes.Null,
        JsonValueKind.True or JsonValueKind.False => JsonTypes.Boolean,
        JsonValueKind.Number => IsWhole(value) ? JsonTypes.Integer : JsonTypes.Fraction,
        JsonValueKind.String => JsonTypes.String,
        JsonValueKind.Array => JsonTypes.Array,
        _ => JsonTypes.Object,
    };

    /// <summary>In words; of numbers that are no integers those of fractions.</summary>
    public static string NamesOf(JsonTypes types)
    {
        var names = SchemaParser.TypeNames.Where(pair => types.HasFlag(pair.Types) && !(pair.Types == JsonTypes.Integer && types.HasFlag(JsonTypes.Number))).Select(static pair => pair.Name);
        return string.Join(" or ", types.HasFlag(JsonTypes.Fraction) && !types.HasFlag(JsonTypes.Integer) ? names.Append("a fraction") : names);
    }

    private void Validate(JsonElement value, string pointer, List<SchemaFailure> failures)
    {
        if (failures.Count >= FailuresMax)
            return;
        var type = TypeOf(value);
        if ((Types & type) == JsonTypes.None)
        {
            // All else would only say so again.
            failures.Add(new("type", pointer, $"must be {NamesOf(Types)}"));
            return;
        }
        if (Values is not null && !Values.Any(allowed => JsonElement.DeepEquals(allowed, value)))
            failures.Add(IsConst ? new("const", pointer, $"must be {Values[0].GetRawText()}") : new("enum", pointer, "must be one of the values that the schema names"));
        switch (type)
        {
            case JsonTypes.Integer or JsonTypes.Fraction:
                ValidateNumber(value, pointer, failures);
                break;
            case JsonTypes.String:
                ValidateText(value.GetString()!, pointer, failures);
                break;
            case JsonTypes.Array:
                ValidateItems(value, pointer, failures);
                break;
            case JsonTypes.Object:
                ValidateMembers(value, pointer, failures);
                break;
        }
    }

    private void ValidateNumber(JsonElement value, string pointer, List<SchemaFailure> failures)
    {
        if (Minimum is { } minimum && Compare(value, minimum) < 0)
            failures.Add(new("minimum", pointer, $"must be at least {minimum}"));
        if (ExclusiveMinimum is { } above && Compare(value, above) <= 0)
            failures.Add(new("exclusiveMinimum", pointer, $"must be above {above}"));
        if (Maximum is { } maximum && Compare(value, maximum) > 0)
            failures.Add(new("maximum", pointer, $"must be at most {maximum}"));
        if (ExclusiveMaximum is { } below && Compare(value, below) >= 0)
            failures.Add(new("exclusiveMaximum", pointer, $"must be below {below}"));
    }

    private void ValidateText(string text, string pointer, List<SchemaFailure> failures)
    {
        if (MinLength is not null || MaxLength is not null)
        {
            var length = text.EnumerateRunes().Count();
            if (length < MinLength)
                failures.Add(new("minLength", pointer, $"must have at least {MinLength} characters"));
            if (length > MaxLength)
                failures.Add(new("maxLength", pointer, $"must have at most {MaxLength} characters"));
        }
        if (Pattern?.IsMatch(text) == false)
            failures.Add(new("pattern", pointer, $"must match {Pattern}"));
        if (Format is not null && !SchemaFormats.Fits(Format, text))
            failures.Add(new("format", pointer, $"must be a {Format}"));
    }

    private void ValidateItems(JsonElement value, string pointer, List<SchemaFailure> failures)
    {
        var length = value.GetArrayLength();
        if (length < MinItems)
            failures.Add(new("minItems", pointer, $"must have at least {MinItems} elements"));
        if (length > MaxItems)
            failures.Add(new("maxItems", pointer, $"must have at most {MaxItems} elements"));
        if (Items is null)
            return;
        var index = 0;
        foreach (var item in value.EnumerateArray())
        {
            if (failures.Count >= FailuresMax)
                return;
            Items.Validate(item, $"{pointer}/{index++}", failures);
        }
    }

    private void ValidateMembers(JsonElement value, string pointer, List<SchemaFailure> failures)
    {
        foreach (var name in Required)
        {
            if (failures.Count < FailuresMax && !value.TryGetProperty(name, out _))
                failures.Add(new("required", pointer + JsonDefects.Pointer(name), "is missing"));
        }
        if (Properties.Count == 0 && AllowsMore)
            return;
        foreach (var member in value.EnumerateObject())
        {
            if (failures.Count >= FailuresMax)
                return;
            if (Properties.TryGetValue(member.Name, out var schema))
                schema.Validate(member.Value, pointer + JsonDefects.Pointer(member.Name), failures);
            else if (!AllowsMore)
                failures.Add(new("additionalProperties", pointer + JsonDefects.Pointer(member.Name), "is not in the schema"));
        }
    }

    /// <summary>Exact where the number fits a decimal; what does not is far from every bound.</summary>
    private static int Compare(JsonElement value, decimal bound) =>
        value.TryGetDecimal(out var number) ? number.CompareTo(bound) : value.GetDouble().CompareTo((double)bound);

    private static bool IsWhole(JsonElement value) =>
        value.TryGetDecimal(out var number) ? decimal.IsInteger(number) : double.IsInteger(value.GetDouble());

    /// <summary>Records compare members; a regex and a dictionary compare by reference, and nobody needs more.</summary>
    public override string ToString() => $"schema of {NamesOf(Types)}";
}
