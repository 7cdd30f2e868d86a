using static Orleans.Personalize.Engine.Story;

namespace Orleans.Personalize.Engine.Sending;

/// <summary>What providers report of messages.</summary>
public sealed class EngagementTests
{
    private static Story Sent()
    {
        var story = With("{}");
        story.Hears("Added", 0);
        Assert.Null(story.Requests(0));
        story.Reports(0, SendOutcome.Sent);
        return story;
    }

    private static CustomerEvent Reported(string decision, string name, double at, string more = "") =>
        Event(name, at, properties: $$"""{"decision_id":"{{decision}}"{{more}}}""");

    [Fact]
    public void Each_report_is_kept_with_its_first_time_whatever_the_order()
    {
        string[] names = ["Email Delivered", "Email Opened", "Email Link Clicked", "Email Bounced", "Email Marked as Spam", "Unsubscribed"];
        foreach (var order in new[] { names, [.. names.Reverse()] })
        {
            var story = Sent();
            foreach (var name in order)
            {
                story.HearsAll(90, Reported(story.OnlySend.DecisionId, name, 20));
                story.HearsAll(90, Reported(story.OnlySend.DecisionId, name, 10));
                story.HearsAll(90, Reported(story.OnlySend.DecisionId, name, 30));
            }
            Assert.Equal(new Engagement(At(10), At(10), null, At(10), At(10), At(10), At(10)), story.OnlySend.Engagement);
            Assert.Equal(SendState.Sent, story.OnlySend.State);
        }
    }

    [Fact]
    public void A_machines_open_is_kept_apart()
    {
        var story = Sent();
        story.Hears(Reported(story.OnlySend.DecisionId, "Email Opened", 1, ",\"machine\":true"));
        Assert.Equal(new Engagement(MachineOpenedAt: At(1)), story.OnlySend.Engagement);
        story.Hears(Reported(story.OnlySend.DecisionId, "Email Opened", 2, ",\"machine\":false"));
        Assert.Equal(At(2), story.OnlySend.Engagement!.OpenedAt);
    }

    [Fact]
    public void Triggers_listen_to_reports_like_to_any_event()
    {
        var story = With("{}", """{ "on": { "event": "Email Link Clicked" }, "send": { "sender": "mail" } }""");
        story.Hears("Added", 0);
        story.Hears(Reported(story.OnlySend.DecisionId, "Email Link Clicked", 1));
        Assert.Equal(["t1 send", "t2 send"], story.OutcomesByTrigger);
    }

    [Fact]
    public void Other_events_and_other_sends_are_left_alone()
    {
        var story = Sent();
        story.Hears(Reported("0123", "Email Opened", 1));
        story.Hears(Reported(story.OnlySend.DecisionId, "Product Viewed", 2));
        Assert.Null(story.OnlySend.Engagement);
    }
}
