using Orleans.Personalize.Testing;

namespace Orleans.Personalize.Grains.Tests.Imports;

public sealed class ImportGrainTests : IAsyncDisposable
{
    private readonly GrainFixture silo = new();

    public ValueTask DisposeAsync() => silo.DisposeAsync();

    [Fact]
    public async Task Progress_is_recorded_in_order_only_and_survives_a_crash()
    {
        await silo.Run(grains => Job(grains, "a").Create(Asked("a")));
        var first = new ImportProgress { Revision = 1, Offset = 10, Tail = [1, 2], Columns = ["id"], Problems = [new(2, null, "/id", "is wrong")] };

        Assert.True(await silo.Run(grains => Job(grains, "a").Record(first)));
        Assert.False(await silo.Run(grains => Job(grains, "a").Record(first with { Offset = 99 })));
        Assert.False(await silo.Run(grains => Job(grains, "a").Record(first with { Revision = 3 })));
        await silo.Crash();

        var stored = (await silo.Run(grains => Job(grains, "a").Read()))!;
        Assert.Equal("a", stored.Job.Id);
        Assert.Equal((1, 10), (stored.Progress.Revision, stored.Progress.Offset));
        Assert.Equal([1, 2], stored.Progress.Tail);
        Assert.Equal("is wrong", Assert.Single(stored.Progress.Problems).Detail);
    }

    [Fact]
    public async Task A_cancelled_import_records_nothing_more()
    {
        await silo.Run(grains => Job(grains, "a").Create(Asked("a")));

        Assert.True(await silo.Run(grains => Job(grains, "a").Cancel()));
        Assert.True(await silo.Run(grains => Job(grains, "a").Cancel()));
        Assert.False(await silo.Run(grains => Job(grains, "b").Cancel()));

        Assert.False(await silo.Run(grains => Job(grains, "a").Record(new() { Revision = 1 })));
        Assert.False(await silo.Run(grains => Job(grains, "a").Record(new() { Revision = 2 })));
        Assert.Equal(ImportState.Cancelled, (await silo.Run(grains => Job(grains, "a").Read()))!.Progress.State);
    }

    [Fact]
    public async Task The_oldest_import_is_forgotten_for_the_newest()
    {
        for (var number = 0; number <= IImportsGrain.KeptMax; number++)
        {
            await silo.Run(grains => grains.GetGrain<IImportsGrain>(GrainFixture.Workspace).Add($"{number}"));
            await silo.Run(grains => Job(grains, $"{number}").Create(Asked($"{number}")));
        }

        var listed = await silo.Run(grains => grains.GetGrain<IImportsGrain>(GrainFixture.Workspace).List());
        Assert.Equal(Enumerable.Range(1, IImportsGrain.KeptMax).Reverse().Select(number => $"{number}"), listed);
        Assert.Null(await silo.Run(grains => Job(grains, "0").Read()));
        Assert.NotNull(await silo.Run(grains => Job(grains, "1").Read()));
    }

    /// <summary>An activation that was only imported to or compared is gone, so the next one reads the journal.</summary>
    [Fact]
    public async Task Who_is_only_imported_to_does_not_stay_in_memory()
    {
        var history = silo.Happens("Order Completed") with { IsHistory = true };
        await silo.Apply(history);
        await silo.Run(grains => grains.GetGrain<ICustomerGrain>(GrainFixture.Ada).Peek());
        await silo.Advance(TimeSpan.FromSeconds(1));
        var reads = silo.Journal.Histories.Count;

        Assert.Equal(ReceiptStatus.Duplicate, Assert.Single(await silo.Apply(history)).Status);
        Assert.Equal(reads + 1, silo.Journal.Histories.Count);

        await silo.Read();
        await silo.Apply(history);
        reads = silo.Journal.Histories.Count;
        await silo.Apply(history);
        Assert.Equal(reads, silo.Journal.Histories.Count);
    }

    private static IImportGrain Job(IGrainFactory grains, string id) => grains.GetGrain<IImportGrain>($"{GrainFixture.Workspace}/{id}");

    private static ImportJob Asked(string id) => new()
    {
        Id = id, Kind = ImportKind.Import, Name = "test", Format = "csv", Rows = "mapping", Source = "crm", Delimiter = ",", IsHistory = true,
        At = DateTimeOffset.UnixEpoch, CreatedAt = DateTimeOffset.UnixEpoch,
    };
}
