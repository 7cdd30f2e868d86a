using System.Text.Json;
using System.Text.Json.Nodes;
using Orleans.Personalize.Engine.Properties;
using Orleans.Personalize.Gateway.Quality;

namespace Orleans.Personalize.Tests.Quality;

public sealed class SchemaProperties
{
    private static readonly string[] Names = ["a", "b", "c"];
    private static readonly string[] Texts = ["", "S", "EUR", " eur ", "2026-01-31", "ada@example.com", "1.234,5", "12.5", "yes", "😀"];

    private static readonly string[] Steps =
    [
        """{"rename":"/a","to":"b"}""", """{"coerce":"/a","to":"number"}""", """{"coerce":"/b","to":"number","decimal":","}""", """{"coerce":"/a","to":"integer"}""",
        """{"coerce":"/c","to":"string"}""", """{"coerce":"/a","to":"boolean"}""", """{"trim":"/*"}""", """{"case":"/a","to":"upper"}""", """{"case":"/b/*","to":"lower"}""",
        """{"date":"/a","from":["dd.MM.yyyy","unix","unix-ms"],"to":"date"}""", """{"date":"/b","from":["unix"],"to":"date-time"}""", """{"currency":"/a"}""",
        """{"map":"/a","values":{"S":"EUR"," eur ":"EUR"},"otherwise":"none"}""", """{"default":"/b/a","value":[1]}""", """{"default":"/c","value":"x"}""", """{"drop":"/b/*"}""",
    ];

    [Fact]
    public void Each_step_done_twice_is_done_once() => Property.Holds(
        static (random, size) => (Step: Steps[random.Next(Steps.Length)], Value: JsonText.FromString(Object(random, Math.Min(size, 12)).ToJsonString())),
        static _ => [],
        static input =>
        {
            var steps = NormalizationTests.Parse($"[{input.Step}]");
            var once = Normalization.Apply(steps, input.Value);
            Assert.Equal(once, Normalization.Apply(steps, once));
        },
        tests: 2_000);

    [Fact]
    public void A_draft_accepts_what_it_was_made_of_and_can_be_put() => Property.Holds(
        static (random, size) => Enumerable.Range(0, random.Next(1, 40)).Select(_ => Object(random, Math.Min(size, 12)).ToJsonString()).ToArray(),
        static samples =>
        {
            if (samples.Length == 0)
                return;
            var values = samples.Select(static sample => JsonElement.Parse(sample)).ToArray();
            var node = SchemaTests.Parse(SchemaDraft.Infer(values).ToJsonString());
            Assert.All(values, value => Assert.Empty(node.Validate(value, "")));
        });

    /// <summary>The old and the new schema are random; most pairs are incompatible, so the new one is often a mutation of the old.</summary>
    [Fact]
    public void What_was_valid_stays_valid_under_a_compatible_schema()
    {
        var (compatible, checkedValues) = (0, 0);
        Property.Holds(
            static (random, _) => (From: Schema(random, 3, isRoot: true), Seed: random.Next()),
            static _ => [],
            input =>
            {
                var random = new Random(input.Seed);
                var after = random.Next(8) == 0 ? Schema(random, 3, isRoot: true) : Mutate(JsonNode.Parse(input.From)!.AsObject(), random).ToJsonString();
                var (from, to) = (SchemaTests.Parse(input.From), SchemaTests.Parse(after));
                if (SchemaEvolution.Check(from, to, "").Count > 0)
                    return;
                compatible++;
                for (var i = 0; i < 40; i++)
                {
                    var value = JsonElement.Parse(Of(JsonNode.Parse(input.From)!.AsObject(), random, 3)?.ToJsonString() ?? "null");
                    if (from.Validate(value, "").Count > 0)
                        continue;
                    checkedValues++;
                    Assert.True(to.Validate(value, "") is [], $"{value.GetRawText()} is valid under {input.From} and not under {after}");
                }
            },
            tests: 3_000);
        // Else the claim would hold because it was never tried.
        Assert.True(compatible > 300 && checkedValues > 2_000, $"{compatible} compatible pairs, {checkedValues} values");
    }

    private static JsonObject Object(Random random, int size) => new(Names.Where(_ => random.Next(3) > 0).Select(name => KeyValuePair.Create(name, Value(random, size / 2))));

    private static JsonNode? Value(Random random, int size) => random.Next(size > 0 ? 8 : 6) switch
    {
        0 => null,
        1 => random.Next(2) == 0,
        2 => random.Next(-5, 100),
        3 => random.Next(-50, 1000) / 8m,
        4 or 5 => Texts[random.Next(Texts.Length)],
        6 => new JsonArray([.. Enumerable.Range(0, random.Next(4)).Select(_ => Value(random, size / 2))]),
        _ => Object(random, size / 2),
    };

    private static string Schema(Random random, int depth, bool isRoot = false) => Node(random, depth, isRoot).ToJsonString();

    private static JsonObject Node(Random random, int depth, bool isRoot = false)
    {
        var node = new JsonObject();
        var kind = isRoot ? 4 : random.Next(depth > 0 ? 7 : 4);
        switch (kind)
        {
            case 0:
                node["type"] = random.Next(2) == 0 ? "integer" : "number";
                Maybe(random, node, "minimum", () => random.Next(-3, 3));
                Maybe(random, node, "exclusiveMaximum", () => random.Next(4, 9));
                break;
            case 1:
                node["type"] = "string";
                Maybe(random, node, "minLength", () => random.Next(0, 3));
                Maybe(random, node, "maxLength", () => random.Next(3, 12));
                Maybe(random, node, "format", () => SchemaFormats.Names[random.Next(SchemaFormats.Names.Length)]);
                break;
            case 2:
                node["enum"] = new JsonArray([.. Texts.Where(_ => random.Next(3) == 0).Append("S").Distinct().Select(static text => (JsonNode)text)]);
                break;
            case 3:
                node["type"] = new JsonArray("null", random.Next(2) == 0 ? "boolean" : "string");
                break;
            case 4 or 5:
                node["type"] = "object";
                node["properties"] = new JsonObject(Names.Where(_ => random.Next(3) > 0).Select(name => KeyValuePair.Create(name, (JsonNode?)Node(random, depth - 1))));
                Maybe(random, node, "required", () => new JsonArray([.. Names.Where(_ => random.Next(3) == 0).Select(static name => (JsonNode)name)]));
                Maybe(random, node, "additionalProperties", () => random.Next(2) == 0);
                break;
            default:
                node["type"] = "array";
                Maybe(random, node, "items", () => Node(random, depth - 1));
                Maybe(random, node, "maxItems", () => random.Next(1, 4));
                break;
        }
        return node;
    }

    private static void Maybe(Random random, JsonObject node, string name, Func<JsonNode> value)
    {
        if (random.Next(2) == 0)
            node[name] = value();
    }

    /// <summary>Takes something away, or puts something else in its place, somewhere in the schema.</summary>
    private static JsonObject Mutate(JsonObject node, Random random)
    {
        var members = node.Select(static member => member.Key).ToArray();
        if (node["properties"] is JsonObject properties && random.Next(2) == 0)
        {
            var name = Names[random.Next(Names.Length)];
            properties[name] = properties[name] is JsonObject inner && random.Next(4) > 0 ? Mutate(inner.DeepClone().AsObject(), random) : Node(random, 1);
        }
        else if (members.Length > 0)
        {
            var name = members[random.Next(members.Length)];
            if (node[name] is JsonValue value && value.GetValueKind() == JsonValueKind.Number && random.Next(3) > 0)
                node[name] = Math.Max(0, value.GetValue<int>() + random.Next(-2, 3));
            else if (!(name == "properties" || name == "type" && random.Next(2) == 0))
                node.Remove(name);
        }
        return node;
    }

    /// <summary>A value that is often valid, of fields that the schema names.</summary>
    private static JsonNode? Of(JsonObject schema, Random random, int depth)
    {
        if (schema["enum"] is JsonArray values)
            return values[random.Next(values.Count)]!.DeepClone();
        var type = schema["type"] switch
        {
            JsonArray types => types[random.Next(types.Count)]!.GetValue<string>(),
            JsonValue only => only.GetValue<string>(),
            _ => "object",
        };
        switch (type)
        {
            case "integer":
                return random.Next(-3, 9);
            case "number":
                return random.Next(-30, 90) / 10m;
            case "string":
                return Texts[random.Next(Texts.Length)];
            case "boolean":
                return random.Next(2) == 0;
            case "null":
                return null;
            case "array":
                return new JsonArray([.. Enumerable.Range(0, random.Next(4)).Select(_ => schema["items"] is JsonObject items ? Of(items, random, depth - 1) : random.Next(3))]);
            default:
                var required = schema["required"] is JsonArray asked ? asked.Select(static name => name!.GetValue<string>()).ToArray() : [];
                var named = schema["properties"] as JsonObject ?? [];
                return new JsonObject(named.Select(static pair => pair.Key).Union(required).Where(name => required.Contains(name) || random.Next(2) == 0)
                    .Select(name => KeyValuePair.Create(name, named[name] is JsonObject inner ? Of(inner, random, depth - 1) : Texts[random.Next(Texts.Length)])));
        }
    }
}
