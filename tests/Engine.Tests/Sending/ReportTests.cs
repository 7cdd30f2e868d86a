using static Orleans.Personalize.Engine.Story;

namespace Orleans.Personalize.Engine.Sending;

/// <summary>What becomes of attempts.</summary>
public sealed class ReportTests
{
    private static Story Attempted(string trigger = "{}")
    {
        var story = With(trigger);
        story.Hears("Added", 0);
        Assert.Null(story.Requests(0));
        return story;
    }

    [Fact]
    public void Sent_is_the_end()
    {
        var story = Attempted();
        var send = story.Reports(1, SendOutcome.Sent);
        Assert.Equal((SendState.Sent, "provider-1"), (send.State, send.ProviderId));
        Assert.Null(story.NextDeadline);
        story.Reports(2, SendOutcome.Failed);
        Assert.Equal(SendState.Sent, story.OnlySend.State);
    }

    [Fact]
    public void Failed_is_the_end()
    {
        var send = Attempted().Reports(1, SendOutcome.Failed);
        Assert.Equal((SendState.Failed, Reason.Provider), (send.State, send.Reason));
    }

    [Fact]
    public void Retries_follow_the_schedule_and_then_end()
    {
        var story = Attempted();
        var now = 0.0;
        for (var attempt = 1; attempt <= Limits.RetryPauses.Length; attempt++)
        {
            var send = story.Reports(now, SendOutcome.Retry, attempt);
            var pause = Limits.RetryPauses[attempt - 1];
            Assert.Equal(SendState.Pending, send.State);
            Assert.InRange(send.NextAttemptAt - At(now), pause, pause * 1.2);
            now = Minute(send.NextAttemptAt);
            Assert.Equal("not-due", story.Requests(now - 0.001));
            Assert.Null(story.Requests(now));
        }
        Assert.Equal(SendState.Failed, story.Reports(now, SendOutcome.Retry, Limits.RetryPauses.Length + 1).State);
    }

    [Theory]
    [InlineData(1, 5, 6)]
    [InlineData(3600, 3600, 3600)]
    [InlineData(-5, 5, 6)]
    [InlineData(864000, 86400, 86400)]
    public void A_provider_may_ask_for_a_longer_pause_of_a_day_at_most(int retryAfter, int atLeast, int atMost)
    {
        var send = Attempted().Reports(0, SendOutcome.Retry, retryAfter: TimeSpan.FromSeconds(retryAfter));
        Assert.InRange((send.NextAttemptAt - At(0)).TotalSeconds, atLeast, atMost);
    }

    [Fact]
    public void A_retry_that_would_come_after_the_expiry_expires()
    {
        var send = Attempted("""{ "send": { "sender": "mail", "expires": "PT1H" } }""")
            .Reports(0, SendOutcome.Retry, retryAfter: TimeSpan.FromHours(1));
        Assert.Equal((SendState.Expired, Reason.Expired), (send.State, send.Reason));
    }

    [Fact]
    public void An_attempt_that_is_never_settled_counts_as_lost()
    {
        var story = Attempted();
        Assert.Equal(Limits.AuthorizationLease.TotalMinutes, story.NextDeadline);
        story.Ticks(1.99);
        Assert.Equal(SendState.Authorized, story.OnlySend.State);
        story.Ticks(2);
        Assert.Equal((SendState.Pending, Reason.Lost), (story.OnlySend.State, story.OnlySend.Reason));
        Assert.InRange(story.OnlySend.NextAttemptAt, At(2) + Limits.RetryPauses[0], At(2) + (Limits.RetryPauses[0] * 1.2));
    }

    [Fact]
    public void Of_an_older_attempt_only_success_counts()
    {
        var story = Attempted();
        story.Ticks(2);
        Assert.Null(story.Requests(3));
        Assert.Equal(SendState.Authorized, story.Reports(3, SendOutcome.Failed, attempt: 1).State);
        Assert.Equal(SendState.Authorized, story.Reports(3, SendOutcome.Retry, attempt: 1).State);
        Assert.Equal(SendState.Sent, story.Reports(3, SendOutcome.Sent, attempt: 1).State);
        Assert.Equal(SendState.Sent, story.Reports(3, SendOutcome.Retry, attempt: 2).State);
    }

    [Fact]
    public void Success_of_a_lost_attempt_ends_a_send_that_waits_for_the_next()
    {
        var story = Attempted();
        story.Ticks(2);
        Assert.Equal(SendState.Sent, story.Reports(2, SendOutcome.Sent, attempt: 1).State);
    }

    [Theory]
    [InlineData(0)]
    [InlineData(-1)]
    [InlineData(2)]
    public void Attempts_that_were_never_made_are_ignored(int attempt)
    {
        var story = Attempted();
        var version = story.Profile.Version;
        story.Reports(1, SendOutcome.Sent, attempt);
        Assert.Equal(version, story.Profile.Version);
    }

    [Fact]
    public void A_report_on_an_unknown_send_changes_nothing()
    {
        var story = With("{}");
        var turn = story.Decide(new Input.SendReported("0123", new(1, SendOutcome.Sent, null, null)), At(0));
        Assert.Empty(turn.Facts);
    }

    [Fact]
    public void Pauses_differ_from_customer_to_customer_but_not_from_time_to_time()
    {
        DateTimeOffset Next(string customer)
        {
            var story = Of(new("shop", customer), "{}");
            story.Hears("Added", 0);
            Assert.Null(story.Requests(0));
            return story.Reports(0, SendOutcome.Retry).NextAttemptAt;
        }
        Assert.Equal(Next("ada"), Next("ada"));
        Assert.NotEqual(Next("ada"), Next("bob"));
    }
}
