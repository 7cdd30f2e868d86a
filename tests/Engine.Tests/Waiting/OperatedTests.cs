using static Orleans.Personalize.Engine.Story;

namespace Orleans.Personalize.Engine.Waiting;

/// <summary>Waits that somebody ends, moves or closes by hand.</summary>
public sealed class OperatedTests
{
    private const string Debounce = """{ "wait": { "for": "PT1H" }, "unless": [{ "event": "Ordered" }] }""";
    private const string Fixed = """{ "wait": { "for": "PT1H", "mode": "fixed" } }""";

    [Fact]
    public void What_is_fired_is_decided_now_with_all_that_is_asked()
    {
        var story = With(Debounce);
        story.Hears("Added", 0);
        story.Hears("Added", 5);
        Assert.Null(story.Operates(10, WaitVerb.Fire));
        Assert.Equal(["send @ 10"], story.Outcomes);
        Assert.Equal("by key 7: they called", Assert.Single(story.Facts.OfType<Fact.WaitMoved>()).By);
        Assert.Empty(story.Profile.Waits);
        Assert.Null(story.Requests(10));

        var refused = With("""{ "wait": { "for": "PT1H" }, "if": { "field": "profile.traits.plan", "op": "exists", "value": true } }""");
        refused.Hears("Added", 0);
        refused.Operates(10, WaitVerb.Fire);
        Assert.Equal(["condition @ 10"], refused.Outcomes);
    }

    [Fact]
    public void What_is_fired_or_cancelled_is_not_decided_again()
    {
        foreach (var verb in (WaitVerb[])[WaitVerb.Fire, WaitVerb.Cancel])
        {
            var story = With(Debounce);
            story.Hears("Added", 0);
            story.Operates(10, verb);
            Assert.Equal(WaitRefusal.Unknown, story.Operates(10, verb));
            // Of the time that was decided about, and arrives late.
            story.Hears(Event("Added", 7, received: 11));
            story.Ticks(2 * 60);
            Assert.Equal([verb == WaitVerb.Fire ? "send @ 10" : "operator @ 10", "superseded @ 7"], story.Outcomes);
            // The next one waits anew.
            story.Hears("Added", 121);
            story.Ticks(181);
            Assert.Equal("send @ 181", story.Outcomes.Last());
        }
    }

    [Fact]
    public void What_is_cancelled_says_who_and_why()
    {
        var story = With(Debounce);
        story.Hears("Added", 0);
        Assert.Null(story.Operates(10, WaitVerb.Cancel));
        var decided = Assert.Single(story.Decisions);
        Assert.Equal((Reason.Operator, "by key 7: they called"), (decided.Reason, decided.Detail));
        Assert.Null(story.NextDeadline);
    }

    [Fact]
    public void What_is_shifted_runs_out_then_and_events_do_not_move_it_back()
    {
        var story = With(Debounce);
        story.Hears("Added", 0);
        Assert.Null(story.Operates(10, WaitVerb.Shift, by: 60));
        Assert.Equal(120, story.NextDeadline);
        story.Hears("Added", 20);
        Assert.Equal(120, story.WaitsUntil);
        // A later event prolongs it as it would any other.
        story.Hears("Added", 100);
        Assert.Equal(160, story.WaitsUntil);
        Assert.Null(story.Operates(110, WaitVerb.Shift, to: 115));
        story.Ticks(115);
        Assert.Equal(["send @ 115"], story.Outcomes);
    }

    [Theory]
    [InlineData(30)]
    [InlineData(90)]
    public void A_fixed_wait_stays_where_it_was_shifted_to(double to)
    {
        var story = With(Fixed);
        story.Hears("Added", 0);
        story.Operates(10, WaitVerb.Shift, to: to);
        story.Hears("Added", 20);
        Assert.Equal(to, story.WaitsUntil);
        story.Ticks(to);
        story.Hears("Added", to + 1);
        Assert.Equal(to + 61, story.WaitsUntil);
    }

    [Fact]
    public void An_unless_closes_what_was_shifted_and_what_it_leaves_waits_as_usual()
    {
        var story = With(Debounce);
        story.Hears("Added", 0);
        story.Operates(10, WaitVerb.Shift, by: 600);
        story.Hears("Added", 200);
        story.Hears(Event("Ordered", 100, received: 210));
        Assert.Equal(["unless @ 100"], story.Outcomes);
        Assert.Equal(260, story.WaitsUntil);
    }

    [Fact]
    public void Only_the_wait_of_its_key_is_meant()
    {
        var story = With("""{ "wait": { "for": "PT1H" }, "key": "event.properties.cart" }""");
        story.Hears(InCart("a", "Added", 0));
        story.Hears(InCart("b", "Added", 1));
        Assert.Equal(WaitRefusal.Unknown, story.Operates(2, WaitVerb.Fire));
        Assert.Null(story.Operates(2, WaitVerb.Fire, "b"));
        Assert.Equal(["send b @ 2"], story.Outcomes);
        Assert.Equal("a", Assert.Single(story.Profile.Waits).Key);
    }

    [Theory]
    [InlineData(null, -60.0, WaitRefusal.Past)]
    [InlineData(null, -1e9, WaitRefusal.Past)]
    [InlineData(10.0, null, WaitRefusal.Past)]
    [InlineData(10 + (400 * Day) + 1, null, WaitRefusal.TooFar)]
    [InlineData(null, 400 * Day, WaitRefusal.TooFar)]
    [InlineData(null, 1e10, WaitRefusal.TooFar)]
    [InlineData(10 + (400 * Day), null, null)]
    [InlineData(10.001, null, null)]
    public void A_shift_has_bounds(double? to, double? by, string? refusal)
    {
        var story = With(Debounce);
        story.Hears("Added", 0);
        Assert.Equal(refusal, story.Operates(10, WaitVerb.Shift, to: to, by: by));
        Assert.Equal(refusal is null, story.WaitsUntil != 60);
    }

    [Fact]
    public void The_wait_of_a_removed_trigger_can_be_closed_and_fires_as_removed()
    {
        foreach (var verb in (WaitVerb[])[WaitVerb.Fire, WaitVerb.Cancel])
        {
            var story = With(Debounce);
            story.Hears("Added", 0);
            story.Edit();
            Assert.Null(story.Operates(10, verb));
            Assert.Equal([verb == WaitVerb.Fire ? "trigger-removed @ 10" : "operator @ 10"], story.Outcomes);
        }
    }
}
