using System.Collections.Concurrent;
using System.Reflection;
using Microsoft.Extensions.DependencyInjection;
using Orleans.Concurrency;

namespace Orleans.Runtime;

/// <summary>A grain class: how it is constructed, and which of its grains are in memory. Never two activations of a key, but for stateless workers.</summary>
internal sealed class GrainClass
{
    private readonly ConcurrentDictionary<string, IRequestTarget> targets = new(StringComparer.Ordinal);
    private readonly ObjectFactory construct;
    private readonly Func<Activation, PersistentState>[] stateFactories;
    private readonly int? workersMax;

    public GrainClass(EmbeddedRuntime runtime, Type type)
    {
        Runtime = runtime;
        Name = GrainType.Of(type);
        IsReentrant = type.IsDefined(typeof(ReentrantAttribute));
        workersMax = type.GetCustomAttribute<StatelessWorkerAttribute>()?.MaxLocalWorkers;
        CollectionAge = type.GetCustomAttribute<CollectionAgeLimitAttribute>()?.AgeLimit ?? runtime.Options.CollectionAge;

        var states = type.GetConstructors().SelectMany(constructor => constructor.GetParameters())
            .Where(parameter => parameter.IsDefined(typeof(PersistentStateAttribute))).ToArray();
        stateFactories = Array.ConvertAll(states, PersistentState.FactoryFor);
        construct = ActivatorUtilities.CreateFactory(type, Array.ConvertAll(states, parameter => parameter.ParameterType));
    }

    public EmbeddedRuntime Runtime { get; }

    public GrainType Name { get; }

    public bool IsReentrant { get; }

    public TimeSpan CollectionAge { get; }

    public bool Has(string key) => targets.ContainsKey(key);

    public IEnumerable<IRequestTarget> Targets => targets.Select(target => target.Value);

    /// <summary>Hands a request to whatever answers to the key, which is made if there is nothing yet.</summary>
    public void Dispatch(string key, Request request)
    {
        while (true)
        {
            if (Runtime.IsStopping)
            {
                request.Fail(new SiloUnavailableException("The runtime is stopping."));
                return;
            }

            var target = targets.GetOrAdd(key, static (key, self) => self.CreateTarget(key), this);
            if (target.TryReceive(request, here: true))
            {
                // The runtime may have looked for activations to stop just before this one was there.
                if (Runtime.IsStopping)
                    target.Deactivate(EmbeddedRuntime.Stopping);
                return;
            }

            Remove(key, target);
        }
    }

    public void Remove(string key, IRequestTarget target) => targets.TryRemove(KeyValuePair.Create(key, target));

    /// <summary>Called within a turn of the activation, which is how the grain's base class finds it.</summary>
    public Grain CreateInstance(Activation activation, out PersistentState[] states)
    {
        states = Array.ConvertAll(stateFactories, create => create(activation));
        return (Grain)construct(activation.ActivationServices, states);
    }

    private IRequestTarget CreateTarget(string key) => workersMax is { } max ? new WorkerPool(this, key, max) : new Activation(this, key);
}

/// <summary>The activations of one stateless worker: an idle one takes the request, else a new one, else the least busy.</summary>
internal sealed class WorkerPool(GrainClass grainClass, string key, int workersMax) : IRequestTarget
{
    private readonly Lock gate = new();
    private readonly List<Activation> workers = [];
    private readonly TaskCompletionSource deactivated = new();
    private bool gone;

    public Task Deactivated => deactivated.Task;

    public int Activations => Snapshot().Count;

    public bool TryReceive(Request request, bool here)
    {
        lock (gate)
        {
            while (!gone)
            {
                var worker = workers.Find(static worker => worker.Load == 0);
                if (worker is null && workers.Count < workersMax)
                    workers.Add(worker = new Activation(grainClass, key, this));
                worker ??= workers.MinBy(static worker => worker.Load)!;
                if (worker.TryReceive(request, here: false))
                    return true;
                workers.Remove(worker);
            }

            return false;
        }
    }

    public void Deactivate(DeactivationReason deactivationReason, CancellationToken cancellationToken = default) =>
        Snapshot().ForEach(worker => worker.Deactivate(deactivationReason, cancellationToken));

    public void CollectIfIdle(DateTimeOffset now) => Snapshot().ForEach(worker => worker.CollectIfIdle(now));

    public void Remove(Activation worker)
    {
        lock (gate)
        {
            workers.Remove(worker);
            if (workers.Count > 0)
                return;
            gone = true;
        }

        grainClass.Remove(key, this);
        deactivated.TrySetResult();
    }

    private List<Activation> Snapshot()
    {
        lock (gate)
            return [.. workers];
    }
}
