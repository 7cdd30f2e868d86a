using Orleans.Personalize.Registry;
using Orleans.Runtime;

namespace Orleans.Personalize.Imports;

/// <summary>Keeps how far an import is; one write a block of rows.</summary>
public sealed class ImportGrain(
    [PersistentState("import", RegistryGrain.Storage)] IPersistentState<StoredImport> stored, TimeProvider clock) : Grain, IImportGrain
{
    public Task<ImportView?> Read() =>
        Task.FromResult(stored.State.Job is { } job ? new ImportView(job, stored.State.Progress) : null);

    public Task Create(ImportJob job) => stored.State.Job is null ? Write(new() { Job = job }) : Task.CompletedTask;

    public async Task<bool> Record(ImportProgress progress)
    {
        if (stored.State is not { Job: { } job, Progress: { IsOpen: true } before } || progress.Revision != before.Revision + 1)
            return false;
        await Write(new() { Job = job, Progress = progress });
        return true;
    }

    public async Task<bool> Cancel()
    {
        if (stored.State.Job is not { } job)
            return false;
        if (stored.State.Progress is { IsOpen: true } progress)
        {
            var cancelled = progress with
            {
                Revision = progress.Revision + 1, State = ImportState.Cancelled, Tail = [], FinishedAt = clock.GetUtcNow(),
            };
            await Write(new() { Job = job, Progress = cancelled });
        }
        return true;
    }

    public async Task Forget()
    {
        await stored.ClearStateAsync();
        DeactivateOnIdle();
    }

    private Task Write(StoredImport next) => stored.ReplaceAsync(next, DeactivateOnIdle);
}

/// <summary>The state of an <see cref="ImportGrain"/>.</summary>
[GenerateSerializer, Alias("StoredImport")]
public sealed class StoredImport
{
    /// <summary>Null before it is made.</summary>
    [Id(0)] public ImportJob? Job { get; set; }

    [Id(1)] public ImportProgress Progress { get; set; } = new();
}
