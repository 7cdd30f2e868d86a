using System.Diagnostics;
using static Orleans.Personalize.Bench.GrowthBench;

namespace Orleans.Personalize.Bench;

/// <summary>What a customer costs who is in memory, and what remains of one who was unused for so long that the runtime let go of it.</summary>
internal static class GrowthOfMemory
{
    private static readonly TimeSpan Age = TimeSpan.FromSeconds(Rounds.AreShort ? 0.2 : 10);

    /// <summary>Ages until all should be gone: one, and the two looks that begin and end it.</summary>
    private const int AgesMax = 5;

    private static int Customers => Rounds.AreShort ? 1_000 : 100_000;

    public static async Task RunAsync()
    {
        await using var server = await ServerProcess.StartAsync(Age);
        var connections = await HttpConnection.OpenAsync(server.Address, Clients);
        // What the server keeps of having worked at all belongs to nobody.
        await TellAsync(connections, Batch, 0, Few);
        var empty = await EvictedAsync(server);
        await TellAsync(connections, Batch, Few, Customers);
        var full = await server.CountersAsync(collect: true);
        var evicted = await EvictedAsync(server);
        double resident = full.Activations - empty.Activations, gone = Customers - (evicted.Activations - empty.Activations);
        Add($"memory a resident customer, live managed, of {Customers:N0}", [(full.Managed - empty.Managed) / resident], "B", detail: $"of one event; {resident:N0} in memory");
        Add(
            "memory a customer whose activation was collected, live managed", [(evicted.Managed - empty.Managed) / gone], "B", detail:
            $"the same customers; {evicted.Activations:N0} in memory, collected after {Age.TotalSeconds} s instead of the product's 15 minutes");
        HttpConnection.Close(connections);
    }

    private static async Task<ServerCounters> EvictedAsync(ServerProcess server)
    {
        for (var watch = Stopwatch.StartNew(); watch.Elapsed < AgesMax * Age && (await server.CountersAsync()).Activations > 0;)
            await Task.Delay(Age / 5);
        return await server.CountersAsync(collect: true);
    }
}
