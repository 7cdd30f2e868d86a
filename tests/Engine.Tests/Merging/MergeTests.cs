using static Orleans.Personalize.Engine.Story;

namespace Orleans.Personalize.Engine;

public class MergeTests
{
    private const string Abandoned = """{ "key": "event.properties.cart", "wait": { "for": "PT1H" }, "unless": [ { "event": "Ordered" } ] }""";

    private static readonly CustomerKey Visitor = new("shop", "visitor-1");

    private static (Story Ada, Story Visitor) Two(params string[] triggers) => (With(triggers), Of(Visitor, triggers));

    private static CustomerEvent Anonymous(string name, double at, string? properties = null, string? traits = null) =>
        Event(name, at, $"{name}-{at}-anonymous", properties, traits) with { IsProvisional = true };

    [Fact]
    public void An_event_that_names_another_id_claims_it_once()
    {
        var story = With();
        story.Hears(Event("Logged In", 0) with { Identities = ["visitor-1", "ada"] });
        story.Hears(Event("Logged In", 1) with { Identities = ["visitor-1"] });
        var claim = Assert.Single(story.Facts.OfType<Fact.IdentityClaimed>());
        Assert.Equal("visitor-1", claim.Id);
        Assert.Equal(0, story.NextDeadline);
    }

    [Fact]
    public void A_known_customer_is_not_merged_by_an_event()
    {
        var (ada, other) = Two();
        other.Hears("Ordered", 0);
        Assert.Equal(MergeRefusal.Known, other.Decides(new Input.MergeRequested("ada", "m", null, IsForced: false), 1).Refusal);
        Assert.Null(other.Decides(new Input.MergeRequested("ada", "m", "support", IsForced: true), 1).Refusal);
        Assert.NotNull(other.Profile.Merge);
        Assert.Empty(ada.Facts);
    }

    [Fact]
    public void A_merged_customer_waits_for_nothing()
    {
        var (_, visitor) = Two(Abandoned);
        visitor.Hears(Anonymous("Added", 0, """{"cart":"a"}"""));
        visitor.Decides(new Input.MergeRequested("ada", "m", null, IsForced: false), 1);
        Assert.Equal(1, visitor.NextDeadline);
        visitor.Decides(new Input.MergeAnswered("m", "ada"), 2);
        Assert.Null(visitor.NextDeadline);
        Assert.Empty(visitor.Ticks(100).Decisions);
    }

    [Fact]
    public void The_survivor_goes_on_with_the_wait_and_fires_once()
    {
        var (ada, visitor) = Two(Abandoned);
        visitor.Hears(Anonymous("Added", 0, """{"cart":"a"}"""));
        ada.Hears(Event("Added", 10, properties: """{"cart":"a"}"""));
        ada.Absorbs(visitor, 20);
        Assert.Equal(70, ada.WaitsUntil);
        ada.Ticks(70);
        Assert.Equal(["send a @ 70"], ada.Outcomes);
    }

    [Fact]
    public void An_order_of_the_survivor_closes_the_wait_of_the_other()
    {
        var (ada, visitor) = Two(Abandoned);
        visitor.Hears(Anonymous("Added", 0, """{"cart":"a"}"""));
        ada.Hears(Event("Ordered", 10, properties: """{"cart":"a"}"""));
        ada.Absorbs(visitor, 20);
        Assert.Empty(ada.Profile.Waits);
        Assert.Equal(["unless a @ 10"], ada.Outcomes);
    }

    [Fact]
    public void What_the_survivor_has_decided_about_is_not_decided_again()
    {
        var (ada, visitor) = Two("""{ "wait": { "for": "PT30M" } }""");
        ada.Hears("Added", 0);
        visitor.Hears(Anonymous("Added", 20));
        ada.Ticks(30);
        ada.Absorbs(visitor, 40);
        ada.Ticks(100);
        Assert.Equal(["send @ 30", "superseded @ 30"], ada.Outcomes);
    }

    [Fact]
    public void Frequency_limits_count_what_was_sent_to_either()
    {
        var (ada, visitor) = Two("""{ "limits": { "max": 1, "per": "P1D" } }""");
        visitor.Hears(Anonymous("Added", 0));
        ada.Absorbs(visitor, 1);
        ada.Hears("Added", 2);
        Assert.Equal(["limit @ 2"], ada.Outcomes);
        Assert.Equal(SendState.Pending, ada.OnlySend.State);
    }

    [Fact]
    public void Traits_keep_their_provenance_and_the_newer_write_wins()
    {
        var (ada, visitor) = Two();
        ada.Hears(Event("", 0, "a", traits: """{"plan":"free","name":"Ada"}"""));
        visitor.Hears(Anonymous("", 1, traits: """{"plan":"gold"}"""));
        ada.Absorbs(visitor, 2);
        Assert.Equal(("\"gold\"", "-1-anonymous"), (ada.Profile.FindTrait("plan")!.Value.ToString(), ada.Profile.FindTrait("plan")!.Stamp.MessageId));
        Assert.Equal("a", ada.Profile.FindTrait("name")!.Stamp.MessageId);
    }

    [Fact]
    public void Absorbing_twice_changes_nothing()
    {
        var (ada, visitor) = Two(Abandoned);
        visitor.Hears(Anonymous("Added", 0));
        var state = visitor.Profile;
        ada.Absorbs(visitor, 1);
        var once = ada.Profile;
        ada.Decides(new Input.AbsorptionOffered("visitor-1", "m", state), 2);
        Assert.Same(once, ada.Profile);
    }

    [Fact]
    public void An_event_that_the_other_had_applied_is_a_duplicate()
    {
        var (ada, visitor) = Two();
        var happened = Anonymous("Added", 0);
        visitor.Hears(happened);
        ada.Absorbs(visitor, 1);
        Assert.Equal(ReceiptStatus.Duplicate, ada.Hears(happened with { Via = "visitor-1" }).Status);
    }

    [Fact]
    public void Undone_each_has_its_own_again()
    {
        var (ada, visitor) = Two(Abandoned);
        ada.Hears(Event("Added", 0, properties: """{"cart":"a"}""", traits: """{"name":"Ada"}"""));
        visitor.Hears(Anonymous("Added", 1, """{"cart":"v"}""", """{"name":"Eve"}"""));
        ada.Absorbs(visitor, 2);
        ada.Hears(Anonymous("Viewed", 3) with { Via = "visitor-1" });
        ada.Parts(visitor, 4);

        Assert.Equal("\"Ada\"", ada.Profile.FindTrait("name")!.Value.ToString());
        Assert.Equal(["a"], ada.Profile.Waits.Select(static wait => wait.Key));
        Assert.Null(ada.Profile.FindCounter("Viewed"));
        Assert.Equal(IdentityState.Parted, Assert.Single(ada.Profile.Identities).State);
        Assert.Equal("\"Eve\"", visitor.Profile.FindTrait("name")!.Value.ToString());
        Assert.Equal(["v"], visitor.Profile.Waits.Select(static wait => wait.Key));
        Assert.Null(visitor.Profile.Merge);
    }

    [Fact]
    public void What_was_parted_is_only_linked_again_by_somebodys_word()
    {
        var (ada, visitor) = Two();
        visitor.Hears(Anonymous("Viewed", 0));
        ada.Absorbs(visitor, 1);
        ada.Parts(visitor, 2);
        ada.Hears(Event("Logged In", 3) with { Identities = ["visitor-1"] });
        Assert.Equal(IdentityState.Parted, Assert.Single(ada.Profile.Identities).State);
        Assert.Equal(MergeRefusal.Known, ada.Decides(new Input.MergeRequested("visitor-1", "x", null, IsForced: false), 4).Refusal);
        Assert.Null(ada.Decides(new Input.IdentityNamed("visitor-1", "support"), 5).Refusal);
        Assert.Equal(IdentityState.Claimed, Assert.Single(ada.Profile.Identities).State);
    }

    [Fact]
    public void A_mail_that_only_the_other_asked_for_is_taken_back()
    {
        var (ada, visitor) = Two("{}");
        visitor.Hears(Anonymous("Added", 0));
        ada.Absorbs(visitor, 1);
        ada.Parts(visitor, 2);
        Assert.Equal((SendState.Suppressed, Reason.Parted), (ada.OnlySend.State, ada.OnlySend.Reason));
        Assert.Equal(SendState.Pending, visitor.OnlySend.State);
    }

    [Fact]
    public void Ids_beyond_the_limit_are_not_claimed()
    {
        var story = With();
        for (var i = 0; i <= Limits.IdentitiesMax; i++)
            story.Hears(Event("Logged In", i) with { Identities = [$"visitor-{i}"] });
        Assert.Equal(Limits.IdentitiesMax, story.Profile.Identities.Length);
        Assert.Equal(MergeRefusal.TooMany, story.Decides(new Input.IdentityNamed("one-more", "support"), 100).Refusal);
    }
}
