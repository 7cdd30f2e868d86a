using Microsoft.Extensions.DependencyInjection;
using Orleans.Hosting;

namespace Orleans.Runtime;

/// <summary>
/// One grain in memory: its queue of requests and its life from the first call to deactivation.
/// Everything that decides whether a request may start happens under one lock; grain code only ever runs in the turns of <see cref="Turns"/>.
/// </summary>
internal sealed partial class Activation : IGrainContext, IRequestTarget
{
    private enum Phase { Created, Activating, Valid, Deactivating, Finishing, Invalid }

    /// <summary>How many requests one turn starts before it lets the continuations of running ones go on.</summary>
    private const int StartsMax = 32;

    [ThreadStatic]
    private static Activation? current;

    private readonly Lock gate = new();
    private readonly WorkerPool? pool;
    private readonly TaskCompletionSource deactivated = new();
    private RequestQueue ordinary;
    private RequestQueue interleaving;
    private long arrivals;
    private Phase phase;
    private bool wasValid;
    private int running;
    private Request? blocking;
    private DeactivationReason reason;
    private List<GrainTimer>? timers;
    private AsyncServiceScope? scope;
    private bool used = true;
    private DateTimeOffset idleSince;
    private DateTimeOffset keepAliveUntil;
    private bool pumping;

    /// <param name="pool">Where it is one of several, for a stateless worker.</param>
    public Activation(GrainClass grainClass, string key, WorkerPool? pool = null)
    {
        this.pool = pool;
        Class = grainClass;
        Key = key;
        Turns = new TurnScheduler(this, grainClass.Runtime.Options.Scheduler);
    }

    /// <summary>The activation whose turn runs on this thread.</summary>
    public static Activation? Current { get => current; set => current = value; }

    public GrainClass Class { get; }

    public string Key { get; }

    public TurnScheduler Turns { get; }

    public GrainId GrainId => GrainId.Create(Class.Name, Key);

    public Grain? Instance { get; private set; }

    object? IGrainContext.GrainInstance => Instance;

    public IServiceProvider ActivationServices => (scope ??= Class.Runtime.ServiceProvider.CreateAsyncScope()).ServiceProvider;

    /// <summary>Completes when the activation is out of memory.</summary>
    public Task Deactivated => deactivated.Task;

    public int Activations => 1;

    private EmbeddedActorOptions Options => Class.Runtime.Options;

    private TimeProvider Time => Class.Runtime.Time;

    /// <summary>How many requests are here, running or waiting; an estimate by the time it is read.</summary>
    public int Load
    {
        get
        {
            lock (gate)
                return running + ordinary.Count + interleaving.Count;
        }
    }

    /// <summary>Queues a request, also during activation and deactivation; false once the activation is gone, then it goes to a new one.</summary>
    public bool TryReceive(Request request, bool here)
    {
        bool mayStart, isIdle;
        lock (gate)
        {
            if (phase == Phase.Invalid)
                return false;
            request.Arrival = ++arrivals;
            var interleaves = request.Interleaves || Class.IsReentrant;
            (interleaves ? ref interleaving : ref ordinary).Enqueue(request);
            mayStart = phase == Phase.Created || (phase == Phase.Valid && (interleaves || blocking is null));
            isIdle = phase == Phase.Valid;
        }

        if (mayStart && isIdle && here)
            Turns.Pump(request);
        else if (mayStart)
            Turns.QueuePump();
        return true;
    }

    /// <summary>A turn: starts what may start. Nothing else starts activation, requests or deactivation.</summary>
    public void Pump()
    {
        pumping = true;
        for (var started = 0; started < StartsMax; started++)
        {
            Request? request = null;
            Func<Task>? transition = null;
            lock (gate)
            {
                if (phase == Phase.Created)
                    (phase, transition) = (Phase.Activating, ActivateAsync);
                else if (phase == Phase.Deactivating && running == 0)
                    (phase, transition) = (Phase.Finishing, FinishDeactivatingAsync);
                else if (phase == Phase.Valid)
                    request = TakeStartable();
                if (transition is not null || request is not null)
                    running++;
            }

            if (transition is null && request is null)
            {
                pumping = false;
                return;
            }

            // Neither throws: failures end in the caller's task or in the log.
            if (request is not null)
                request.Start(this);
            else
                _ = transition!();
        }

        pumping = false;
        Turns.QueuePump();
    }

    /// <summary>
    /// The oldest request that may start: an interleaving one always, another only while no other of its kind is running.
    /// </summary>
    private Request? TakeStartable()
    {
        var blocked = blocking is not null || ordinary.Oldest is null;
        if (blocked || interleaving.Oldest?.Arrival < ordinary.Oldest!.Arrival)
            return interleaving.TryDequeue();
        return blocking = ordinary.TryDequeue();
    }

    /// <summary>Called in a turn of this activation when a started request is done.</summary>
    public void OnCompleted(Request request, Task outcome)
    {
        // As in Orleans, a grain that turns out to work on stale state starts over.
        if (outcome.Exception?.InnerException is Storage.InconsistentStateException { IsSourceActivation: true } stale)
        {
            stale.IsSourceActivation = false;
            Deactivate(new DeactivationReason(DeactivationReasonCode.ApplicationError, stale, "The grain's state was inconsistent."));
        }

        bool mayContinue;
        lock (gate)
        {
            running--;
            used |= request.KeepsAlive;
            if (blocking == request)
                blocking = null;
            mayContinue = phase == Phase.Valid ? blocking is null && ordinary.Count > 0 : running == 0;
        }

        // The loop that started this request, if it is still at it, goes on by itself.
        if (mayContinue && !pumping)
            Turns.QueuePump();
    }
}
