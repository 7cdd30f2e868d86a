using Orleans.Personalize.Testing;

namespace Orleans.Personalize.Journal;

public sealed class FaultyJournalTests
{
    private readonly InMemoryJournal inner = new();

    [Theory]
    [InlineData(1, 0, 0)]
    [InlineData(0, 1, 1)]
    public async Task A_failed_commit_was_made_or_not_as_asked(double before, double after, long version)
    {
        var journal = new FaultyJournal(inner, 1, TimeProvider.System) { Faults = new() { BeforeCommit = before, AfterCommit = after } };
        await Assert.ThrowsAsync<JournalException>(() => journal.CommitAsync([Append(0)], CancellationToken.None));
        Assert.Equal(version, (await inner.ReadAsync("shop/ada", CancellationToken.None)).Version);
        Assert.Equal(1, journal.Failed);

        journal.Faults = Faults.None;
        Assert.Equal([WriteStatus.Committed], await journal.CommitAsync([Append(version)], CancellationToken.None));
    }

    [Fact]
    public async Task The_same_seed_fails_the_same_calls()
    {
        Assert.Equal(await RunAsync(7), await RunAsync(7));
        Assert.NotEqual(await RunAsync(7), await RunAsync(8));
    }

    private static async Task<string> RunAsync(int seed)
    {
        var journal = new FaultyJournal(new InMemoryJournal(), seed, TimeProvider.System)
        {
            Faults = new() { BeforeCommit = 0.2, AfterCommit = 0.2, Read = 0.3 },
        };
        var outcomes = "";
        for (var i = 0; i < 100; i++)
        {
            try
            {
                var version = (await journal.ReadAsync("shop/ada", CancellationToken.None)).Version;
                outcomes += (await journal.CommitAsync([Append(version)], CancellationToken.None))[0] == WriteStatus.Committed ? 'c' : 's';
            }
            catch (JournalException failure)
            {
                outcomes += failure.Message[^3];
            }
        }
        return outcomes;
    }

    private static JournalWrite.Append Append(long expected) => new("shop/ada", expected, expected + 1, DateTimeOffset.UnixEpoch, new byte[] { 1 });
}
