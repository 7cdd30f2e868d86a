using System.Text.Json;
using Orleans.Personalize.Gateway.Quality;

namespace Orleans.Personalize.Tests.Quality;

public sealed class SchemaTests
{
    private static readonly EventSchemaParser Rule = new();

    [Theory]
    [InlineData("""{"type":"string"}""", "\"a\"", "7", "type")]
    [InlineData("""{"type":["string","null"]}""", "null", "true", "type")]
    [InlineData("""{"type":"integer"}""", "7.0", "7.5", "type")]
    [InlineData("""{"type":"number"}""", "7.5", "\"7.5\"", "type")]
    [InlineData("""{"type":"boolean"}""", "false", "0", "type")]
    [InlineData("""{"type":"null"}""", "null", "{}", "type")]
    [InlineData("""{"type":"array"}""", "[]", "{}", "type")]
    [InlineData("""{"type":"object"}""", "{}", "[]", "type")]
    [InlineData("""{"enum":["S","M",1]}""", "1.0", "\"L\"", "enum")]
    [InlineData("""{"const":"EUR"}""", "\"EUR\"", "\"eur\"", "const")]
    [InlineData("""{"required":["a"]}""", """{"a":null}""", """{"b":1}""", "required", "/a")]
    [InlineData("""{"minimum":0}""", "0", "-0.1", "minimum")]
    [InlineData("""{"maximum":5}""", "5", "5.01", "maximum")]
    [InlineData("""{"exclusiveMinimum":0}""", "0.01", "0", "exclusiveMinimum")]
    [InlineData("""{"exclusiveMaximum":5}""", "4.9", "1e300", "exclusiveMaximum")]
    [InlineData("""{"minLength":2}""", "\"ab\"", "\"😀\"", "minLength")]
    [InlineData("""{"maxLength":1}""", "\"😀\"", "\"ab\"", "maxLength")]
    [InlineData("""{"pattern":"^[a-z]+-[0-9]+$"}""", "\"sku-1\"", "\"SKU\"", "pattern")]
    [InlineData("""{"items":{"type":"string"}}""", """["a"]""", """["a",1]""", "type", "/1")]
    [InlineData("""{"minItems":1}""", "[1]", "[]", "minItems")]
    [InlineData("""{"maxItems":1}""", "[1]", "[1,2]", "maxItems")]
    [InlineData("""{"properties":{"a/b":{"type":"string"}}}""", """{"a/b":"x","c":1}""", """{"a/b":1}""", "type", "/a~1b")]
    [InlineData("""{"properties":{"a":{}},"additionalProperties":false}""", """{"a":1}""", """{"a":1,"b":2}""", "additionalProperties", "/b")]
    [InlineData("""{"properties":{"p":{"items":{"required":["id"]}}}}""", """{"p":[{"id":1}]}""", """{"p":[{}]}""", "required", "/p/0/id")]
    [InlineData("""{"format":"date-time"}""", "\"2026-01-31T09:30:00.5+01:00\"", "\"2026-01-31T09:30:00\"", "format")]
    [InlineData("""{"format":"date-time"}""", "\"2026-01-31T09:30:60Z\"", "\"2026-02-30T09:30:00Z\"", "format")]
    [InlineData("""{"format":"date"}""", "\"2024-02-29\"", "\"2026-02-29\"", "format")]
    [InlineData("""{"format":"email"}""", "\"ada@example.com\"", "\"ada at example\"", "format")]
    [InlineData("""{"format":"uri"}""", "\"https://example.com/a\"", "\"/a\"", "format")]
    [InlineData("""{"format":"uuid"}""", "\"0193a9d2-6f2c-7a51-9a4e-0c6f2f9f8a11\"", "\"{0193a9d2-6f2c-7a51-9a4e-0c6f2f9f8a11}\"", "format")]
    [InlineData("""{"format":"currency"}""", "\"CHF\"", "\"chf\"", "format")]
    public void A_keyword_accepts_and_refuses(string schema, string good, string bad, string keyword, string pointer = "")
    {
        var node = Parse(schema);

        Assert.Empty(node.Validate(JsonElement.Parse(good), ""));
        var failure = Assert.Single(node.Validate(JsonElement.Parse(bad), ""));
        Assert.Equal((keyword, pointer), (failure.Keyword, failure.Pointer));
    }

    [Fact]
    public void What_a_keyword_is_not_about_passes_it() => Assert.Empty(
        Parse("""{"minimum":5,"minLength":5,"pattern":"x","format":"date","minItems":5,"required":["a"],"items":{"type":"string"}}""").Validate(JsonElement.Parse("true"), ""));

    [Fact]
    public void Only_so_many_failures_are_told()
    {
        var failures = Parse("""{"additionalProperties":false}""").Validate(JsonElement.Parse($"{{{string.Join(',', Enumerable.Range(0, 50).Select(i => $"\"p{i}\":1"))}}}"), "");
        Assert.Equal(SchemaNode.FailuresMax, failures.Count);
    }

    [Theory]
    [InlineData("""{"event":"x","schema":{"patternProperties":{}}}""", "/schema/patternProperties")]
    [InlineData("""{"event":"x","schema":{"properties":{"a/b":{"$ref":"#"}}}}""", "/schema/properties/a~1b/$ref")]
    [InlineData("""{"event":"x","schema":{"items":{"type":"text"}}}""", "/schema/items/type")]
    [InlineData("""{"event":"x","schema":{"type":"string"}}""", "/schema/type")]
    [InlineData("""{"event":"x","schema":{"type":[]}}""", "/schema/type")]
    [InlineData("""{"event":"x","schema":{"enum":[]}}""", "/schema/enum")]
    [InlineData("""{"event":"x","schema":{"properties":{"p":{"pattern":"(a)\\1"}}}}""", "/schema/properties/p/pattern")]
    [InlineData("""{"event":"x","schema":{"properties":{"p":{"pattern":"["}}}}""", "/schema/properties/p/pattern")]
    [InlineData("""{"event":"x","schema":{"properties":{"p":{"format":"phone"}}}}""", "/schema/properties/p/format")]
    [InlineData("""{"event":"x","schema":{"minItems":-1}}""", "/schema/minItems")]
    [InlineData("""{"event":"x","schema":{"minimum":1,"maximum":0}}""", "/schema/minimum")]
    [InlineData("""{"event":"x","schema":{"additionalProperties":{}}}""", "/schema/additionalProperties")]
    [InlineData("""{"event":"x","schema":[]}""", "/schema")]
    [InlineData("""{"schema":{}}""", "/event")]
    [InlineData("""{"type":"track"}""", "/event")]
    [InlineData("""{"type":"identify","event":"x"}""", "/event")]
    [InlineData("""{"event":"x","mode":"strict"}""", "/mode")]
    [InlineData("""{"event":"x","modes":"warn"}""", "/modes")]
    [InlineData("""{"event":"x","compatibility":"full"}""", "/compatibility")]
    [InlineData("""{"event":"x","normalize":{}}""", "/normalize")]
    [InlineData("""{"event":"x","normalize":[{"trim":"name"}]}""", "/normalize/0/trim")]
    [InlineData("""{"event":"x","normalize":[{"trim":"/a","case":"/b"}]}""", "/normalize/0")]
    [InlineData("""{"event":"x","normalize":[{"trim":"/a","to":"b"}]}""", "/normalize/0/to")]
    [InlineData("""{"event":"x","normalize":[{"drop":"/a"},{"coerce":"/a","to":"float"}]}""", "/normalize/1/to")]
    [InlineData("""{"event":"x","normalize":[{"date":"/a","from":["ddMM"],"to":"date"}]}""", "/normalize/0/from/0")]
    [InlineData("""{"event":"x","normalize":[{"map":"/a","values":{"a":"b","b":"c"}}]}""", "/normalize/0/values/a")]
    [InlineData("""{"event":"x","normalize":[{"currency":"/a","symbols":{"$":"DOLLAR"}}]}""", "/normalize/0/symbols/$")]
    [InlineData("""{"event":"x","normalize":[{"default":"/a","value":null}]}""", "/normalize/0/value")]
    [InlineData("""{"event":"x","normalize":[{"rename":"/a"}]}""", "/normalize/0/to")]
    public void A_document_that_is_wrong_is_refused_with_a_pointer(string document, string pointer) =>
        Assert.Contains(pointer, Rule.Validate("s", JsonElement.Parse(document)).Select(static error => error.Pointer));

    [Fact]
    public void A_schema_is_not_nested_without_end()
    {
        var deep = string.Concat(Enumerable.Repeat("""{"items":""", 20)) + "{}" + new string('}', 20);
        Assert.Contains("nested", Assert.Single(Rule.Validate("s", JsonElement.Parse($$"""{"event":"x","schema":{{deep}}}"""))).Detail);
    }

    [Theory]
    // Wider, or more is said of what was not spoken of.
    [InlineData("""{"properties":{"a":{"type":"integer"}}}""", """{"properties":{"a":{"type":"number"},"b":{"type":"string"}}}""", null)]
    [InlineData("""{"required":["a","b"]}""", """{"required":["a"]}""", null)]
    [InlineData("""{"properties":{"a":{"enum":["S"]}}}""", """{"properties":{"a":{"enum":["S","M"]}}}""", null)]
    [InlineData("""{"properties":{"a":{"const":"abc"}}}""", """{"properties":{"a":{"type":"string","maxLength":3}}}""", null)]
    [InlineData("""{"properties":{"a":{"minimum":3}}}""", """{"properties":{"a":{"minimum":2}}}""", null)]
    [InlineData("""{"properties":{"a":{"exclusiveMinimum":3}}}""", """{"properties":{"a":{"minimum":3}}}""", null)]
    [InlineData("""{"properties":{"a":{"type":"string"}}}""", """{"properties":{"a":{"type":"string","minimum":3}}}""", null)]
    [InlineData("""{"additionalProperties":false}""", """{"properties":{"a":{"type":"string"}}}""", null)]
    // Narrower.
    [InlineData("""{"properties":{"a":{"type":"number"}}}""", """{"properties":{"a":{"type":"integer"}}}""", "/schema/properties/a/type")]
    [InlineData("""{"properties":{"a":{}}}""", """{"properties":{"a":{}},"required":["a"]}""", "/schema/required")]
    [InlineData("{}", """{"additionalProperties":false}""", "/schema/additionalProperties")]
    [InlineData("""{"properties":{"a":{}},"additionalProperties":false}""", """{"additionalProperties":false}""", "/schema/properties")]
    [InlineData("""{"properties":{"a":{"enum":["S","M"]}}}""", """{"properties":{"a":{"enum":["S"]}}}""", "/schema/properties/a/enum")]
    [InlineData("""{"properties":{"a":{"type":"string"}}}""", """{"properties":{"a":{"const":"S"}}}""", "/schema/properties/a/const")]
    [InlineData("""{"properties":{"a":{"minimum":3}}}""", """{"properties":{"a":{"exclusiveMinimum":3}}}""", "/schema/properties/a/exclusiveMinimum")]
    [InlineData("""{"properties":{"a":{"maxLength":3}}}""", """{"properties":{"a":{"maxLength":2}}}""", "/schema/properties/a/maxLength")]
    [InlineData("""{"properties":{"a":{}}}""", """{"properties":{"a":{"format":"date"}}}""", "/schema/properties/a/format")]
    [InlineData("""{"properties":{"a":{"pattern":"x"}}}""", """{"properties":{"a":{"pattern":"y"}}}""", "/schema/properties/a/pattern")]
    [InlineData("""{"properties":{"a":{"items":{}}}}""", """{"properties":{"a":{"items":{"type":"string"},"minItems":1}}}""", "/schema/properties/a/items/type")]
    [InlineData("""{"required":["a"]}""", """{"required":["a"],"properties":{"a":{"type":"string"}}}""", "/schema/properties/a/type")]
    public void A_change_is_allowed_where_what_was_valid_stays_valid(string from, string to, string? pointer)
    {
        var (stored, document) = (Document(from), Document(to));
        var errors = Rule.ValidateChange("s", document, stored);
        if (pointer is null)
            Assert.Empty(errors);
        else
            Assert.Contains(pointer, errors.Select(static error => error.Pointer));
        Assert.Empty(Rule.ValidateChange("s", Document(to, ""","compatibility":"none" """), stored));
    }

    [Fact]
    public void A_schema_stays_about_its_event() => Assert.Equal("/event", Assert.Single(
        Rule.ValidateChange("s", JsonElement.Parse("""{"event":"y"}"""), JsonElement.Parse("""{"event":"x"}"""))).Pointer);

    [Fact]
    public void Several_schemas_of_one_event_apply_in_the_order_of_their_ids_and_off_ones_do_not()
    {
        var schemas = EventSchemas.Of(new RegistrySnapshot(1,
        [
            Stored("b", """{"event":"x","normalize":[{"rename":"/q","to":"r"}]}"""), Stored("a", """{"event":"x","normalize":[{"rename":"/p","to":"q"}]}"""),
            Stored("c", """{"event":"x","mode":"off","normalize":[{"drop":"/r"}]}"""), Stored("d", """{"type":"page","normalize":[{"drop":"/t"}]}"""),
            new RegistryDocument(RegistryKind.Trigger, "t", 1, default, JsonText.FromString("{}")),
        ]), null);

        var one = Event("x", """{"p":1}""");
        Assert.Equal("""{"r":1}""", EventSchemas.Judge(one, schemas.Find(one)!).Event.Properties.ToString());
        Assert.Null(schemas.Find(Event("y", "{}")));
        Assert.NotNull(schemas.Find(Event("Home", "{}") with { Type = EventType.Page }));
        Assert.NotNull(schemas.Find(Event("x", "{}") with { Type = EventType.Page, Name = null }));
        Assert.Null(EventSchemas.None.Find(one));
    }

    [Fact]
    public void A_schema_that_has_not_changed_is_not_compiled_again()
    {
        var stored = Stored("a", """{"event":"x"}""");
        var before = EventSchemas.Of(new RegistrySnapshot(1, [stored]), null);
        var after = EventSchemas.Of(new RegistrySnapshot(2, [stored, Stored("b", """{"event":"y"}""")]), before);
        Assert.Same(before.Find(Event("x", "{}"))![0], after.Find(Event("x", "{}"))![0]);
    }

    [Fact]
    public void Traits_are_what_an_identify_event_is_held_against()
    {
        var (schema, _) = EventSchemaParser.Parse("s", 1, JsonElement.Parse("""{"type":"identify","mode":"enforce","schema":{"properties":{"email":{"format":"email"}}}}"""));
        var judged = EventSchemas.Judge(Event("x", "{}") with { Type = EventType.Identify, Name = null, Traits = JsonText.FromString("""{"email":"none"}""") }, [schema!]);
        Assert.True(judged.IsRefused);
        Assert.Equal("/traits/email", Assert.Single(judged.Failures).Pointer);
    }

    [Fact]
    public void An_event_that_normalization_makes_too_large_is_refused()
    {
        var (schema, _) = EventSchemaParser.Parse("s", 1, JsonElement.Parse($$"""{"event":"x","mode":"enforce","normalize":[{"default":"/a/*/b","value":"{{new string('x', 1000)}}"}]}"""));
        var judged = EventSchemas.Judge(Event("x", $$"""{"a":[{{string.Join(',', Enumerable.Repeat("{}", 100))}}]}"""), [schema!]);
        Assert.Equal("too-large", Assert.Single(judged.Failures).Keyword);
    }

    private static RegistryDocument Stored(string id, string json) => new(RegistryKind.Schema, id, 1, default, JsonText.FromString(json));

    internal static CustomerEvent Event(string name, string properties) => new()
    {
        MessageId = "m", Type = EventType.Track, Name = name, OccurredAt = DateTimeOffset.UnixEpoch, ReceivedAt = DateTimeOffset.UnixEpoch, Source = "test",
        Properties = JsonText.FromString(properties), Fingerprint = 7,
    };

    internal static SchemaNode Parse(string schema)
    {
        var errors = new List<DocumentError>();
        var node = new SchemaParser(errors).Parse(JsonElement.Parse(schema), "");
        Assert.Empty(errors);
        return node;
    }

    private static JsonElement Document(string schema, string more = "") => JsonElement.Parse($$"""{"event":"x","schema":{{schema}}{{more}}}""");
}
