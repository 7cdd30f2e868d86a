using Orleans.Personalize.Customers;
using Orleans.Personalize.Engine;
using Orleans.Personalize.Journal;

namespace Orleans.Personalize.Grains.Tests.Customers;

public sealed class SearchTraitsTests
{
    private static readonly CustomerKey Ada = new("shop", "ada");
    private static readonly DateTimeOffset Noon = new(2026, 1, 31, 12, 0, 0, TimeSpan.Zero);

    [Theory]
    [InlineData("\"gold\"", "PLAN:GOLD")]
    [InlineData("7.50", "PLAN:7.50")]
    [InlineData("true", "PLAN:TRUE")]
    [InlineData("""["gold", "old", 3, {"a":1}, null]""", "PLAN:3 PLAN:GOLD PLAN:OLD")]
    [InlineData("""{"a":1}""", "")]
    [InlineData("null", "")]
    public void A_declared_trait_is_what_a_customer_is_found_by(string value, string terms) =>
        Assert.Equal(terms, string.Join(' ', new SearchTraits("plan").TermsOf(Of(("plan", value), ("other", "1")))!));

    [Fact]
    public void Nothing_is_written_where_nothing_is_declared() => Assert.Null(SearchTraits.None.TermsOf(Of(("plan", "1"))));

    [Theory]
    [InlineData(true, "plan", "first_name")]
    [InlineData(false, "plan:x")]
    [InlineData(false, "")]
    [InlineData(false, "1", "2", "3", "4", "5", "6", "7", "8", "9")]
    public void A_declaration_is_short(bool isValid, params string[] names) => Assert.Equal(isValid, SearchTraits.AreValid(names));

    [Fact]
    public async Task Terms_are_written_with_what_changes_them_and_once_by_each_activation()
    {
        var journal = new InMemoryJournal();
        var state = await LoadAsync(journal);
        Assert.Equal("PLAN:GOLD", await WriteAsync(journal, state, Identified(1, "\"gold\"")));
        Assert.Null(await WriteAsync(journal, state, Identified(2, "\"gold\"")));
        Assert.Equal("PLAN:SILVER", await WriteAsync(journal, state, Identified(3, "\"silver\"")));
        Assert.Equal("shop/ada", Assert.Single(await journal.SearchAsync("shop", "plan:sil", 10, CancellationToken.None)).Customer);

        // Another declaration may have been in force when it was written.
        state = await LoadAsync(journal);
        Assert.Equal("PLAN:SILVER", await WriteAsync(journal, state, Identified(4, "\"silver\"")));
        Assert.Null(await WriteAsync(journal, state, Identified(5, "\"silver\"")));
        Assert.Equal("", await WriteAsync(journal, state, Identified(6, "null")));
        Assert.Empty(await journal.SearchAsync("shop", "plan:sil", 10, CancellationToken.None));
    }

    private static Task<CustomerState> LoadAsync(InMemoryJournal journal) => CustomerState.LoadAsync(journal, Ada, new("plan"), CancellationToken.None);

    private static async Task<string?> WriteAsync(InMemoryJournal journal, CustomerState state, CustomerEvent happened)
    {
        state.Gather(Decider.Decide(state.Newest, new Input.EventsArrived([happened]), new TriggerSet([], []), happened.ReceivedAt));
        var write = state.WriteOf(happened.ReceivedAt)!;
        state.Commit(state.Advance(write));
        Assert.Equal([WriteStatus.Committed], await journal.CommitAsync([write], CancellationToken.None));
        return write.Terms is { } terms ? string.Join(' ', terms) : null;
    }

    private static CustomerEvent Identified(int number, string plan) => new()
    {
        MessageId = $"m-{number}",
        Type = EventType.Identify,
        Name = null,
        OccurredAt = Noon.AddSeconds(number),
        ReceivedAt = Noon.AddSeconds(number),
        Source = "test",
        Traits = JsonText.FromString($$"""{"plan":{{plan}} }"""),
        Fingerprint = (ulong)number,
    };

    private static Profile Of(params (string Name, string Value)[] traits)
    {
        var happened = Identified(1, "null") with { Traits = JsonText.FromString($$"""{ {{string.Join(',', traits.Select(static trait => $"\"{trait.Name}\":{trait.Value}"))}} }""") };
        return Decider.Decide(Profile.New(Ada), new Input.EventsArrived([happened]), new TriggerSet([], []), Noon.AddSeconds(1)).Profile;
    }
}
