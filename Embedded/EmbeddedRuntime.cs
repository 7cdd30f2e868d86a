using System.Collections.Frozen;
using System.Reflection;
using Microsoft.Extensions.DependencyInjection;
using Microsoft.Extensions.Hosting;
using Microsoft.Extensions.Logging;
using Orleans.Hosting;

namespace Orleans.Runtime;

/// <summary>
/// The whole of the runtime: the grain classes, the calls under way, the collection of idle activations, and the end. Where it differs from
/// Orleans: messages are not copied, a failed activation fails its callers at once instead of after a pause, a call may be forwarded more
/// often than twice, there is no request context, and a stopping runtime refuses the calls of its own grains too.
/// </summary>
internal sealed class EmbeddedRuntime : IClusterClient, IHostedService, IAsyncDisposable, IDisposable
{
    public static readonly DeactivationReason Stopping = new(DeactivationReasonCode.ShuttingDown, "The runtime is stopping.");

    private readonly FrozenDictionary<Type, GrainReference[]> prototypes;
    private readonly GrainClass[] classes;
    private readonly ITimer collection;
    private volatile bool stopping;

    public EmbeddedRuntime(IServiceProvider services, EmbeddedActorOptions options, TimeProvider time, ILogger<EmbeddedRuntime> logger)
    {
        (ServiceProvider, Options, Time, Log) = (services, options, time, new Log(logger));

        var implementations =
            from type in options.GrainAssemblies.Distinct().SelectMany(assembly => assembly.GetTypes())
            where type.IsSubclassOf(typeof(Grain)) && !type.IsAbstract && !type.ContainsGenericParameters
            let grainClass = new GrainClass(this, type)
            from grainInterface in type.GetInterfaces()
            where grainInterface.IsAssignableTo(typeof(IGrainWithStringKey)) && grainInterface != typeof(IGrainWithStringKey)
            select (grainInterface, grainClass);
        var known = implementations.ToArray();
        classes = known.Select(entry => entry.grainClass).Distinct().ToArray();
        prototypes = known.GroupBy(entry => entry.grainInterface).ToFrozenDictionary(
            entries => entries.Key,
            entries => entries.Select(entry => GrainReference.Prototype(entry.grainInterface, entry.grainClass)).ToArray());

        // These timers live as long as the process; they must not carry the execution context of whoever resolved the runtime first.
        using (TurnScheduler.SuppressFlow())
        {
            Pending = new PendingCalls(time, options.ResponseTimeout);
            collection = time.CreateTimer(
                static self => ((EmbeddedRuntime)self!).CollectIdle(), this, options.CollectionQuantum, options.CollectionQuantum);
        }
    }

    public IServiceProvider ServiceProvider { get; }

    public EmbeddedActorOptions Options { get; }

    public TimeProvider Time { get; }

    public Log Log { get; }

    public PendingCalls Pending { get; }

    public bool IsStopping => stopping;

    public TGrainInterface GetGrain<TGrainInterface>(string primaryKey, string? grainClassNamePrefix = null)
        where TGrainInterface : IGrainWithStringKey
    {
        if (grainClassNamePrefix is not null)
            throw new NotSupportedException("An interface has one implementing class here.");
        return (TGrainInterface)(object)ReferenceTo(typeof(TGrainInterface), primaryKey);
    }

    public GrainReference ReferenceTo(Type grainInterface, string key)
    {
        ArgumentException.ThrowIfNullOrWhiteSpace(key);
        return prototypes.GetValueOrDefault(grainInterface) switch
        {
            [var prototype] => prototype.To(key),
            null => throw new ArgumentException($"Could not find an implementation for interface {grainInterface}.", nameof(grainInterface)),
            _ => throw new ArgumentException($"More than one class implements interface {grainInterface}.", nameof(grainInterface)),
        };
    }

    public Dictionary<string, int> CountActivations() => classes
        .Select(static grainClass => (Name: grainClass.Name.ToString(), Count: grainClass.Targets.Sum(static target => target.Activations)))
        .Where(static known => known.Count > 0)
        .ToDictionary(static known => known.Name, static known => known.Count);

    public Task StartAsync(CancellationToken cancellationToken) => Task.CompletedTask;

    /// <summary>Refuses new calls, lets running requests end and deactivates everything, within the time allowed for a deactivation.</summary>
    public async Task StopAsync(CancellationToken cancellationToken)
    {
        stopping = true;
        await collection.DisposeAsync();
        using var timeout = new CancellationTokenSource(Options.DeactivationTimeout, Time);
        using var limit = CancellationTokenSource.CreateLinkedTokenSource(timeout.Token, cancellationToken);
        try
        {
            while (classes.SelectMany(grainClass => grainClass.Targets).ToArray() is { Length: > 0 } targets)
            {
                Array.ForEach(targets, target => target.Deactivate(Stopping));
                await Task.WhenAll(Array.ConvertAll(targets, target => target.Deactivated)).WaitAsync(limit.Token);
            }
        }
        catch (OperationCanceledException)
        {
            Log.StopTimedOut(classes.Sum(grainClass => grainClass.Targets.Count()));
        }

        Dispose();
    }

    public async ValueTask DisposeAsync()
    {
        if (!stopping)
            await StopAsync(CancellationToken.None);
    }

    /// <summary>Without the time to deactivate anything: the grains are abandoned as in a crash.</summary>
    public void Dispose()
    {
        stopping = true;
        collection.Dispose();
        Pending.FailAll(new SiloUnavailableException("The runtime has stopped."));
        Pending.Dispose();
    }

    private void CollectIdle()
    {
        var now = Time.GetUtcNow();
        foreach (var grainClass in classes)
        {
            foreach (var target in grainClass.Targets)
                target.CollectIfIdle(now);
        }
    }
}
