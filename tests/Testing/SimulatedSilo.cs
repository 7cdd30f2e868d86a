#if !ORLEANS
using Microsoft.Extensions.DependencyInjection;
using Orleans.Hosting;
using Orleans.Personalize.Customers;
using Orleans.Personalize.Deadlines;
using Orleans.Personalize.Journal;
using Orleans.Personalize.Quarantine;
using Orleans.Personalize.Registry;
using Orleans.Personalize.Sending;
using Orleans.Runtime;
using Orleans.Storage;

namespace Orleans.Personalize.Testing;

/// <summary>
/// A silo in virtual time: the grains on the embedded runtime, every turn chosen by the clock's seeded scheduler. It can crash, upon which
/// nothing of it goes on, and be started again on what survives: the journal and the storage. Several may share those and the clock; a cluster
/// that believes in two masters looks like that.
/// </summary>
/// <param name="time">With a scheduler.</param>
/// <param name="disk">The journal that survives.</param>
public sealed class SimulatedSilo(VirtualTime time, IJournal disk, SimulatedStorage storage, ScriptedSender sender)
{
    private readonly SeededScheduler scheduler = time.Scheduler!;
    private Process? process;

    /// <summary>The runtime's options, as of the next start.</summary>
    public Action<EmbeddedActorOptions>? Configure { get; init; }

    public GroupCommitterOptions CommitterOptions { get; init; } = new();

    /// <summary>The journal as the grains see it; its faults outlive a crash.</summary>
    public FaultyJournal Journal { get; } = new(disk, time.Scheduler!.Seed, time);

    /// <summary>It outlives a crash.</summary>
    public InMemoryQuarantine Quarantine { get; } = new(new QuarantineLimits());

    /// <summary>What polled sources answer.</summary>
    public ScriptedPoller Poller { get; init; } = new();

    public bool IsRunning => process is not null;

    public void Start()
    {
        if (process is not null)
            throw new InvalidOperationException("The silo is running.");
        process = new Process(scheduler, AddTo);
        process.Start();
    }

    /// <summary>The process is gone: what it had in memory, in its queues and in flight is lost, and so are its answers.</summary>
    public void Crash()
    {
        process?.Die();
        process = null;
    }

    /// <summary>Calls grains as a client would, on the scheduler.</summary>
    /// <exception cref="SiloUnavailableException">In the task: the silo is down, or went down before it answered.</exception>
    public Task<T> Call<T>(Func<IGrainFactory, Task<T>> call) => scheduler.Start(async () =>
    {
        if (process is not { } server)
            throw new SiloUnavailableException();
        var answer = call(server.Grains);
        await Task.WhenAny(answer, server.Death);
        return answer.IsCompleted ? await answer : throw new SiloUnavailableException();
    });

    /// <inheritdoc cref="Call{T}"/>
    public Task Call(Func<IGrainFactory, Task> call) => Call(async grains =>
    {
        await call(grains);
        return true;
    });

    private void AddTo(IServiceCollection services, Process running)
    {
        var clock = new Clock(time, running);
        services
            .AddSingleton<TimeProvider>(clock)
            .AddSingleton<TaskScheduler>(running)
            .AddEmbeddedActors(options =>
            {
                options.GrainAssemblies.Add(typeof(CustomerGrain).Assembly);
                options.Scheduler = running;
                Configure?.Invoke(options);
            })
            .AddPersonalizeGrains()
            .AddSingleton<IJournal>(Journal)
            .AddSingleton<IQuarantine>(Quarantine)
            .AddSingleton(new GroupCommitter(Journal, clock, running, CommitterOptions))
            .AddKeyedSingleton<IGrainStorage>(RegistryGrain.Storage, storage)
            .AddSingleton(new SignedLinks(new Uri("https://mail.test"), [new byte[SignedLinks.KeyBytesMin]], time))
            .AddSingleton<Sources.IPoller>(Poller)
            .AddSingleton<ISenderFactory>(sender);
    }

    /// <summary>One run of the silo: everything in it goes through this scheduler and its clock, which do nothing once it is dead.</summary>
    private sealed class Process : TaskScheduler
    {
        private readonly SeededScheduler root;
        private readonly ServiceProvider services;
        private readonly TaskCompletionSource death = new();

        public Process(SeededScheduler root, Action<IServiceCollection, Process> addServices)
        {
            this.root = root;
            var collection = new ServiceCollection();
            addServices(collection, this);
            services = collection.BuildServiceProvider();
            Grains = services.GetRequiredService<IGrainFactory>();
        }

        public IGrainFactory Grains { get; }

        public Task Death => death.Task;

        public override int MaximumConcurrencyLevel => 1;

        private bool IsDead => death.Task.IsCompleted;

        public void Start()
        {
            var keeper = ActivatorUtilities.CreateInstance<DeadlineKeeper>(services);
            _ = Task.Factory.StartNew(
                () => keeper.KeepAwakeAsync(CancellationToken.None), CancellationToken.None, TaskCreationOptions.DenyChildAttach, this);
        }

        public void Die() => death.TrySetResult();

        protected override void QueueTask(Task task)
        {
            if (IsDead)
                return;
            using (ExecutionContext.IsFlowSuppressed() ? default(AsyncFlowControl?) : ExecutionContext.SuppressFlow())
            {
                new Task(() =>
                {
                    if (!IsDead)
                        TryExecuteTask(task);
                }).Start(root);
            }
        }

        protected override bool TryExecuteTaskInline(Task task, bool taskWasPreviouslyQueued) => false;

        protected override IEnumerable<Task> GetScheduledTasks() => [];
    }

    private sealed class Clock(TimeProvider time, Process process) : TimeProvider
    {
        public override TimeZoneInfo LocalTimeZone => time.LocalTimeZone;

        public override long TimestampFrequency => time.TimestampFrequency;

        public override DateTimeOffset GetUtcNow() => time.GetUtcNow();

        public override long GetTimestamp() => time.GetTimestamp();

        public override ITimer CreateTimer(TimerCallback callback, object? state, TimeSpan dueTime, TimeSpan period) => time.CreateTimer(
            state =>
            {
                if (!process.Death.IsCompleted)
                    callback(state);
            },
            state,
            dueTime,
            period);
    }
}
#endif
