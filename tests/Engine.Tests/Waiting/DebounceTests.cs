using static Orleans.Personalize.Engine.Story;

namespace Orleans.Personalize.Engine.Waiting;

public sealed class DebounceTests
{
    private const string Hour = """{ "wait": { "for": "PT1H" } }""";

    [Fact]
    public void It_fires_when_the_wait_has_run_out_and_not_before()
    {
        var story = With(Hour);
        story.Hears("Added", 0);
        Assert.Equal(60, story.WaitsUntil);
        story.Ticks(59.999);
        Assert.Empty(story.Outcomes);
        story.Ticks(60);
        Assert.Equal(["send @ 60"], story.Outcomes);
        Assert.Empty(story.Profile.Waits);
    }

    [Fact]
    public void Each_matching_event_restarts_the_wait()
    {
        var story = With(Hour);
        story.Hears("Added", 0);
        story.Hears("Added", 30);
        story.Hears("Added", 80);
        Assert.Equal(140, story.WaitsUntil);
        story.Ticks(140);
        var decided = Assert.Single(story.Decisions);
        Assert.Equal((At(140), "Added0", "Added80"), (decided.At, decided.ArmedBy.MessageId, decided.ArmedThrough.MessageId));
    }

    [Fact]
    public void An_event_at_the_very_deadline_is_too_late_to_restart_and_opens_the_next_wait()
    {
        var story = With(Hour);
        story.Hears("Added", 0);
        story.Hears("Added", 60);
        Assert.Equal(["send @ 60"], story.Outcomes);
        Assert.Equal(120, story.WaitsUntil);
    }

    [Fact]
    public void A_late_tick_decides_for_the_deadline_and_says_when_it_did()
    {
        var story = With(Hour);
        story.Hears("Added", 0);
        story.Ticks(500);
        var decided = Assert.Single(story.Decisions);
        Assert.Equal((At(60), At(500)), (decided.At, decided.DecidedAt));
    }

    [Fact]
    public void A_second_tick_decides_nothing()
    {
        var story = With(Hour);
        story.Hears("Added", 0);
        story.Ticks(60);
        var version = story.Profile.Version;
        story.Ticks(60).Ticks(61);
        Assert.Equal(version, story.Profile.Version);
    }

    [Fact]
    public void At_most_ends_the_restarts()
    {
        var story = With("""{ "wait": { "for": "PT1H", "atMost": "PT2H" } }""");
        story.Hears("Added", 0);
        story.Hears("Added", 50);
        story.Hears("Added", 100);
        Assert.Equal(120, story.WaitsUntil);
        story.Hears("Added", 130);
        Assert.Equal(["send @ 120"], story.Outcomes);
        Assert.Equal(190, story.WaitsUntil);
    }

    [Fact]
    public void Events_that_arrive_in_another_order_lead_to_the_same_wait()
    {
        var story = With(Hour);
        story.Hears("Added", 40, received: 45);
        story.Hears("Added", 0, received: 46);
        story.Hears("Added", 20, received: 47);
        var wait = Assert.Single(story.Profile.Waits);
        Assert.Equal((At(0), At(40), At(100)), (wait.Arms.First.At, wait.Arms.Last.At, wait.Deadline));
        Assert.Equal("Added40", wait.Event.Stamp.MessageId);
    }

    [Fact]
    public void An_earlier_event_can_show_that_the_wait_ran_out_between()
    {
        var story = With(Hour);
        story.Hears("Added", 100, received: 101);
        story.Hears("Added", 0, received: 102);
        Assert.Equal(["send @ 60"], story.Outcomes);
        Assert.Equal(160, story.WaitsUntil);
    }

    [Fact]
    public void A_time_that_was_decided_about_is_not_decided_about_again()
    {
        var story = With(Hour);
        story.Hears("Added", 0);
        story.Ticks(60);
        story.Hears("Added", 59, received: 61);
        Assert.Equal(["send @ 60", "superseded @ 59"], story.Outcomes);
        story.Hears("Added", 60, received: 62);
        Assert.Equal(120, story.WaitsUntil);
    }

    [Fact]
    public void A_batch_is_applied_in_the_order_of_occurrence_and_answered_in_its_own()
    {
        var story = With(Hour);
        var receipts = story.HearsAll(200, Event("Added", 130), Event("Added", 0), Event("Added", 20));
        Assert.Equal(["send @ 80", "send @ 190"], story.Outcomes);
        Assert.Equal(["Added130", "Added0", "Added20"], receipts.Select(receipt => receipt.MessageId));
        Assert.True(receipts[1].Version < receipts[2].Version && receipts[2].Version < receipts[0].Version);
    }

    [Fact]
    public void An_event_of_the_near_future_is_believed()
    {
        var story = With(Hour);
        story.Hears("Added", -58);
        story.Hears("Added", 4, received: 0);
        Assert.Equal(["send @ 2"], story.Outcomes);
        Assert.Equal(64, story.WaitsUntil);
    }
}
