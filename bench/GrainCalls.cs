using System.Diagnostics;
using System.Threading.Channels;
using Microsoft.Extensions.DependencyInjection;
using Orleans.Concurrency;
using Orleans.Hosting;

namespace Orleans.Personalize.Bench;

public interface INoop : IGrainWithStringKey
{
    Task Noop();

    [AlwaysInterleave]
    Task<int> Echo(int value);

    Task<int> Relay(int value);
}

public sealed class NoopGrain : Grain, INoop
{
    public Task Noop() => Task.CompletedTask;

    public Task<int> Echo(int value) => Task.FromResult(value);

    public Task<int> Relay(int value) => GrainFactory.GetGrain<INoop>("target").Echo(value);
}

/// <summary>
/// What a call of a grain that does nothing costs, next to a round trip through a channel (one item there, one completion back), which is
/// about the least that any actor does. The rounds of both alternate, so that they share whatever else the machine is doing.
/// </summary>
internal static class GrainCalls
{
    private const int Callers = 200;

    public static async Task RunAsync()
    {
        await using var services = new ServiceCollection()
            .AddEmbeddedActors(options => options.GrainAssemblies.Add(typeof(GrainCalls).Assembly))
            .BuildServiceProvider();
        var grains = services.GetRequiredService<IGrainFactory>();
        var own = Enumerable.Range(0, Callers).Select(caller => grains.GetGrain<INoop>($"key{caller}")).ToArray();
        using var channels = new ChannelActors(Callers);

        (string Name, Func<int, Task> Call)[] scenarios =
        [
            ("channel round trip", channels.CallAsync),
            ("no-op, a grain a caller", caller => own[caller].Noop()),
            ("no-op, one grain for all", _ => own[0].Noop()),
            ("echo, interleaving, with GetGrain", caller => grains.GetGrain<INoop>("key7").Echo(caller)),
            ("relay, two calls", caller => own[caller].Relay(caller)),
        ];

        var results = scenarios.ToDictionary(scenario => scenario.Name, _ => new List<(double Rate, double Bytes)>());
        for (var round = 0; round <= Rounds.Count; round++)
        {
            foreach (var (name, call) in scenarios)
            {
                var result = await MeasureAsync(call);
                if (round > 0)
                    results[name].Add(result);
            }
        }

        Console.WriteLine($"grain-calls: {Callers} callers, {Environment.ProcessorCount} processors, median of {Rounds.Count} rounds of {Rounds.Time.TotalSeconds} s");
        foreach (var (name, _) in scenarios)
        {
            var sorted = results[name].OrderBy(result => result.Rate).ToArray();
            var (rate, bytes) = sorted[sorted.Length / 2];
            Console.WriteLine($"  {name,-36} {rate,12:N0} calls/s {bytes,8:N0} B/call   ({sorted[0].Rate:N0} to {sorted[^1].Rate:N0})");
        }

        await MeasureActivationsAsync(grains);
    }

    /// <summary>First calls: how many a second, and what a grain without state keeps in memory.</summary>
    private static async Task MeasureActivationsAsync(IGrainFactory grains)
    {
        var count = Rounds.AreShort ? 1_000 : 100_000;
        var before = GC.GetTotalMemory(forceFullCollection: true);
        var watch = Stopwatch.StartNew();
        for (var first = 0; first < count; first += Callers)
            await Task.WhenAll(Enumerable.Range(first, Callers).Select(number => grains.GetGrain<INoop>($"new{number}").Noop()));
        var rate = count / watch.Elapsed.TotalSeconds;
        var kept = (GC.GetTotalMemory(forceFullCollection: true) - before) / (double)count;
        Console.WriteLine($"  {"first call of a grain",-36} {rate,12:N0} calls/s {kept,8:N0} B kept a grain");
    }

    private static async Task<(double Rate, double Bytes)> MeasureAsync(Func<int, Task> call)
    {
        var calls = new long[Callers];
        var allocated = GC.GetTotalAllocatedBytes(precise: true);
        var watch = Stopwatch.StartNew();
        await Task.WhenAll(Enumerable.Range(0, Callers).Select(caller => Task.Run(async () =>
        {
            for (var count = 1L; ; count++)
            {
                await call(caller);
                if (count % 64 != 0 || watch.Elapsed < Rounds.Time)
                    continue;
                calls[caller] = count;
                return;
            }
        })));
        var total = calls.Sum();
        return (total / watch.Elapsed.TotalSeconds, (GC.GetTotalAllocatedBytes(precise: true) - allocated) / (double)total);
    }

    /// <summary>As many readers as callers, each answering the requests of its channel.</summary>
    private sealed class ChannelActors : IDisposable
    {
        private readonly Channel<TaskCompletionSource>[] channels;

        public ChannelActors(int count)
        {
            channels = Enumerable.Range(0, count).Select(_ => Channel.CreateUnbounded<TaskCompletionSource>(new() { SingleReader = true })).ToArray();
            foreach (var channel in channels)
                _ = Task.Run(() => ServeAsync(channel.Reader));
        }

        public Task CallAsync(int caller)
        {
            var answer = new TaskCompletionSource(TaskCreationOptions.RunContinuationsAsynchronously);
            channels[caller].Writer.TryWrite(answer);
            return answer.Task;
        }

        public void Dispose() => Array.ForEach(channels, channel => channel.Writer.Complete());

        private static async Task ServeAsync(ChannelReader<TaskCompletionSource> requests)
        {
            await foreach (var request in requests.ReadAllAsync())
                request.TrySetResult();
        }
    }
}
