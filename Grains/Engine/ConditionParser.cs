using System.Collections.Immutable;
using System.Text.Json;

namespace Orleans.Personalize.Engine;

/// <summary>Compiles the condition language: <c>all</c>, <c>any</c>, <c>not</c>, <c>field/op/value</c>, <c>count/op/value</c>.</summary>
internal static class ConditionParser
{
    /// <summary>Deeper conditions cannot be explained to anybody.</summary>
    private const int DepthMax = 16;

    private static readonly string[] Forms = ["all", "any", "not", "field", "count"];

    public static Condition? Parse(DocumentReader document) => Parse(document, 1);

    private static Condition? Parse(DocumentReader document, int depth)
    {
        if (depth > DepthMax)
        {
            document.Fail("", $"is nested deeper than {DepthMax}");
            return null;
        }
        if (document.Kind != JsonValueKind.Object)
        {
            document.Fail("", "must be an object with \"all\", \"any\", \"not\", \"field\" or \"count\"");
            return null;
        }
        var forms = Forms.Where(form => document.Member(form) is not null).ToArray();
        switch (forms)
        {
            case ["all"]:
                document.IsObjectOf("all");
                return new Condition.All(document.Pointer, Parts(document, "all", depth));
            case ["any"]:
                document.IsObjectOf("any");
                return new Condition.Any(document.Pointer, Parts(document, "any", depth));
            case ["not"]:
                document.IsObjectOf("not");
                return Parse(document.Member("not")!, depth + 1) is { } part ? new Condition.Not(document.Pointer, part) : null;
            case ["field"]:
                document.IsObjectOf("field", "op", "value");
                return Field(document);
            case ["count"]:
                document.IsObjectOf("count", "op", "value");
                return Count(document);
            default:
                document.Fail("", "must have exactly one of \"all\", \"any\", \"not\", \"field\", \"count\"");
                return null;
        }
    }

    private static ImmutableArray<Condition> Parts(DocumentReader document, string member, int depth)
    {
        var parts = document.Elements(member).ToArray();
        if (parts.Length == 0 && document.Member(member)!.Kind == JsonValueKind.Array)
            document.Fail($"/{member}", "must not be empty");
        return [.. parts.Select(part => Parse(part, depth + 1)).OfType<Condition>()];
    }

    private static Condition.Field? Field(DocumentReader document)
    {
        var path = document.Text("field") is { } text ? FieldPath.Find(text) : null;
        if (path is null)
            document.Fail("/field", $"must be one of {string.Join(", ", FieldPath.Forms)}");
        return Operator(document) is { } comparison && Values(document, comparison) is { } values && path is not null
            ? new(document.Pointer, path, comparison, values)
            : null;
    }

    private static Condition.Count? Count(DocumentReader document)
    {
        var counted = document.Member("count")!;
        if (!counted.IsObjectOf("event", "within"))
            return null;
        var name = counted.Text("event");
        if (string.IsNullOrEmpty(name))
            counted.Fail("/event", "is required: the name of an event");
        var within = counted.Duration("within");
        if (Operator(document) is not { } comparison || Values(document, comparison) is not { } values)
            return null;
        if (comparison is Comparison.Contains or Comparison.StartsWith or Comparison.EndsWith or Comparison.Exists)
            document.Fail("/op", "must compare numbers");
        else if (values.Any(static value => value is not { Kind: ScalarKind.Number, Number: >= 0 }))
            document.Fail("/value", "must be a number, zero or more");
        else if (within is not null && values.Any(static value => value.Number > Limits.CounterTimesMax - 1))
            document.Fail("/value", $"must be less than {Limits.CounterTimesMax}: within a time, events are counted up to that");
        return new(document.Pointer, name ?? "", within, comparison, values);
    }

    private static Comparison? Operator(DocumentReader document)
    {
        var comparison = document.Text("op") is { } name ? Comparisons.Find(name) : null;
        if (comparison is null)
            document.Fail("/op", $"must be one of {string.Join(", ", Comparisons.AllNames)}");
        return comparison;
    }

    private static ImmutableArray<Scalar>? Values(DocumentReader document, Comparison comparison)
    {
        if (document.Member("value") is not { } value)
        {
            if (comparison == Comparison.Exists)
                return [Scalar.Of(true)];
            document.Fail("/value", "is required");
            return null;
        }
        var values = comparison == Comparison.In ? Json.Elements(value.Raw).ToImmutableArray() : [Json.Find(value.Raw, [])];
        var problem = (comparison, values) switch
        {
            (Comparison.In, { IsEmpty: true }) => "must be an array of at least one text, number or boolean",
            (_, _) when values.Any(static each => each.Kind == ScalarKind.Composite) => "must be a text, a number, a boolean or null",
            (Comparison.Exists, [{ Kind: not ScalarKind.Boolean }]) => "must be true or false",
            (Comparison.StartsWith or Comparison.EndsWith, [{ Kind: not ScalarKind.Text }]) => "must be a text",
            (Comparison.Greater or Comparison.GreaterOrEqual or Comparison.Less or Comparison.LessOrEqual,
                [{ Kind: not (ScalarKind.Text or ScalarKind.Number) }]) => "must be a number or a text",
            _ => null,
        };
        if (problem is null)
            return values;
        document.Fail("/value", problem);
        return null;
    }
}
