using static Orleans.Personalize.Engine.Story;

namespace Orleans.Personalize.Engine.Sending;

/// <summary>Attempts of which nobody knows what became.</summary>
public sealed class HeldTests
{
    private static Story Attempted(bool holds)
    {
        var story = With("{}");
        story.Hears("Added", 0);
        Assert.Null(story.Requests(0, holds: holds));
        return story;
    }

    private static Story Held()
    {
        var story = Attempted(holds: true);
        Assert.Equal(SendState.Held, story.Reports(1, SendOutcome.Unknown).State);
        return story;
    }

    private static CustomerEvent Reported(Story story, string name, double at, string more = "") =>
        Event(name, at, properties: $$"""{"decision_id":"{{story.OnlySend.DecisionId}}"{{more}}}""");

    [Fact]
    public void Where_repeating_is_harmless_an_unknown_outcome_is_repeated()
    {
        var send = Attempted(holds: false).Reports(1, SendOutcome.Unknown);
        Assert.Equal((SendState.Pending, Reason.Unknown), (send.State, send.Reason));
        Assert.InRange(send.NextAttemptAt, At(1) + Limits.RetryPauses[0], At(1) + (Limits.RetryPauses[0] * 1.2));
    }

    [Fact]
    public void Where_it_is_not_it_is_held_and_never_goes_out_by_itself()
    {
        var story = Held();
        Assert.Equal((Reason.Unknown, At(1) + Limits.HoldMax), (story.OnlySend.Reason, story.OnlySend.NextAttemptAt));
        Assert.Empty(Outlook.PendingSends(story.Profile, At(10 * Day)));
        Assert.Equal(Reason.Unknown, story.Requests(2));
    }

    [Fact]
    public void A_lost_attempt_is_held_too()
    {
        var story = Attempted(holds: true);
        story.Ticks(Limits.AuthorizationLease.TotalMinutes);
        Assert.Equal((SendState.Held, Reason.Lost), (story.OnlySend.State, story.OnlySend.Reason));
    }

    [Theory]
    [InlineData(SendOutcome.Sent, SendState.Sent)]
    [InlineData(SendOutcome.Failed, SendState.Failed)]
    [InlineData(SendOutcome.Retry, SendState.Pending)]
    [InlineData(SendOutcome.Unknown, SendState.Held)]
    public void A_late_answer_settles_it(SendOutcome outcome, SendState state) => Assert.Equal(state, Held().Reports(5, outcome).State);

    [Fact]
    public void When_nobody_says_anything_it_counts_as_failed_and_still_against_the_limits()
    {
        var story = Held();
        story.Ticks(1 + Limits.HoldMax.TotalMinutes);
        Assert.Equal((SendState.Failed, Reason.Unknown), (story.OnlySend.State, story.OnlySend.Reason));
        Assert.Single(story.Profile.Tallies);
        Assert.Null(story.NextDeadline);
    }

    [Theory]
    [InlineData("Email Delivered", "", SendState.Sent)]
    [InlineData("Email Opened", "", SendState.Sent)]
    [InlineData("Email Opened", ",\"machine\":true", SendState.Sent)]
    [InlineData("Email Link Clicked", "", SendState.Sent)]
    [InlineData("Email Bounced", "", SendState.Failed)]
    public void What_the_provider_reports_tells_what_became_of_it(string name, string more, SendState state)
    {
        var story = Held();
        story.Hears(Reported(story, name, 2, more));
        Assert.Equal(state, story.OnlySend.State);
    }

    [Fact]
    public void A_report_about_another_send_tells_nothing()
    {
        var story = Held();
        story.Hears(Event("Email Delivered", 2, properties: """{"decision_id":"0123"}"""));
        story.Hears(Event("Email Delivered", 3));
        Assert.Equal(SendState.Held, story.OnlySend.State);
    }

    [Theory]
    [InlineData(SendVerdict.Retry, SendState.Pending)]
    [InlineData(SendVerdict.Drop, SendState.Suppressed)]
    [InlineData(SendVerdict.Delivered, SendState.Sent)]
    public void Somebody_may_say_what_is_to_become_of_it(SendVerdict verdict, SendState state)
    {
        var story = Held();
        Assert.Null(story.Resolves(9, verdict, "asked the provider"));
        Assert.Equal((state, Reason.Operator), (story.OnlySend.State, story.OnlySend.Reason));
        Assert.Equal("by key 7: asked the provider", Assert.IsType<Fact.SendSettled>(story.Facts.Last()).Detail);
    }

    [Fact]
    public void A_dead_letter_that_is_tried_again_is_asked_about_like_any_other()
    {
        var story = With("""{ "unless": [{ "event": "Ordered" }] }""");
        story.Hears("Added", 0);
        Assert.Null(story.Requests(0));
        story.Reports(1, SendOutcome.Failed);
        story.Hears("Ordered", 2);
        Assert.Null(story.Resolves(3, SendVerdict.Retry));
        Assert.Single(Outlook.PendingSends(story.Profile, At(3)));
        Assert.Equal(Reason.Unless, story.Requests(3));
    }

    [Fact]
    public void A_dead_letter_that_is_tried_again_counts_against_the_limits_again()
    {
        var story = With("""{ "limits": { "max": 1, "per": "P1D" } }""").Under("""{ "cap": { "max": 1, "per": "P1D" } }""");
        story.Hears("Added", 0);
        Assert.Null(story.Requests(0));
        story.Reports(1, SendOutcome.Failed);
        Assert.Empty(story.Profile.Tallies.Concat(story.Profile.ChannelTallies));
        Assert.Null(story.Resolves(2, SendVerdict.Retry));
        Assert.Equal([1, 1], story.Profile.Tallies.Concat(story.Profile.ChannelTallies).Select(tally => tally.Entries.Length));
        story.Hears("Added", 3);
        Assert.Equal(["send @ 0", "limit @ 3"], story.Outcomes);
        Assert.Null(story.Requests(4, story.OnlySend.DecisionId));
    }

    [Fact]
    public void What_was_sent_or_is_on_its_way_is_left_alone()
    {
        var story = Attempted(holds: false);
        Assert.Equal("in-flight", story.Resolves(1, SendVerdict.Retry));
        story.Reports(2, SendOutcome.Sent);
        Assert.Equal("Sent", story.Resolves(3, SendVerdict.Drop));
        Assert.Equal(SendState.Sent, story.OnlySend.State);
        Assert.Equal("unknown", story.Decide(new Input.SendResolved("0123", SendVerdict.Drop, "key 7", null), At(4)).Refusal);
    }
}
