namespace Orleans.Personalize.Engine.Properties;

public sealed class ConflictProperties
{
    /// <summary>Each priority is a source.</summary>
    private static History Make(System.Random random, int size)
    {
        var history = History.Make(random, size);
        return new([.. history.Steps.Select(static step => step is Step.Arrive arrive
            ? arrive with { Events = [.. arrive.Events.Select(static happened => happened with { Source = happened.SourcePriority == 0 ? "web" : "crm" })] }
            : step)]);
    }

    [Fact]
    public void The_winner_that_is_named_is_what_the_profile_shows_and_none_that_lost_is_left_out() => Property.Holds(
        Make,
        static history => history.Shrink(),
        static history =>
        {
            Fact[] facts = [.. history.Run().SelectMany(static moment => moment.Turn.Facts)];
            var conflicts = Conflict.Of(Story.Ada, facts).ToLookup(static conflict => conflict.Version);
            var before = Profile.New(Story.Ada);
            foreach (var fact in facts)
            {
                var after = Evolver.Evolve(before, fact);
                foreach (var conflict in conflicts[after.Version])
                {
                    Assert.Equal(conflict.Winner, Shown(after, conflict.Field));
                    Assert.NotEqual(conflict.Winner.Value, conflict.Loser.Value);
                }
                Assert.Equal(Lost(before, after, fact).Order(StringComparer.Ordinal), conflicts[after.Version].Select(static one => $"{one.Field} {one.Loser.Stamp.MessageId}").Order(StringComparer.Ordinal));
                before = after;
            }
        });

    private static Trait? Shown(Profile profile, string field) => field.StartsWith("consent.", StringComparison.Ordinal)
        ? profile.Consents.SingleOrDefault(consent => consent.Name == field["consent.".Length..])
        : profile.FindTrait(field);

    /// <summary>What a fact has made lose, told from the profiles before and after it.</summary>
    private static IEnumerable<string> Lost(Profile before, Profile after, Fact fact)
    {
        if (fact is not Fact.EventApplied { Event: var happened })
            yield break;
        var written = Json.Members(happened.Traits).Concat(Json.Members(happened.Consent).Select(static one => KeyValuePair.Create("consent." + one.Key, one.Value)));
        foreach (var (field, value) in written)
        {
            if (Shown(before, field) is not { } known || known.Value == value)
                continue;
            if (Shown(after, field) == known)
                yield return $"{field} {happened.MessageId}";
            else if (known.Source != happened.Source)
                yield return $"{field} {known.Stamp.MessageId}";
        }
    }
}
