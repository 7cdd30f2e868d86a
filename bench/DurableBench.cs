namespace Orleans.Personalize.Bench;

/// <summary>
/// Events over HTTP to the flushed SQLite commit, from another process: one a request against an endpoint of the same server that reads the same body behind the
/// same key and does nothing with it, a hundred a request against one, and all of them to one customer. They take turns.
/// </summary>
internal static class DurableBench
{
    private const string Events = "/v1/events";
    private const int Clients = 256;

    /// <summary>As many batches as find room: with more the server turns away.</summary>
    private const int ClientsOfBatches = 64;

    private const int CustomersCount = 10_000;
    private const int BatchSize = 100;

    /// <summary>Of how many customers a hundred events on end are in a real shop: 12 at the mean, 3 to 30.</summary>
    private const int CustomersOfBatch = 12;

    private const int Noop = 0, Single = 1, Batch = 2, Scattered = 3, Hot = 5;

    private sealed record Kind(string Name, Func<EventRequest> Make, Func<Random, int> Customer)
    {
        public int Events { get; } = Make().Events;

        public Task<LoadResult> LoadAsync(HttpConnection[] connections, TimeSpan time) =>
            HttpLoad.ClosedAsync(Events == 1 ? connections : connections[..ClientsOfBatches], Make, Customer, time);
    }

    private static readonly Kind[] Kinds =
    [
        new("no-op POST", static () => new(Serve.NoopPath, 1), static random => random.Next(CustomersCount)),
        new("durable POST, one event", static () => new(Events, 1), static random => random.Next(CustomersCount)),
        new($"durable POST, {BatchSize} events of {CustomersOfBatch} customers", static () => new(Events, BatchSize, customersMax: CustomersOfBatch), static random => random.Next(CustomersCount)),
        new($"durable POST, {BatchSize} events of {BatchSize} customers", static () => new(Events, BatchSize), static random => random.Next(CustomersCount)),
        new("one customer, one event a POST", static () => new(Events, 1), static _ => CustomersCount),
        new($"one customer, {BatchSize} events a POST", static () => new(Events, BatchSize), static _ => CustomersCount + 1),
    ];

    public static async Task RunAsync()
    {
        await using var server = await ServerProcess.StartAsync();
        var connections = await HttpConnection.OpenAsync(server.Address, Clients);
        Console.WriteLine($"durable: {Clients} connections from another process, {ClientsOfBatches} for batches, {CustomersCount:N0} customers, {Environment.ProcessorCount} processors shared with the load, {Rounds.Count} rounds");
        // Until the compiler is done with the hot path: what is measured is a server that has been running.
        for (var warmUp = 0; warmUp < Rounds.WarmUps; warmUp++)
        {
            foreach (var kind in Kinds)
                await kind.LoadAsync(connections, Rounds.Time);
        }
        var rates = Array.ConvertAll(Kinds, static _ => new List<double>());
        var costs = Array.ConvertAll(Kinds, static _ => new List<double[]>());
        for (var round = 0; round < Rounds.Count; round++)
        {
            for (var i = 0; i < Kinds.Length; i++)
            {
                var before = await server.CountersAsync();
                var load = await Kinds[i].LoadAsync(connections, Rounds.Time);
                var events = load.Latencies.Length * (double)Kinds[i].Events;
                rates[i].Add(events / load.Elapsed.TotalSeconds);
                costs[i].Add(CostOf(before, await server.CountersAsync(), events));
            }
        }
        Report(rates, costs);
        HttpConnection.Close(connections);
    }

    /// <summary>Nothing but one kind for a minute, for a profiler to look at the server: docs/performance.md says how.</summary>
    /// <param name="kind">Its number in the table.</param>
    public static async Task LoadAsync(int kind)
    {
        await using var server = await ServerProcess.StartAsync();
        var connections = await HttpConnection.OpenAsync(server.Address, Clients);
        Console.WriteLine($"process {server.Id}");
        var before = await server.CountersAsync();
        var load = await Kinds[kind].LoadAsync(connections, Rounds.AreShort ? Rounds.Time : TimeSpan.FromMinutes(1));
        var cost = CostOf(before, await server.CountersAsync(), load.Latencies.Length * (double)Kinds[kind].Events);
        Console.WriteLine($"{Kinds[kind].Name}: {load.Rate:N0} requests/s, per event {cost[0]:F1} CPU-µs, {cost[1]:N0} B allocated, {cost[2]:N0} B to disk, {cost[3]:F4} commits, {cost[4]:F1} µs paused");
        HttpConnection.Close(connections);
    }

    private static double[] CostOf(ServerCounters before, ServerCounters after, double events) =>
    [
        (after.CpuMicroseconds - before.CpuMicroseconds) / events,
        (after.AllocatedBytes - before.AllocatedBytes) / events,
        (after.DiskBytes - before.DiskBytes) / events,
        (after.Commits - before.Commits) / events,
        (after.PausedMicroseconds - before.PausedMicroseconds) / events,
    ];

    private static void Report(List<double>[] rates, List<double[]>[] costs)
    {
        for (var i = 0; i < Kinds.Length; i++)
        {
            var cost = Enumerable.Range(0, costs[i][0].Length).Select(number => Rounds.Median(costs[i].Select(one => one[number]))).ToArray();
            Figures.Add("durable", Kinds[i].Name, rates[i], "events/s", detail:
                $"per event {cost[0]:F1} CPU-µs, {cost[1]:N0} B allocated, {cost[2]:N0} B to disk, {cost[3]:F4} commits, {cost[4]:F1} µs paused");
        }
        Figures.Add("durable", "durable POST of one event / no-op POST", Rounds.Ratio(rates[Single], rates[Noop]), "", 0.5, 0.65);
        Figures.Add("durable", "the same by the server's CPU time", Rounds.Ratio(Cpu(costs[Noop]), Cpu(costs[Single])), "");
        Figures.Add("durable", $"events/s in batches of {BatchSize} of {CustomersOfBatch} customers / single", Rounds.Ratio(rates[Batch], rates[Single]), "", 4, 8);
        Figures.Add("durable", $"the same, each event of another customer", Rounds.Ratio(rates[Scattered], rates[Single]), "");
        Figures.Add("durable", "one hot customer", rates[Hot], "events/s", 10_000, 50_000);
    }

    private static IEnumerable<double> Cpu(List<double[]> costs) => costs.Select(static cost => cost[0]);
}
