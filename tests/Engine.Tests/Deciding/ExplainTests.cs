using static Orleans.Personalize.Engine.Story;

namespace Orleans.Personalize.Engine.Deciding;

/// <summary>Why and why not, in words and with actual values.</summary>
public sealed class ExplainTests
{
    private const string Abandoned = """
        { "wait": { "for": "PT1H" }, "key": "event.properties.cart", "unless": [{ "event": "Ordered" }],
          "if": { "all": [
            { "field": "event.properties.cart", "op": "eq", "value": "a" },
            { "any": [{ "field": "profile.traits.plan", "op": "in", "value": ["pro", "team"] }, { "not": { "field": "profile.traits.plan", "op": "exists", "value": true } }] },
            { "count": { "event": "Ordered", "within": "P30D" }, "op": "lt", "value": 1 } ] } }
        """;

    private static Explanation Explain(Story story, double now, string? key = null, string? listed = null) =>
        Decider.Explain(story.Profile, story.Triggers.All[0], key, story.Triggers, At(now), listed);

    private static string Show(ExplainedCondition part) =>
        $"{part.Pointer}: {part.Text}{(part.Actual is null ? "" : $" [{part.Actual}]")} {(part.Holds ? "yes" : "no")}";

    private static IEnumerable<string> ShowAll(ExplainedCondition part) => part.Children.SelectMany(ShowAll).Prepend(Show(part));

    [Fact]
    public void A_condition_is_told_part_by_part_with_actual_values()
    {
        var story = With(Abandoned);
        story.Hears(Event("Plan Chosen", 0, traits: """{"plan":"free"}"""));
        story.Hears(InCart("a", "Added", 1));

        var explained = Explain(story, 2);

        Assert.Equal(
            [
                "/if: all of no",
                "/if/all/0: event.properties.cart eq a [a] yes",
                "/if/all/1: any of no",
                "/if/all/1/any/0: profile.traits.plan in pro, team [free] no",
                "/if/all/1/any/1: not no",
                "/if/all/1/any/1/not: profile.traits.plan exists true [free] yes",
                "/if/all/2: count of Ordered within P30D lt 1 [0] yes",
            ],
            ShowAll(explained.Condition!));
        Assert.Equal(Reason.Condition, explained.Would);
        Assert.Equal(("wait", "a", "Added-a-1", At(2)), (explained.About!.KeptBy, explained.About.Key, explained.About.MessageId, explained.At));
    }

    [Fact]
    public void Without_a_wait_it_is_about_the_latest_send_and_without_one_about_no_event()
    {
        var story = With("""{ "limits": { "cooldown": "PT1H" } }""");
        Assert.Equal((Reason.NoEvent, null), (Explain(story, 0).Would, Explain(story, 0).About));

        story.Hears("Added", 0);
        var explained = Explain(story, 10);

        Assert.Equal(("send", "Added0", Reason.Cooldown), (explained.About!.KeptBy, explained.About.MessageId, explained.Would));
        Assert.Equal("cooldown: the last one was decided at 2026-01-12T12:00:00.0000000+00:00", explained.Checks.Single(static check => check.Name == "limits").Detail);
        Assert.Equal("send", Explain(story, 60).Would);
    }

    [Fact]
    public void An_event_that_nothing_is_kept_of_is_said_to_be_missing()
    {
        var story = With("""{ "if": { "field": "event.properties.price", "op": "gt", "value": 1 } }""");
        story.Hears("Added", 0);

        var explained = Explain(story, 1);

        Assert.Null(explained.About);
        Assert.Equal("(missing)", explained.Condition!.Actual);
        Assert.Contains("none of them is kept", explained.Checks[0].Detail, StringComparison.Ordinal);
        Assert.Equal(Reason.Condition, explained.Would);
    }

    [Fact]
    public void A_key_chooses_the_wait()
    {
        var story = With(Abandoned);
        story.Hears(InCart("a", "Added", 0));
        story.Hears(InCart("b", "Added", 1));

        Assert.Equal(("Added-a-0", "send"), (Explain(story, 2).About!.MessageId, Explain(story, 2).Would));
        Assert.Equal(("Added-b-1", Reason.Condition), (Explain(story, 2, "b").About!.MessageId, Explain(story, 2, "b").Would));
        Assert.Equal("send", Explain(story, 2, "a").Would);
    }

    [Fact]
    public void What_would_be_outranked_makes_room_in_the_explanation_only()
    {
        var story = With(
            """{ "priority": 9, "on": { "event": "B" }, "wait": { "for": "PT1H" } }""",
            """{ "priority": 1, "on": { "event": "A" }, "quietHours": { "from": "11:00", "to": "13:30" } }""").Under("""{ "cap": { "max": 1, "per": "P1D" } }""");
        story.Hears("A", 0);
        story.Hears("B", 1);
        var before = story.Profile;
        Assert.Equal("send", Explain(story, 2).Would);
        Assert.Same(before, story.Profile);
        var lesser = Decider.Explain(story.Profile, story.Triggers.All[1], null, story.Triggers, At(2));
        Assert.Equal(Reason.Cap, lesser.Would);
        Assert.Equal(["cap"], lesser.Checks.Where(static check => !check.Holds).Select(static check => check.Name));
    }

    [Fact]
    public void A_suppressed_address_is_the_last_of_all_reasons()
    {
        var story = With("""{ "wait": { "for": "PT1H" } }""");
        story.Hears("Added", 0);
        var explained = Explain(story, 1, listed: "hard-bounce");
        Assert.Equal((Reason.Suppression, "suppression"), (explained.Would, Assert.Single(explained.Checks, static check => !check.Holds).Name));
    }
}
