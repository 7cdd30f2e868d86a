using Microsoft.Extensions.DependencyInjection;
using Orleans.Hosting;
using Orleans.Runtime;
using Orleans.Storage;

namespace Orleans.Personalize.Embedded.Tests;

[GenerateSerializer, Alias("Tally")]
public sealed class Tally
{
    [Id(0)] public int Count { get; set; }
}

public interface ITallyGrain : IGrainWithStringKey
{
    Task<(int Count, int OnActivation, bool Exists, string? Etag)> Read();

    Task<int> Add(int count);

    Task AddUnsaved(int count);

    Task Reload();

    Task Clear();
}

public class TallyGrain(
    [PersistentState("tally", "memory")] IPersistentState<Tally> tally,
    [PersistentState("other", "memory")] IPersistentState<Tally> other) : Grain, ITallyGrain
{
    private int onActivation;

    public override Task OnActivateAsync(CancellationToken cancellationToken)
    {
        onActivation = tally.State.Count;
        return Task.CompletedTask;
    }

    public Task<(int Count, int OnActivation, bool Exists, string? Etag)> Read() =>
        Task.FromResult((tally.State.Count + other.State.Count, onActivation, tally.RecordExists, tally.Etag));

    public async Task<int> Add(int count)
    {
        tally.State.Count += count;
        await tally.WriteStateAsync();
        return tally.State.Count;
    }

    public Task AddUnsaved(int count)
    {
        tally.State.Count += count;
        return Task.CompletedTask;
    }

    public Task Reload() => tally.ReadStateAsync();

    public Task Clear() => tally.ClearStateAsync();
}

public interface IHomeless : IGrainWithStringKey
{
    Task Touch();
}

public class HomelessGrain([PersistentState("state", "nowhere")] IPersistentState<Tally> state) : Grain, IHomeless
{
    public Task Touch() => state.ReadStateAsync();
}

/// <summary>https://learn.microsoft.com/dotnet/orleans/grains/grain-persistence</summary>
public sealed class PersistenceTests
{
    // "Orleans … loads configured persistent state, and then calls OnActivateAsync."
    [Fact]
    public async Task State_outlives_the_activation_and_is_loaded_before_it_is_active()
    {
        await using var harness = new Harness();
        var grain = harness.Client.GetGrain<ITallyGrain>("a");
        Assert.Equal((0, 0, false, null), harness.Time.Run(grain.Read));
        Assert.Equal(3, harness.Time.Run(() => grain.Add(3)));
        Assert.True(harness.Time.Run(grain.Read) is { Count: 3, OnActivation: 0, Exists: true, Etag: not null });
        harness.Time.Run(() => grain.AddUnsaved(4));
        harness.Time.Advance(TimeSpan.FromMinutes(20));
        Assert.True(harness.Time.Run(grain.Read) is { Count: 3, OnActivation: 3, Exists: true });
    }

    [Fact]
    public async Task Reading_discards_what_was_not_written_and_clearing_starts_anew()
    {
        await using var harness = new Harness();
        var grain = harness.Client.GetGrain<ITallyGrain>("a");
        harness.Time.Run(() => grain.Add(3));
        harness.Time.Run(() => grain.AddUnsaved(4));
        harness.Time.Run(grain.Reload);
        Assert.Equal(3, harness.Time.Run(grain.Read).Count);
        harness.Time.Run(grain.Clear);
        Assert.Equal((0, 0, false, null), harness.Time.Run(grain.Read));
    }

    // InconsistentStateException: Orleans deactivates the activation so that the next call reads the stored state.
    [Fact]
    public async Task A_grain_whose_state_was_overwritten_starts_over()
    {
        await using var harness = new Harness();
        var grain = harness.Client.GetGrain<ITallyGrain>("a");
        harness.Time.Run(() => grain.Add(3));
        var storage = harness.Services.GetRequiredKeyedService<IGrainStorage>("memory");
        var state = new GrainState<Tally>();
        await storage.ReadStateAsync("tally", grain.GetGrainId(), state);
        state.State!.Count = 10;
        await storage.WriteStateAsync("tally", grain.GetGrainId(), state);

        var conflict = Assert.Throws<InconsistentStateException>(() => harness.Time.Run(() => grain.Add(1)));
        Assert.Equal(state.ETag, conflict.StoredEtag);
        Assert.Equal(11, harness.Time.Run(() => grain.Add(1)));
    }

    // StateStorageBridge wraps what is not an OrleansException in one.
    [Fact]
    public async Task A_fault_of_the_store_is_an_OrleansException()
    {
        await using var services = new ServiceCollection()
            .AddEmbeddedActors(options => options.GrainAssemblies.Add(typeof(Harness).Assembly))
            .AddKeyedSingleton<IGrainStorage, BrokenStorage>("memory")
            .BuildServiceProvider();
        var grain = services.GetRequiredService<IGrainFactory>().GetGrain<ITallyGrain>("a");
        var exception = await Assert.ThrowsAsync<OrleansException>(grain.Read);
        Assert.IsType<IOException>(exception.InnerException);
    }

    [Fact]
    public async Task Storage_that_is_not_registered_fails_the_activation()
    {
        await using var harness = new Harness();
        Assert.Throws<BadProviderConfigException>(() => harness.Time.Run(() => harness.Client.GetGrain<IHomeless>("a").Touch()));
    }

    private sealed class BrokenStorage : IGrainStorage
    {
        public Task ReadStateAsync<T>(string stateName, GrainId grainId, IGrainState<T> grainState) => throw new IOException("disk");

        public Task WriteStateAsync<T>(string stateName, GrainId grainId, IGrainState<T> grainState) => throw new IOException("disk");

        public Task ClearStateAsync<T>(string stateName, GrainId grainId, IGrainState<T> grainState) => throw new IOException("disk");
    }
}
