using System.Text;
using Npgsql;
using Orleans.Personalize.Testing;

namespace Orleans.Personalize.Journal;

/// <summary>The schema, and what becomes of it when connections, disks and servers fail.</summary>
public sealed class PostgresDatabaseTests : IAsyncLifetime
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
    public async Task Silos_that_start_at_once_make_one_schema()
    {
        var databases = await Task.WhenAll(Enumerable.Range(0, 4).Select(_ => sandbox.OpenAsync()));
        foreach (var (database, i) in databases.Select((database, i) => (database, i)))
            await CommitAsync(new PostgresJournal(database), Append(Ada, i, "x"));
        Assert.Equal((long)PostgresSchema.Version, await sandbox.ExecuteAsync("SELECT count(*) FROM schema_version"));
        Assert.Empty(sandbox.Log.Lines);
    }

    [PostgresFact]
    public async Task A_newer_schema_is_refused_and_left_as_it_is()
    {
        await sandbox.OpenAsync();
        await sandbox.ExecuteAsync("INSERT INTO schema_version VALUES(99)");
        var failure = await Assert.ThrowsAsync<JournalOpenException>(() => sandbox.OpenAsync());
        Assert.Contains("version 99", failure.Message, StringComparison.Ordinal);
        Assert.Equal(PostgresSchema.Version + 1L, await sandbox.ExecuteAsync("SELECT count(*) FROM schema_version"));
    }

    [PostgresFact]
    public async Task A_server_that_starts_later_is_waited_for_and_one_without_fsync_is_warned_of()
    {
        await using var server = await PostgresServer.StartAsync("fsync = off");
        var own = await PostgresSandbox.CreateAsync(server);
        await server.StopAsync("fast");
        var opening = own.OpenAsync();
        await PostgresSandbox.UntilAsync(() => Task.FromResult(!own.Log.Lines.IsEmpty));
        Assert.False(opening.IsCompleted);
        await server.StartAgainAsync();
        await CommitAsync(new PostgresJournal(await opening), Append(Ada, 0, "a"));
        Assert.Contains(own.Log.Lines, line => line.Contains("fsync", StringComparison.Ordinal));
        await own.CloseAsync();
    }

    [PostgresFact]
    public async Task What_keeps_it_from_opening_is_said_in_a_line_without_the_password()
    {
        var password = sandbox.Server.Password;
        string?[] connectionStrings =
        [
            null,
            " ",
            $"Host=127.0.0.1;Password={password};Port=x{password}",
            $"Password={password};Nonsense={password}",
            sandbox.ConnectionString("Search Path=a\"b"),
            sandbox.ConnectionString("Port=1"),
            sandbox.ConnectionString($"Password=not{password}"),
            sandbox.ConnectionString($"Username=nobody"),
            sandbox.ConnectionString("Database=missing"),
            sandbox.ConnectionString("Options=-c synchronous_commit=off"),
            sandbox.ConnectionString("Options=-c nonsense=1"),
        ];
        foreach (var connectionString in connectionStrings)
        {
            var failure = await Assert.ThrowsAsync<JournalOpenException>(() =>
                PostgresDatabase.OpenAsync(connectionString, sandbox.Log, TimeProvider.System, TimeSpan.Zero));
            Assert.DoesNotContain('\n', failure.Message);
            Assert.DoesNotContain(password, failure.ToString(), StringComparison.Ordinal);
        }
        Assert.DoesNotContain(sandbox.Log.Lines, line => line.Contains(password, StringComparison.Ordinal));
    }

    [PostgresFact]
    public async Task A_connection_lost_in_a_commit_leaves_nothing_half_written()
    {
        var journal = new PostgresJournal(await sandbox.OpenAsync());
        await CommitAsync(journal, Append(Ada, 0, "a"), Append(Bob, 0, "b"));
        await using var other = await sandbox.BeginAsync($"SELECT FROM heads WHERE customer = '{Bob}' FOR UPDATE");
        var commit = journal.CommitAsync([Append(Ada, 1, "a2"), Append(Bob, 1, "b2")], CancellationToken.None);
        await sandbox.ExecuteAsync($"SELECT pg_terminate_backend({await sandbox.WaitingAsync()})");
        var failure = await Assert.ThrowsAsync<JournalException>(() => commit);
        Assert.DoesNotContain(sandbox.Server.Password, failure.ToString(), StringComparison.Ordinal);
        await PostgresSandbox.RunAsync(other, "ROLLBACK");

        Assert.Equal((1, 1), (await VersionAsync(journal, Ada), await VersionAsync(journal, Bob)));
        await CommitAsync(journal, Append(Ada, 1, "a2"), Append(Bob, 1, "b2"));
        Assert.Equal((2, 2), (await VersionAsync(journal, Ada), await VersionAsync(journal, Bob)));
    }

    [PostgresFact]
    public async Task Every_acknowledged_append_is_there_after_the_server_was_restarted()
    {
        await using var server = await PostgresServer.StartAsync();
        var own = await PostgresSandbox.CreateAsync(server);
        var journal = new PostgresJournal(await own.OpenAsync());
        await using var committer = new GroupCommitter(journal, TimeProvider.System);
        using var stop = new CancellationTokenSource();
        var commits = 0;
        var writers = Enumerable.Range(0, 20).Select(writer => Task.Run(async () =>
        {
            var (customer, acknowledged) = ($"shop/c{writer}", 0L);
            while (!stop.IsCancellationRequested)
            {
                try
                {
                    if (await committer.AppendAsync(Append(customer, acknowledged, $"{acknowledged}")) == WriteStatus.Committed)
                        acknowledged++;
                    else
                        acknowledged = await AdvancedByOneAsync(journal, customer, acknowledged);
                    Interlocked.Increment(ref commits);
                }
                catch (JournalException)
                {
                    // Unknown: the next attempt tells.
                    await Task.Delay(20);
                }
            }
            return (customer, acknowledged);
        })).ToArray();
        foreach (var mode in new[] { "fast", "immediate", "immediate" })
        {
            await UntilMoreAsync(200);
            await server.StopAsync(mode);
            await server.StartAgainAsync();
        }
        await UntilMoreAsync(200);
        await stop.CancelAsync();
        foreach (var (customer, acknowledged) in await Task.WhenAll(writers))
        {
            var history = await journal.ReadAsync(customer, CancellationToken.None);
            // The last attempt may have been made without an answer.
            Assert.InRange(history.Version, acknowledged, acknowledged + 1);
            Assert.Equal(Enumerable.Range(0, (int)history.Version).Select(i => $"{i}"), history.Records.Select(record => Encoding.UTF8.GetString(record.Payload.Span)));
        }
        await own.CloseAsync();

        Task UntilMoreAsync(int count)
        {
            var goal = Volatile.Read(ref commits) + count;
            return PostgresSandbox.UntilAsync(() => Task.FromResult(Volatile.Read(ref commits) >= goal));
        }
    }

    [PostgresFact]
    public async Task A_disk_that_takes_no_more_fails_the_whole_batch_and_the_next_works_when_there_is_room()
    {
        await using var server = await PostgresServer.StartAsync("wal_recycle = off");
        // Above a segment of the log, 16 MB, which is made whole.
        await server.LimitFilesAsync(20 << 20);
        var own = await PostgresSandbox.CreateAsync(server);
        var journal = new PostgresJournal(await own.OpenAsync());
        await CommitAsync(journal, Append(Ada, 0, "a"));
        var large = new byte[12 << 20];
        new Random(1).NextBytes(large);
        JournalWrite[] batch = [Append(Ada, 1, "a2"), .. Enumerable.Range(0, 3).Select(i => new JournalWrite.Append($"shop/{i}", 0, 1, DateTimeOffset.UnixEpoch, large))];
        await Assert.ThrowsAsync<JournalException>(() => journal.CommitAsync(batch, CancellationToken.None));
        Assert.Equal((1, 0), (await VersionAsync(journal, Ada), await VersionAsync(journal, "shop/0")));
        await CommitAsync(journal, Append(Bob, 0, "small"));

        await own.CloseAsync();
        await server.LimitFilesAsync(null);
        journal = new PostgresJournal(await own.OpenAsync());
        await CommitAsync(journal, batch);
        Assert.Equal((2, 1), (await VersionAsync(journal, Ada), await VersionAsync(journal, "shop/0")));
        await own.CloseAsync();
    }

    [PostgresFact]
    public async Task Partitions_are_made_ahead_and_a_customers_records_may_lie_in_several()
    {
        var journal = new PostgresJournal(await sandbox.OpenAsync());
        await CommitAsync(journal, Append(Ada, 0, "a"));
        for (var partition = 1; partition <= 4; partition++)
        {
            await sandbox.ExecuteAsync($"SELECT setval('facts_seq', {(partition * PostgresSchema.PartitionRecords) + 7})");
            await CommitAsync(journal, Append(Ada, partition, "x"));
            await PostgresSandbox.UntilAsync(async () =>
                await sandbox.ExecuteAsync($"SELECT to_regclass('facts_{partition + 2}')::text") is string || partition % 2 == 1);
        }
        Assert.Equal(5, await VersionAsync(journal, Ada));
        Assert.Equal(5, (await journal.ReadBackAsync(Ada, null, 10, CancellationToken.None)).Count);
        Assert.Equal(0L, await sandbox.ExecuteAsync("SELECT count(*) FROM facts_default"));
        Assert.Equal(5L, await sandbox.ExecuteAsync("SELECT count(DISTINCT tableoid) FROM facts"));
    }

    [PostgresFact]
    public async Task The_default_partition_takes_what_has_no_other_and_is_left_as_it_is()
    {
        var journal = new PostgresJournal(await sandbox.OpenAsync());
        await sandbox.ExecuteAsync($"SELECT setval('facts_seq', {20 * PostgresSchema.PartitionRecords})");
        await CommitAsync(journal, Append(Ada, 0, "a"));
        Assert.Equal(1L, await sandbox.ExecuteAsync("SELECT count(*) FROM facts_default"));
        await PostgresSandbox.UntilAsync(async () => await sandbox.ExecuteAsync("SELECT to_regclass('facts_22')::text") is string);
        await CommitAsync(new PostgresJournal(await sandbox.OpenAsync()), Append(Ada, 1, "b"));
        Assert.Equal(2, await VersionAsync(journal, Ada));
        Assert.Null(await sandbox.ExecuteAsync("SELECT to_regclass('facts_20')::text") as string);
    }

    [PostgresFact]
    public async Task A_missing_record_is_reported_and_never_skipped()
    {
        var journal = new PostgresJournal(await sandbox.OpenAsync());
        await CommitAsync(journal, Append(Ada, 0, "a"), Append(Ada, 1, "b"), Append(Ada, 2, "c"));
        await sandbox.ExecuteAsync("DELETE FROM facts WHERE version = 2");
        var failure = await Assert.ThrowsAsync<JournalException>(() => journal.ReadAsync(Ada, CancellationToken.None));
        Assert.Contains("damaged", failure.Message, StringComparison.Ordinal);
        await Assert.ThrowsAsync<JournalException>(() => journal.ReadBackAsync(Ada, null, 10, CancellationToken.None));
        Assert.Single(await journal.ReadBackAsync(Ada, null, 1, CancellationToken.None));
    }

    [PostgresFact]
    public async Task Queries_use_their_index_and_sort_nothing()
    {
        await sandbox.OpenAsync();
        await using var connection = new NpgsqlConnection(PostgresSettings.Complete(sandbox.ConnectionString()).ConnectionString);
        await connection.OpenAsync();
        foreach (var (name, types, arguments, sql) in new[]
        {
            ("heads_due", "smallint, bigint, bigint, text, int", "1::smallint, 1, 1, '', 1", PostgresReader.DueSql),
            ("names_id", "text, int", "'', 1", PostgresReader.IdsSql),
            ("names_email", "text, int", "'', 1", PostgresReader.EmailsSql),
        })
        {
            await PostgresSandbox.RunAsync(connection, $"PREPARE {name}({types}) AS {sql}");
            var plan = await PlanAsync(connection, $"EXPLAIN (COSTS OFF) EXECUTE {name}({arguments})");
            Assert.Contains($"using {name}", plan, StringComparison.Ordinal);
            Assert.DoesNotContain("Sort", plan, StringComparison.Ordinal);
            Assert.DoesNotContain("Seq Scan", plan, StringComparison.Ordinal);
        }
    }

    [Fact]
    public void What_customers_write_side_by_side_goes_out_at_once()
    {
        JournalWrite Append(string customer, long expected) => new JournalWrite.Append(customer, expected, expected + 1, default, "x"u8.ToArray());
        JournalWrite Snapshot(string customer, long version) => new JournalWrite.Snapshot(customer, version, "x"u8.ToArray());
        Assert.Single(PostgresSegment.Cut([Append("a/1", 3), Snapshot("a/2", 4), Append("a/2", 4), Append("a/3", 1), Snapshot("a/3", 2), new JournalWrite.Erase("a/1")]));
        Assert.Equal(2, PostgresSegment.Cut([Append("a/1", 3), Append("a/1", 4), Append("a/2", 0)]).Count);
        Assert.Equal(2, PostgresSegment.Cut([Snapshot("a/1", 3), Append("a/1", 2)]).Count);
    }

    [PostgresFact]
    public async Task Heads_are_locked_in_the_order_of_the_batch()
    {
        await sandbox.OpenAsync();
        await using var connection = new NpgsqlConnection(PostgresSettings.Complete(sandbox.ConnectionString()).ConnectionString);
        await connection.OpenAsync();
        const string types = "int, text[], bigint[], bigint[], int[], bigint[], bytea[], bigint[]";
        await PostgresSandbox.RunAsync(connection, $"PREPARE move({types}) AS {PostgresAppend.MoveSql}");
        AssertOrdered(await PlanAsync(connection, $"EXPLAIN (COSTS OFF) EXECUTE move(0{string.Concat(Enumerable.Repeat(", '{}'", 7))})"), "Function Scan on a");
        await PostgresSandbox.RunAsync(connection, $"PREPARE move_and_create({types}, smallint[], text[], text[], text[], text[]) AS {PostgresAppend.MoveAndCreateSql}");
        var plan = await PlanAsync(connection, $"EXPLAIN (COSTS OFF) EXECUTE move_and_create(0{string.Concat(Enumerable.Repeat(", '{}'", 12))})");
        AssertOrdered(plan, "CTE Scan on appends");
        Assert.Contains("hashed SubPlan", plan, StringComparison.Ordinal);
    }

    private static void AssertOrdered(string plan, string batch)
    {
        var lines = plan.Split('\n').Select(line => line.Trim()).ToArray();
        var update = Array.FindIndex(lines, line => line.StartsWith("->  Update on heads", StringComparison.Ordinal));
        var join = Array.FindIndex(lines, update, line => line.StartsWith("->  Nested Loop", StringComparison.Ordinal));
        Assert.StartsWith($"->  {batch}", lines[join + 1], StringComparison.Ordinal);
        Assert.Contains(lines[(join + 1)..(join + 4)], line => line.StartsWith("->  Index Scan using heads_pkey", StringComparison.Ordinal));
    }

    private static async Task<string> PlanAsync(NpgsqlConnection connection, string sql)
    {
#pragma warning disable CA2100 // Tests write their own.
        await using var command = new NpgsqlCommand(sql, connection);
#pragma warning restore CA2100
        await using var rows = await command.ExecuteReaderAsync();
        var plan = new StringBuilder();
        while (await rows.ReadAsync())
            plan.Append(rows.GetString(0)).Append('\n');
        return plan.ToString();
    }

    private static JournalWrite.Append Append(string customer, long expected, string payload) =>
        new(customer, expected, expected + 1, DateTimeOffset.UnixEpoch, Encoding.UTF8.GetBytes(payload));

    private static async Task CommitAsync(PostgresJournal journal, params JournalWrite[] batch) =>
        Assert.All(await journal.CommitAsync(batch, CancellationToken.None), status => Assert.Equal(WriteStatus.Committed, status));

    private static async Task<long> VersionAsync(PostgresJournal journal, string customer) =>
        (await journal.ReadAsync(customer, CancellationToken.None)).Version;

    /// <summary>An append whose answer was lost has been made after all, once.</summary>
    private static async Task<long> AdvancedByOneAsync(PostgresJournal journal, string customer, long acknowledged)
    {
        Assert.Equal(acknowledged + 1, await VersionAsync(journal, customer));
        return acknowledged + 1;
    }
}
