using System.Collections.Concurrent;
using System.Reflection;
using System.Text.Json;
using Microsoft.Extensions.DependencyInjection;
using Orleans.Core;
using Orleans.Storage;

namespace Orleans
{
    /// <summary>A grain's state on its way to or from the store.</summary>
    public interface IGrainState<T>
    {
        T? State { get; set; }

        string? ETag { get; set; }

        bool RecordExists { get; set; }
    }

    [GenerateSerializer]
    public sealed class GrainState<T> : IGrainState<T>
    {
        public GrainState() { }

        public GrainState(T? state, string? eTag = null) => (State, ETag) = (state, eTag);

        [Id(0)] public T? State { get; set; }

        [Id(1)] public string? ETag { get; set; }

        [Id(2)] public bool RecordExists { get; set; }
    }
}

namespace Orleans.Core
{
    public interface IStorage
    {
        /// <summary>Names the stored version that <c>State</c> came from.</summary>
        string? Etag { get; }

        bool RecordExists { get; }

        Task ClearStateAsync();

        Task WriteStateAsync();

        Task ReadStateAsync();
    }

    public interface IStorage<TState> : IStorage
    {
        TState State { get; set; }
    }
}

namespace Orleans.Storage
{
    using Orleans.Runtime;

    /// <summary>A store of grain state. A write or clear with another etag than the stored one throws <see cref="InconsistentStateException"/>.</summary>
    public interface IGrainStorage
    {
        Task ReadStateAsync<T>(string stateName, GrainId grainId, IGrainState<T> grainState);

        Task WriteStateAsync<T>(string stateName, GrainId grainId, IGrainState<T> grainState);

        Task ClearStateAsync<T>(string stateName, GrainId grainId, IGrainState<T> grainState);
    }

    /// <summary>Keeps state as JSON, so that what a grain reads back is a copy, as from any other store.</summary>
    internal sealed class MemoryGrainStorage : IGrainStorage
    {
        private readonly Lock gate = new();
        private readonly Dictionary<(string, GrainId), (byte[] Json, string ETag)> records = [];
        private long writes;

        public Task ReadStateAsync<T>(string stateName, GrainId grainId, IGrainState<T> grainState)
        {
            (byte[] Json, string ETag) record;
            lock (gate)
                grainState.RecordExists = records.TryGetValue((stateName, grainId), out record);
            grainState.State = grainState.RecordExists ? JsonSerializer.Deserialize<T>(record.Json) : Activator.CreateInstance<T>();
            grainState.ETag = record.ETag;
            return Task.CompletedTask;
        }

        public Task WriteStateAsync<T>(string stateName, GrainId grainId, IGrainState<T> grainState)
        {
            var json = JsonSerializer.SerializeToUtf8Bytes(grainState.State);
            lock (gate)
            {
                CheckETag((stateName, grainId), grainState.ETag);
                grainState.ETag = (++writes).ToString();
                grainState.RecordExists = true;
                records[(stateName, grainId)] = (json, grainState.ETag);
            }

            return Task.CompletedTask;
        }

        public Task ClearStateAsync<T>(string stateName, GrainId grainId, IGrainState<T> grainState)
        {
            lock (gate)
            {
                CheckETag((stateName, grainId), grainState.ETag);
                records.Remove((stateName, grainId));
            }

            (grainState.State, grainState.ETag, grainState.RecordExists) = (Activator.CreateInstance<T>(), null, false);
            return Task.CompletedTask;
        }

        private void CheckETag((string, GrainId) key, string? current)
        {
            var stored = records.TryGetValue(key, out var record) ? record.ETag : null;
            if (stored != current)
                throw new InconsistentStateException($"The state of {key.Item2} has changed in the store.", stored, current);
        }
    }
}

namespace Orleans.Runtime
{
    /// <summary>Injects the named state of a grain into its constructor, loaded before the grain is activated.</summary>
    [AttributeUsage(AttributeTargets.Parameter)]
    public sealed class PersistentStateAttribute(string stateName, string? storageName = null) : Attribute
    {
        public string StateName { get; } = stateName;

        /// <summary>The key of an <see cref="IGrainStorage"/> service; null is the one without a key.</summary>
        public string? StorageName { get; } = storageName;
    }

    public interface IPersistentState<TState> : IStorage<TState>;

    internal abstract class PersistentState
    {
        public abstract Task ReadStateAsync();

        public static Func<Activation, PersistentState> FactoryFor(ParameterInfo parameter)
        {
            var attribute = parameter.GetCustomAttribute<PersistentStateAttribute>()!;
            if (!parameter.ParameterType.IsGenericType || parameter.ParameterType.GetGenericTypeDefinition() != typeof(IPersistentState<>))
                throw new NotSupportedException($"{parameter.Member.DeclaringType}: {parameter} is not an IPersistentState.");
            var type = typeof(PersistentState<>).MakeGenericType(parameter.ParameterType.GetGenericArguments());
            return activation => (PersistentState)Activator.CreateInstance(type, attribute.StateName, activation.GrainId, StorageOf(activation, attribute))!;
        }

        private static IGrainStorage StorageOf(Activation activation, PersistentStateAttribute attribute) =>
            (string.IsNullOrWhiteSpace(attribute.StorageName)
                ? activation.ActivationServices.GetService<IGrainStorage>()
                : activation.ActivationServices.GetKeyedService<IGrainStorage>(attribute.StorageName))
            ?? throw new BadProviderConfigException(
                $"No storage provider named \"{attribute.StorageName}\" found loading grain type {activation.GrainId.Type}.");
    }

    internal sealed class PersistentState<TState>(string name, GrainId grainId, IGrainStorage storage)
        : PersistentState, IPersistentState<TState>
    {
        private readonly GrainState<TState> record = new(Activator.CreateInstance<TState>());

        public TState State { get => record.State!; set => record.State = value; }

        public string? Etag => record.ETag;

        public bool RecordExists => record.RecordExists;

        public override Task ReadStateAsync() => RunAsync(() => storage.ReadStateAsync(name, grainId, record));

        public Task WriteStateAsync() => RunAsync(() => storage.WriteStateAsync(name, grainId, record));

        public Task ClearStateAsync() => RunAsync(() => storage.ClearStateAsync(name, grainId, record));

        /// <summary>As in Orleans, a fault of the store reaches the grain as an <see cref="OrleansException"/>.</summary>
        private async Task RunAsync(Func<Task> operation)
        {
            try
            {
                await operation();
            }
            catch (Exception exception) when (exception is not OrleansException)
            {
                throw new OrleansException($"Error from storage provider {storage.GetType().Name}.{name} for grain {grainId}: {exception.Message}", exception);
            }
        }
    }
}
