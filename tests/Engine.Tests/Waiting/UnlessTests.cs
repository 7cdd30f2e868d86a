using static Orleans.Personalize.Engine.Story;

namespace Orleans.Personalize.Engine.Waiting;

public sealed class UnlessTests
{
    private const string Cart = """{ "wait": { "for": "PT1H" }, "unless": [{ "event": "Ordered" }] }""";

    [Fact]
    public void It_closes_the_wait()
    {
        var story = With(Cart);
        story.Hears("Added", 0);
        story.Hears("Ordered", 30);
        story.Ticks(1000);
        Assert.Equal(["unless @ 30"], story.Outcomes);
        Assert.Equal("Ordered", Assert.Single(story.Decisions).Detail);
    }

    [Fact]
    public void After_the_deadline_it_is_too_late()
    {
        var story = With(Cart);
        story.Hears("Added", 0);
        story.Hears("Ordered", 61);
        Assert.Equal(["send @ 60"], story.Outcomes);
    }

    [Fact]
    public void At_the_very_deadline_the_deadline_comes_first()
    {
        var story = With(Cart);
        story.Hears("Added", 0);
        story.Hears("Ordered", 60);
        Assert.Equal(["send @ 60"], story.Outcomes);
    }

    [Fact]
    public void Before_the_event_it_closes_nothing()
    {
        var story = With(Cart);
        story.Hears("Ordered", 0);
        story.Hears("Added", 1);
        story.Ticks(61);
        Assert.Equal(["send @ 61"], story.Outcomes);
    }

    [Theory]
    [InlineData("a", "b", "unless @ 0")]
    [InlineData("b", "a", "send @ 60")]
    public void At_the_same_instant_the_message_ids_decide_which_came_first(string added, string ordered, string outcome)
    {
        foreach (var isReversed in (bool[])[false, true])
        {
            var story = With(Cart);
            CustomerEvent[] events = [Event("Added", 0, added), Event("Ordered", 0, ordered)];
            foreach (var happened in isReversed ? events.Reverse() : events)
                story.Hears(happened);
            story.Ticks(60);
            Assert.Equal([outcome], story.Outcomes);
        }
    }

    [Fact]
    public void Arriving_late_it_closes_what_occurred_before_it_and_leaves_the_rest()
    {
        var story = With(Cart);
        story.Hears("Added", 0);
        story.Hears("Added", 20);
        story.Hears("Added", 40);
        story.Hears("Ordered", 30, received: 41);
        var wait = Assert.Single(story.Profile.Waits);
        Assert.Equal((At(40), At(100)), (wait.Arms.First.At, wait.Deadline));
        story.Ticks(100);
        Assert.Equal(["unless @ 30", "send @ 100"], story.Outcomes);
        var closed = story.Decisions.First();
        Assert.Equal(("Added0", "Added20"), (closed.ArmedBy.MessageId, closed.ArmedThrough.MessageId));
    }

    [Fact]
    public void Arriving_late_but_older_than_every_event_it_closes_nothing()
    {
        var story = With(Cart);
        story.Hears("Added", 10);
        story.Hears("Ordered", 5, received: 11);
        story.Ticks(70);
        Assert.Equal(["send @ 70"], story.Outcomes);
    }

    [Fact]
    public void What_it_closed_stays_closed_for_events_that_arrive_later()
    {
        var story = With(Cart);
        story.Hears("Ordered", 30);
        story.Hears("Added", 20, received: 31);
        story.Hears("Added", 40, received: 41);
        Assert.Equal(["unless @ 20"], story.Outcomes);
        Assert.Equal(100, story.WaitsUntil);
    }

    [Fact]
    public void An_older_one_does_not_reopen_what_a_newer_one_closed()
    {
        var story = With(Cart);
        story.Hears("Ordered", 30);
        story.Hears("Ordered", 10, received: 31);
        story.Hears("Added", 20, received: 32);
        Assert.Equal(["unless @ 20"], story.Outcomes);
    }

    [Fact]
    public void One_event_may_close_an_old_wait_and_open_a_new_one()
    {
        var story = With("""{ "wait": { "for": "PT1H" }, "unless": [{ "event": "Added", "where": { "field": "event.properties.last", "op": "exists" } }] }""");
        story.Hears("Added", 0);
        story.Hears("Added", 10, properties: """{"last":1}""");
        Assert.Equal(["unless @ 10"], story.Outcomes);
        Assert.Equal(70, story.WaitsUntil);
    }

    [Fact]
    public void Any_of_several_closes()
    {
        var story = With("""{ "wait": { "for": "PT1H" }, "unless": [{ "event": "Ordered" }, { "type": "group" }] }""");
        story.Hears("Added", 0);
        story.Hears(Event("", 10, type: EventType.Group));
        Assert.Equal("group", Assert.Single(story.Decisions).Detail);
    }

    [Fact]
    public void Its_where_must_hold()
    {
        var story = With("""{ "wait": { "for": "PT1H" }, "unless": [{ "event": "Ordered", "where": { "field": "event.properties.total", "op": "gt", "value": 0 } }] }""");
        story.Hears("Added", 0);
        story.Hears("Ordered", 10, properties: """{"total":0}""");
        Assert.Empty(story.Outcomes);
        story.Hears("Ordered", 11, properties: """{"total":1}""");
        Assert.Equal(["unless @ 11"], story.Outcomes);
    }
}
