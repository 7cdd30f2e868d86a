using System.Diagnostics;
using System.Text;

namespace Orleans.Personalize.Bench;

/// <summary>What grows and should cost nothing: customers, the history of one, triggers that do not listen, repeats; and how soon the server is back after kill -9.</summary>
internal static class GrowthBench
{
    private const string Events = "/v1/events";
    private const int Clients = 64;
    private const int BatchSize = 100;
    private const int Listening = 10;

    private static int Few => Rounds.AreShort ? 100 : 1_000;

    private static int Many => Rounds.AreShort ? 1_000 : 1_000_000;

    private static int LongHistory => Rounds.AreShort ? 1_000 : 100_000;

    private static int ManyTriggers => Rounds.AreShort ? 50 : 1_000;

    public static async Task RunAsync()
    {
        await CustomersAsync();
        await HistoryAsync();
        await TriggersAsync();
    }

    private static EventRequest Batch() => new(Events, BatchSize);

    private static EventRequest One() => new(Events, 1);

    /// <summary>Customers, repeats, and the recovery with all of them.</summary>
    private static async Task CustomersAsync()
    {
        await using var server = await ServerProcess.StartAsync();
        var connections = await HttpConnection.OpenAsync(server.Address, Clients);
        for (var warmUp = 0; warmUp < Rounds.WarmUps; warmUp++)
            await HttpLoad.ClosedAsync(connections, Batch, static random => random.Next(Few), Rounds.Time);
        var before = (await server.CountersAsync()).Resident;
        await FillAsync(connections);
        var resident = ((await server.CountersAsync()).Resident - before) / (double)(Many - Few);
        var (few, many, repeated) = (new List<double>(), new List<double>(), new List<double>());
        for (var round = 0; round < Rounds.Count; round++)
        {
            few.Add((await HttpLoad.ClosedAsync(connections, Batch, static random => random.Next(Few), Rounds.Time)).Rate);
            many.Add((await HttpLoad.ClosedAsync(connections, Batch, static random => random.Next(Many), Rounds.Time)).Rate);
            repeated.Add(await RepeatAsync(connections));
        }
        Add($"ingest with {Many:N0} customers / with {Few:N0}", Ratio(many, few), "", 0.8);
        Add("50 % duplicates / none", Ratio(repeated, few), "", 1);
        Add("memory a resident customer", [resident], "B, with the events of one request");
        Array.ForEach(connections, static connection => connection.Dispose());
        await RecoverAsync(server);
    }

    private static async Task FillAsync(HttpConnection[] connections)
    {
        var next = 0;
        await Task.WhenAll(connections.Select(connection => Task.Run(async () =>
        {
            var request = Batch();
            while (Volatile.Read(ref next) < Many)
                await connection.SendAsync(request.Next(() => Interlocked.Increment(ref next)));
        })));
    }

    /// <summary>Each request twice: half of all events are repeats.</summary>
    private static async Task<double> RepeatAsync(HttpConnection[] connections)
    {
        var watch = Stopwatch.StartNew();
        var counts = await Task.WhenAll(connections.Select((connection, number) => Task.Run(async () =>
        {
            var (random, request, count) = (new Random(number), Batch(), 0);
            for (; watch.Elapsed < Rounds.Time; count += 2)
            {
                await connection.SendAsync(request.Next(() => random.Next(Few)));
                await connection.SendAsync(request.Again);
            }
            return count;
        })));
        return counts.Sum() / watch.Elapsed.TotalSeconds;
    }

    /// <summary>Kill -9, the start on the same data, and the first look at customers who are not in memory.</summary>
    private static async Task RecoverAsync(ServerProcess server)
    {
        var started = new List<double>();
        for (var crash = 0; crash < Rounds.Count; crash++)
        {
            var again = await server.CrashAsync();
            started.Add(again.Started.TotalSeconds);
            if (crash < Rounds.Count - 1)
            {
                server = again;
                continue;
            }
            using var connection = await HttpConnection.OpenAsync(again.Address);
            var random = new Random(1);
            var taken = new List<double>();
            for (var read = 0; read < (Rounds.AreShort ? 20 : 5_000); read++)
            {
                var request = Encoding.ASCII.GetBytes(
                    $"GET /v1/customers/customer-{random.Next(1, Many):D8} HTTP/1.1\r\nHost: bench\r\nAuthorization: Bearer {ServerProcess.Key}\r\n\r\n");
                var since = Stopwatch.GetTimestamp();
                if (await connection.SendAsync(request) != 200)
                    throw new InvalidOperationException(connection.Head);
                taken.Add(Stopwatch.GetElapsedTime(since).TotalMilliseconds);
            }
            taken.Sort();
            Add("kill -9 to ready", started, $"s, with {Many:N0} customers", 2, lessIsBetter: true);
            Add("cold activation over HTTP, p50", [LoadResult.At([.. taken], 0.5)], "ms");
            Add("cold activation over HTTP, p99", [LoadResult.At([.. taken], 0.99)], "ms", 5, lessIsBetter: true);
            await again.StopAsync();
        }
    }

    private static async Task HistoryAsync()
    {
        await using var server = await ServerProcess.StartAsync();
        var connections = await HttpConnection.OpenAsync(server.Address, Clients);
        for (var warmUp = 0; warmUp < Rounds.WarmUps; warmUp++)
            await HttpLoad.ClosedAsync(connections, Batch, static random => random.Next(1, Few), Rounds.Time);
        var fill = Batch();
        for (var events = 0; events < LongHistory; events += BatchSize)
            await connections[0].SendAsync(fill.Next(static () => 0));
        var (old, young) = (new List<double>(), new List<double>());
        for (var round = 0; round < Rounds.Count; round++)
        {
            var fresh = Few + round;
            old.Add((await HttpLoad.ClosedAsync(connections[..1], One, static _ => 0, Rounds.Time)).Rate);
            young.Add((await HttpLoad.ClosedAsync(connections[..1], One, _ => fresh, Rounds.Time)).Rate);
        }
        Add($"ingest after {LongHistory:N0} events of a customer, time / of a new one", Ratio(young, old), "", 1.1, lessIsBetter: true);
        Array.ForEach(connections, static connection => connection.Dispose());
    }

    private static async Task TriggersAsync()
    {
        await using var one = await ServerProcess.StartAsync();
        await using var many = await ServerProcess.StartAsync();
        await TriggersAsync(one, 1);
        await TriggersAsync(many, ManyTriggers);
        await Task.Delay(TimeSpan.FromSeconds(1));
        var (ofOne, ofMany) = (await HttpConnection.OpenAsync(one.Address, Clients), await HttpConnection.OpenAsync(many.Address, Clients));
        var rates = (One: new List<double>(), Many: new List<double>());
        for (var round = -Rounds.WarmUps; round < Rounds.Count; round++)
        {
            var rate = (One: (await HttpLoad.ClosedAsync(ofOne, Batch, static random => random.Next(Few), Rounds.Time)).Rate,
                Many: (await HttpLoad.ClosedAsync(ofMany, Batch, static random => random.Next(Few), Rounds.Time)).Rate);
            if (round < 0)
                continue;
            rates.One.Add(rate.One);
            rates.Many.Add(rate.Many);
        }
        Add($"{ManyTriggers:N0} triggers of which {Listening} listen, time / one trigger", Ratio(rates.One, rates.Many), "", 1.5, lessIsBetter: true);
        Array.ForEach([.. ofOne, .. ofMany], static connection => connection.Dispose());
    }

    /// <summary>The first of them listen, and decide nothing: what is measured is the listening.</summary>
    private static async Task TriggersAsync(ServerProcess server, int count)
    {
        await server.PutAsync("senders/file", """{"type":"log"}""");
        for (var number = 0; number < count; number++)
        {
            var name = number < Listening ? "Product Viewed" : $"Other {number}";
            await server.PutAsync(
                $"triggers/t{number}", $$$"""{"on":{"event":"{{{name}}}","where":{"field":"event.properties.price","op":"gt","value":1000}},"send":{"sender":"file"}}""");
        }
    }

    private static void Add(string name, IReadOnlyCollection<double> values, string unit, double? mustReach = null, bool lessIsBetter = false) =>
        Figures.Add("growth", name, values, unit, mustReach, mustReach, lessIsBetter);

    private static double[] Ratio(IEnumerable<double> left, IEnumerable<double> right) => [.. left.Zip(right, static (a, b) => a / b)];
}
