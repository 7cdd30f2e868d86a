using System.Text;
using Orleans.Personalize.Quarantine;

namespace Orleans.Personalize.Testing;

/// <summary>What every <see cref="IQuarantine"/> does. An implementation's test class says how to open one; each test gets its own, empty.</summary>
public abstract class QuarantineContract : IAsyncLifetime
{
    private const string Shop = "shop";

    /// <summary>Odd to the tick, so that a store that rounds is found out.</summary>
    private static readonly DateTimeOffset Noon = new DateTimeOffset(2026, 11, 20, 12, 0, 0, TimeSpan.Zero).AddTicks(1_234_567);

    private static readonly QuarantineFilter Any = new();

    protected IQuarantine Store { get; private set; } = null!;

    /// <summary>Opens the store of this test: empty the first time, and with what is in it after that, where it outlives its process.</summary>
    protected abstract Task<IQuarantine> OpenAsync(QuarantineLimits limits);

    public async Task InitializeAsync() => Store = await OpenAsync(new QuarantineLimits());

    public virtual Task DisposeAsync() => Task.CompletedTask;

    protected async Task ReopenAsync(QuarantineLimits? limits = null) => Store = await OpenAsync(limits ?? new QuarantineLimits());

    protected static QuarantineEntry Entry(
        string key, string source = "segment", string? name = "Product Added", string reason = "type", string? customer = "ada", string state = QuarantineState.Open,
        DateTimeOffset? receivedAt = null, int size = 10) => new()
    {
        Key = key, State = state, Source = source, Event = name, Customer = customer, MessageId = "m-" + key, Reason = reason, Pointer = "/properties/price",
        Detail = "must be number", Schema = "product-added", ReceivedAt = receivedAt ?? Noon, Format = "native", Context = JsonText.FromString("""{"fingerprint":18446744073709551615}"""),
        Body = Encoding.UTF8.GetBytes(new string('x', size)),
    };

    protected Task<long[]?> AddAsync(params QuarantineEntry[] entries) => Store.AddAsync(Shop, entries, CancellationToken.None);

    protected async Task<string> KeysAsync(QuarantineFilter? filter = null, int limit = 100, long? before = null, string workspace = Shop) =>
        string.Join(' ', (await Store.ListAsync(workspace, filter ?? Any, limit, before, CancellationToken.None)).Select(static item => item.Entry.Key));

    protected Task<QuarantineItem?> FindAsync(long id, string workspace = Shop) => Store.FindAsync(workspace, id, CancellationToken.None);

    private Task<QuarantineItem?> ChangeAsync(QuarantineItem item, QuarantineEntry entry, string action, DateTimeOffset? at = null) =>
        Store.ChangeAsync(Shop, item.Id, item.Version, entry, new QuarantineNote(at ?? Noon.AddHours(1), "key-1", action, "because"), CancellationToken.None);

    private async Task<QuarantineItem> SettleAsync(long id, DateTimeOffset at)
    {
        var item = (await FindAsync(id))!;
        return (await ChangeAsync(item, item.Entry with { State = QuarantineState.Dropped }, "drop", at))!;
    }

    [ContractFact]
    public async Task What_is_added_is_found_as_it_was()
    {
        var ids = await AddAsync(Entry("a"), Entry("b", name: null, customer: null) with { MessageId = null, Schema = null, Context = default, Body = [0, 0xff] });

        Assert.Equal(2, ids!.Distinct().Count());
        var first = (await FindAsync(ids![0]))!;
        Assert.Equivalent(new QuarantineItem(ids[0], 1, 1, Entry("a"), []), first, strict: true);
        var second = (await FindAsync(ids[1]))!.Entry;
        Assert.Equal([0, 0xff], second.Body);
        Assert.Equal((null, null, null, true), (second.Event, second.Customer, second.MessageId, second.Context.IsAbsent));
        Assert.Null(await FindAsync(ids[0], "other"));
        Assert.Null(await FindAsync(ids[1] + 1));
    }

    [ContractFact]
    public async Task A_repeated_delivery_is_only_counted()
    {
        var first = await AddAsync(Entry("a"), Entry("b"), Entry("a", reason: "other"));
        var again = await AddAsync(Entry("b", reason: "other"));

        Assert.Equal((first![0], first[1]), (first[2], again!.Single()));
        Assert.Equal((2, 2), ((await FindAsync(first[0]))!.Seen, (await FindAsync(first[1]))!.Seen));
        Assert.Equal("type", (await FindAsync(first[1]))!.Entry.Reason);
        Assert.NotEqual(first[0], (await Store.AddAsync("other", [Entry("a")], CancellationToken.None))!.Single());
        Assert.Equal("b a", await KeysAsync());
    }

    [ContractFact]
    public async Task Lists_are_newest_first_filtered_and_paged_and_without_bodies()
    {
        await AddAsync(
            Entry("a", source: "crm", receivedAt: Noon), Entry("b", name: "Order Completed", receivedAt: Noon.AddTicks(1)), Entry("c", reason: "required", receivedAt: Noon.AddTicks(2)),
            Entry("d", state: QuarantineState.Warned, receivedAt: Noon.AddTicks(3)));
        await Store.AddAsync("other", [Entry("e")], CancellationToken.None);

        Assert.Equal("d c b a", await KeysAsync());
        Assert.Equal("a", await KeysAsync(Any with { Source = "crm" }));
        Assert.Equal("b", await KeysAsync(Any with { Event = "Order Completed" }));
        Assert.Equal("c", await KeysAsync(Any with { Reason = "required" }));
        Assert.Equal("d", await KeysAsync(Any with { State = QuarantineState.Warned }));
        Assert.Equal("c b", await KeysAsync(Any with { From = Noon.AddTicks(1), To = Noon.AddTicks(3) }));
        Assert.Equal("", await KeysAsync(Any with { Source = "crm", Reason = "required" }));
        var page = await Store.ListAsync(Shop, Any, 2, null, CancellationToken.None);
        Assert.All(page, static item => Assert.Empty(item.Entry.Body));
        Assert.Equal("b a", await KeysAsync(limit: 2, before: page[1].Id));
        await Assert.ThrowsAsync<ArgumentOutOfRangeException>(() => KeysAsync(limit: QuarantineLimits.ListMax + 1));
    }

    [ContractFact]
    public async Task A_change_needs_the_version_it_is_for()
    {
        var item = (await FindAsync((await AddAsync(Entry("a")))![0]))!;
        var edited = await ChangeAsync(item, item.Entry with { Key = "no", ReceivedAt = Noon.AddDays(9), Customer = "bob", Body = "{}"u8.ToArray() }, "fix");

        Assert.Equal((2, "a", Noon, "bob"), (edited!.Version, edited.Entry.Key, edited.Entry.ReceivedAt, edited.Entry.Customer));
        Assert.Equivalent(edited, await FindAsync(item.Id), strict: true);
        Assert.Null(await ChangeAsync(item, item.Entry with { State = QuarantineState.Dropped }, "drop"));
        Assert.Null(await Store.ChangeAsync("other", item.Id, 2, item.Entry, edited.Notes[0], CancellationToken.None));
        for (var i = 0; i < QuarantineNote.KeptMax; i++)
            edited = await ChangeAsync(edited!, edited!.Entry, $"again {i}");
        Assert.Equal((QuarantineNote.KeptMax, "again 0"), (edited!.Notes.Length, edited.Notes[0].Action));
    }

    [ContractFact]
    public async Task They_are_counted_by_source_reason_and_state()
    {
        await AddAsync(Entry("a"), Entry("b"), Entry("c", source: "crm"), Entry("d", reason: "enum"), Entry("e", state: QuarantineState.Warned));

        Assert.Equal(
            ["crm type open 1", "segment enum open 1", "segment type open 2", "segment type warned 1"],
            (await Store.CountAsync(Shop, CancellationToken.None)).Select(static count => $"{count.Source} {count.Reason} {count.State} {count.Events}"));
        Assert.Empty(await Store.CountAsync("other", CancellationToken.None));
    }

    [ContractFact]
    public async Task An_erased_customers_events_are_gone_whatever_became_of_them()
    {
        var ids = await AddAsync(Entry("a"), Entry("b", state: QuarantineState.Warned), Entry("c", customer: "adam"), Entry("d", customer: null));
        await SettleAsync(ids![0], Noon);
        await Store.AddAsync("other", [Entry("e")], CancellationToken.None);

        await Store.ForgetAsync(Shop, "ada", CancellationToken.None);

        Assert.Equal(("d c", "e"), (await KeysAsync(), await KeysAsync(workspace: "other")));
        Assert.NotEqual(ids[0], (await AddAsync(Entry("a")))![0]);
    }

    [ContractFact]
    public async Task What_was_settled_long_ago_is_let_go_of_and_what_is_open_never()
    {
        var ids = await AddAsync(Entry("a"), Entry("b"), Entry("c"), Entry("d", state: QuarantineState.Warned, receivedAt: Noon.AddDays(-1)));
        await SettleAsync(ids![0], Noon);
        await SettleAsync(ids[1], Noon.AddDays(1));

        Assert.Equal(2, await Store.PruneAsync(Noon.AddTicks(1), CancellationToken.None));

        Assert.Equal("c b", await KeysAsync());
        Assert.Equal(0, await Store.PruneAsync(Noon.AddTicks(1), CancellationToken.None));
    }

    [ContractFact]
    public async Task Where_there_is_no_room_nothing_is_kept_and_nothing_is_lost()
    {
        await ReopenAsync(new QuarantineLimits { ItemsMax = 3 });
        await AddAsync(Entry("a"), Entry("b"));

        Assert.Null(await AddAsync(Entry("c"), Entry("d")));

        Assert.Equal("b a", await KeysAsync());
        Assert.Equal(1, (await FindAsync((await AddAsync(Entry("c")))![0]))!.Seen);
        Assert.NotNull(await AddAsync(Entry("a"), Entry("b"), Entry("c")));
        Assert.Null(await AddAsync(Entry("a"), Entry("d")));
        Assert.NotNull(await Store.AddAsync("other", [Entry("d")], CancellationToken.None));
    }

    [ContractFact]
    public async Task What_is_settled_makes_room_oldest_first()
    {
        await ReopenAsync(new QuarantineLimits { ItemsMax = 3 });
        var ids = await AddAsync(Entry("a"), Entry("b"), Entry("c"));
        await SettleAsync(ids![1], Noon.AddDays(2));
        await SettleAsync(ids[2], Noon.AddDays(1));

        Assert.NotNull(await AddAsync(Entry("d")));
        Assert.Equal("d b a", await KeysAsync());
        Assert.Null(await AddAsync(Entry("e"), Entry("f")));
        Assert.Equal("d b a", await KeysAsync());
        Assert.NotNull(await AddAsync(Entry("e")));
        Assert.Equal("e d a", await KeysAsync());
    }

    [ContractFact]
    public async Task Bytes_are_bounded_and_given_back()
    {
        await ReopenAsync(new QuarantineLimits { BytesMax = 10_000 });
        var ids = await AddAsync(Entry("a", size: 8_000));
        Assert.Null(await AddAsync(Entry("b", size: 8_000)));
        var item = (await FindAsync(ids![0]))!;
        await ChangeAsync(item, item.Entry with { Body = "{}"u8.ToArray() }, "fix");
        Assert.NotNull(await AddAsync(Entry("b", size: 8_000)));
        await Store.ForgetAsync(Shop, "ada", CancellationToken.None);
        Assert.NotNull(await AddAsync(Entry("c", size: 8_000)));
        await Assert.ThrowsAsync<ArgumentException>(() => AddAsync(Entry("e", size: QuarantineLimits.BodyBytesMax + 1)));
        await Assert.ThrowsAsync<ArgumentException>(() => AddAsync(Entry("e") with { Source = "a\0b" }));
    }

    [ContractFact]
    public async Task Adding_at_once_keeps_the_bound_and_counts_every_delivery()
    {
        await ReopenAsync(new QuarantineLimits { ItemsMax = 25 });
        var added = await Task.WhenAll(Enumerable.Range(0, 40).Select(number => Task.Run(() => AddAsync(Entry("same"), Entry($"{number}")))));

        var kept = added.Count(static ids => ids is not null);
        Assert.Equal(24, kept);
        Assert.Equal(kept, (await FindAsync(added.First(static ids => ids is not null)![0]))!.Seen);
        Assert.Equal(25, (await Store.ListAsync(Shop, Any, 100, null, CancellationToken.None)).Count);
    }
}

/// <summary>What a quarantine that outlives its process does besides.</summary>
public abstract class QuarantineContractDurable : QuarantineContract
{
    [ContractFact]
    public async Task All_is_there_after_closing_and_opening()
    {
        var ids = await AddAsync(Entry("a"), Entry("b"));
        await ReopenAsync(new QuarantineLimits { ItemsMax = 2 });

        Assert.Equal("b a", await KeysAsync());
        Assert.Equivalent(new QuarantineItem(ids![0], 1, 1, Entry("a"), []), await FindAsync(ids[0]), strict: true);
        Assert.Null(await AddAsync(Entry("c")));
        await Store.ForgetAsync("shop", "ada", CancellationToken.None);
        await ReopenAsync();
        Assert.True((await AddAsync(Entry("a")))![0] > ids[1]);
    }
}
