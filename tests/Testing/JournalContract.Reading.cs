using Orleans.Personalize.Journal;

namespace Orleans.Personalize.Testing;

public abstract partial class JournalContract
{
    [ContractFact]
    public async Task A_snapshot_stands_for_the_records_before_it()
    {
        await CommitAsync(Append(Ada, 0, "a", version: 2), Append(Ada, 2, "b"), Append(Ada, 3, "c"));
        Assert.Equal("c", await CommitAsync(new JournalWrite.Snapshot(Ada, 3, Bytes("a+b"))));

        var history = await ReadAsync(Ada);
        Assert.Equal((4, 3, "a+b", "c"), (history.Version, history.SnapshotVersion, Text(history.Snapshot), Payloads(history.Records)));
        Assert.Equal("c b a", await ReadBackAsync(Ada, null, 10));
    }

    [ContractFact]
    public async Task An_older_snapshot_is_ignored_and_a_newer_one_replaces()
    {
        await CommitAsync(Append(Ada, 0, "a"), Append(Ada, 1, "b"), Append(Ada, 2, "c"));
        Assert.Equal("cscc", await CommitAsync(
            new JournalWrite.Snapshot(Ada, 2, Bytes("two")),
            new JournalWrite.Snapshot(Ada, 1, Bytes("one")),
            new JournalWrite.Snapshot(Ada, 2, Bytes("two again")),
            new JournalWrite.Snapshot(Ada, 3, Bytes("three"))));
        var history = await ReadAsync(Ada);
        Assert.Equal((3, "three", ""), (history.SnapshotVersion, Text(history.Snapshot), Payloads(history.Records)));
    }

    [ContractFact]
    public async Task A_snapshot_ahead_of_its_head_or_of_nobody_is_stale()
    {
        await CommitAsync(Append(Ada, 0, "a"));
        Assert.Equal("ss", await CommitAsync(new JournalWrite.Snapshot(Ada, 2, Bytes("x")), new JournalWrite.Snapshot(Bob, 1, Bytes("x"))));
        Assert.Equal((1, 0), ((await ReadAsync(Ada)).Version, (await ReadAsync(Ada)).SnapshotVersion));
        Assert.Equal(0, (await ReadAsync(Bob)).Version);
    }

    [ContractFact]
    public async Task Reading_back_starts_with_the_record_that_holds_the_version_before()
    {
        await CommitAsync(Append(Ada, 0, "a", version: 3), Append(Ada, 3, "b"), Append(Ada, 4, "c", version: 6), Append(Bob, 0, "x"), Append(Ada, 6, "d"));
        Assert.Equal("d c", await ReadBackAsync(Ada, null, 2));
        Assert.Equal("d c b a", await ReadBackAsync(Ada, 99, 10));
        Assert.Equal("d c b a", await ReadBackAsync(Ada, 8, 10));
        Assert.Equal("c b", await ReadBackAsync(Ada, 7, 2));
        Assert.Equal("c b a", await ReadBackAsync(Ada, 6, 10));
        Assert.Equal("b a", await ReadBackAsync(Ada, 5, 10));
        Assert.Equal("a", await ReadBackAsync(Ada, 4, 10));
        Assert.Equal("a", await ReadBackAsync(Ada, 2, 10));
        Assert.Equal("", await ReadBackAsync(Ada, 1, 10));
        Assert.Equal("", await ReadBackAsync(Ada, long.MinValue, 10));
        await Assert.ThrowsAsync<ArgumentOutOfRangeException>(() => ReadBackAsync(Ada, null, 0));
        await Assert.ThrowsAsync<ArgumentOutOfRangeException>(() => ReadBackAsync(Ada, null, JournalLimits.ReadBackMax + 1));
    }

    [ContractFact]
    public async Task A_long_chain_is_read_page_by_page()
    {
        const int records = 1_234;
        await Journal.CommitAsync([.. Enumerable.Range(0, records).Select(i => Append(Ada, i, $"{i}"))], CancellationToken.None);
        var read = new List<string>();
        for (long? before = null; before is null or > 1; before = records - read.Count + 1)
            read.AddRange((await Journal.ReadBackAsync(Ada, before, 100, CancellationToken.None)).Select(record => Text(record.Payload)));
        Assert.Equal(Enumerable.Range(0, records).Reverse().Select(i => $"{i}"), read);
        Assert.Equal(records, (await ReadAsync(Ada)).Records.Count);
    }

    [ContractFact]
    public async Task A_deadline_is_set_left_moved_and_cleared()
    {
        await CommitAsync(Append(Ada, 0, "a", deadline: At(Noon)));
        await CommitAsync(Append(Ada, 1, "b"));
        AssertSame(Noon, (await ReadAsync(Ada)).Deadline);
        await CommitAsync(Append(Ada, 2, "c", deadline: At(Noon.AddHours(-1).ToOffset(TimeSpan.FromHours(9)))));
        AssertSame(Noon.AddHours(-1), (await ReadAsync(Ada)).Deadline);
        await CommitAsync(Touch(Ada, 3, At(null)));
        Assert.Null((await ReadAsync(Ada)).Deadline);
        Assert.Empty(await DueAsync(CustomerKey.ShardOf(Ada), DateTimeOffset.MaxValue, null, 10));
        await CommitAsync(Touch(Ada, 3, At(DateTimeOffset.MaxValue)));
        AssertSame(DateTimeOffset.MaxValue, (await ReadAsync(Ada)).Deadline);
        await CommitAsync(Touch(Ada, 3, At(DateTimeOffset.MinValue)));
        AssertSame(DateTimeOffset.MinValue, (await ReadAsync(Ada)).Deadline);
    }

    [ContractFact]
    public async Task Due_customers_are_paged_in_order_without_loss_in_spite_of_ties()
    {
        const int shard = 3;
        var customers = Enumerable.Range(0, 4_000).Select(i => $"shop/c{i}").Where(customer => CustomerKey.ShardOf(customer) == shard).ToArray();
        await Journal.CommitAsync(
            [.. customers.Select((customer, i) => Append(customer, 0, "x", deadline: At(Noon.AddSeconds(i % 5))))], CancellationToken.None);
        await CommitAsync(Append("shop/elsewhere", 0, "x", deadline: At(Noon)));

        var read = new List<DueCustomer>();
        DueCustomer? after = null;
        do
        {
            var page = await DueAsync(shard, Noon.AddSeconds(3), after, 7);
            read.AddRange(page);
            after = page.Count == 0 ? null : page[^1];
        } while (after is not null);

        var expected = customers.Select((customer, i) => (At: i % 5, customer)).Where(due => due.At <= 3)
            .OrderBy(due => due.At).ThenBy(due => due.customer, StringComparer.Ordinal).Select(due => due.customer);
        Assert.Equal(expected, read.Select(due => due.Customer));
    }

    [ContractFact]
    public async Task Ties_of_due_customers_are_broken_by_code_point()
    {
        // A surrogate pair sorts before U+FF5E by UTF-16 unit and after it by code point.
        var customers = new[] { "a", "～", "😀", "A", "é" }
            .SelectMany(id => Enumerable.Range(0, 200).Select(i => $"shop/{id}{i}")).Where(customer => CustomerKey.ShardOf(customer) == 0).ToArray();
        await Journal.CommitAsync([.. customers.Select(customer => Append(customer, 0, "x", deadline: At(Noon)))], CancellationToken.None);
        var due = await DueAsync(0, Noon, null, 1_000);
        Assert.Equal(customers.OrderBy(customer => Convert.ToHexString(Bytes(customer).Span), StringComparer.Ordinal), due.Select(next => next.Customer));
        Assert.Equal(due.Skip(1), await DueAsync(0, Noon, due[0], 1_000));
        Assert.Empty(await DueAsync(0, Noon, due[^1], 1_000));
    }

    [ContractFact]
    public async Task Everything_is_read_in_the_order_of_commits_from_a_cursor()
    {
        await CommitAsync(Append(Ada, 0, "a"), Append(Bob, 0, "b"), Append(Ada, 0, "stale"), Touch(Bob, 1, At(Noon)));
        await CommitAsync(Append(Ada, 1, "c", version: 4), new JournalWrite.Snapshot(Ada, 4, Bytes("s")));

        var all = await ReadAllAsync();
        Assert.Equal("a b c", Payloads(all.Select(entry => entry.Record)));
        Assert.Equal([Ada, Bob, Ada], all.Select(entry => entry.Customer));
        Assert.Equal([1, 1, 4], all.Select(entry => entry.Record.Version));
        AssertSame(Noon.AddSeconds(1), all[2].Record.RecordedAt);
        Assert.Equal(all.Select(entry => entry.Position).Order().Distinct(), all.Select(entry => entry.Position));
        Assert.Equal("b c", Payloads((await ReadAllAsync(all[0].Position)).Select(entry => entry.Record)));
        Assert.Empty(await ReadAllAsync(all[2].Position));
    }

    [ContractFact]
    public async Task Reading_everything_ends_although_writing_goes_on()
    {
        for (var i = 0; i < 10; i++)
            await CommitAsync(Append(Ada, i, $"{i}"));
        var read = 0;
        await foreach (var entry in Journal.ReadAllAsync(0, CancellationToken.None))
        {
            read++;
            await CommitAsync(Append(Ada, entry.Record.Version + 9, "more"));
        }
        Assert.Equal(10, read);
    }

    [ContractFact]
    public async Task Erasing_leaves_nothing_and_the_customer_starts_anew()
    {
        await CommitAsync(Append(Ada, 0, "a", deadline: At(Noon), email: "ada@example.com"), Append(Bob, 0, "b"), Append(Ada, 1, "a2"));
        await CommitAsync(new JournalWrite.Snapshot(Ada, 2, Bytes("s")));
        var last = (await ReadAllAsync())[^1].Position;
        Assert.Equal("ccs", await CommitAsync(
            new JournalWrite.Erase(Ada), new JournalWrite.Erase("shop/nobody"), new JournalWrite.Snapshot(Ada, 2, Bytes("late"))));

        Assert.Equal(0, (await ReadAsync(Ada)).Version);
        Assert.Equal("", await ReadBackAsync(Ada, null, 10));
        Assert.Equal("b", Payloads((await ReadAllAsync()).Select(entry => entry.Record)));
        Assert.Empty(await DueAsync(CustomerKey.ShardOf(Ada), DateTimeOffset.MaxValue, null, 10));
        Assert.Equal(Bob, await SearchAsync(""));
        Assert.Equal("", await SearchAsync("ada"));

        Assert.Equal("sc", await CommitAsync(Append(Ada, 2, "old life"), Append(Ada, 0, "new")));
        var history = await ReadAsync(Ada);
        Assert.Equal((1, 0, "new"), (history.Version, history.SnapshotVersion, Payloads(history.Records)));
        Assert.Null(history.Deadline);
        // A reader that had read as far as the erased record must not miss the new one.
        Assert.Equal("new", Payloads((await ReadAllAsync(last)).Select(entry => entry.Record)));
    }

    [ContractFact]
    public async Task Erased_and_written_again_in_one_batch()
    {
        await CommitAsync(Append(Ada, 0, "a"));
        Assert.Equal("cccc", await CommitAsync(Append(Ada, 1, "b"), new JournalWrite.Erase(Ada), Append(Ada, 0, "c"), new JournalWrite.Snapshot(Ada, 1, Bytes("s"))));
        Assert.Equal("c", await ReadBackAsync(Ada, null, 10));
        Assert.Equal("s", Text((await ReadAsync(Ada)).Snapshot));
    }

    protected Task<IReadOnlyList<DueCustomer>> DueAsync(int shard, DateTimeOffset until, DueCustomer? after, int limit) =>
        Journal.ReadDueAsync(shard, until, after, limit, CancellationToken.None);
}
