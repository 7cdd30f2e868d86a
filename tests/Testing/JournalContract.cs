using System.Text;
using Orleans.Personalize.Journal;

namespace Orleans.Personalize.Testing;

/// <summary>
/// What every <see cref="IJournal"/> does. An implementation's test class says how to open one; each test gets its own, empty.
/// </summary>
public abstract partial class JournalContract : IAsyncLifetime
{
    protected const string Ada = "shop/ada";
    protected const string Bob = "shop/bob";

    /// <summary>Odd to the tick, so that a store that rounds is found out.</summary>
    protected static readonly DateTimeOffset Noon = new DateTimeOffset(2026, 11, 20, 12, 0, 0, TimeSpan.Zero).AddTicks(1_234_567);

    protected IJournal Journal { get; private set; } = null!;

    /// <summary>
    /// How far an instant may be off when it is read back: nothing, or 9 ticks where the store keeps microseconds.
    /// </summary>
    protected virtual TimeSpan Precision => TimeSpan.FromTicks(1);

    /// <summary>Opens the journal of this test: empty the first time, and with what is in it after that.</summary>
    protected abstract Task<IJournal> OpenAsync();

    /// <summary>Closes what the last opening opened.</summary>
    protected virtual Task CloseAsync() => Task.CompletedTask;

    public async Task InitializeAsync() => Journal = await OpenAsync();

    public virtual Task DisposeAsync() => CloseAsync();

    protected async Task ReopenAsync()
    {
        await CloseAsync();
        Journal = await OpenAsync();
    }

    protected static ReadOnlyMemory<byte> Bytes(string text) => Encoding.UTF8.GetBytes(text);

    protected static string Text(ReadOnlyMemory<byte> bytes) => Encoding.UTF8.GetString(bytes.Span);

    /// <summary>A record whose payload is its name, with as many facts as it takes to get from one version to the other.</summary>
    protected static JournalWrite.Append Append(
        string customer, long expected, string payload, long? version = null, DeadlineWrite? deadline = null, string? email = null) =>
        new(customer, expected, version ?? expected + 1, Noon.AddSeconds(expected), Bytes(payload), deadline, email);

    /// <summary>A write of the head alone.</summary>
    protected static JournalWrite.Append Touch(string customer, long version, DeadlineWrite? deadline = null, string? email = null) =>
        new(customer, version, version, Noon, default, deadline, email);

    protected static DeadlineWrite At(DateTimeOffset? at) => new(at);

    protected async Task<string> CommitAsync(params JournalWrite[] batch) =>
        string.Concat((await Journal.CommitAsync(batch, CancellationToken.None)).Select(status => status == WriteStatus.Committed ? 'c' : 's'));

    protected Task<CustomerHistory> ReadAsync(string customer) => Journal.ReadAsync(customer, CancellationToken.None);

    protected static string Payloads(IEnumerable<JournalRecord> records) => string.Join(' ', records.Select(record => Text(record.Payload)));

    protected async Task<string> PayloadsOf(string customer) => Payloads((await ReadAsync(customer)).Records);

    protected async Task<string> ReadBackAsync(string customer, long? before, int limit) =>
        Payloads(await Journal.ReadBackAsync(customer, before, limit, CancellationToken.None));

    protected async Task<List<JournalEntry>> ReadAllAsync(long after = 0)
    {
        var entries = new List<JournalEntry>();
        await foreach (var entry in Journal.ReadAllAsync(after, CancellationToken.None))
            entries.Add(entry);
        return entries;
    }

    protected async Task<string> SearchAsync(string text, int limit = 10, string workspace = "shop") =>
        string.Join(' ', (await Journal.SearchAsync(workspace, text, limit, CancellationToken.None)).Select(hit => hit.Customer));

    protected void AssertSame(DateTimeOffset expected, DateTimeOffset? actual)
    {
        Assert.NotNull(actual);
        Assert.Equal(TimeSpan.Zero, actual.Value.Offset);
        Assert.True((expected - actual.Value).Duration() < Precision, $"{expected:O} is not {actual:O}");
    }

    [ContractFact]
    public async Task An_unknown_customer_has_no_history()
    {
        var history = await ReadAsync(Ada);
        Assert.Equal((0, 0, 0), (history.Version, history.SnapshotVersion, history.Records.Count));
        Assert.True(history.Snapshot.IsEmpty);
        Assert.Null(history.Deadline);
        Assert.Equal("", await ReadBackAsync(Ada, null, 10));
    }

    [ContractFact]
    public async Task Records_are_read_as_they_were_written()
    {
        Assert.Equal("c", await CommitAsync(Append(Ada, 0, "one", version: 3)));
        Assert.Equal("c", await CommitAsync(Append(Ada, 3, "two")));

        var history = await ReadAsync(Ada);
        Assert.Equal(4, history.Version);
        Assert.Equal("one two", Payloads(history.Records));
        Assert.Equal([3, 4], history.Records.Select(record => record.Version));
        AssertSame(Noon, history.Records[0].RecordedAt);
        AssertSame(Noon.AddSeconds(3), history.Records[1].RecordedAt);
    }

    [ContractFact]
    public async Task A_stale_write_changes_nothing_and_its_neighbours_pass()
    {
        await CommitAsync(Append(Ada, 0, "a1", deadline: At(Noon), email: "ada@example.com"));
        Assert.Equal("csscc", await CommitAsync(
            Append(Bob, 0, "b1"),
            Append(Ada, 0, "again", deadline: At(null), email: "other@example.com"),
            Append(Ada, 2, "ahead"),
            Append(Bob, 1, "b2"),
            Append(Ada, 1, "a2")));

        var history = await ReadAsync(Ada);
        Assert.Equal("a1 a2", Payloads(history.Records));
        AssertSame(Noon, history.Deadline);
        Assert.Equal("b1 b2", await PayloadsOf(Bob));
        Assert.Equal(Ada, await SearchAsync("ada@"));
        Assert.Equal("", await SearchAsync("other@"));
    }

    [ContractFact]
    public async Task Several_appends_of_a_customer_go_out_in_one_batch()
    {
        Assert.Equal("ccc", await CommitAsync(Append(Ada, 0, "a", version: 2), Append(Ada, 2, "b", version: 5), Append(Ada, 5, "c")));
        Assert.Equal("a b c", await PayloadsOf(Ada));
        Assert.Equal("c b a", await ReadBackAsync(Ada, null, 10));
    }

    [ContractFact]
    public async Task An_empty_batch_is_nothing() => Assert.Equal("", await CommitAsync());

    [ContractFact]
    public async Task A_write_without_a_record_moves_only_the_head()
    {
        await CommitAsync(Append(Ada, 0, "a"));
        Assert.Equal("cs", await CommitAsync(Touch(Ada, 1, At(Noon), "ada@example.com"), Touch(Ada, 2, At(Noon.AddDays(1)))));

        var history = await ReadAsync(Ada);
        Assert.Equal((1, "a"), (history.Version, Payloads(history.Records)));
        AssertSame(Noon, history.Deadline);
        Assert.Single(await ReadAllAsync());
        Assert.Equal(Ada, await SearchAsync("ADA@"));
    }

    [ContractFact]
    public async Task Without_a_head_there_is_nothing_to_move()
    {
        Assert.Equal("s", await CommitAsync(Touch(Ada, 0, At(Noon))));
        Assert.Equal("c", await CommitAsync(Append(Ada, 0, "a")));
        Assert.Null((await ReadAsync(Ada)).Deadline);
    }

    [ContractFact]
    public async Task A_malformed_write_is_refused_and_nothing_of_its_batch_is_written()
    {
        JournalWrite[] malformed =
        [
            Append("ada", 0, "x"), Append("/ada", 0, "x"), Append("shop/\0", 0, "x"), Append("shop/\ud800", 0, "x"),
            Append("shop/" + new string('x', JournalLimits.CustomerLengthMax), 0, "x"),
            Append(Ada, 0, "x", version: 0), Append(Ada, 3, "x", version: 2), Append(Ada, -1, "x"), Append(Ada, 0, "", version: 1),
            new JournalWrite.Snapshot(Ada, 0, Bytes("x")), new JournalWrite.Snapshot(Ada, 1, default),
            new JournalWrite.Append(Ada, 0, 1, Noon, new byte[JournalLimits.PayloadBytesMax + 1]),
        ];
        foreach (var write in malformed)
            await Assert.ThrowsAsync<ArgumentException>(() => CommitAsync(Append(Bob, 0, "b"), write));
        Assert.Equal(0, (await ReadAsync(Bob)).Version);
    }

    [ContractFact]
    public async Task The_journal_keeps_its_own_copy_of_a_payload()
    {
        var buffer = "before"u8.ToArray();
        await Journal.CommitAsync(
            [new JournalWrite.Append(Ada, 0, 1, Noon, buffer), new JournalWrite.Snapshot(Ada, 1, buffer)], CancellationToken.None);
        "after!"u8.CopyTo(buffer);
        Assert.Equal("before", Text((await ReadAsync(Ada)).Snapshot));
        Assert.Equal("before", await ReadBackAsync(Ada, null, 1));
    }

    [ContractFact]
    public async Task Large_payloads_come_back_whole()
    {
        var random = new Random(5);
        var payload = new byte[5 << 20];
        random.NextBytes(payload);
        await Journal.CommitAsync([new JournalWrite.Append(Ada, 0, 1, Noon, payload), Append(Ada, 1, "small")], CancellationToken.None);
        var history = await ReadAsync(Ada);
        Assert.True(history.Records[0].Payload.Span.SequenceEqual(payload));
        Assert.Equal("small", Text(history.Records[1].Payload));
    }

    [ContractFact]
    public async Task The_longest_keys_and_addresses_are_found()
    {
        // Random, so that no index can make them shorter; three bytes each.
        var random = new Random(1);
        string Text(int length) => string.Concat(Enumerable.Range(0, length).Select(_ => (char)random.Next(0x4E00, 0x9FFF)));
        var (customer, email) = ("shop/" + Text(JournalLimits.CustomerLengthMax - 5), Text(JournalLimits.EmailLengthMax));
        Assert.Equal("cc", await CommitAsync(Append(Ada, 0, "a"), Append(customer, 0, "x", deadline: At(Noon), email: email)));
        Assert.Equal(customer, await SearchAsync(customer["shop/".Length..][..20]));
        Assert.Equal(customer, await SearchAsync(email[..20]));
    }

    [ContractTheory]
    [InlineData("shop/a/b//c/")]
    [InlineData("shop/o'brien \"x\"; DROP TABLE heads; --")]
    [InlineData("shop/%_*?[]\\")]
    [InlineData("shop/Zoë 東京 😀 \u202e")]
    [InlineData("shop/\u0001\t\r\n ")]
    [InlineData("shop/ada ")]
    public async Task Any_id_is_its_own_customer(string customer)
    {
        await CommitAsync(Append(Ada, 0, "ada"), Append(customer.ToUpperInvariant(), 0, "upper"));
        Assert.Equal("c", await CommitAsync(Append(customer, 0, "own", deadline: At(Noon))));
        Assert.Equal("own", await PayloadsOf(customer));
        Assert.Contains(await ReadAllAsync(), entry => entry.Customer == customer && Text(entry.Record.Payload) == "own");
        var due = await Journal.ReadDueAsync(CustomerKey.ShardOf(customer), Noon.AddDays(1), null, 10, CancellationToken.None);
        Assert.Equal([customer], due.Select(next => next.Customer));
        Assert.Contains(customer, (await Journal.SearchAsync("shop", customer["shop/".Length..], 10, CancellationToken.None)).Select(hit => hit.Customer));
        await CommitAsync(new JournalWrite.Erase(customer));
        Assert.Equal("ada", await PayloadsOf(Ada));
    }
}
