using static Orleans.Personalize.Engine.Story;

namespace Orleans.Personalize.Engine.Deciding;

public sealed class ConditionTests
{
    private static bool Holds(string condition, string properties = "{}", string traits = "{}")
    {
        var story = With($$"""{ "if": {{condition}} }""");
        story.Hears(Event("Added", 0, properties: properties, traits: traits));
        var decided = Assert.Single(story.Decisions);
        Assert.True(decided.Reason is null or Reason.Condition);
        return decided.IsSend;
    }

    [Theory]
    [InlineData("eq", "5", "5", true)]
    [InlineData("eq", "5.00", "5", true)]
    [InlineData("eq", "5e0", "5", true)]
    [InlineData("eq", "\"5\"", "5", false)]
    [InlineData("eq", "true", "true", true)]
    [InlineData("eq", "true", "1", false)]
    [InlineData("eq", "\"a\"", "\"A\"", false)]
    [InlineData("eq", "\"\\u0061\"", "\"a\"", true)]
    [InlineData("eq", "[1]", "1", false)]
    [InlineData("eq", null, "5", false)]
    [InlineData("ne", "5", "5", false)]
    [InlineData("ne", "6", "5", true)]
    [InlineData("ne", "\"5\"", "5", true)]
    [InlineData("ne", null, "5", true)]
    [InlineData("ne", "null", "5", true)]
    [InlineData("gt", "5", "5", false)]
    [InlineData("gt", "5.0000000000000000001", "5", true)]
    [InlineData("gt", "1e400", "5", true)]
    [InlineData("gt", "-1e400", "5", false)]
    [InlineData("gt", "\"b\"", "\"a\"", true)]
    [InlineData("gt", "\"6\"", "5", false)]
    [InlineData("gt", null, "5", false)]
    [InlineData("gte", "5", "5", true)]
    [InlineData("gte", "4.99", "5", false)]
    [InlineData("lt", "5", "5", false)]
    [InlineData("lt", "-5", "5", true)]
    [InlineData("lt", "\"2026-01-01T00:00:00Z\"", "\"2026-02-01T00:00:00Z\"", true)]
    [InlineData("lte", "5", "5", true)]
    [InlineData("lte", "null", "5", false)]
    [InlineData("in", "5", "[4, 5]", true)]
    [InlineData("in", "\"b\"", "[\"a\", 5, true]", false)]
    [InlineData("in", "true", "[\"a\", 5, true]", true)]
    [InlineData("in", null, "[1]", false)]
    [InlineData("contains", "\"abc\"", "\"b\"", true)]
    [InlineData("contains", "\"abc\"", "\"B\"", false)]
    [InlineData("contains", "\"a5c\"", "5", false)]
    [InlineData("contains", "[1, \"b\", [2]]", "\"b\"", true)]
    [InlineData("contains", "[1, \"b\", [2]]", "2", false)]
    [InlineData("contains", "[null]", "\"\"", false)]
    [InlineData("contains", "{\"b\":1}", "\"b\"", false)]
    [InlineData("contains", "12", "1", false)]
    [InlineData("startsWith", "\"abc\"", "\"ab\"", true)]
    [InlineData("startsWith", "\"abc\"", "\"bc\"", false)]
    [InlineData("startsWith", "12", "\"1\"", false)]
    [InlineData("endsWith", "\"abc\"", "\"bc\"", true)]
    [InlineData("endsWith", "[]", "\"\"", false)]
    [InlineData("exists", "0", "true", true)]
    [InlineData("exists", "null", "true", false)]
    [InlineData("exists", null, "true", false)]
    [InlineData("exists", null, "false", true)]
    [InlineData("exists", "\"\"", "false", false)]
    public void A_field_is_compared(string op, string? actual, string value, bool holds) => Assert.Equal(
        holds,
        Holds($$"""{ "field": "event.properties.x", "op": "{{op}}", "value": {{value}} }""", actual is null ? "{}" : $$"""{"x":{{actual}}}"""));

    [Fact]
    public void Exists_needs_no_value() => Assert.True(Holds("""{ "field": "event.properties.x", "op": "exists" }""", """{"x":1}"""));

    private const string Yes = """{ "field": "event.name", "op": "eq", "value": "Added" }""";
    private const string No = """{ "field": "event.name", "op": "ne", "value": "Added" }""";

    [Theory]
    [InlineData($$"""{ "all": [{{Yes}}, {{Yes}}] }""", true)]
    [InlineData($$"""{ "all": [{{Yes}}, {{No}}] }""", false)]
    [InlineData($$"""{ "any": [{{No}}, {{Yes}}] }""", true)]
    [InlineData($$"""{ "any": [{{No}}, {{No}}] }""", false)]
    [InlineData($$"""{ "not": {{No}} }""", true)]
    [InlineData($$"""{ "not": { "not": {{No}} } }""", false)]
    [InlineData($$"""{ "all": [{ "any": [{{No}}, { "not": {{No}} }] }, {{Yes}}] }""", true)]
    public void Conditions_nest(string condition, bool holds) => Assert.Equal(holds, Holds(condition));

    [Theory]
    [InlineData($$"""{ "all": [{{Yes}}, {{No}}] }""", "/if/all/1: event.name is Added, not ne Added")]
    [InlineData($$"""{ "not": {{Yes}} }""", "/if: what must not hold holds")]
    [InlineData($$"""{ "any": [{{No}}, { "field": "profile.traits.age", "op": "gt", "value": 17 }] }""",
        "/if: none of (/if/any/0: event.name is Added, not ne Added; /if/any/1: profile.traits.age is (missing), not gt 17)")]
    [InlineData("""{ "count": { "event": "Added" }, "op": "gt", "value": 3 }""", "/if: Added occurred 1 times, not gt 3")]
    public void A_condition_that_does_not_hold_says_where_and_why(string condition, string detail)
    {
        var story = With($$"""{ "if": {{condition}} }""");
        story.Hears("Added", 0);
        Assert.Equal(detail, Assert.Single(story.Decisions).Detail);
    }

    [Fact]
    public void Events_are_counted_within_a_time_before_the_decision()
    {
        var story = With("""{ "if": { "count": { "event": "Ordered", "within": "PT1H" }, "op": "eq", "value": 2 } }""");
        foreach (var minute in (double[])[0, 30, 50])
            story.Hears("Ordered", minute);
        story.Hears("Added", 59);
        story.Hears("Added", 60);
        story.Hears("Added", 90);
        Assert.Equal(["condition @ 59", "send @ 60", "condition @ 90"], story.Outcomes);
    }

    [Fact]
    public void Without_a_time_all_of_them_count()
    {
        var story = With("""{ "if": { "count": { "event": "Ordered" }, "op": "gte", "value": 200 } }""");
        for (var i = 0; i < 199; i++)
            story.Hears("Ordered", i);
        story.Hears("Added", 200);
        story.Hears("Ordered", 201);
        story.Hears("Added", 202);
        Assert.Equal(["condition @ 200", "send @ 202"], story.Outcomes);
    }

    [Fact]
    public void An_event_that_never_came_is_counted_as_none()
    {
        Assert.True(Holds("""{ "count": { "event": "Never" }, "op": "eq", "value": 0 }"""));
        Assert.True(Holds("""{ "count": { "event": "Never", "within": "P1D" }, "op": "lt", "value": 1 }"""));
    }

    [Fact]
    public void The_condition_of_a_wait_is_asked_when_it_runs_out_about_its_newest_event()
    {
        var story = With("""{ "wait": { "for": "PT1H" }, "if": { "field": "event.properties.n", "op": "eq", "value": 2 } }""");
        story.Hears("Added", 0, properties: """{"n":1}""");
        story.Hears("Added", 1, properties: """{"n":2}""");
        story.Ticks(61);
        Assert.Equal(["send @ 61"], story.Outcomes);
    }
}
