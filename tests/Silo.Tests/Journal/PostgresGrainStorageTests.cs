using Orleans.Personalize.Testing;
using Orleans.Runtime;
using Orleans.Storage;

namespace Orleans.Personalize.Journal;

public sealed class PostgresGrainStorageTests
{
    [PostgresFact]
    public async Task State_is_kept_and_whoever_knows_an_older_one_is_refused()
    {
        await using var sandbox = await PostgresSandbox.CreateAsync();
        var storage = new PostgresGrainStorage(await sandbox.OpenAsync());
        var grain = GrainId.Create("registry", "shop");
        var (first, second) = (new GrainState<List<string>>([]), new GrainState<List<string>>([]));
        await storage.ReadStateAsync("triggers", grain, first);
        Assert.Equal((false, null, 0), (first.RecordExists, first.ETag, first.State!.Count));

        first.State = ["a"];
        await storage.WriteStateAsync("triggers", grain, first);
        second.State = ["b"];
        await Assert.ThrowsAsync<InconsistentStateException>(() => storage.WriteStateAsync("triggers", grain, second));
        await storage.ReadStateAsync("triggers", grain, second);
        Assert.Equal((true, "a"), (second.RecordExists, Assert.Single(second.State!)));

        second.State = ["a", "b"];
        await storage.WriteStateAsync("triggers", grain, second);
        await Assert.ThrowsAsync<InconsistentStateException>(() => storage.WriteStateAsync("triggers", grain, first));
        await Assert.ThrowsAsync<InconsistentStateException>(() => storage.ClearStateAsync("triggers", grain, first));
        await storage.ClearStateAsync("triggers", grain, second);
        await storage.ReadStateAsync("triggers", grain, first);
        Assert.False(first.RecordExists);
        await storage.ClearStateAsync("triggers", grain, first);
    }
}
