using static Orleans.Personalize.Engine.Story;

namespace Orleans.Personalize.Engine.Folding;

public sealed class TraitTests
{
    private static string? Trait(Story story, string name) => story.Profile.FindTrait(name)?.Value.ToString();

    [Fact]
    public void The_last_writer_wins_field_by_field()
    {
        var story = With();
        story.Hears(Event("B", 10, traits: """{"name":"Ada","city":"London"}"""));
        story.Hears(Event("A", 5, traits: """{"name":"Old","plan":"pro"}""", received: 11));
        Assert.Equal(("\"Ada\"", "\"London\"", "\"pro\""), (Trait(story, "name"), Trait(story, "city"), Trait(story, "plan")));
        var name = story.Profile.FindTrait("name")!;
        Assert.Equal((new Stamp(At(10), "B10"), "test"), (name.Stamp, name.Source));
    }

    [Theory]
    [InlineData(0, 0, "b")]
    [InlineData(1, 0, "a")]
    [InlineData(0, 1, "b")]
    public void At_the_same_instant_the_sources_priority_decides_and_then_the_message_id(int priorityOfA, int priorityOfB, string winner)
    {
        CustomerEvent[] events =
        [
            Event("A", 0, id: "a", traits: """{"x":"a"}""", priority: priorityOfA),
            Event("B", 0, id: "b", traits: """{"x":"b"}""", priority: priorityOfB),
        ];
        foreach (var isReversed in (bool[])[false, true])
        {
            var story = With();
            foreach (var happened in isReversed ? events.Reverse() : events)
                story.Hears(happened);
            Assert.Equal($"\"{winner}\"", Trait(story, "x"));
        }
    }

    [Fact]
    public void Null_removes_and_an_older_write_does_not_bring_it_back()
    {
        var story = With();
        story.Hears(Event("A", 10, traits: """{"x":null}"""));
        story.Hears(Event("B", 5, traits: """{"x":1}""", received: 11));
        Assert.True(story.Profile.FindTrait("x")!.IsRemoved);
    }

    [Fact]
    public void A_refusal_outlives_any_number_of_agreements()
    {
        var story = With();
        story.Hears(Event("A", 0, consent: """{"email":false}"""));
        for (var topic = 1; topic <= 2 * Limits.ConsentsMax; topic++)
            story.Hears(Event("B", topic, consent: $$"""{"email/topic-{{topic}}":true}"""));
        Assert.Equal((Limits.ConsentsMax, false), (story.Profile.Consents.Length, story.Profile.Allows("email")));
        Assert.True(story.Profile.Allows($"email/topic-{2 * Limits.ConsentsMax}"));
    }

    [Fact]
    public void Values_are_kept_as_they_were_written()
    {
        var story = With();
        story.Hears(Event("A", 0, traits: """{"x" : { "a" : [1.50, "\u00e9"] }, "big": 12345678901234567890.123456789012345678901234567890}"""));
        Assert.Equal("""{ "a" : [1.50, "\u00e9"] }""", Trait(story, "x"));
        Assert.Equal("12345678901234567890.123456789012345678901234567890", Trait(story, "big"));
    }

    [Fact]
    public void Of_a_repeated_name_the_first_counts()
    {
        var story = With();
        story.Hears(Event("A", 0, traits: """{"x":1,"x":2}"""));
        Assert.Equal("1", Trait(story, "x"));
    }

    [Fact]
    public void Consent_is_written_like_a_trait()
    {
        var story = With();
        story.Hears(Event("A", 10, consent: """{"email":false}"""));
        story.Hears(Event("B", 5, consent: """{"email":true,"sms":true}""", received: 11));
        Assert.Equal((false, true, null), (story.Profile.Allows("email"), story.Profile.Allows("sms"), story.Profile.Allows("push")));
    }

    [Fact]
    public void Of_too_many_traits_the_most_recently_written_stay()
    {
        var story = With();
        for (var i = 0; i < Limits.TraitsMax + 10; i++)
            story.Hears(Event("A", i, traits: $$"""{"trait{{i}}":1}"""));
        Assert.Equal(Limits.TraitsMax, story.Profile.Traits.Length);
        Assert.Null(Trait(story, "trait9"));
        Assert.NotNull(Trait(story, "trait10"));
    }

    [Fact]
    public void Counters_know_how_often_and_when()
    {
        var story = With();
        foreach (var minute in (double[])[10, 5, 20])
            story.Hears("Viewed", minute, received: 20);
        story.Hears(Event("", 21, type: EventType.Page));
        var counter = story.Profile.FindCounter("Viewed")!;
        Assert.Equal((3, At(5), At(20)), (counter.Count, counter.FirstAt, counter.LastAt));
        Assert.Equal([5, 10, 20], counter.Times.Select(Minute));
        Assert.Equal(1, story.Profile.FindCounter("page")!.Count);
        Assert.Equal((At(5), At(21)), (story.Profile.FirstSeenAt, story.Profile.LastSeenAt));
    }

    [Fact]
    public void The_latest_activity_is_ordered_by_when_it_occurred()
    {
        var story = With();
        foreach (var minute in Enumerable.Range(0, Limits.RecentMax + 5).Reverse())
            story.Hears("Viewed", minute, received: 100);
        Assert.Equal(Enumerable.Range(5, Limits.RecentMax).Select(minute => At(minute)), story.Profile.Recent.Select(activity => activity.Stamp.At));
    }
}
