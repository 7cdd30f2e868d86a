namespace Orleans.Personalize.Engine;

public class ImportedHistoryTests
{
    private const string OnceAdded = """{ "wait": { "for": "PT1H" }, "unless": [ { "event": "Ordered" } ] }""";

    private static CustomerEvent Told(string name, double at, double received, string? traits = null, string? id = null) =>
        Story.Event(name, at, id, traits: traits, received: received) with { IsHistory = true };

    [Fact]
    public void History_older_than_the_lateness_window_counts()
    {
        var story = Story.With(OnceAdded);
        var receipt = story.Hears(Told("Ordered", -400 * Story.Day, received: 0));
        Assert.Equal(ReceiptStatus.Accepted, receipt.Status);
        Assert.Equal(1, story.Profile.FindCounter("Ordered")!.Count);
    }

    [Fact]
    public void History_fires_nothing_and_opens_no_wait()
    {
        var story = Story.With("{}", OnceAdded);
        story.Hears(Told("Added", 0, received: 0));
        Assert.Empty(story.Profile.Waits);
        Assert.Empty(story.Decisions);
    }

    [Fact]
    public void History_closes_a_wait()
    {
        var story = Story.With(OnceAdded);
        story.Hears("Added", 0);
        story.Hears(Told("Ordered", 5, received: 10));
        Assert.Empty(story.Profile.Waits);
        Assert.Equal(["unless @ 5"], story.Outcomes);
    }

    [Fact]
    public void A_wait_that_ran_out_before_the_history_occurred_fires_first()
    {
        var story = Story.With(OnceAdded);
        story.Hears("Added", 0);
        story.Hears(Told("Ordered", 70, received: 80));
        Assert.Equal(["send @ 60"], story.Outcomes);
    }

    [Fact]
    public void History_that_was_told_before_changes_nothing()
    {
        var story = Story.With();
        CustomerEvent[] told = [.. Enumerable.Range(0, 2000).Select(static i => Told("Ordered", (-400 * Story.Day) + i, 0, $$"""{"n":{{i}}}""", $"row-{i}"))];
        story.HearsAll(0, told);
        var before = story.Profile;
        Assert.Equal(2000, before.FindCounter("Ordered")!.Count);
        Assert.All(story.HearsAll(1, told), static receipt => Assert.True(receipt.Status is ReceiptStatus.Duplicate or ReceiptStatus.Late));
        Assert.Same(before, story.Profile);
    }

    [Fact]
    public void History_below_what_is_remembered_still_sets_a_trait_that_nothing_newer_has_set()
    {
        var story = Story.With();
        story.HearsAll(0, [.. Enumerable.Range(0, 2000).Select(static i => Told("Ordered", (-400 * Story.Day) + i, 0, id: $"row-{i}"))]);
        var receipt = story.Hears(Told("", -500 * Story.Day, 0, """{"plan":"gold"}"""));
        Assert.Equal(ReceiptStatus.Late, receipt.Status);
        Assert.Equal("\"gold\"", story.Profile.FindTrait("plan")!.Value.ToString());
    }
}
