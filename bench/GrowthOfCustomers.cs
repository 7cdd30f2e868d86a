using System.Diagnostics;
using static Orleans.Personalize.Bench.GrowthBench;

namespace Orleans.Personalize.Bench;

/// <summary>Customers, repeats, and the recovery with all of them.</summary>
internal static class GrowthOfCustomers
{
    private const string Repeated = "\"status\":\"duplicate\"";

    private static int Reads => Rounds.AreShort ? 20 : 5_000;

    public static async Task IngestAsync(ServerProcess server)
    {
        var connections = await HttpConnection.OpenAsync(server.Address, Clients);
        await WarmUpAsync(connections);
        await RepeatAsync(connections);
        var before = await server.CountersAsync(collect: true);
        await TellAsync(connections, Batch, Few, Many - Few);
        var after = await server.CountersAsync(collect: true);
        var (few, many, repeated) = (new List<double>(), new List<double>(), new List<double>());
        for (var round = 0; round < Rounds.Count; round++)
        {
            few.Add(await RateAsync(connections, Batch, static random => random.Next(Few)));
            repeated.Add(await RepeatAsync(connections));
            many.Add(await RateAsync(connections, Batch, static random => random.Next(Many)));
        }
        Add($"ingest with {Many:N0} customers / with {Few:N0}", Rounds.Ratio(many, few), "", 0.8);
        Add("50 % duplicates / none", Rounds.Ratio(repeated, few), "", 1, detail: $"requests of {BatchSize} events, each sent once more when it was answered");
        double customers = Many - Few;
        Add($"memory a resident customer, live managed, of {Many:N0}", [(after.Managed - before.Managed) / customers], "B", detail: "of one event");
        Add("the same as the process's working set", [(after.Resident - before.Resident) / customers], "B");
        HttpConnection.Close(connections);
    }

    /// <summary>Each request twice: half of all events are repeats.</summary>
    /// <returns>Requests a second, both kinds counted, as where there are no repeats.</returns>
    private static async Task<double> RepeatAsync(HttpConnection[] connections)
    {
        var watch = Stopwatch.StartNew();
        var counts = await Task.WhenAll(connections.Select((connection, number) => Task.Run(async () =>
        {
            var (random, request, count) = (new Random(number), Batch(), 0);
            for (; watch.Elapsed < Rounds.Time; count += 2)
            {
                await SendAsync(connection, request.Next(() => random.Next(Few)));
                await SendAsync(connection, request.Again);
            }
            return count;
        })));
        var rate = counts.Sum() / watch.Elapsed.TotalSeconds;
        if (connections[0].Body.Split(Repeated).Length - 1 != BatchSize)
            throw new InvalidOperationException($"Not all of a repeated request was a repeat: {connections[0].Body}");
        return rate;
    }

    /// <summary>Kill -9, the start on the same data, and the first look at customers who are not in memory.</summary>
    public static async Task RecoverAsync(ServerProcess server)
    {
        var started = new List<double>();
        for (var crash = 0; crash < Rounds.Count; crash++)
        {
            server = await server.CrashAsync();
            started.Add(server.Started.TotalSeconds);
        }
        Add("kill -9 to ready", started, $"s, with {Many:N0} customers", 2, lessIsBetter: true);
        using (var connection = await HttpConnection.OpenAsync(server.Address))
        {
            var (random, taken) = (new Random(1), new List<double>());
            for (var read = 0; read < Reads; read++)
                taken.Add(await ReadAsync(connection, random.Next(1, Many)));
            taken.Sort();
            Add("cold activation over HTTP, p50", [LoadResult.At([.. taken], 0.5)], "ms");
            Add("cold activation over HTTP, p99", [LoadResult.At([.. taken], 0.99)], "ms", 5, lessIsBetter: true);
        }
        await server.StopAsync();
    }
}
