using System.Text;
using Microsoft.Data.Sqlite;

namespace Orleans.Personalize.Journal;

/// <summary>What is SQLite's own: crashes, full disks, damaged files, schemas, the lock of the directory.</summary>
public sealed class SqliteDatabaseTests : IAsyncLifetime
{
    private const string Ada = "shop/ada";
    private readonly TemporaryDirectory directory = new();
    private SqliteDatabase database = null!;
    private SqliteJournal journal = null!;

    public Task InitializeAsync()
    {
        Open();
        return Task.CompletedTask;
    }

    public async Task DisposeAsync()
    {
        await database.DisposeAsync();
        directory.Dispose();
    }

    [Fact]
    public async Task Every_acknowledged_append_is_in_what_a_crash_leaves()
    {
        await using var committer = new GroupCommitter(journal, TimeProvider.System);
        var acknowledged = 0L;
        using var stop = new CancellationTokenSource();
        var writing = Task.Run(async () =>
        {
            while (!stop.IsCancellationRequested)
            {
                var version = Volatile.Read(ref acknowledged);
                Assert.Equal(WriteStatus.Committed, await committer.AppendAsync(Append(Ada, version, new string('x', 2_000))));
                Volatile.Write(ref acknowledged, version + 1);
            }
        });
        for (var crash = 0; crash < 10; crash++)
        {
            using var copy = new TemporaryDirectory();
            var before = Volatile.Read(ref acknowledged);
            // Between two commits, since a copy taken across a checkpoint would be of no instant at all.
            await database.WriteAsync(_ => CopyTo(copy));
            if (crash % 2 == 0)
                await TearAsync(copy);
            await using var survivor = SqliteDatabase.Open(copy.Path);
            var history = await new SqliteJournal(survivor).ReadAsync(Ada, CancellationToken.None);
            Assert.InRange(history.Version, before, Volatile.Read(ref acknowledged) + 1);
            Assert.Equal(Enumerable.Range(1, (int)history.Version).Select(version => (long)version), history.Records.Select(record => record.Version));
            Assert.Equal(
                [WriteStatus.Committed], await new SqliteJournal(survivor).CommitAsync([Append(Ada, history.Version, "on")], CancellationToken.None));
        }
        await stop.CancelAsync();
        await writing;
    }

    [Fact]
    public async Task A_transaction_that_was_not_committed_is_not_in_what_a_crash_leaves()
    {
        using var copy = new TemporaryDirectory();
        await CommitAsync(Append(Ada, 0, "kept"));
        await Assert.ThrowsAsync<InvalidOperationException>(() => database.WriteAsync<int>(session =>
        {
            new SqliteJournalWriter(session).Write([Append(Ada, 1, "lost"), Append("shop/bob", 0, new string('x', 1_000_000))]);
            CopyTo(copy);
            throw new InvalidOperationException("crash");
        }));
        await using (var survivor = SqliteDatabase.Open(copy.Path))
            Assert.Equal(1, (await new SqliteJournal(survivor).ReadAsync(Ada, CancellationToken.None)).Version);
        Assert.Equal("kept", await PayloadsOf(Ada));
        Assert.Equal("", await PayloadsOf("shop/bob"));
        await CommitAsync(Append(Ada, 1, "next"));
        Assert.Equal("kept next", await PayloadsOf(Ada));
    }

    [Fact]
    public async Task A_full_disk_fails_the_whole_batch_and_the_next_works_when_there_is_room()
    {
        await CommitAsync(Append(Ada, 0, "a"));
        var pages = await database.WriteAsync(session => session.Scalar("PRAGMA page_count"));
        await database.WriteAsync(session => session.Scalar($"PRAGMA max_page_count = {pages + 2}"));
        await Assert.ThrowsAsync<JournalException>(() => CommitAsync(Append(Ada, 1, "b"), Append("shop/bob", 0, new string('x', 1_000_000))));
        Assert.Equal("a", await PayloadsOf(Ada));
        Assert.Equal("", await PayloadsOf("shop/bob"));

        await database.WriteAsync(session => session.Scalar("PRAGMA max_page_count = 1000000"));
        await CommitAsync(Append(Ada, 1, "b"), Append("shop/bob", 0, new string('x', 1_000_000)));
        Assert.Equal("a b", await PayloadsOf(Ada));
    }

    [Fact]
    public async Task Others_write_through_the_same_door_in_transactions_of_their_own()
    {
        await database.WriteAsync(session => session.Statement("CREATE TABLE other_state(name TEXT, payload BLOB)").Execute());
        await Assert.ThrowsAsync<InvalidOperationException>(() => database.WriteAsync<int>(session =>
        {
            session.Statement("INSERT INTO other_state VALUES(?1, ?2)").Bind(1, "undone").Bind(2, "x"u8).Execute();
            throw new InvalidOperationException();
        }));
        Assert.Equal(1, await database.WriteAsync(session =>
            session.Statement("INSERT INTO other_state VALUES(?1, ?2)").Bind(1, "kept").Bind(2, "x"u8).Execute()));
        Assert.Equal(1, await database.ReadAsync(session => session.Scalar("SELECT count(*) FROM other_state"), CancellationToken.None));
    }

    [Fact]
    public async Task Readers_cannot_write() =>
        await Assert.ThrowsAsync<JournalException>(() =>
            database.ReadAsync(session => session.Statement("DELETE FROM facts").Execute(), CancellationToken.None));

    [Fact]
    public async Task Erased_bytes_are_in_no_file()
    {
        await CommitAsync(Append(Ada, 0, "SECRET-payload"), Append("shop/bob", 0, "bob"));
        await CommitAsync(
            new JournalWrite.Append(Ada, 1, 1, DateTimeOffset.UnixEpoch, default, Email: "SECRET@example.com"), new JournalWrite.Snapshot(Ada, 1, "SECRET"u8.ToArray()));
        Assert.True(OnDisk("SECRET"));
        await CommitAsync(new JournalWrite.Erase(Ada));
        Assert.False(OnDisk("SECRET"));
        Assert.False(OnDisk(Ada));
        Assert.Equal("bob", await PayloadsOf("shop/bob"));

        bool OnDisk(string text) => Directory.GetFiles(directory.Path, SqliteDatabase.FileName + "*")
            .Any(file => ReadShared(file).AsSpan().IndexOf(Encoding.UTF8.GetBytes(text)) >= 0);
    }

    [Fact]
    public void A_second_process_is_refused_and_told_why()
    {
        var failure = Assert.Throws<JournalOpenException>(() => SqliteDatabase.Open(directory.Path));
        Assert.Contains($"The data directory {directory.Path} is in use by another process", failure.Message, StringComparison.Ordinal);
    }

    [Fact]
    public async Task A_newer_schema_is_refused()
    {
        await database.WriteAsync(session => session.Scalar("PRAGMA user_version = 99"));
        await database.DisposeAsync();
        var failure = Assert.Throws<JournalOpenException>(Open);
        Assert.Contains("schema 99", failure.Message, StringComparison.Ordinal);
    }

    [Fact]
    public async Task A_file_that_is_no_database_is_refused_and_left_as_it_is()
    {
        await database.DisposeAsync();
        var path = directory.File(SqliteDatabase.FileName);
        var content = Encoding.UTF8.GetBytes(string.Join('\n', Enumerable.Repeat("customer,event", 1_000)));
        await File.WriteAllBytesAsync(path, content);
        var failure = Assert.Throws<JournalOpenException>(Open);
        Assert.Contains(path, failure.Message, StringComparison.Ordinal);
        Assert.Equal(content, await File.ReadAllBytesAsync(path));
        File.Delete(path);
        Open();
    }

    [Fact]
    public async Task A_truncated_file_is_refused()
    {
        await CommitAsync([.. Enumerable.Range(0, 500).Select(i => Append($"shop/{i}", 0, new string('x', 500)))]);
        await database.DisposeAsync();
        var path = directory.File(SqliteDatabase.FileName);
        using (var file = File.OpenWrite(path))
            file.SetLength(file.Length / 2);
        var failure = Assert.Throws<JournalOpenException>(Open);
        Assert.Contains("malformed", failure.Message, StringComparison.Ordinal);
    }

    [Fact]
    public async Task A_missing_record_is_reported_and_never_skipped()
    {
        await CommitAsync(Append(Ada, 0, "a"), Append(Ada, 1, "b"), Append(Ada, 2, "c"));
        await database.WriteAsync(session => session.Statement("DELETE FROM facts WHERE seq = 2").Execute());
        var failure = await Assert.ThrowsAsync<JournalException>(() => PayloadsOf(Ada));
        Assert.Contains("damaged", failure.Message, StringComparison.Ordinal);
    }

    [Fact]
    public void The_file_is_readable_by_its_owner_only()
    {
        if (!OperatingSystem.IsWindows())
            Assert.Equal(UnixFileMode.UserRead | UnixFileMode.UserWrite, File.GetUnixFileMode(directory.File(SqliteDatabase.FileName)));
    }

    [Theory]
    [InlineData(SqliteJournalReader.DueSql, "SEARCH TABLE heads USING COVERING INDEX heads_due")]
    [InlineData(SqliteJournalReader.NamesSql, "SEARCH TABLE names USING PRIMARY KEY")]
    [InlineData(SqliteJournalReader.PageSql, "SEARCH TABLE facts USING INTEGER PRIMARY KEY")]
    public async Task Queries_use_their_index_and_sort_nothing(string sql, string plan)
    {
        var steps = await database.ReadAsync(session =>
        {
            using var rows = session.Statement("EXPLAIN QUERY PLAN " + sql);
            var list = new List<string>();
            while (rows.Read())
                list.Add(rows.Text(3));
            return list;
        }, CancellationToken.None);
        Assert.StartsWith(plan, Assert.Single(steps), StringComparison.Ordinal);
    }

    private void Open()
    {
        database = SqliteDatabase.Open(directory.Path);
        journal = new SqliteJournal(database);
    }

    private static JournalWrite.Append Append(string customer, long expected, string payload) =>
        new(customer, expected, expected + 1, DateTimeOffset.UnixEpoch, Encoding.UTF8.GetBytes(payload));

    private async Task CommitAsync(params JournalWrite[] batch) =>
        Assert.All(await journal.CommitAsync(batch, CancellationToken.None), status => Assert.Equal(WriteStatus.Committed, status));

    private async Task<string> PayloadsOf(string customer) =>
        string.Join(' ', (await journal.ReadAsync(customer, CancellationToken.None)).Records.Select(record => Encoding.UTF8.GetString(record.Payload.Span)));

    private int CopyTo(TemporaryDirectory copy)
    {
        var files = new[] { SqliteDatabase.FileName, SqliteDatabase.FileName + "-wal" };
        foreach (var file in files)
            File.WriteAllBytes(copy.File(file), ReadShared(directory.File(file)));
        return files.Length;
    }

    /// <summary>Half a page of a commit that never ended.</summary>
    private static async Task TearAsync(TemporaryDirectory copy)
    {
        await using var log = new FileStream(copy.File(SqliteDatabase.FileName + "-wal"), FileMode.Append);
        await log.WriteAsync(Enumerable.Repeat((byte)0xA5, 2_048).ToArray());
    }

    /// <summary>Without the locks that <see cref="File.ReadAllBytes(string)"/> would take and SQLite would see.</summary>
    private static byte[] ReadShared(string path)
    {
        using var file = new FileStream(path, FileMode.Open, FileAccess.Read, FileShare.ReadWrite | FileShare.Delete);
        using var content = new MemoryStream();
        file.CopyTo(content);
        return content.ToArray();
    }
}
