using static Orleans.Personalize.Engine.Story;

namespace Orleans.Personalize.Engine.Folding;

/// <summary>Which events count: late, early, repeated and contradictory ones.</summary>
public sealed class ReceiptTests
{
    private const double Window = 72 * 60;

    [Fact]
    public void A_duplicate_changes_nothing()
    {
        var story = With("{}");
        var first = story.Hears("Added", 0);
        var before = story.Profile;
        var second = story.Hears("Added", 0, received: 5);
        Assert.Equal((ReceiptStatus.Accepted, 1L), (first.Status, first.Version));
        Assert.Equal((ReceiptStatus.Duplicate, before.Version), (second.Status, second.Version));
        Assert.Same(before, story.Profile);
    }

    [Fact]
    public void A_duplicate_within_a_batch_is_one_too()
    {
        var receipts = With("{}").HearsAll(1, Event("Added", 0), Event("Other", 1), Event("Added", 0));
        Assert.Equal([ReceiptStatus.Accepted, ReceiptStatus.Accepted, ReceiptStatus.Duplicate], receipts.Select(receipt => receipt.Status));
    }

    [Fact]
    public void Another_body_under_the_same_id_is_a_conflict_and_the_first_stays()
    {
        var story = With();
        story.Hears(Event("Signed Up", 0, id: "m", traits: """{"n":1}""", body: 1));
        var receipt = story.Hears(Event("Signed Up", 1, id: "m", traits: """{"n":2}""", body: 2));
        Assert.Equal(ReceiptStatus.Conflict, receipt.Status);
        Assert.Equal("1", story.Profile.FindTrait("n")!.Value.ToString());
        Assert.Equal(1, story.Profile.Version);
    }

    [Fact]
    public void An_event_at_the_edge_of_the_lateness_window_counts()
    {
        var story = With("{}");
        Assert.Equal(ReceiptStatus.Accepted, story.Hears("Added", 0, received: Window).Status);
        Assert.Equal(["send @ 0"], story.Outcomes);
    }

    [Fact]
    public void An_older_one_sets_traits_and_consent_and_nothing_else()
    {
        var story = With("{}", """{ "wait": { "for": "PT1H" }, "unless": [{ "event": "Added" }] }""");
        var receipt = story.Hears(Event("Added", 0, traits: """{"n":1}""", consent: """{"email":true}""", received: Window + 0.001));
        Assert.Equal((ReceiptStatus.Late, 1L), (receipt.Status, receipt.Version));
        var profile = story.Profile;
        Assert.Equal(("1", true), (profile.FindTrait("n")!.Value.ToString(), profile.Allows("email")));
        Assert.Empty(profile.Counters);
        Assert.Empty(profile.Recent);
        Assert.Empty(profile.Waits);
        Assert.Empty(profile.Marks);
        Assert.Empty(story.Decisions);
        Assert.Null(profile.LastSeenAt);
        Assert.Equal(ReceiptStatus.Duplicate, story.Hears(Event("Added", 0, received: Window + 1)).Status);
    }

    [Fact]
    public void A_late_trait_yields_to_a_newer_one()
    {
        var story = With();
        story.Hears(Event("A", Window, traits: """{"n":2}"""));
        story.Hears(Event("B", 0, traits: """{"n":1,"m":1}""", received: Window + 1));
        Assert.Equal(("2", "1"), (story.Profile.FindTrait("n")!.Value.ToString(), story.Profile.FindTrait("m")!.Value.ToString()));
    }

    [Theory]
    [InlineData(5, ReceiptStatus.Accepted)]
    [InlineData(5.001, ReceiptStatus.Rejected)]
    public void An_event_of_the_future_is_refused(double minute, ReceiptStatus status)
    {
        var story = With("{}");
        var receipt = story.Hears("Added", minute, received: 0);
        Assert.Equal(status, receipt.Status);
        if (status != ReceiptStatus.Rejected)
            return;
        Assert.Null(receipt.Version);
        Assert.Contains("in the future", receipt.Detail, StringComparison.Ordinal);
        Assert.Equal(0, story.Profile.Version);
    }

    [Fact]
    public void A_refused_event_may_come_again_in_time()
    {
        var story = With();
        story.Hears("Added", 10, received: 0);
        Assert.Equal(ReceiptStatus.Accepted, story.Hears("Added", 10).Status);
    }

    [Fact]
    public void Traits_that_are_too_large_are_refused()
    {
        var story = With();
        string Trait(int bytes) => $$"""{"x":"{{new string('x', bytes - 2)}}"}""";
        Assert.Equal(ReceiptStatus.Accepted, story.Hears(Event("A", 0, traits: Trait(Limits.TraitBytesMax))).Status);
        var receipt = story.Hears(Event("B", 0, traits: Trait(Limits.TraitBytesMax + 1)));
        Assert.Equal((ReceiptStatus.Rejected, "/traits/x is larger than 8192 bytes."), (receipt.Status, receipt.Detail));
        var name = new string('n', Limits.TraitNameLengthMax + 1);
        Assert.Equal(ReceiptStatus.Rejected, story.Hears(Event("C", 0, traits: $$"""{"{{name}}":1}""")).Status);
    }

    [Fact]
    public void What_the_dedupe_window_forgot_is_late_and_never_counted_twice()
    {
        var story = With();
        story.HearsAll(50, [.. Enumerable.Range(0, Limits.DedupeIdsMax + 1).Select(i => Event("Seen", i * 0.01))]);
        Assert.Equal(ReceiptStatus.Duplicate, story.Hears("Seen", 0.01, received: 50).Status);
        Assert.Equal(ReceiptStatus.Late, story.Hears("Seen", 0, received: 50).Status);
        Assert.Equal(Limits.DedupeIdsMax + 1, story.Profile.FindCounter("Seen")!.Count);
    }

    [Fact]
    public void A_quiet_customers_repeats_are_called_duplicates_for_ever()
    {
        var story = With();
        for (var i = 0; i < Limits.DedupeIdsMin; i++)
            story.Hears("Seen", i);
        Assert.Equal(ReceiptStatus.Duplicate, story.Hears("Seen", 0, received: 300 * Day).Status);
    }
}
