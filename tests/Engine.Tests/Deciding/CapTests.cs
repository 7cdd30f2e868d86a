using static Orleans.Personalize.Engine.Story;

namespace Orleans.Personalize.Engine.Deciding;

/// <summary>What all triggers of a channel share, and who yields to whom.</summary>
public sealed class CapTests
{
    private const string OneADay = """{ "cap": { "max": 1, "per": "P1D" } }""";
    private const string Low = """{ "on": { "event": "A" }, "priority": 1, "quietHours": { "from": "11:00", "to": "13:00" } }""";
    private const string High = """{ "on": { "event": "B" }, "priority": 9 }""";

    [Fact]
    public void The_cap_counts_the_sends_of_all_triggers_together()
    {
        var story = With("""{ "on": { "event": "A" } }""", """{ "on": { "event": "B" } }""").Under("""{ "cap": { "max": 2, "per": "P1D" } }""");
        story.Hears("A", 0);
        story.Hears("B", 1);
        story.Hears("A", 2);
        story.Hears("B", Day);
        Assert.Equal(["send @ 0", "send @ 1", "cap @ 2", $"send @ {Day}"], story.Outcomes);
        Assert.Equal("2 within 1.00:00:00", story.Decisions.ElementAt(2).Detail);
    }

    [Fact]
    public void A_pause_may_be_asked_for_between_any_two()
    {
        var story = With("""{ "on": { "event": "A" } }""", """{ "on": { "event": "B" } }""").Under("""{ "cap": { "cooldown": "PT1H" } }""");
        story.Hears("A", 0);
        story.Hears("B", 59);
        story.Hears("B", 60);
        Assert.Equal(["send @ 0", "cap @ 59", "send @ 60"], story.Outcomes);
    }

    [Fact]
    public void Other_channels_and_transactional_sends_are_not_counted()
    {
        var story = With(
            """{ "on": { "event": "A" }, "send": { "sender": "sms", "channel": "sms" } }""",
            """{ "on": { "event": "B" }, "send": { "sender": "mail", "transactional": true } }""",
            """{ "on": { "event": "C" } }""").Under(OneADay);
        foreach (var (name, at) in new[] { ("A", 0), ("B", 1), ("C", 2), ("B", 3), ("A", 4), ("C", 5) })
            story.Hears(name, at);
        Assert.Equal(["send @ 0", "send @ 1", "send @ 2", "send @ 3", "send @ 4", "cap @ 5"], story.Outcomes);
    }

    [Fact]
    public void A_more_important_send_takes_the_place_of_one_that_has_not_left()
    {
        var story = With(Low, High).Under(OneADay);
        story.Hears("A", 0);
        story.Hears("B", 1);
        Assert.Equal(["t1 send", "t2 send"], story.OutcomesByTrigger);
        Assert.Equal([(SendState.Suppressed, Reason.Outranked), (SendState.Pending, null)], story.Profile.Sends.Select(send => (send.State, send.Reason)));
        Assert.Null(story.Requests(1));
    }

    [Fact]
    public void A_less_important_one_does_not()
    {
        var story = With(Low, High).Under(OneADay);
        story.Hears("B", 0);
        story.Hears("A", 1);
        Assert.Equal(["t2 send", "t1 cap"], story.OutcomesByTrigger);
    }

    [Fact]
    public void What_has_left_keeps_its_place()
    {
        var story = With("""{ "on": { "event": "A" }, "priority": 1 }""", High).Under(OneADay);
        story.Hears("A", 0);
        Assert.Null(story.Requests(0));
        story.Hears("B", 1);
        Assert.Equal(["t1 send", "t2 cap"], story.OutcomesByTrigger);
    }

    [Fact]
    public void Of_two_that_are_due_at_once_the_more_important_one_goes_out()
    {
        var story = With(
            """{ "wait": { "for": "PT1H" }, "priority": 1 }""",
            """{ "wait": { "for": "PT1H" }, "priority": 2 }""").Under(OneADay);
        story.Hears("Added", 0);
        story.Ticks(60);
        Assert.Equal(["t2 send", "t1 cap"], story.OutcomesByTrigger);
    }

    [Fact]
    public void Control_groups_and_shadows_take_nobodys_place()
    {
        var story = With(
            """{ "on": { "event": "A" }, "rollout": { "holdout": 100 }, "priority": 5 }""",
            """{ "on": { "event": "A" }, "rollout": { "mode": "shadow" }, "priority": 4 }""",
            """{ "on": { "event": "A" } }""").Under(OneADay);
        story.Hears("A", 0);
        Assert.Equal(["t1 holdout", "t2 shadow", "t3 send"], story.OutcomesByTrigger);
    }

    [Fact]
    public void A_stricter_policy_holds_for_what_has_not_left_and_the_earliest_stay()
    {
        var story = With("""{ "quietHours": { "from": "11:00", "to": "13:00" } }""");
        foreach (var at in new[] { 0, 1, 2 })
            story.Hears("Added", at);
        story.Under(OneADay);
        Assert.Equal(
            [null, Reason.Cap, Reason.Cap],
            story.Profile.Sends.Select(send => send.DecisionId).ToArray().Select(decision => story.Requests(60, decision)));
    }

    [Fact]
    public void What_did_not_go_out_leaves_its_place()
    {
        var story = With("{}").Under(OneADay);
        story.Hears("Added", 0);
        Assert.Null(story.Requests(0));
        story.Reports(1, SendOutcome.Failed);
        story.Hears("Added", 2);
        Assert.Equal(["send @ 0", "send @ 2"], story.Outcomes);
    }

    [Theory]
    [InlineData("""{ "cap": { "max": 1 } }""", "/cap/per")]
    [InlineData("""{ "cap": { "max": 0, "per": "P1D" } }""", "/cap/max")]
    [InlineData("""{ "caps": { } }""", "/caps")]
    [InlineData("""[]""", "")]
    public void A_policy_that_is_not_right_says_where(string policy, string pointer)
    {
        using var document = System.Text.Json.JsonDocument.Parse(policy);
        var (parsed, errors) = Policy.Parse("email", document.RootElement);
        Assert.Null(parsed);
        Assert.Equal(pointer, errors[0].Pointer);
    }
}
