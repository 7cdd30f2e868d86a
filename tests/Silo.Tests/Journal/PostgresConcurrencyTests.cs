using System.Text;
using Orleans.Personalize.Testing;

namespace Orleans.Personalize.Journal;

/// <summary>Several silos on one schema.</summary>
public sealed class PostgresConcurrencyTests : IAsyncLifetime
{
    private const string Ada = "shop/ada";
    private const string Bob = "shop/bob";
    private PostgresSandbox sandbox = null!;

    public async Task InitializeAsync()
    {
        if (PostgresServer.Binaries is not null)
            sandbox = await PostgresSandbox.CreateAsync();
    }

    public async Task DisposeAsync()
    {
        if (sandbox is not null)
            await sandbox.DisposeAsync();
    }

    [PostgresFact]
    public async Task Of_two_silos_that_write_the_same_version_one_wins_and_neither_is_broken_off()
    {
        const int rounds = 60;
        var customers = Enumerable.Range(0, 30).Select(i => $"shop/c{i}").ToArray();
        var wins = await Task.WhenAll(Enumerable.Range(0, 3).Select(silo => Task.Run(async () =>
        {
            var journal = new PostgresJournal(await sandbox.OpenAsync());
            var (random, won) = (new Random(silo), new List<string>());
            for (var round = 0; round < rounds; round++)
            {
                var batch = new List<JournalWrite>();
                foreach (var customer in customers.OrderBy(_ => random.Next()).Take(20))
                    batch.Add(Append(customer, (await journal.ReadAsync(customer, CancellationToken.None)).Version, $"{silo}.{round}"));
                var statuses = await journal.CommitAsync(batch, CancellationToken.None);
                won.AddRange(batch.Where((_, i) => statuses[i] == WriteStatus.Committed).Cast<JournalWrite.Append>().Select(Describe));
            }
            return won;
        })));

        var reader = new PostgresJournal(await sandbox.OpenAsync());
        var written = new List<string>();
        foreach (var customer in customers)
        {
            var history = await reader.ReadAsync(customer, CancellationToken.None);
            Assert.Equal(Enumerable.Range(1, (int)history.Version).Select(version => (long)version), history.Records.Select(record => record.Version));
            written.AddRange(history.Records.Select(record => $"{customer} {record.Version} {Encoding.UTF8.GetString(record.Payload.Span)}"));
        }
        Assert.Equal(written.Order(), wins.SelectMany(won => won).Order());
        Assert.All(wins, won => Assert.NotEmpty(won));
        Assert.DoesNotContain(sandbox.Log.Lines, line => line.Contains("broke off", StringComparison.Ordinal));
        Assert.Equal(written.Count, (await ReadAllAsync(reader, 0)).Count);
    }

    [PostgresFact]
    public async Task A_silo_that_waits_for_another_learns_that_it_is_stale_and_its_neighbours_pass()
    {
        var journal = new PostgresJournal(await sandbox.OpenAsync());
        await journal.CommitAsync([Append(Ada, 0, "a")], CancellationToken.None);
        await using var other = await sandbox.BeginAsync($"UPDATE heads SET version = 2 WHERE customer = '{Ada}'");
        var commit = journal.CommitAsync([Append(Ada, 1, "x"), Append(Bob, 0, "b")], CancellationToken.None);
        await sandbox.WaitingAsync();
        await PostgresSandbox.RunAsync(other, "COMMIT");
        Assert.Equal([WriteStatus.Stale, WriteStatus.Committed], await commit);
        Assert.Single(await ReadAllAsync(journal, 0), entry => entry.Customer == Ada);
    }

    [PostgresFact]
    public async Task Two_that_create_the_same_customer_at_once_do_not_fail()
    {
        var journal = new PostgresJournal(await sandbox.OpenAsync());
        await using var other = await sandbox.BeginAsync($"INSERT INTO heads VALUES('{Ada}', 1, 1, 0, NULL, 0)");
        var commit = journal.CommitAsync([Append(Ada, 0, "x"), Append(Bob, 0, "b")], CancellationToken.None);
        await sandbox.WaitingAsync();
        await PostgresSandbox.RunAsync(other, "COMMIT");
        Assert.Equal([WriteStatus.Stale, WriteStatus.Committed], await commit);
    }

    [PostgresFact]
    public async Task A_transaction_that_a_deadlock_broke_off_is_repeated()
    {
        var journal = new PostgresJournal(await sandbox.OpenAsync());
        await journal.CommitAsync([Append(Ada, 0, "a"), Append(Bob, 0, "b")], CancellationToken.None);
        await using var other = await sandbox.BeginAsync($"SELECT FROM heads WHERE customer = '{Bob}' FOR UPDATE");
        var commit = journal.CommitAsync([Append(Ada, 1, "a2"), Append(Bob, 1, "b2")], CancellationToken.None);
        await sandbox.WaitingAsync();
        // Against the order that all silos keep. It has what it wants once ours is broken off.
        await PostgresSandbox.RunAsync(other, $"SELECT FROM heads WHERE customer = '{Ada}' FOR UPDATE");
        await PostgresSandbox.RunAsync(other, "ROLLBACK");
        Assert.Equal([WriteStatus.Committed, WriteStatus.Committed], await commit);
        Assert.Contains(sandbox.Log.Lines, line => line.Contains("40P01", StringComparison.Ordinal));
        Assert.Equal(4, (await ReadAllAsync(journal, 0)).Count);
    }

    [PostgresFact]
    public async Task A_serialization_failure_is_repeated_where_the_database_is_stricter()
    {
        var journal = new PostgresJournal(await sandbox.OpenAsync(@"Options=-c default_transaction_isolation=serializable"));
        await journal.CommitAsync([Append(Ada, 0, "a")], CancellationToken.None);
        await using var other = await sandbox.BeginAsync($"UPDATE heads SET shard = shard WHERE customer = '{Ada}'");
        var commit = journal.CommitAsync([Append(Ada, 1, "a2")], CancellationToken.None);
        await sandbox.WaitingAsync();
        await PostgresSandbox.RunAsync(other, "COMMIT");
        Assert.Equal([WriteStatus.Committed], await commit);
        Assert.Contains(sandbox.Log.Lines, line => line.Contains("40001", StringComparison.Ordinal));
    }

    [PostgresFact]
    public async Task Reading_everything_waits_for_those_who_took_lower_positions()
    {
        var journal = new PostgresJournal(await sandbox.OpenAsync());
        await journal.CommitAsync([Append(Ada, 0, "a")], CancellationToken.None);
        await using var late = await sandbox.BeginAsync("SELECT pg_advisory_xact_lock_shared(hashtext('personalize.append'), hashtext(current_schema()))");
        await PostgresSandbox.RunAsync(late, "INSERT INTO facts SELECT nextval('facts_seq'), 'shop/late', 1, 0, 0, 'late'");
        await journal.CommitAsync([Append(Bob, 0, "b")], CancellationToken.None);

        var reading = ReadAllAsync(journal, 0);
        await sandbox.WaitingAsync();
        Assert.False(reading.IsCompleted);
        await PostgresSandbox.RunAsync(late, "COMMIT");
        Assert.Equal([Ada, "shop/late", Bob], (await reading).Select(entry => entry.Customer));
    }

    [PostgresFact]
    public async Task Reading_everything_gives_up_on_an_append_that_hangs_and_the_others_go_on()
    {
        var journal = new PostgresJournal(await sandbox.OpenAsync());
        await using var hung = await sandbox.BeginAsync("SELECT pg_advisory_xact_lock_shared(hashtext('personalize.append'), hashtext(current_schema()))");
        var reading = ReadAllAsync(journal, 0);
        await sandbox.WaitingAsync();
        var behind = journal.CommitAsync([Append(Ada, 0, "a")], CancellationToken.None);
        await Assert.ThrowsAsync<JournalException>(() => reading);
        Assert.Equal([WriteStatus.Committed], await behind);
    }

    [PostgresFact]
    public async Task A_cursor_skips_nothing_while_two_silos_write()
    {
        const int batches = 150;
        var writers = Enumerable.Range(0, 2).Select(silo => Task.Run(async () =>
        {
            var journal = new PostgresJournal(await sandbox.OpenAsync());
            for (var i = 0; i < batches; i++)
                await journal.CommitAsync([.. Enumerable.Range(0, 1 + (i % 9)).Select(c => Append($"shop/{silo}.{i}.{c}", 0, "x"))], CancellationToken.None);
        })).ToArray();
        var reader = new PostgresJournal(await sandbox.OpenAsync());
        var (seen, cursor, isLast) = (new List<string>(), 0L, false);
        while (!isLast)
        {
            isLast = writers.All(writer => writer.IsCompleted);
            foreach (var entry in await ReadAllAsync(reader, cursor))
            {
                Assert.True(entry.Position > cursor);
                (cursor, _) = (entry.Position, seen);
                seen.Add(entry.Customer);
            }
        }
        await Task.WhenAll(writers);
        Assert.Equal(2 * Enumerable.Range(0, batches).Sum(i => 1 + (i % 9)), seen.Count);
        Assert.Equal(seen.Count, seen.Distinct().Count());
    }

    [PostgresFact]
    public async Task An_erasure_that_waits_for_an_append_removes_its_record_too()
    {
        var (first, second) = (new PostgresJournal(await sandbox.OpenAsync()), new PostgresJournal(await sandbox.OpenAsync()));
        await first.CommitAsync([Append(Ada, 0, "a"), Append(Bob, 0, "b")], CancellationToken.None);
        await using var other = await sandbox.BeginAsync($"SELECT FROM heads WHERE customer = '{Bob}' FOR UPDATE");
        // Has moved Ada's head and waits for Bob's.
        var append = first.CommitAsync([Append(Ada, 1, "a2"), Append(Bob, 1, "b2")], CancellationToken.None);
        await sandbox.WaitingAsync();
        var erasure = second.CommitAsync([new JournalWrite.Erase(Ada)], CancellationToken.None);
        await PostgresSandbox.UntilAsync(async () => 2L == (long)(await sandbox.ExecuteAsync(
            $"SELECT count(*) FROM pg_stat_activity WHERE application_name = '{sandbox.Schema}' AND wait_event_type = 'Lock'"))!);
        await PostgresSandbox.RunAsync(other, "ROLLBACK");
        await append;
        await erasure;
        Assert.Equal([Bob, Bob], (await ReadAllAsync(first, 0)).Select(entry => entry.Customer));
        Assert.Equal(0L, await sandbox.ExecuteAsync($"SELECT count(*) FROM heads h FULL JOIN names n USING (customer) WHERE customer = '{Ada}'"));
    }

    private static JournalWrite.Append Append(string customer, long expected, string payload) =>
        new(customer, expected, expected + 1, DateTimeOffset.UnixEpoch, Encoding.UTF8.GetBytes(payload));

    private static string Describe(JournalWrite.Append write) => $"{write.Customer} {write.Version} {Encoding.UTF8.GetString(write.Payload.Span)}";

    private static async Task<List<JournalEntry>> ReadAllAsync(PostgresJournal journal, long after)
    {
        var entries = new List<JournalEntry>();
        await foreach (var entry in journal.ReadAllAsync(after, CancellationToken.None))
            entries.Add(entry);
        return entries;
    }
}
