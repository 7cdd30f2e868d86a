using static Orleans.Personalize.Engine.Story;

namespace Orleans.Personalize.Engine.Waiting;

public sealed class ImmediateTests
{
    [Fact]
    public void A_trigger_without_a_wait_fires_with_its_event()
    {
        var story = With("{}");
        story.Hears("Added", 5);
        Assert.Equal(["send @ 5"], story.Outcomes);
        Assert.Equal(At(5), story.OnlySend.NextAttemptAt);
    }

    [Fact]
    public void Other_events_fire_nothing()
    {
        var story = With("{}");
        story.Hears("Removed", 5);
        Assert.Empty(story.Outcomes);
    }

    [Fact]
    public void Each_event_fires_anew()
    {
        var story = With("{}");
        story.Hears("Added", 5);
        story.Hears("Added", 6);
        Assert.Equal(["send @ 5", "send @ 6"], story.Outcomes);
        Assert.Equal(2, story.Decisions.Select(decided => decided.DecisionId).Distinct().Count());
    }

    [Fact]
    public void The_where_of_on_looks_at_the_event()
    {
        var story = With("""{ "on": { "event": "Added", "where": { "field": "event.properties.price", "op": "gte", "value": 20 } } }""");
        story.Hears("Added", 1, properties: """{"price":19.99}""");
        story.Hears("Added", 2, properties: """{"price":20.00}""");
        story.Hears("Added", 3);
        Assert.Equal(["send @ 2"], story.Outcomes);
    }

    [Fact]
    public void A_trigger_may_listen_to_a_type()
    {
        var story = With("""{ "on": { "type": "page" } }""");
        story.Hears(Event("Home", 1, type: EventType.Page));
        story.Hears(Event("", 2, type: EventType.Page));
        story.Hears(Event("Home", 3));
        Assert.Equal(["send @ 1", "send @ 2"], story.Outcomes);
    }

    [Fact]
    public void A_name_and_a_type_must_both_match()
    {
        var story = With("""{ "on": { "event": "Home", "type": "page" } }""");
        story.Hears(Event("Home", 1));
        story.Hears(Event("Away", 2, type: EventType.Page));
        story.Hears(Event("Home", 3, type: EventType.Page));
        Assert.Equal(["send @ 3"], story.Outcomes);
    }

    [Fact]
    public void An_event_heard_by_name_and_by_type_fires_in_the_order_of_priorities()
    {
        var story = With(
            """{ "id": "low", "on": { "event": "Home" }, "priority": 1 }""",
            """{ "id": "high", "on": { "type": "page" }, "priority": 2 }""",
            """{ "id": "other", "on": { "event": "Home", "type": "track" }, "priority": 3 }""");
        story.Hears(Event("Home", 1, type: EventType.Page));
        Assert.Equal(["high send", "low send"], story.OutcomesByTrigger);
    }

    [Fact]
    public void An_immediate_trigger_heeds_an_unless_that_occurred_later_and_arrived_earlier()
    {
        var story = With("""{ "unless": [{ "event": "Ordered" }] }""");
        story.Hears("Ordered", 10);
        story.Hears("Added", 5, received: 11);
        story.Hears("Added", 12);
        Assert.Equal(["unless @ 5", "send @ 12"], story.Outcomes);
    }
}
