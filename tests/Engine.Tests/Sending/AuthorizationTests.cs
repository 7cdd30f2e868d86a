using static Orleans.Personalize.Engine.Story;

namespace Orleans.Personalize.Engine.Sending;

/// <summary>The last look before a delivery.</summary>
public sealed class AuthorizationTests
{
    private const string Cart = """{ "wait": { "for": "PT1H" }, "unless": [{ "event": "Ordered" }] }""";
    private const double Millisecond = 1 / 60_000.0;

    [Fact]
    public void A_wanted_send_is_authorized_once_and_recorded()
    {
        var story = With("{}");
        story.Hears("Added", 0);
        Assert.Null(story.Requests(1));
        Assert.Equal((SendState.Authorized, 1, At(1) + Limits.AuthorizationLease),
            (story.OnlySend.State, story.OnlySend.Attempts, story.OnlySend.NextAttemptAt));
        Assert.Equal("in-flight", story.Requests(1));
        Assert.Equal(new Fact.SendAuthorized(story.OnlySend.DecisionId, 1, At(1)), story.Facts.Last());
    }

    [Fact]
    public void A_purchase_acknowledged_a_millisecond_earlier_suppresses_the_mail()
    {
        var story = With(Cart);
        story.Hears("Added", 0);
        story.Ticks(60);
        Assert.Equal(ReceiptStatus.Accepted, story.Hears("Ordered", 61).Status);
        Assert.Equal(Reason.Unless, story.Requests(61 + Millisecond));
        Assert.Equal((SendState.Suppressed, Reason.Unless), (story.OnlySend.State, story.OnlySend.Reason));
    }

    [Fact]
    public void A_purchase_that_arrives_late_but_occurred_before_the_deadline_suppresses_it_too()
    {
        var story = With(Cart);
        story.Hears("Added", 0);
        story.Ticks(60);
        story.Hears("Ordered", 30, received: 61);
        Assert.Equal(Reason.Unless, story.Requests(61));
    }

    [Fact]
    public void A_purchase_before_what_armed_the_send_does_not_touch_it()
    {
        var story = With(Cart);
        story.Hears("Added", 10);
        story.Ticks(70);
        story.Hears("Ordered", 5, received: 71);
        Assert.Null(story.Requests(71));
    }

    [Fact]
    public void Only_its_own_key_and_events_without_one_suppress_it()
    {
        var story = With("""{ "key": "event.properties.cart", "unless": [{ "event": "Ordered" }] }""");
        story.Hears(InCart("a", "Added", 0));
        story.Hears(InCart("b", "Ordered", 1));
        Assert.Null(story.Requests(1));
        story.Hears(InCart("c", "Added", 2));
        story.Hears("Ordered", 3);
        Assert.Equal(Reason.Unless, story.Requests(3));
    }

    [Theory]
    [InlineData(null, Reason.TriggerRemoved)]
    [InlineData("""{ "enabled": false }""", Reason.TriggerDisabled)]
    [InlineData("""{ "if": { "field": "profile.traits.vip", "op": "eq", "value": true } }""", Reason.Condition)]
    public void The_trigger_as_it_is_now_has_its_say(string? edited, string reason)
    {
        var story = With("{}");
        story.Hears("Added", 0);
        story.Edit(edited is null ? [] : [edited]);
        Assert.Equal(reason, story.Requests(1));
        Assert.Equal(reason, story.OnlySend.Reason);
    }

    [Fact]
    public void Consent_withdrawn_meanwhile_suppresses()
    {
        var story = With("{}");
        story.Hears("Added", 0);
        story.Hears(Event("Unsubscribed", 1, consent: """{"email":false}"""));
        Assert.Equal(Reason.Consent, story.Requests(1));
    }

    [Theory]
    [InlineData("offers", true, "email/offers")]
    [InlineData("news", true, null)]
    [InlineData(null, true, null)]
    [InlineData("offers", false, "email")]
    public void Consent_is_asked_for_the_channel_and_the_topic(string? topic, bool channel, string? refused)
    {
        var story = With(topic is null ? "{}" : $$"""{ "send": { "sender": "mail", "topic": "{{topic}}" } }""");
        story.Hears(Event("Chose", 0, consent: $$"""{"email":{{(channel ? "true" : "false")}},"email/offers":false}"""));
        story.Hears("Added", 1);
        Assert.Equal([(refused is null ? null : Reason.Consent, refused)], story.Decisions.Select(decided => (decided.Reason, decided.Detail)));
    }

    [Fact]
    public void What_the_customer_asked_for_goes_out_without_consent()
    {
        var story = With("""{ "send": { "sender": "mail", "transactional": true } }""");
        story.Hears(Event("Chose", 0, consent: """{"email":false}"""));
        story.Hears("Added", 1);
        Assert.Null(story.Requests(1));
    }

    [Fact]
    public void An_address_on_the_suppression_list_gets_nothing_not_even_a_receipt()
    {
        var story = With("""{ "send": { "sender": "mail", "transactional": true } }""");
        story.Hears("Added", 0);
        Assert.Equal(Reason.Suppression, story.Requests(1, listed: "bounce"));
        Assert.Equal("bounce", Assert.IsType<Fact.SendSettled>(story.Facts.Last()).Detail);
    }

    [Fact]
    public void The_condition_is_asked_again_with_the_newest_profile()
    {
        var story = With("""{ "if": { "field": "profile.cart.items", "op": "gt", "value": 0 }, "on": { "event": "Product Added" } }""");
        story.Hears("Product Added", 0, properties: """{"product_id":"p"}""");
        story.Hears("Product Removed", 1, properties: """{"product_id":"p"}""");
        Assert.Equal(Reason.Condition, story.Requests(1));
    }

    [Fact]
    public void A_condition_sees_the_same_properties_at_both_times()
    {
        var story = With("""{ "if": { "field": "event.properties.x", "op": "exists" } }""");
        story.Hears("Added", 0, properties: $$"""{"x":1,"y":"{{new string('y', Limits.KeptPropertiesBytesMax)}}"}""");
        Assert.Equal(["condition @ 0"], story.Outcomes);
        story.Hears("Added", 1, properties: """{"x":1}""");
        Assert.Null(story.Requests(1));
    }

    [Fact]
    public void An_unknown_send_is_refused_and_changes_nothing()
    {
        var story = With("{}");
        Assert.Equal("unknown", story.Requests(0, "0123"));
        Assert.Empty(story.Facts);
    }

    [Fact]
    public void A_finished_send_says_what_became_of_it()
    {
        var story = With("{}");
        story.Hears("Added", 0);
        Assert.Null(story.Requests(0));
        story.Reports(0, SendOutcome.Sent);
        Assert.Equal("Sent", story.Requests(1));
        story.Hears("Added", 2);
        Assert.Null(story.Requests(2));
        story.Reports(2, SendOutcome.Failed);
        Assert.Equal(Reason.Provider, story.Requests(3));
    }

    [Fact]
    public void An_expired_send_is_refused_at_the_very_instant()
    {
        var story = With("""{ "send": { "sender": "mail", "expires": "PT1H" } }""");
        story.Hears("Added", 0);
        Assert.Equal(Reason.Expired, story.Requests(60));
        Assert.Equal(SendState.Expired, story.OnlySend.State);
    }

    [Fact]
    public void A_send_nobody_asks_for_expires_by_itself()
    {
        var story = With("""{ "send": { "sender": "mail", "expires": "PT1H" } }""");
        story.Hears("Added", 0);
        Assert.Equal(60, Minute(Outlook.NextDeadline(story.Profile, offeredUntil: At(1))!.Value));
        story.Ticks(60);
        Assert.Equal((SendState.Expired, Reason.Expired), (story.OnlySend.State, story.OnlySend.Reason));
        Assert.Null(story.NextDeadline);
    }
}
