using Orleans.Personalize.Customers;
using Orleans.Personalize.Engine;
using Orleans.Personalize.Journal;
using Orleans.Personalize.Testing;

namespace Orleans.Personalize.Grains.Tests.Customers;

public sealed class HistoryTests
{
    private static Task<T> Ask<T>(GrainFixture fixture, Func<ICustomerHistoryGrain, Task<T>> question) =>
        fixture.Run(grains => question(grains.GetGrain<ICustomerHistoryGrain>(GrainFixture.Ada)));

    [Fact]
    public async Task Every_version_is_shown_as_it_was_shown_then()
    {
        await using var fixture = new GrainFixture();
        await fixture.PutTrigger("seen", """{"on":{"event":"Viewed"},"wait":{"for":"PT1M"},"send":{"sender":"mail"}}""");
        var shown = new List<(DateTimeOffset At, CustomerView View)>();
        for (var i = 0; i < 300; i++)
        {
            await fixture.Apply(fixture.Happens("Viewed") with { Traits = JsonText.FromString($$"""{"n":{{i}}}""") }, fixture.Happens("Bought"));
            shown.Add((fixture.Now, (await fixture.Read())!));
            await fixture.Advance(TimeSpan.FromSeconds(1 + (i % 7)));
        }
        foreach (var (at, view) in shown.Where((_, index) => index % 29 == 0))
        {
            Assert.Equivalent(view, (await Ask(fixture, history => history.AtVersion(view.Version))).View, strict: true);
            Assert.Equivalent(view, (await Ask(fixture, history => history.At(at))).View, strict: true);
        }
        var both = await Ask(fixture, history => history.AtVersions(shown[10].View.Version, shown[200].View.Version));
        Assert.Equivalent(shown[10].View, both[0].View, strict: true);
        Assert.Equivalent(shown[200].View, both[1].View, strict: true);
        // In the middle of a turn, too.
        Assert.Equal(1, (await Ask(fixture, history => history.AtVersion(1))).View!.Version);
    }

    [Fact]
    public async Task What_never_was_is_told_apart_from_what_is_not_known()
    {
        await using var fixture = new GrainFixture();
        Assert.Equal(PastReason.Unknown, (await Ask(fixture, history => history.AtVersion(1))).Reason);
        await fixture.Advance(TimeSpan.FromMinutes(1));
        await fixture.Apply(fixture.Happens("Viewed"));
        Assert.Equal(new(null, PastReason.Never, 1), await Ask(fixture, history => history.AtVersion(2)));
        Assert.Equal(new(null, PastReason.Never, 1), await Ask(fixture, history => history.At(fixture.Now.AddMinutes(-1))));
        Assert.Equal(PastReason.Never, Assert.Single(await Ask(fixture, history => history.AtVersions(1, 2))).Reason);
        await fixture.Run(grains => grains.GetGrain<ICustomerGrain>(GrainFixture.Ada).Erase());
        Assert.Equal(PastReason.Unknown, (await Ask(fixture, history => history.AtVersion(1))).Reason);
    }

    [Fact]
    public async Task What_lost_is_told_of_what_the_journal_holds_a_page_at_a_time()
    {
        await using var fixture = new GrainFixture();
        Assert.Equal(PastReason.Unknown, (await Ask(fixture, static history => history.Conflicts(1, null))).Reason);
        for (var i = 0; i < 3; i++)
        {
            await fixture.Apply(fixture.Happens("Viewed") with { Source = $"s{i}", Traits = JsonText.FromString($$"""{"plan":{{i}}}""") });
            await fixture.Advance(TimeSpan.FromSeconds(1));
        }
        var newest = await Ask(fixture, static history => history.Conflicts(1, null));
        Assert.Equal(("plan", 3L, "newer", "2", "1"), Told(Assert.Single(newest.Items)));
        var older = await Ask(fixture, history => history.Conflicts(1, newest.Next));
        Assert.Equal(("plan", 2L, "newer", "1", "0"), Told(Assert.Single(older.Items)));
        Assert.Null(older.Next);

        static (string, long, string, string, string) Told(ConflictView one) => (one.Field, one.Version, one.Won, one.Winner.Value.ToString(), one.Loser.Value.ToString());
    }

    [Fact]
    public async Task A_history_that_is_too_long_or_no_longer_whole_is_not_folded()
    {
        var (journal, key) = (new InMemoryJournal(), new CustomerKey("shop", "ada"));
        // 100 facts a record.
        var happened = new CustomerEvent { MessageId = "m", Type = EventType.Track, OccurredAt = default, ReceivedAt = default, Source = "test" };
        var payload = FactCodec.Encode([.. Enumerable.Repeat<Fact>(new Fact.EventApplied(happened, Late: true), 100)]);
        for (var version = 0L; version <= ICustomerHistoryGrain.FactsMax; version += 100)
            await journal.CommitAsync([new JournalWrite.Append(key.ToString(), version, version + 100, DateTimeOffset.UnixEpoch.AddSeconds(version), payload)], default);

        Assert.Equal(PastReason.TooLong, (await Past.ReadAsync(journal, key, ICustomerHistoryGrain.FactsMax + 1)).Reason);
        Assert.Equal(ICustomerHistoryGrain.FactsMax / 100, (await Past.ReadAsync(journal, key, ICustomerHistoryGrain.FactsMax)).Records.Count);
        Assert.Equal((1, null), (await Past.ReadAsync(journal, key, 100) is var past ? (past.Records.Count, past.Reason) : default));
        Assert.Equal(PastReason.Erased, (await Past.ReadAsync(new Forgetful(journal), key, 60_000 / 2)).Reason);
    }

    /// <summary>Its oldest records are gone.</summary>
    private sealed class Forgetful(IJournal inner) : IJournal
    {
        public async Task<IReadOnlyList<JournalRecord>> ReadBackAsync(string customer, long? before, int limit, CancellationToken cancellation) =>
            [.. (await inner.ReadBackAsync(customer, before, limit, cancellation)).Where(static record => record.Version > 1000)];

        public Task<WriteStatus[]> CommitAsync(IReadOnlyList<JournalWrite> batch, CancellationToken cancellation) => inner.CommitAsync(batch, cancellation);

        public Task<CustomerHistory> ReadAsync(string customer, CancellationToken cancellation) => inner.ReadAsync(customer, cancellation);

        public Task<IReadOnlyList<DueCustomer>> ReadDueAsync(int shard, DateTimeOffset until, DueCustomer? after, int limit, CancellationToken cancellation) =>
            inner.ReadDueAsync(shard, until, after, limit, cancellation);

        public IAsyncEnumerable<JournalEntry> ReadAllAsync(long afterPosition, CancellationToken cancellation) => inner.ReadAllAsync(afterPosition, cancellation);

        public Task<IReadOnlyList<CustomerHit>> SearchAsync(string workspace, string text, int limit, CancellationToken cancellation) =>
            inner.SearchAsync(workspace, text, limit, cancellation);
    }
}
