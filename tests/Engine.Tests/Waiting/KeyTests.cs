using static Orleans.Personalize.Engine.Story;

namespace Orleans.Personalize.Engine.Waiting;

public sealed class KeyTests
{
    private const string Cart = """{ "key": "event.properties.cart", "wait": { "for": "PT1H" }, "unless": [{ "event": "Ordered" }] }""";

    [Fact]
    public void Each_key_has_a_wait_of_its_own()
    {
        var story = With(Cart);
        story.Hears(InCart("a", "Added", 0));
        story.Hears(InCart("b", "Added", 10));
        story.Hears(InCart("a", "Added", 30));
        story.Ticks(200);
        Assert.Equal(["send b @ 70", "send a @ 90"], story.Outcomes);
    }

    [Fact]
    public void Unless_with_a_key_closes_that_key_only()
    {
        var story = With(Cart);
        story.Hears(InCart("a", "Added", 0));
        story.Hears(InCart("b", "Added", 0));
        story.Hears(InCart("a", "Ordered", 10));
        story.Ticks(60);
        Assert.Equal(["unless a @ 10", "send b @ 60"], story.Outcomes);
    }

    [Fact]
    public void Unless_without_a_key_closes_every_key()
    {
        var story = With(Cart);
        story.Hears(InCart("a", "Added", 0));
        story.Hears(InCart("b", "Added", 0));
        story.Hears("Ordered", 10);
        story.Hears(InCart("c", "Added", 5, received: 11));
        story.Ticks(600);
        Assert.Equal(["unless a @ 10", "unless b @ 10", "unless c @ 5"], story.Outcomes);
    }

    [Fact]
    public void Unless_of_one_key_that_arrived_earlier_leaves_the_others_open()
    {
        var story = With(Cart);
        story.Hears(InCart("a", "Ordered", 10));
        story.Hears(InCart("a", "Added", 5, received: 11));
        story.Hears(InCart("b", "Added", 5, received: 12));
        Assert.Equal(["unless a @ 5"], story.Outcomes);
        Assert.Equal("b", Assert.Single(story.Profile.Waits).Key);
    }

    [Fact]
    public void An_event_without_the_key_waits_for_the_customer()
    {
        var story = With(Cart);
        story.Hears("Added", 0);
        story.Hears(InCart("a", "Ordered", 10));
        story.Ticks(60);
        Assert.Equal(["send @ 60"], story.Outcomes);
    }

    [Theory]
    [InlineData("\"7\"", "7")]
    [InlineData("7", "7")]
    [InlineData("7.50", "7.50")]
    [InlineData("true", "true")]
    [InlineData("null", null)]
    [InlineData("[7]", null)]
    [InlineData("{\"id\":7}", null)]
    public void A_key_is_the_text_of_a_scalar(string value, string? key)
    {
        var story = With(Cart);
        story.Hears("Added", 0, properties: $$"""{"cart":{{value}}}""");
        Assert.Equal(key, Assert.Single(story.Profile.Waits).Key);
    }

    [Fact]
    public void The_key_is_part_of_the_decision_id()
    {
        string Id(string? key) => DecisionId.Of(Ada, "t1", key, "m");
        Assert.Equal(4, new[] { Id(null), Id(""), Id("a"), DecisionId.Of(Ada, "t1a", null, "m") }.Distinct().Count());
        Assert.Equal(Id("a"), Id("a"));
        Assert.Matches("^[0-9a-f]{32}$", Id("a"));
    }

    [Fact]
    public void Parts_of_a_decision_id_cannot_run_into_each_other() =>
        Assert.NotEqual(DecisionId.Of(Ada, "ab", "c", "m"), DecisionId.Of(Ada, "a", "bc", "m"));
}
