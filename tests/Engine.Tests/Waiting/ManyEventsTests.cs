using static Orleans.Personalize.Engine.Story;

namespace Orleans.Personalize.Engine.Waiting;

/// <summary>More events than a wait remembers, and more waits than a customer may have.</summary>
public sealed class ManyEventsTests
{
    [Theory]
    [InlineData(false)]
    [InlineData(true)]
    public void A_debounce_over_more_events_than_are_kept_ends_after_the_last(bool isReversed)
    {
        var story = With("""{ "wait": { "for": "PT1H" } }""");
        var events = Enumerable.Range(0, (3 * Limits.WaitArmsMax) + 1).Select(i => Event("Added", i * 0.5, received: 50));
        foreach (var happened in isReversed ? events.Reverse() : events)
            story.Hears(happened);
        var wait = Assert.Single(story.Profile.Waits);
        Assert.Equal(Limits.WaitArmsMax, wait.Arms.Newest.Length);
        Assert.Equal((At(0), At(108)), (wait.Arms.First.At, wait.Deadline));
        story.Ticks(108);
        Assert.Equal(["send @ 108"], story.Outcomes);
        Assert.Equal("Added0", Assert.Single(story.Decisions).ArmedBy.MessageId);
    }

    [Fact]
    public void At_most_and_a_fixed_wait_count_from_the_first_even_when_most_are_forgotten()
    {
        var story = With("""{ "wait": { "for": "PT10M", "atMost": "PT2H" } }""", """{ "wait": { "for": "PT2H", "mode": "fixed" } }""");
        for (var i = 0; i < 100; i++)
            story.Hears("Added", i);
        Assert.Equal([At(109), At(120)], story.Profile.Waits.Select(wait => wait.Deadline));
        for (var i = 100; i < 120; i++)
            story.Hears("Added", i);
        story.Ticks(120);
        Assert.Equal(["send @ 120", "send @ 120"], story.Outcomes);
    }

    [Fact]
    public void Unless_between_forgotten_events_leaves_the_newest_waiting()
    {
        var story = With("""{ "wait": { "for": "PT3H" }, "unless": [{ "event": "Ordered" }] }""");
        for (var i = 0; i < 100; i++)
            story.Hears("Added", i);
        story.Hears("Ordered", 10.5, received: 100);
        Assert.Equal(["unless @ 10.5"], story.Outcomes);
        Assert.Equal(279, story.WaitsUntil);
    }

    [Fact]
    public void A_wait_too_many_is_a_suppressed_decision()
    {
        var story = With("""{ "key": "event.properties.cart", "wait": { "for": "PT1H" } }""");
        for (var i = 0; i <= Limits.WaitsMax; i++)
            story.Hears(InCart($"{i}", "Added", 0));
        Assert.Equal([$"wait-limit {Limits.WaitsMax} @ 0"], story.Outcomes);
        story.Hears(InCart("0", "Added", 1));
        Assert.Equal(Limits.WaitsMax, story.Profile.Waits.Length);
    }

    [Fact]
    public void An_overlong_key_is_none()
    {
        var story = With("""{ "key": "event.properties.cart", "wait": { "for": "PT1H" } }""");
        story.Hears(InCart(new('x', Limits.KeyLengthMax), "Added", 0));
        story.Hears(InCart(new('x', Limits.KeyLengthMax + 1), "Added", 0));
        Assert.Equal([null, new string('x', Limits.KeyLengthMax)], story.Profile.Waits.Select(wait => wait.Key));
    }

    [Fact]
    public void Of_the_properties_that_armed_a_wait_large_ones_are_left_out()
    {
        var story = With("""{ "wait": { "for": "PT1H" } }""");
        story.Hears("Added", 0, properties: $$"""{"x":"{{new string('x', Limits.KeptPropertiesBytesMax)}}"}""");
        Assert.True(Assert.Single(story.Profile.Waits).Event.Properties.IsAbsent);
    }
}
