using static Orleans.Personalize.Engine.Story;

namespace Orleans.Personalize.Engine.Waiting;

/// <summary>Triggers are edited while customers wait.</summary>
public sealed class ChangedTriggerTests
{
    private const string Hour = """{ "wait": { "for": "PT1H" }, "unless": [{ "event": "Ordered" }] }""";
    private const string Disabled = """{ "enabled": false, "wait": { "for": "PT1H" }, "unless": [{ "event": "Ordered" }] }""";

    [Fact]
    public void A_removed_trigger_suppresses_what_waited_for_it()
    {
        var story = With(Hour);
        story.Hears("Added", 0);
        story.Hears("Added", 70);
        story.Edit();
        story.Ticks(2000);
        Assert.Equal(["send @ 60", "trigger-removed @ 130"], story.Outcomes);
        Assert.Empty(story.Profile.Waits);
    }

    [Fact]
    public void All_that_waited_for_a_removed_trigger_is_decided()
    {
        var story = With("""{ "wait": { "for": "PT2M" } }""");
        story.Hears("Added", 4, received: 0);
        story.Hears("Added", 0, received: 1);
        story.Edit();
        story.Ticks(10);
        Assert.Equal(["trigger-removed @ 2", "trigger-removed @ 4"], story.Outcomes);
    }

    [Fact]
    public void A_disabled_trigger_opens_nothing_and_suppresses_what_waited()
    {
        var story = With(Hour);
        story.Hears("Added", 0);
        story.Edit(Disabled);
        story.Hears("Added", 30);
        story.Ticks(1000);
        Assert.Equal(["trigger-disabled @ 60"], story.Outcomes);
    }

    [Fact]
    public void A_disabled_trigger_still_heeds_unless_so_that_enabling_it_again_sends_nothing_outdated()
    {
        var story = With(Hour);
        story.Hears("Added", 0);
        story.Edit(Disabled);
        story.Hears("Ordered", 30);
        story.Edit(Hour);
        story.Ticks(1000);
        Assert.Equal(["unless @ 30"], story.Outcomes);
    }

    [Fact]
    public void A_shorter_wait_holds_from_the_next_event_on()
    {
        var story = With("""{ "wait": { "for": "P1D" } }""");
        story.Hears("Added", 0);
        story.Edit(Hour);
        story.Ticks(300);
        Assert.Empty(story.Outcomes);
        story.Hears("Added", 300);
        Assert.Equal(["send @ 60"], story.Outcomes);
        Assert.Equal(360, story.WaitsUntil);
    }

    [Fact]
    public void A_decision_names_the_version_that_took_it()
    {
        var story = With(Hour);
        story.Hears("Added", 0);
        story.Edit(Hour);
        story.Ticks(60);
        Assert.Equal(2, Assert.Single(story.Decisions).TriggerVersion);
        Assert.Equal(1, Assert.Single(story.Facts.OfType<Fact.WaitArmed>()).TriggerVersion);
    }

    [Fact]
    public void A_trigger_that_no_longer_waits_lets_open_waits_run_out()
    {
        var story = With(Hour);
        story.Hears("Added", 0);
        story.Edit("{}");
        story.Hears("Added", 10);
        story.Ticks(60);
        Assert.Equal(["send @ 10", "send @ 60"], story.Outcomes);
    }
}
