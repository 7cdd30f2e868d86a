using Orleans.Personalize.Journal;

namespace Orleans.Personalize.Testing;

/// <summary>What a journal that outlives its process does besides: <see cref="JournalContract.OpenAsync"/> opens again what was closed.</summary>
public abstract class JournalContractDurable : JournalContract
{
    [ContractFact]
    public async Task All_is_there_after_closing_and_opening()
    {
        await CommitAsync(
            Append(Ada, 0, "a", version: 2, deadline: At(Noon), email: "Ada@example.com"), Append(Bob, 0, "b", deadline: At(Noon)), Append(Ada, 2, "c"));
        await CommitAsync(new JournalWrite.Snapshot(Ada, 2, Bytes("s")), Touch(Bob, 1, At(null)));
        await ReopenAsync();

        var history = await ReadAsync(Ada);
        Assert.Equal((3, 2, "s", "c"), (history.Version, history.SnapshotVersion, Text(history.Snapshot), Payloads(history.Records)));
        AssertSame(Noon, history.Deadline);
        Assert.Equal("c a", await ReadBackAsync(Ada, null, 10));
        Assert.Equal("a b c", Payloads((await ReadAllAsync()).Select(entry => entry.Record)));
        Assert.Equal(Ada, await SearchAsync("ada@"));
        Assert.Equal([Ada], (await DueAsync(CustomerKey.ShardOf(Ada), Noon, null, 10)).Select(due => due.Customer));
        Assert.DoesNotContain(await DueAsync(CustomerKey.ShardOf(Bob), Noon, null, 10), due => due.Customer == Bob);
        Assert.Equal("sc", await CommitAsync(Append(Ada, 2, "stale", version: 4), Append(Ada, 3, "d")));
    }

    [ContractFact]
    public async Task Positions_go_on_after_the_newest_was_erased_and_the_journal_opened_again()
    {
        await CommitAsync(Append(Ada, 0, "a"), Append(Bob, 0, "b"));
        var last = (await ReadAllAsync())[^1].Position;
        await CommitAsync(new JournalWrite.Erase(Bob));
        await ReopenAsync();
        await CommitAsync(Append(Ada, 1, "a2"));
        Assert.Equal("a2", Payloads((await ReadAllAsync(last)).Select(entry => entry.Record)));
        await ReopenAsync();
        await CommitAsync(new JournalWrite.Erase(Ada));
        await ReopenAsync();
        await CommitAsync(Append(Ada, 0, "a3"));
        Assert.Equal("a3", Payloads((await ReadAllAsync(last + 1)).Select(entry => entry.Record)));
    }
}
