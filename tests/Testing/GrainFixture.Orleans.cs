#if ORLEANS
using Microsoft.Extensions.DependencyInjection;
using Orleans.Configuration;
using Orleans.Hosting;
using Orleans.Personalize.Journal;
using Orleans.Personalize.Registry;
using Orleans.Personalize.Sending;
using Orleans.Runtime;
using Orleans.Runtime.Messaging;
using Orleans.Storage;
using Orleans.TestingHost;

namespace Orleans.Personalize.Testing;

/// <summary>
/// The fixture on Microsoft Orleans. Real threads, and a clock that moves in small steps between which the threads get to rest; so "nothing is
/// ready" is an approximation here, and what a test measures in virtual time is as precise as a step.
/// </summary>
public sealed partial class GrainFixture
{
    private static readonly TimeSpan Step = TimeSpan.FromMilliseconds(100);

    private readonly Lazy<Task<InProcessTestCluster>> cluster;

    public GrainFixture(int seed = 1, GroupCommitterOptions? committer = null)
    {
        _ = seed;
        Time = new VirtualTime();
        Journal = new ScriptedJournal(new InMemoryJournal());
        cluster = new(async () =>
        {
            var builder = new InProcessTestClusterBuilder(1);
            builder.ConfigureSilo((_, silo) => Configure(silo, committer ?? new()));
            var built = builder.Build();
            await built.DeployAsync();
            return built;
        });
    }

    public static TimeSpan CollectionAge => TimeSpan.FromMinutes(2);

    public async Task<T> Start<T>(Func<IGrainFactory, Task<T>> call) => await call((await cluster.Value).Client);

    public async Task<T> Run<T>(Func<IGrainFactory, Task<T>> call)
    {
        var answer = Start(call);
        await Until(() => answer.IsCompleted, TimeSpan.FromMinutes(1));
        return await answer;
    }

    public async Task Advance(TimeSpan by)
    {
        await cluster.Value;
        for (var until = Time.Elapsed + by; Time.Elapsed < until;)
        {
            var left = until - Time.Elapsed;
            Time.Advance(left < Step ? left : Step);
            await Rest();
        }
    }

    public async Task Until(Func<bool> condition, TimeSpan within)
    {
        await cluster.Value;
        for (var until = Time.Elapsed + within; !condition();)
        {
            // What needs no time to pass mostly comes about without moving the clock.
            for (var patience = 0; patience < 20 && !condition(); patience++)
                await Rest();
            if (condition())
                return;
            if (Time.Elapsed >= until)
                throw new TimeoutException($"The condition did not hold by {Now:O}.");
            Time.Advance(Step);
        }
    }

    public async Task Crash()
    {
        var running = await cluster.Value;
        await LetTimePass(running.KillSiloAsync(running.Silos[0]));
        await LetTimePass(running.StartAdditionalSiloAsync());
        await LetTimePass(AwaitService(running.Client));
    }

    public async ValueTask DisposeAsync()
    {
        if (cluster.IsValueCreated)
            await LetTimePass((await cluster.Value).DisposeAsync().AsTask());
    }

    /// <summary>Until the new silo has learnt that the old one is dead, and the client where the new one is.</summary>
    private static async Task AwaitService(IGrainFactory grains)
    {
        const int AttemptsMax = 1_000;
        for (var attempt = 1; ; attempt++)
        {
            try
            {
                await Task.WhenAll(Enumerable.Range(0, CustomerKey.Shards).Select(shard => grains.GetGrain<IDeadlineGrain>(shard.ToString()).Wake()));
                return;
            }
            catch (Exception failure) when (attempt < AttemptsMax && failure is OrleansException or TimeoutException or ConnectionFailedException)
            {
                await Task.Delay(5);
            }
        }
    }

    /// <summary>Orleans' own patience is measured by the same clock.</summary>
    private async Task LetTimePass(Task work)
    {
        while (!work.IsCompleted)
        {
            Time.Advance(TimeSpan.FromSeconds(1));
            await Task.Delay(1);
        }
        await work;
    }

    private void Configure(ISiloBuilder silo, GroupCommitterOptions committer)
    {
        silo.Configure<GrainCollectionOptions>(static options => (options.CollectionAge, options.CollectionQuantum) = (CollectionAge, TimeSpan.FromSeconds(10)));
        silo.Services
            .AddSingleton<TimeProvider>(Time)
            .AddPersonalizeGrains()
            .AddSingleton<IJournal>(Journal)
            .AddSingleton(new GroupCommitter(Journal, Time, null, committer))
            .AddKeyedSingleton<IGrainStorage>(RegistryGrain.Storage, Storage)
            .AddSingleton<ISenderFactory>(Sender);
    }

    /// <summary>Gives the thread pool time to come to rest.</summary>
    private static async Task Rest()
    {
        await Task.Delay(1);
        for (var i = 0; i < 100 && ThreadPool.PendingWorkItemCount > 0; i++)
            await Task.Delay(1);
    }
}
#endif
