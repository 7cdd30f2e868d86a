using static Orleans.Personalize.Engine.Story;

namespace Orleans.Personalize.Engine.Language;

public sealed class TriggerSetTests
{
    private static readonly TriggerSet Triggers = new([
        Trigger("""{ "id": "by-name", "on": { "event": "Home" } }"""),
        Trigger("""{ "id": "by-type", "on": { "type": "page" }, "priority": 5 }"""),
        Trigger("""{ "id": "by-both", "on": { "event": "Home", "type": "page" }, "priority": 9 }"""),
        Trigger("""{ "id": "by-unless", "on": { "event": "Other" }, "unless": [{ "type": "page" }, { "event": "Home" }] }"""),
    ]);

    [Theory]
    [InlineData("Home", EventType.Page, "by-both by-type by-name by-unless")]
    [InlineData("Home", EventType.Track, "by-name by-unless")]
    [InlineData("Away", EventType.Page, "by-type by-unless")]
    [InlineData("", EventType.Page, "by-type by-unless")]
    [InlineData("Other", EventType.Screen, "by-unless")]
    [InlineData("Away", EventType.Screen, "")]
    public void An_event_is_heard_by_those_that_may_mean_it_once_each_and_in_order(string name, EventType type, string listeners) =>
        Assert.Equal(listeners, string.Join(' ', Triggers.ListenersOf(Event(name, 0, type: type)).Select(trigger => trigger.Id)));

    [Fact]
    public void Triggers_are_found_by_id()
    {
        Assert.Equal("by-name", Triggers.Find("by-name")!.Id);
        Assert.Null(Triggers.Find("none"));
        Assert.Null(TriggerSet.Empty.Find("none"));
    }
}
