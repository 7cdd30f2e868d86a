using System.Reflection;
using Microsoft.Extensions.DependencyInjection;
using Microsoft.Extensions.DependencyInjection.Extensions;
using Microsoft.Extensions.Hosting;
using Orleans.Runtime;
using Orleans.Storage;

namespace Orleans.Hosting;

/// <summary>Settings of the embedded runtime; the defaults are those of Orleans.</summary>
public sealed class EmbeddedActorOptions
{
    /// <summary>Where grain classes are looked for.</summary>
    public IList<Assembly> GrainAssemblies { get; } = [];

    /// <summary>How long a caller waits for an answer. Time-outs are noticed up to a second late.</summary>
    public TimeSpan ResponseTimeout { get; set; } = TimeSpan.FromSeconds(30);

    /// <summary>How long an activation stays in memory unused.</summary>
    public TimeSpan CollectionAge { get; set; } = TimeSpan.FromMinutes(15);

    /// <summary>How often idle activations are looked for, and so how much longer than its age one may stay.</summary>
    public TimeSpan CollectionQuantum { get; set; } = TimeSpan.FromMinutes(1);

    /// <summary>How long an activation may take to come up.</summary>
    public TimeSpan ActivationTimeout { get; set; } = TimeSpan.FromSeconds(30);

    /// <summary>How long a deactivation may take, and how long the shutdown waits for all of them.</summary>
    public TimeSpan DeactivationTimeout { get; set; } = TimeSpan.FromSeconds(30);

    /// <summary>Runs every turn of every grain; null is the thread pool. A test puts a deterministic one here.</summary>
    public TaskScheduler? Scheduler { get; set; }

    internal void Validate()
    {
        if (GrainAssemblies.Count == 0)
            throw new InvalidOperationException("No assembly with grain classes is named.");
        TimeSpan[] spans = [ResponseTimeout, CollectionAge, CollectionQuantum, ActivationTimeout, DeactivationTimeout];
        if (spans.Min() <= TimeSpan.Zero)
            throw new InvalidOperationException("Every time of the embedded runtime is positive.");
    }
}

public static class EmbeddedActorsServiceCollectionExtensions
{
    /// <summary>
    /// Adds the runtime with <see cref="IGrainFactory"/> and <see cref="IClusterClient"/>. The clock is the registered <see cref="TimeProvider"/>,
    /// or the system's. With a host it stops gracefully; without one, disposing the service provider asynchronously does the same.
    /// </summary>
    public static IServiceCollection AddEmbeddedActors(this IServiceCollection services, Action<EmbeddedActorOptions> configure)
    {
        var options = new EmbeddedActorOptions();
        configure(options);
        options.Validate();

        services.AddLogging();
        services.TryAddSingleton(TimeProvider.System);
        services.AddSingleton(options);
        services.AddSingleton<EmbeddedRuntime>();
        services.AddSingleton<IClusterClient>(provider => provider.GetRequiredService<EmbeddedRuntime>());
        services.AddSingleton<IGrainFactory>(provider => provider.GetRequiredService<EmbeddedRuntime>());
        services.AddSingleton(provider => new EmbeddedActivations(provider.GetRequiredService<EmbeddedRuntime>()));
        services.AddSingleton<IHostedService>(provider => provider.GetRequiredService<EmbeddedRuntime>());
        return services;
    }

    /// <summary>Adds a storage that lives in this process only, for tests and trials.</summary>
    public static IServiceCollection AddMemoryGrainStorage(this IServiceCollection services, string name) =>
        services.AddKeyedSingleton<IGrainStorage, MemoryGrainStorage>(name);
}
