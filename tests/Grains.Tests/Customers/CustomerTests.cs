using Orleans.Personalize.Engine;
using Orleans.Personalize.Journal;
using Orleans.Personalize.Testing;

namespace Orleans.Personalize.Grains.Tests.Customers;

public sealed class CustomerTests
{
    private const string Ada = GrainFixture.Ada;

    [Fact]
    public async Task Events_are_answered_in_the_order_given()
    {
        await using var fixture = new GrainFixture();
        var (first, second) = (fixture.Happens("First"), fixture.Happens("Second") with { OccurredAt = fixture.Now.AddSeconds(-5) });
        var receipts = await fixture.Apply(first, second, first);
        Assert.Equal([first.MessageId, second.MessageId, first.MessageId], receipts.Select(receipt => receipt.MessageId));
        Assert.Equal([ReceiptStatus.Accepted, ReceiptStatus.Accepted, ReceiptStatus.Duplicate], receipts.Select(receipt => receipt.Status));
        Assert.Equal([2, 1, 2], receipts.Select(receipt => receipt.Version));
    }

    [Fact]
    public async Task Applying_nothing_is_answered_with_nothing()
    {
        await using var fixture = new GrainFixture();
        await fixture.PutTrigger("soon", """{"on":{"event":"Viewed"},"wait":{"for":"PT10M"},"send":{"sender":"mail"}}""");
        Assert.Empty(await fixture.Apply());
        await fixture.Apply(fixture.Happens("Viewed"));
        await fixture.Advance(TimeSpan.FromMinutes(10));
        Assert.Empty(await fixture.Apply());
    }

    [Fact]
    public async Task Of_an_unknown_customer_there_is_nothing_to_read()
    {
        await using var fixture = new GrainFixture();
        Assert.Null(await fixture.Read());
        Assert.Empty((await fixture.Run(grains => grains.GetGrain<ICustomerGrain>(Ada).Timeline(10, null))).Items);
    }

    [Fact]
    public async Task A_duplicate_is_answered_only_when_the_first_is_durable()
    {
        await using var fixture = new GrainFixture();
        var gate = new TaskCompletionSource();
        fixture.Journal.BeforeCommit = _ => gate.Task;
        var happened = fixture.Happens("Viewed");
        var first = fixture.StartApply(happened);
        var second = fixture.StartApply(happened);
        await fixture.Advance(TimeSpan.FromSeconds(5));
        Assert.False(first.IsCompleted || second.IsCompleted);
        Assert.Null(await fixture.Read());

        gate.SetResult();
        Assert.Equal(ReceiptStatus.Accepted, (await fixture.Answer(first))[0].Status);
        Assert.Equal(new Receipt(happened.MessageId, ReceiptStatus.Duplicate, 1), (await fixture.Answer(second))[0]);
        Assert.Equal(1, (await fixture.Read())!.Version);
    }

    [Fact]
    public async Task A_duplicate_of_what_failed_fails_with_it()
    {
        await using var fixture = new GrainFixture();
        var gate = new TaskCompletionSource();
        fixture.Journal.BeforeCommit = _ => gate.Task;
        var happened = fixture.Happens("Viewed");
        var first = fixture.StartApply(happened);
        var second = fixture.StartApply(happened);
        await fixture.Advance(TimeSpan.FromSeconds(1));
        fixture.Journal.BeforeCommit = null;
        gate.SetException(new IOException("The disk failed."));
        await Assert.ThrowsAsync<JournalException>(() => fixture.Answer(first));
        await Assert.ThrowsAsync<JournalException>(() => fixture.Answer(second));
        Assert.Equal(ReceiptStatus.Accepted, (await fixture.Apply(happened))[0].Status);
    }

    [Fact]
    public async Task A_busy_customer_shares_commits()
    {
        await using var fixture = new GrainFixture();
        await fixture.Apply(fixture.Happens("Viewed"));
        var gate = new TaskCompletionSource();
        fixture.Journal.BeforeCommit = _ => gate.Task;
        var before = fixture.Journal.Appends.Count;
        var calls = Enumerable.Range(0, 100).Select(_ => fixture.StartApply(fixture.Happens("Viewed"))).ToArray();
        await fixture.Advance(TimeSpan.FromSeconds(1));
        gate.SetResult();
        await fixture.Until(() => calls.All(call => call.IsCompleted), TimeSpan.FromMinutes(1));
        var receipts = (await Task.WhenAll(calls)).SelectMany(answer => answer).ToArray();
        Assert.All(receipts, receipt => Assert.Equal(ReceiptStatus.Accepted, receipt.Status));
        Assert.Equal(Enumerable.Range(2, 100).Select(version => (long?)version), receipts.Select(receipt => receipt.Version).Order());
        Assert.Equal(2, fixture.Journal.Appends.Count - before);
    }

    [Fact]
    public async Task After_a_commit_that_failed_nothing_is_lost()
    {
        await using var fixture = new GrainFixture();
        await fixture.Apply(fixture.Happens("Viewed"));
        var happened = fixture.Happens("Bought");
        fixture.Journal.BeforeCommit = FailOnce(() => fixture.Journal.BeforeCommit = null);
        await Assert.ThrowsAsync<JournalException>(() => fixture.Apply(happened));
        Assert.Equal(ReceiptStatus.Accepted, (await fixture.Apply(happened))[0].Status);
        Assert.Equal(["eventApplied", "eventApplied"], await fixture.Facts());
    }

    [Fact]
    public async Task After_a_commit_of_unknown_outcome_nothing_is_doubled()
    {
        await using var fixture = new GrainFixture();
        var happened = fixture.Happens("Bought");
        fixture.Journal.AfterCommit = FailOnce(() => fixture.Journal.AfterCommit = null);
        await Assert.ThrowsAsync<JournalException>(() => fixture.Apply(happened));
        Assert.Equal(new Receipt(happened.MessageId, ReceiptStatus.Duplicate, 1), (await fixture.Apply(happened))[0]);
        Assert.Equal(["eventApplied"], await fixture.Facts());
    }

    [Fact]
    public async Task What_another_activation_wrote_is_noticed_and_kept()
    {
        await using var fixture = new GrainFixture();
        await fixture.Apply(fixture.Happens("Viewed"));
        var foreign = new Fact.EventApplied(fixture.Happens("Bought"), Late: false);
        await fixture.Journal.CommitAsync([new JournalWrite.Append(Ada, 1, 2, fixture.Now, FactCodec.Encode([foreign]))], CancellationToken.None);

        var happened = fixture.Happens("Returned");
        await Assert.ThrowsAsync<JournalException>(() => fixture.Apply(happened));
        Assert.Equal(new Receipt(happened.MessageId, ReceiptStatus.Accepted, 3), (await fixture.Apply(happened))[0]);
        Assert.Equal(ReceiptStatus.Duplicate, (await fixture.Apply(foreign.Event))[0].Status);
        Assert.Equal(["Bought", "Returned", "Viewed"], (await fixture.Read())!.Counters.Select(counter => counter.Name));
    }

    [Fact]
    public async Task What_was_decided_meanwhile_does_not_outlive_a_refused_write()
    {
        // The other master writes as many facts as the refused write held: what was decided on top of that must not fit in.
        await using var fixture = new GrainFixture();
        await fixture.Apply(fixture.Happens("Viewed"));
        var gate = new TaskCompletionSource();
        fixture.Journal.BeforeCommit = _ => gate.Task;
        var refused = fixture.StartApply(fixture.Happens("Bought"));
        var meanwhile = fixture.StartApply(fixture.Happens("Returned"));
        await fixture.Advance(TimeSpan.FromSeconds(1));
        fixture.Journal.BeforeCommit = null;
        var foreign = new Fact.EventApplied(fixture.Happens("Asked"), Late: false);
        await fixture.Journal.CommitAsync([new JournalWrite.Append(Ada, 1, 2, fixture.Now, FactCodec.Encode([foreign]))], CancellationToken.None);
        gate.SetResult();
        await Assert.ThrowsAsync<JournalException>(() => fixture.Answer(refused));
        await Assert.ThrowsAsync<JournalException>(() => fixture.Answer(meanwhile));
        Assert.Equal(["Asked", "Viewed"], (await fixture.Read())!.Counters.Select(counter => counter.Name));
    }

    [Fact]
    public async Task A_full_journal_refuses_and_changes_nothing()
    {
        await using var fixture = new GrainFixture(committer: new GroupCommitterOptions { QueueWritesMax = 1 });
        var gate = new TaskCompletionSource();
        fixture.Journal.BeforeCommit = _ => gate.Task;
        var (bob, eve) = (fixture.Happens("Viewed"), fixture.Happens("Viewed"));
        var committing = fixture.Start(grains => grains.GetGrain<ICustomerGrain>("shop/bob").Apply([bob]));
        await fixture.Until(() => fixture.Journal.Batches.Count == 1, TimeSpan.FromSeconds(5));
        var queued = fixture.Start(grains => grains.GetGrain<ICustomerGrain>("shop/eve").Apply([eve]));
        await fixture.Advance(TimeSpan.FromSeconds(1));

        var happened = fixture.Happens("Viewed");
        await Assert.ThrowsAsync<JournalBusyException>(() => fixture.Apply(happened));
        Assert.Null(await fixture.Read());
        gate.SetResult();
        await fixture.Answer(committing);
        await fixture.Answer(queued);
        Assert.Null(await fixture.Read());
        Assert.Equal(new Receipt(happened.MessageId, ReceiptStatus.Accepted, 1), (await fixture.Apply(happened))[0]);
    }

    [Fact]
    public async Task More_than_one_write_can_hold_is_refused_until_there_is_room()
    {
        await using var fixture = new GrainFixture();
        var gate = new TaskCompletionSource();
        fixture.Journal.BeforeCommit = _ => gate.Task;
        var large = $$"""{"text":"{{new string('x', 30_000)}}"}""";
        var calls = Enumerable.Range(0, 200).Select(_ => fixture.StartApply(fixture.Happens("Viewed", large))).ToArray();
        await fixture.Advance(TimeSpan.FromSeconds(1));
        gate.SetResult();
        await fixture.Until(() => calls.All(call => call.IsCompleted), TimeSpan.FromMinutes(1));
        var accepted = calls.Count(call => call.IsCompletedSuccessfully);
        Assert.InRange(accepted, 100, 199);
        Assert.All(calls.Where(call => call.IsFaulted), call => Assert.IsType<JournalBusyException>(call.Exception!.InnerException));
        Assert.Equal(accepted, (await fixture.Read())!.Version);
    }

    [Fact]
    public async Task A_snapshot_spares_recovery_the_old_facts()
    {
        await using var fixture = new GrainFixture();
        for (var i = 0; i < 130; i++)
            await fixture.Apply(fixture.Happens("Viewed"));
        await fixture.Until(() => fixture.Journal.Writes.OfType<JournalWrite.Snapshot>().Any(), TimeSpan.FromSeconds(10));
        await fixture.Apply(fixture.Happens("Viewed"));
        var before = await fixture.Read();

        await fixture.Crash();
        var after = await fixture.Read();
        Assert.Equivalent(before, after, strict: true);
        Assert.Equal(128, fixture.Journal.Histories[^1].SnapshotVersion);
        Assert.Equal(3, fixture.Journal.Histories[^1].Records.Count);
    }

    [Fact]
    public async Task A_customer_that_leaves_memory_leaves_a_snapshot()
    {
        await using var fixture = new GrainFixture();
        for (var i = 0; i < 40; i++)
            await fixture.Apply(fixture.Happens("Viewed"));
        await fixture.Advance(GrainFixture.CollectionAge + TimeSpan.FromMinutes(1));
        await fixture.Until(() => fixture.Journal.Writes.OfType<JournalWrite.Snapshot>().Any(), TimeSpan.FromMinutes(1));
        Assert.Equal(40, (await fixture.Read())!.Version);
        Assert.Empty(fixture.Journal.Histories[^1].Records);
    }

    [Fact]
    public async Task A_snapshot_of_another_version_costs_a_replay_from_the_start()
    {
        await using var fixture = new GrainFixture();
        // More records than a page of the journal holds.
        for (var i = 0; i < JournalLimits.ReadBackMax + 10; i++)
            await fixture.Apply(fixture.Happens("Viewed"), fixture.Happens("Viewed"));
        var before = await fixture.Read();
        await fixture.Crash();
        await fixture.Journal.CommitAsync([new JournalWrite.Snapshot(Ada, before!.Version, "of another version"u8.ToArray())], CancellationToken.None);

        Assert.Equivalent(before, await fixture.Read(), strict: true);
        Assert.Equal(before.Version + 1, (await fixture.Apply(fixture.Happens("Viewed")))[0].Version);
    }

    [Fact]
    public async Task A_damaged_history_stops_the_customer_and_nobody_else()
    {
        await using var fixture = new GrainFixture();
        await fixture.Journal.CommitAsync([new JournalWrite.Append(Ada, 0, 1, fixture.Now, "?"u8.ToArray())], CancellationToken.None);
        await Assert.ThrowsAnyAsync<Exception>(() => fixture.Apply(fixture.Happens("Viewed")));
        Assert.Null(await fixture.Read("shop/bob"));
        Assert.Single(fixture.Journal.Appends);
    }

    [Fact]
    public async Task Nothing_is_left_of_an_erased_customer()
    {
        await using var fixture = new GrainFixture();
        await fixture.PutTrigger("soon", """{"on":{"event":"Viewed"},"wait":{"for":"PT30S"},"send":{"sender":"mail"}}""");
        var happened = fixture.Happens("Viewed");
        await fixture.Apply(happened);
        await fixture.Run(grains => grains.GetGrain<ICustomerGrain>(Ada).Erase());
        Assert.Null(await fixture.Read());
        Assert.Empty(await fixture.Facts());
        await fixture.Advance(TimeSpan.FromMinutes(2));
        Assert.Empty(fixture.Sender.Delivered);
        Assert.Equal(new Receipt(happened.MessageId, ReceiptStatus.Accepted, 1), (await fixture.Apply(happened))[0]);
    }

    [Fact]
    public async Task An_erasure_comes_after_what_is_being_written()
    {
        await using var fixture = new GrainFixture();
        var gate = new TaskCompletionSource();
        fixture.Journal.BeforeCommit = _ => gate.Task;
        var applying = fixture.StartApply(fixture.Happens("Viewed"));
        var gathered = fixture.StartApply(fixture.Happens("Viewed"));
        var erasing = fixture.Start(async grains =>
        {
            await grains.GetGrain<ICustomerGrain>(Ada).Erase();
            return true;
        });
        gate.SetResult();
        await fixture.Answer(applying);
        await fixture.Answer(gathered);
        await fixture.Answer(erasing);
        Assert.Null(await fixture.Read());
    }

    [Fact]
    public async Task A_timeline_is_paged_backwards_without_gaps()
    {
        await using var fixture = new GrainFixture();
        await fixture.Apply(fixture.Happens("One"), fixture.Happens("Two"), fixture.Happens("Three"));
        await fixture.Apply(fixture.Happens("Four"));
        await fixture.Apply(fixture.Happens("Five"), fixture.Happens("Six"));
        var versions = new List<long>();
        long? before = null;
        do
        {
            var page = await fixture.Run(grains => grains.GetGrain<ICustomerGrain>(Ada).Timeline(2, before));
            Assert.InRange(page.Items.Length, 1, 2);
            Assert.All(page.Items, item => Assert.Equal("eventApplied", item.Type));
            versions.AddRange(page.Items.Select(item => item.Version));
            before = page.Next;
        }
        while (before is not null && versions.Count < 100);
        Assert.Equal([6, 5, 4, 3, 2, 1], versions);
    }

    [Fact]
    public async Task Customers_are_found_by_id_and_address()
    {
        await using var fixture = new GrainFixture();
        await fixture.Apply(fixture.Happens("Signed Up") with { Traits = JsonText.FromString("""{"email":"lovelace@example.com"}""") });
        async Task<CustomerHit[]> Search(string text) => await fixture.Run(grains => grains.GetGrain<ICustomerSearchGrain>(GrainFixture.Workspace).Search(text, 10));
        Assert.Equal([new CustomerHit(Ada, "lovelace@example.com", 1)], await Search("LOVE"));
        Assert.Equal(Ada, Assert.Single(await Search("ad")).Customer);
        Assert.Empty(await Search("bob"));
    }

    private static Func<IReadOnlyList<JournalWrite>, Task> FailOnce(Action mend) => _ =>
    {
        mend();
        throw new IOException("The disk failed.");
    };
}
