using static Orleans.Personalize.Engine.Story;

namespace Orleans.Personalize.Engine.Sending;

/// <summary>Sends whose sender has no room for them.</summary>
public sealed class ParkedTests
{
    private static Story Decided(string trigger = "{}")
    {
        var story = With(trigger);
        story.Hears("Added", 0);
        return story;
    }

    [Fact]
    public void A_parked_send_comes_back_at_its_time_and_is_authorized_then()
    {
        var story = Decided();
        var send = story.Parks(1, until: 6);
        Assert.Equal((SendState.Parked, Reason.Breaker, At(6)), (send.State, send.Reason, send.NextAttemptAt));
        Assert.Equal(6, story.NextDeadline);
        Assert.Empty(Outlook.PendingSends(story.Profile, At(5.9)));
        Assert.Equal("not-due", story.Requests(5.9));
        Assert.Single(Outlook.PendingSends(story.Profile, At(6)));
        Assert.Null(story.Requests(6));
        Assert.Equal(1, story.OnlySend.Attempts);
    }

    [Fact]
    public void It_may_be_parked_again_and_again_without_using_up_attempts()
    {
        var story = Decided();
        for (var i = 1; i < 100; i++)
            Assert.Equal(At(i + 1), story.Parks(i, until: i + 1).NextAttemptAt);
        Assert.Null(story.Requests(100));
        Assert.Equal(1, story.OnlySend.Attempts);
    }

    [Fact]
    public void What_happened_meanwhile_still_suppresses_it()
    {
        var story = Decided("""{ "unless": [{ "event": "Ordered" }] }""");
        story.Parks(1, until: 6);
        story.Hears("Ordered", 3);
        Assert.Equal(Reason.Unless, story.Requests(6));
    }

    [Fact]
    public void Shortly_before_it_expires_its_sender_is_asked_a_last_time()
    {
        var story = Decided("""{ "send": { "sender": "mail", "expires": "PT10M" } }""");
        var last = 10 - Limits.LastChance.TotalMinutes;
        Assert.Equal(At(last), story.Parks(1, until: 60).NextAttemptAt);
        var send = story.Parks(last, until: 60);
        Assert.Equal((SendState.Expired, Reason.Expired), (send.State, send.Reason));
    }

    [Fact]
    public void It_expires_where_it_is()
    {
        var story = Decided("""{ "send": { "sender": "mail", "expires": "PT10M" } }""");
        story.Parks(1, until: 8);
        Assert.Equal(SendState.Expired, story.Ticks(10).OnlySend.State);
    }

    [Fact]
    public void Only_what_waits_can_be_parked_and_only_for_later()
    {
        var story = Decided();
        Assert.Equal(SendState.Pending, story.Parks(1, until: 1).State);
        Assert.Null(story.Requests(1));
        Assert.Equal(SendState.Authorized, story.Parks(1, until: 5).State);
        story.Reports(2, SendOutcome.Retry);
        Assert.Equal(SendState.Pending, story.Parks(2, until: 5).State);
        Assert.Empty(story.Decide(new Input.SendParked("0123", At(5), Reason.Rate), At(2)).Facts);
    }
}
