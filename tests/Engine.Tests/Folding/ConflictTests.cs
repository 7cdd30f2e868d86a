using static Orleans.Personalize.Engine.Story;

namespace Orleans.Personalize.Engine;

public sealed class ConflictTests
{
    private static CustomerEvent Says(string source, double at, string traits, string? id = null, double? received = null, int priority = 0) =>
        Event("", at, id ?? $"{source}-{at}", traits: traits, received: received, priority: priority, type: EventType.Identify) with { Source = source };

    /// <summary>Each as <c>version field: winner > loser, why</c>.</summary>
    private static string[] ConflictsOf(Story story) => [.. Conflict.Of(story.Profile.Key, [.. story.Facts]).Select(static one =>
        $"{one.Version} {one.Field}: {one.Winner.Value} of {one.Winner.Source} > {one.Loser.Value} of {one.Loser.Source}, {one.Won}")];

    [Fact]
    public void An_older_write_that_comes_later_has_lost_to_the_newer_one()
    {
        var story = With();
        story.Hears(Says("web", 5, """{"plan":"gold"}"""));
        story.Hears(Says("crm", 1, """{"plan":"silver"}""", received: 6));
        Assert.Equal(["""2 plan: "gold" of web > "silver" of crm, newer"""], ConflictsOf(story));
    }

    [Fact]
    public void A_source_that_writes_over_another_is_named_with_what_was_there()
    {
        var story = With();
        story.Hears(Says("web", 1, """{"plan":"silver","city":"Rome"}"""));
        story.Hears(Says("crm", 5, """{"plan":"gold","city":"Rome"}"""));
        story.Hears(Says("crm", 6, """{"plan":null}"""));
        story.Hears(Says("web", 7, """{"plan":"tin"}"""));
        Assert.Equal(["""2 plan: "gold" of crm > "silver" of web, newer""", """4 plan: "tin" of web > null of crm, newer"""], ConflictsOf(story));
    }

    [Fact]
    public void At_one_instant_priority_decides_and_then_the_message_id()
    {
        var story = With();
        story.Hears(Says("web", 1, """{"plan":"a"}""", id: "m5", priority: 1));
        story.Hears(Says("crm", 1, """{"plan":"b"}""", id: "m9"));
        story.Hears(Says("crm", 1, """{"plan":"c"}""", id: "m7", priority: 1));
        Assert.Equal(["""2 plan: "a" of web > "b" of crm, priority""", """3 plan: "c" of crm > "a" of web, message-id"""], ConflictsOf(story));
    }

    [Fact]
    public void Equal_values_and_a_source_that_changes_its_mind_are_no_conflict()
    {
        var story = With();
        story.Hears(Says("web", 5, """{"plan":"gold"}"""));
        story.Hears(Says("web", 6, """{"plan":"silver"}"""));
        story.Hears(Says("crm", 1, """{"plan":"silver"}""", received: 7));
        Assert.Empty(ConflictsOf(story));
    }

    [Fact]
    public void Consent_is_in_it_under_its_channel()
    {
        var story = With();
        story.Hears(Says("web", 5, "{}") with { Consent = JsonText.FromString("""{"email":false}""") });
        story.Hears(Says("crm", 1, "{}", received: 6) with { Consent = JsonText.FromString("""{"email":true}""") });
        Assert.Equal(["2 consent.email: false of web > true of crm, newer"], ConflictsOf(story));
    }

    [Fact]
    public void A_merge_brings_the_writes_of_both_together()
    {
        var (ada, visitor) = (With(), Of(new("shop", "visitor-1")));
        visitor.Hears(Says("shop", 3, """{"plan":"gold"}""") with { IsProvisional = true });
        ada.Hears(Says("crm", 1, """{"plan":"silver"}"""));
        ada.Absorbs(visitor, 20);
        Assert.Equal(["""2 plan: "gold" of shop > "silver" of crm, newer"""], ConflictsOf(ada));
    }

    [Theory]
    [InlineData(1, null, "6 6", 6)]
    [InlineData(3, null, "6 6 5", 5)]
    [InlineData(1, 5, "4", 4)]
    [InlineData(9, 4, "3 2", null)]
    [InlineData(9, null, "6 6 5 4 3 2", null)]
    public void A_page_does_not_part_what_one_version_brought(int limit, int? before, string versions, int? next)
    {
        var story = With();
        for (var minute = 1; minute < 6; minute++)
            story.Hears(Says($"s{minute}", minute, $$"""{"plan":{{minute}}}"""));
        story.Hears(Says("s6", 0, """{"plan":6,"city":"Rome"}""", received: 6));
        // What another field of the same version loses.
        var conflicts = Conflict.Of(Ada, [.. story.Facts]).ToList();
        conflicts.Add(conflicts[^1] with { Field = "city" });
        var page = Conflict.Newest(conflicts, limit, before);
        Assert.Equal(versions, string.Join(' ', page.Items.Select(static one => one.Version)));
        Assert.Equal(next, page.Next);
    }
}
