using static Orleans.Personalize.Engine.Story;

namespace Orleans.Personalize.Engine.Waiting;

public sealed class FixedWaitTests
{
    private const string Hour = """{ "wait": { "for": "PT1H", "mode": "fixed" } }""";

    [Fact]
    public void It_counts_from_the_first_event()
    {
        var story = With(Hour);
        story.Hears("Added", 0);
        story.Hears("Added", 50);
        story.Ticks(60);
        Assert.Equal(["send @ 60"], story.Outcomes);
        Assert.Empty(story.Profile.Waits);
    }

    [Fact]
    public void An_event_that_occurred_earlier_moves_the_deadline_forward()
    {
        var story = With(Hour);
        story.Hears("Added", 30);
        story.Hears("Added", 10, received: 31);
        Assert.Equal(70, story.WaitsUntil);
    }

    [Fact]
    public void What_occurred_at_or_after_the_deadline_waits_anew()
    {
        var story = With(Hour);
        story.Hears("Added", 70, received: 71);
        story.Hears("Added", 60, received: 72);
        story.Hears("Added", 0, received: 73);
        Assert.Equal(["send @ 60"], story.Outcomes);
        Assert.Equal(120, story.WaitsUntil);
    }

    [Fact]
    public void A_send_knows_the_newest_event_of_its_wait()
    {
        var story = With(Hour);
        story.Hears("Added", 0, properties: """{"n":1}""");
        story.Hears("Added", 20, properties: """{"n":2}""");
        story.Hears("Added", 10, received: 21, properties: """{"n":3}""");
        story.Ticks(60);
        Assert.Equal("""{"n":2}""", story.OnlySend.Event.Properties.ToString());
    }
}
