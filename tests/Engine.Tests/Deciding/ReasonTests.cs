using System.Text.Json.Nodes;
using static Orleans.Personalize.Engine.Story;

namespace Orleans.Personalize.Engine.Deciding;

/// <summary>Why nothing is sent, and which reason is told when there are several.</summary>
public sealed class ReasonTests
{
    [Fact]
    public void Of_several_reasons_the_first_in_the_documented_order_is_told()
    {
        var story = With("{}", """{ "id": "flood", "on": { "event": "Flood" } }""");
        story.Hears(Event("Added", 0, consent: """{"email":false}"""));
        story.Hears(Event("Added", 1, consent: """{"email":true}"""));
        Assert.Null(story.Requests(1));
        story.Reports(1, SendOutcome.Sent);
        for (var i = 0; i < Limits.OpenSendsMax; i++)
            story.Hears("Flood", 2 + (i / 100.0));
        story.Hears(Event("Refused", 2.99, consent: """{"email":false}"""));

        var everything = JsonNode.Parse("""
            {
              "freshness": "PT1M", "unless": [{ "event": "Flood" }],
              "rollout": { "percent": 0, "holdout": 100, "mode": "shadow" },
              "if": { "field": "profile.traits.vip", "op": "exists" },
              "limits": { "cooldown": "P1D", "max": 1, "per": "P7D" },
              "quietHours": { "from": "12:00", "to": "13:00", "policy": "suppress" },
              "send": { "sender": "mail", "expires": "PT1M" }
            }
            """)!.AsObject();
        story.Edit(everything.ToJsonString());
        story.Hears("Flood", 2.5025);
        var at = 2.5;
        string Next(Action mend)
        {
            story.Edit(everything.ToJsonString());
            story.Hears(Event("Added", at += 0.001, received: 10));
            var reason = story.Decisions.Last().Reason ?? "send";
            mend();
            return reason;
        }
        string[] reasons =
        [
            Next(() => everything.Remove("freshness")),
            Next(() => everything.Remove("unless")),
            Next(() => everything["rollout"]!["percent"] = 100),
            Next(() => everything.Remove("if")),
            Next(() => story.Hears(Event("Agreed", 4, received: 10, consent: """{"email":true}"""))),
            Next(() => everything["limits"]!.AsObject().Remove("cooldown")),
            Next(() => everything.Remove("limits")),
            Next(() => everything.Remove("quietHours")),
            Next(() => everything["send"]!.AsObject().Remove("expires")),
            Next(() => story.Requests(10)),
            Next(() => everything["rollout"]!["holdout"] = 0),
            Next(() => everything["rollout"]!["mode"] = "live"),
            Next(() => { }),
        ];
        Assert.Equal(
            [
                "stale", "unless", "rollout", "condition", "consent", "cooldown", "limit", "quiet-hours", "expired", "outbox-full", "holdout", "shadow", "send",
            ],
            reasons);
    }

    [Theory]
    [InlineData("""{"email":false}""", "consent @ 5")]
    [InlineData("""{"email":true}""", "send @ 5")]
    [InlineData("""{"email":null}""", "send @ 5")]
    [InlineData("""{"sms":false}""", "send @ 5")]
    [InlineData("{}", "send @ 5")]
    public void Only_an_explicit_refusal_of_the_channel_is_one(string consent, string outcome)
    {
        var story = With("{}");
        story.Hears(Event("Asked", 0, consent: consent));
        story.Hears("Added", 5);
        Assert.Equal([outcome], story.Outcomes);
    }

    [Fact]
    public void Consent_is_asked_for_the_channel_of_the_send()
    {
        var story = With("""{ "send": { "sender": "gateway", "channel": "sms" } }""");
        story.Hears(Event("Asked", 0, consent: """{"sms":false,"email":true}"""));
        story.Hears("Added", 5);
        Assert.Equal(["consent @ 5"], story.Outcomes);
    }

    [Fact]
    public void What_arrives_too_late_neither_opens_nor_fires()
    {
        var story = With("""{ "freshness": "PT10M" }""", """{ "freshness": "PT10M", "wait": { "for": "PT1H" } }""");
        story.Hears("Added", 0, received: 10);
        story.Hears("Added", 1, received: 11.01);
        Assert.Equal(["t1 send", "t1 stale", "t2 stale"], story.OutcomesByTrigger);
        Assert.Equal(60, story.WaitsUntil);
    }

    [Fact]
    public void A_decision_that_comes_after_its_expiry_is_not_sent()
    {
        var story = With("""{ "wait": { "for": "PT1H" }, "send": { "sender": "mail", "expires": "PT6H" } }""");
        story.Hears("Added", 0);
        story.Ticks(7 * 60);
        Assert.Equal(["expired @ 60"], story.Outcomes);
    }

    [Fact]
    public void Waits_that_end_together_are_decided_by_priority_and_then_by_id()
    {
        var story = With(
            """{ "id": "a", "priority": 1, "wait": { "for": "PT1H" } }""",
            """{ "id": "d", "priority": 2, "wait": { "for": "PT1H" } }""",
            """{ "id": "c", "priority": 2, "wait": { "for": "PT1H" } }""",
            """{ "id": "b", "priority": 9, "wait": { "for": "PT2H" } }""");
        story.Hears("Added", 0);
        story.Ticks(500);
        Assert.Equal(["c send", "d send", "a send", "b send"], story.OutcomesByTrigger);
        Assert.Equal(["b", "c", "d", "a"], Outlook.PendingSends(story.Profile, At(500)).Select(send => send.Trigger));
    }

    [Fact]
    public void A_detail_stays_short_and_whole()
    {
        var story = With("""{ "if": { "field": "event.properties.x", "op": "eq", "value": 1 } }""");
        foreach (var shift in (string[])["", "a"])
        {
            story.Hears(Event("Added", 1, id: "m" + shift, properties: $$"""{"x":"{{shift}}{{string.Concat(Enumerable.Repeat("😀", 1000))}}"}"""));
            var detail = story.Decisions.Last().Detail!;
            Assert.InRange(detail.Length, Limits.DetailLengthMax - 1, Limits.DetailLengthMax);
            Assert.EndsWith("😀…", detail, StringComparison.Ordinal);
        }
    }
}
