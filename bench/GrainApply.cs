using System.Diagnostics;
using System.Runtime.CompilerServices;
using Microsoft.Extensions.DependencyInjection;
using Orleans.Hosting;
using Orleans.Personalize.Customers;
using Orleans.Personalize.Journal;
using Orleans.Personalize.Quarantine;
using Orleans.Personalize.Registry;
using Orleans.Runtime;
using Orleans.Storage;

namespace Orleans.Personalize.Bench;

/// <summary>
/// What deciding on an event and encoding what follows takes, next to a call of a grain that does nothing: the journal keeps nothing and answers at once.
/// </summary>
internal static class GrainApply
{
    private const int Callers = 200;

    public static async Task RunAsync()
    {
        await using var services = new ServiceCollection()
            .AddLogging()
            .AddEmbeddedActors(static options =>
            {
                options.GrainAssemblies.Add(typeof(GrainApply).Assembly);
                options.GrainAssemblies.Add(typeof(CustomerGrain).Assembly);
            })
            .AddPersonalizeGrains()
            .AddSingleton<IJournal, NoJournal>()
            .AddSingleton<IQuarantine, InMemoryQuarantine>()
            .AddKeyedSingleton<IGrainStorage, NoStorage>(RegistryGrain.Storage)
            .BuildServiceProvider();
        var grains = services.GetRequiredService<IGrainFactory>();
        var empty = Enumerable.Range(0, Callers).Select(caller => grains.GetGrain<INoop>($"key{caller}")).ToArray();
        var customers = Enumerable.Range(0, Callers).Select(caller => grains.GetGrain<ICustomerGrain>($"default/customer-{caller}")).ToArray();
        Console.WriteLine($"grain-apply: {Callers} callers, {Rounds.Count} rounds");
        var rates = (Empty: new List<double>(), Apply: new List<double>());
        for (var round = -Rounds.WarmUps; round < Rounds.Count; round++)
        {
            var rate = (Empty: await MeasureAsync(caller => empty[caller].Noop()), Apply: await MeasureAsync(caller => customers[caller].Apply([Event()])));
            if (round < 0)
                continue;
            rates.Empty.Add(rate.Empty);
            rates.Apply.Add(rate.Apply);
        }
        Figures.Add("grain-apply", "empty grain call", rates.Empty, "calls/s");
        Figures.Add("grain-apply", "grain apply, no journal", rates.Apply, "calls/s");
        Figures.Add("grain-apply", "grain apply / empty grain call", [.. rates.Apply.Zip(rates.Empty, static (apply, call) => apply / call)], "", 0.3, 0.5);
    }

    private static CustomerEvent Event() => new()
    {
        MessageId = Guid.NewGuid().ToString("N"),
        Type = EventType.Track,
        Name = "Product Viewed",
        OccurredAt = DateTimeOffset.UtcNow,
        ReceivedAt = DateTimeOffset.UtcNow,
        Source = "bench",
        Properties = JsonText.FromString("""{"product_id":"p-123","name":"Trail Shoe","price":129.9,"url":"https://shop.example/p/trail-shoe"}"""),
    };

    private static async Task<double> MeasureAsync(Func<int, Task> call)
    {
        var watch = Stopwatch.StartNew();
        var counts = await Task.WhenAll(Enumerable.Range(0, Callers).Select(caller => Task.Run(async () =>
        {
            var count = 0;
            for (; watch.Elapsed < Rounds.Time; count++)
                await call(caller);
            return count;
        })));
        return counts.Sum() / watch.Elapsed.TotalSeconds;
    }

    private sealed class NoStorage : IGrainStorage
    {
        public Task ReadStateAsync<T>(string stateName, GrainId grainId, IGrainState<T> grainState) => Task.CompletedTask;

        public Task WriteStateAsync<T>(string stateName, GrainId grainId, IGrainState<T> grainState) => Task.CompletedTask;

        public Task ClearStateAsync<T>(string stateName, GrainId grainId, IGrainState<T> grainState) => Task.CompletedTask;
    }

    private sealed class NoJournal : IJournal
    {
        public Task<WriteStatus[]> CommitAsync(IReadOnlyList<JournalWrite> batch, CancellationToken cancellation) =>
            Task.FromResult(Enumerable.Repeat(WriteStatus.Committed, batch.Count).ToArray());

        public Task<CustomerHistory> ReadAsync(string customer, CancellationToken cancellation) => Task.FromResult(new CustomerHistory(0, default, 0, [], null));

        public Task<IReadOnlyList<JournalRecord>> ReadBackAsync(string customer, long? before, int limit, CancellationToken cancellation) =>
            Task.FromResult<IReadOnlyList<JournalRecord>>([]);

        public Task<IReadOnlyList<DueCustomer>> ReadDueAsync(int shard, DateTimeOffset until, DueCustomer? after, int limit, CancellationToken cancellation) =>
            Task.FromResult<IReadOnlyList<DueCustomer>>([]);

        public async IAsyncEnumerable<JournalEntry> ReadAllAsync(long afterPosition, [EnumeratorCancellation] CancellationToken cancellation)
        {
            await Task.CompletedTask;
            yield break;
        }

        public Task<IReadOnlyList<CustomerHit>> SearchAsync(string workspace, string text, int limit, CancellationToken cancellation) =>
            Task.FromResult<IReadOnlyList<CustomerHit>>([]);
    }
}
