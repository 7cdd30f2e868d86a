using Orleans.Personalize.Gateway.Connectors;

namespace Orleans.Personalize.Gateway.Quality;

/// <summary>
/// What may change in a schema: every event that is valid under the old one, as far as the old one names its fields, stays valid under the new
/// one. Of fields that the old one does not name it has promised nothing, so a new one may be added with any shape as long as it is optional.
/// </summary>
internal static class SchemaEvolution
{
    /// <param name="pointer">Of the new schema in its document.</param>
    public static List<DocumentError> Check(SchemaNode from, SchemaNode to, string pointer)
    {
        var errors = new List<DocumentError>();
        Check(from, to, pointer, errors);
        return errors;
    }

    private static void Check(SchemaNode from, SchemaNode to, string pointer, List<DocumentError> errors)
    {
        void Narrower(string keyword, string detail) => errors.Add(new($"{pointer}/{keyword}", detail));

        if (from.Values is { } values)
        {
            // All that was allowed is known, so each can be asked.
            foreach (var value in values.Where(value => from.Validate(value, "").Count == 0))
            {
                if (to.Validate(value, "") is [var failure, ..])
                    Narrower(failure.Keyword, $"refuses {value.GetRawText()}, which was allowed");
            }
            return;
        }
        if ((from.Types & ~to.Types) != JsonTypes.None)
            Narrower("type", $"no longer allows {SchemaNode.NamesOf(from.Types & ~to.Types)}");
        if (to.Values is not null)
            Narrower(to.IsConst ? "const" : "enum", "allows only some of the values that were allowed");
        if ((from.Types & JsonTypes.Number) != JsonTypes.None)
            CheckNumbers(from, to, Narrower);
        if ((from.Types & JsonTypes.String) != JsonTypes.None)
            CheckTexts(from, to, Narrower);
        if ((from.Types & JsonTypes.Array) != JsonTypes.None)
            CheckArrays(from, to, pointer, errors, Narrower);
        if ((from.Types & JsonTypes.Object) != JsonTypes.None)
            CheckObjects(from, to, pointer, errors);
    }

    private static void CheckNumbers(SchemaNode from, SchemaNode to, Action<string, string> narrower)
    {
        var (least, most) = (Lowest(from), Highest(from));
        if (to.Minimum is { } minimum && !(least is { } low && low.Bound >= minimum))
            narrower("minimum", "is higher than it was");
        if (to.ExclusiveMinimum is { } above && !(least is { } lower && (lower.Bound > above || (lower.Bound == above && lower.IsExclusive))))
            narrower("exclusiveMinimum", "is higher than it was");
        if (to.Maximum is { } maximum && !(most is { } high && high.Bound <= maximum))
            narrower("maximum", "is lower than it was");
        if (to.ExclusiveMaximum is { } below && !(most is { } higher && (higher.Bound < below || (higher.Bound == below && higher.IsExclusive))))
            narrower("exclusiveMaximum", "is lower than it was");
    }

    private static (decimal Bound, bool IsExclusive)? Lowest(SchemaNode node) =>
        node.ExclusiveMinimum is { } above && !(node.Minimum > above) ? (above, true) : node.Minimum is { } minimum ? (minimum, false) : null;

    private static (decimal Bound, bool IsExclusive)? Highest(SchemaNode node) =>
        node.ExclusiveMaximum is { } below && !(node.Maximum < below) ? (below, true) : node.Maximum is { } maximum ? (maximum, false) : null;

    private static void CheckTexts(SchemaNode from, SchemaNode to, Action<string, string> narrower)
    {
        if (to.MinLength > (from.MinLength ?? 0))
            narrower("minLength", "is higher than it was");
        if (to.MaxLength is { } most && !(from.MaxLength <= most))
            narrower("maxLength", "is lower than it was");
        if (to.Pattern is { } pattern && from.Pattern?.ToString() != pattern.ToString())
            narrower("pattern", "is another than it was");
        if (to.Format is { } format && from.Format != format)
            narrower("format", "is another than it was");
    }

    private static void CheckArrays(SchemaNode from, SchemaNode to, string pointer, List<DocumentError> errors, Action<string, string> narrower)
    {
        if (to.MinItems > (from.MinItems ?? 0))
            narrower("minItems", "is higher than it was");
        if (to.MaxItems is { } most && !(from.MaxItems <= most))
            narrower("maxItems", "is lower than it was");
        if (to.Items is { } items)
            Check(from.Items ?? SchemaNode.Anything, items, pointer + "/items", errors);
    }

    private static void CheckObjects(SchemaNode from, SchemaNode to, string pointer, List<DocumentError> errors)
    {
        foreach (var name in to.Required.Except(from.Required))
            errors.Add(new($"{pointer}/required", $"asks for '{name}', which could be left out"));
        if (from.AllowsMore && !to.AllowsMore)
            errors.Add(new($"{pointer}/additionalProperties", "no longer allows other fields"));
        // One that was asked for and not described could have any shape.
        foreach (var name in from.Required.Where(name => !from.Properties.ContainsKey(name) && to.Properties.ContainsKey(name)))
            Check(SchemaNode.Anything, to.Properties[name], $"{pointer}/properties{JsonDefects.Pointer(name)}", errors);
        foreach (var (name, before) in from.Properties)
        {
            if (to.Properties.TryGetValue(name, out var after))
                Check(before, after, $"{pointer}/properties{JsonDefects.Pointer(name)}", errors);
            else if (!to.AllowsMore)
                errors.Add(new($"{pointer}/properties", $"no longer has '{name}', which would be refused"));
        }
    }
}
