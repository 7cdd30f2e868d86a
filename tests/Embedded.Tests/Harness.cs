using Microsoft.Extensions.DependencyInjection;
using Orleans.Hosting;
using Orleans.Personalize.Testing;

namespace Orleans.Personalize.Embedded.Tests;

/// <summary>A runtime with the grains of this assembly, in virtual time on one seed unless a test wants real threads.</summary>
internal sealed class Harness : IAsyncDisposable
{
    private readonly ServiceProvider services;

    public Harness(int seed = 1, bool realThreads = false, Action<EmbeddedActorOptions>? configure = null)
    {
        var scheduler = realThreads ? null : new SeededScheduler(seed);
        Time = new VirtualTime(scheduler);
        var collection = new ServiceCollection()
            .AddEmbeddedActors(options =>
            {
                options.GrainAssemblies.Add(typeof(Harness).Assembly);
                options.Scheduler = scheduler;
                configure?.Invoke(options);
            })
            .AddMemoryGrainStorage("memory")
            .AddSingleton(Journal)
            .AddSingleton<Gates>()
            .AddSingleton<Census>()
            .AddSingleton(realThreads ? Random.Shared : new Random(seed))
            .AddScoped<ScopedThing>();
        if (!realThreads)
            collection.AddSingleton<TimeProvider>(Time);
        services = collection.BuildServiceProvider();
        Client = services.GetRequiredService<IClusterClient>();
    }

    public VirtualTime Time { get; }

    public IClusterClient Client { get; }

    public Journal Journal { get; } = new();

    public Gates Gates => services.GetRequiredService<Gates>();

    public IServiceProvider Services => services;

    /// <summary>Starts a call as a client would and lets everything run that can without time passing.</summary>
    public Task<T> Call<T>(Func<IGrainFactory, Task<T>> call)
    {
        var task = Time.Scheduler!.Start(() => call(Client));
        Time.Scheduler.Drain();
        return task;
    }

    /// <inheritdoc cref="Call{T}"/>
    public Task Call(Func<IGrainFactory, Task> call)
    {
        var task = Time.Scheduler!.Start(() => call(Client));
        Time.Scheduler.Drain();
        return task;
    }

    public void Open(string gate)
    {
        Gates.Open(gate);
        Time.Scheduler!.Drain();
    }

    public ValueTask DisposeAsync()
    {
        // What a test left hanging must not keep the disposal waiting: its time is virtual too.
        var disposal = services.DisposeAsync();
        if (Time.Scheduler is not null && !disposal.IsCompleted)
            Time.Advance(TimeSpan.FromMinutes(2));
        return disposal;
    }
}

/// <summary>What happened, in order.</summary>
public sealed class Journal
{
    private readonly List<string> lines = [];

    public void Add(string line)
    {
        lock (lines)
            lines.Add(line);
    }

    public string[] Lines
    {
        get
        {
            lock (lines)
                return [.. lines];
        }
    }

    public override string ToString() => string.Join(" ", Lines);
}

/// <summary>Named points at which a grain waits until the test lets it pass.</summary>
public sealed class Gates
{
    private readonly Dictionary<string, TaskCompletionSource> gates = [];

    public Task Pass(string name) => Get(name).Task;

    public void Open(string name) => Get(name).TrySetResult();

    private TaskCompletionSource Get(string name)
    {
        lock (gates)
            return gates.TryGetValue(name, out var gate) ? gate : gates[name] = new(TaskCreationOptions.RunContinuationsAsynchronously);
    }
}

public sealed class ScopedThing : IDisposable
{
    public bool IsDisposed { get; private set; }

    public void Dispose() => IsDisposed = true;
}
