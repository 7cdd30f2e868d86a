using static Orleans.Personalize.Engine.Story;

namespace Orleans.Personalize.Engine.Deciding;

/// <summary>The limits of a trigger: <c>cooldown</c>, <c>max</c> and <c>per</c>.</summary>
public sealed class LimitRuleTests
{
    private const string Cooldown = """{ "limits": { "cooldown": "P1D" } }""";

    [Fact]
    public void A_cooldown_keeps_sends_apart()
    {
        var story = With(Cooldown);
        story.Hears("Added", 0);
        story.Hears("Added", Day - 1);
        story.Hears("Added", Day);
        story.Hears("Added", Day + 1);
        Assert.Equal(["send @ 0", "cooldown @ 1439", "send @ 1440", "cooldown @ 1441"], story.Outcomes);
    }

    [Fact]
    public void So_many_are_sent_within_any_period()
    {
        var story = With("""{ "limits": { "max": 2, "per": "P1D" } }""");
        foreach (var minute in (double[])[0, 100, 200, Day - 1, Day, Day + 99, Day + 100])
            story.Hears("Added", minute);
        Assert.Equal(
            ["send @ 0", "send @ 100", "limit @ 200", "limit @ 1439", "send @ 1440", "limit @ 1539", "send @ 1540"],
            story.Outcomes);
    }

    [Fact]
    public void Each_trigger_has_its_own_limits()
    {
        var story = With(Cooldown, Cooldown);
        story.Hears("Added", 0);
        Assert.Equal(["t1 send", "t2 send"], story.OutcomesByTrigger);
    }

    [Fact]
    public void Keys_share_the_limits_of_their_trigger()
    {
        var story = With("""{ "key": "event.properties.cart", "limits": { "cooldown": "P1D" } }""");
        story.Hears(InCart("a", "Added", 0));
        story.Hears(InCart("b", "Added", 1));
        Assert.Equal(["send a @ 0", "cooldown b @ 1"], story.Outcomes);
    }

    [Fact]
    public void What_did_not_go_out_does_not_count()
    {
        var story = With(Cooldown);
        story.Hears("Added", 0);
        Assert.Null(story.Requests(0));
        story.Reports(1, SendOutcome.Failed);
        story.Hears("Added", 2);
        Assert.Equal(["send @ 0", "send @ 2"], story.Outcomes);
    }

    [Fact]
    public void A_send_does_not_stand_in_its_own_way()
    {
        var story = With("""{ "limits": { "cooldown": "P1D", "max": 1, "per": "P7D" } }""");
        story.Hears("Added", 0);
        Assert.Null(story.Requests(1));
    }

    [Fact]
    public void Limits_are_looked_at_again_before_the_delivery()
    {
        var story = With("{}");
        story.Hears("Added", 0);
        story.Hears("Added", 1);
        story.Edit(Cooldown);
        Assert.Equal(Reason.Cooldown, story.Requests(2, story.Profile.Sends[1].DecisionId));
        Assert.Null(story.Requests(2, story.Profile.Sends[0].DecisionId));
    }

    [Fact]
    public void Open_sends_are_bounded()
    {
        var story = With("{}");
        for (var i = 0; i <= Limits.OpenSendsMax; i++)
            story.Hears("Added", i);
        Assert.Equal("outbox-full @ 64", story.Outcomes.Last());
        Assert.Null(story.Requests(100));
        story.Reports(100, SendOutcome.Sent);
        story.Hears("Added", 101);
        Assert.Equal("send @ 101", story.Outcomes.Last());
    }

    [Fact]
    public void Finished_sends_and_decisions_are_kept_for_a_while()
    {
        var story = With("{}");
        for (var i = 0; i < 2 * Limits.FinishedSendsMax; i++)
        {
            story.Hears("Added", i);
            Assert.Null(story.Requests(i));
            story.Reports(i, SendOutcome.Sent);
        }
        Assert.Equal((Limits.FinishedSendsMax, Limits.DecisionsMax), (story.Profile.Sends.Length, story.Profile.Decisions.Length));
        Assert.Equal(At((2 * Limits.FinishedSendsMax) - 1), story.Profile.Sends[^1].DecidedAt);
        Assert.Equal(Limits.TallyMax, Assert.Single(story.Profile.Tallies).Entries.Length);
    }
}
