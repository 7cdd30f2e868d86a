using System.Text.Json;
using Orleans.Runtime;
using Orleans.Storage;

namespace Orleans.Personalize.Testing;

/// <summary>Grain storage that outlives its silos, and whose writes fail when told to.</summary>
public sealed class SimulatedStorage : IGrainStorage
{
    private readonly Lock gate = new();
    private readonly Dictionary<string, (byte[] Json, string ETag)> records = [];

    /// <summary>What happens before a write; it may throw, or take its time.</summary>
    public Func<Task>? BeforeWrite { get; set; }

    /// <summary>What happens after a write; when it throws, the writer does not know that it succeeded.</summary>
    public Func<Task>? AfterWrite { get; set; }

    public int Writes { get; private set; }

    public Task ReadStateAsync<T>(string stateName, GrainId grainId, IGrainState<T> grainState)
    {
        lock (gate)
        {
            grainState.RecordExists = records.TryGetValue(KeyOf(stateName, grainId), out var record);
            grainState.State = grainState.RecordExists ? JsonSerializer.Deserialize<T>(record.Json)! : Activator.CreateInstance<T>();
            grainState.ETag = record.ETag;
        }
        return Task.CompletedTask;
    }

    public async Task WriteStateAsync<T>(string stateName, GrainId grainId, IGrainState<T> grainState)
    {
        if (BeforeWrite is not null)
            await BeforeWrite();
        lock (gate)
        {
            var stored = records.GetValueOrDefault(KeyOf(stateName, grainId)).ETag;
            if (stored != grainState.ETag)
                throw new InconsistentStateException("The state has changed in the store.", stored, grainState.ETag);
            var etag = (++Writes).ToString();
            records[KeyOf(stateName, grainId)] = (JsonSerializer.SerializeToUtf8Bytes(grainState.State), etag);
            grainState.ETag = etag;
            grainState.RecordExists = true;
        }
        if (AfterWrite is not null)
            await AfterWrite();
    }

    public Task ClearStateAsync<T>(string stateName, GrainId grainId, IGrainState<T> grainState)
    {
        lock (gate)
            records.Remove(KeyOf(stateName, grainId));
        grainState.RecordExists = false;
        grainState.ETag = null;
        grainState.State = Activator.CreateInstance<T>();
        return Task.CompletedTask;
    }

    private static string KeyOf(string stateName, GrainId grainId) => $"{stateName}/{grainId}";
}
