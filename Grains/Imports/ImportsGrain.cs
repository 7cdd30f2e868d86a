using Orleans.Personalize.Registry;
using Orleans.Runtime;

namespace Orleans.Personalize.Imports;

/// <summary>Which imports there are. An id is listed before its job is made, so that no job is left that nobody finds.</summary>
public sealed class ImportsGrain(
    [PersistentState("imports", RegistryGrain.Storage)] IPersistentState<StoredImports> stored) : Grain, IImportsGrain
{
    public Task<string[]> List() => Task.FromResult(stored.State.Ids);

    public async Task Add(string id)
    {
        string[] ids = [id, .. stored.State.Ids];
        foreach (var forgotten in ids.Skip(IImportsGrain.KeptMax))
            await GrainFactory.GetGrain<IImportGrain>($"{this.GetPrimaryKeyString()}/{forgotten}").Forget();
        await stored.ReplaceAsync(new() { Ids = [.. ids.Take(IImportsGrain.KeptMax)] }, DeactivateOnIdle);
    }
}

/// <summary>The state of an <see cref="ImportsGrain"/>.</summary>
[GenerateSerializer, Alias("StoredImports")]
public sealed class StoredImports
{
    /// <summary>Newest first.</summary>
    [Id(0)] public string[] Ids { get; set; } = [];
}
