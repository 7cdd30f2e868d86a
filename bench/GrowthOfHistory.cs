using static Orleans.Personalize.Bench.GrowthBench;

namespace Orleans.Personalize.Bench;

/// <summary>Customers who have done much: their next event, and their way back into memory.</summary>
internal static class GrowthOfHistory
{
    /// <summary>How many customers have the long history, and how many the short one that they are compared with.</summary>
    private const int Each = 10;

    private const int Short = 10;

    /// <summary>Enough for snapshots, which a short history has none of.</summary>
    private const int Medium = 300;

    private const int OldFirst = 0, YoungFirst = 100, FreshFirst = 1_000, WarmOldFirst = 10_000, WarmYoungFirst = 20_000;

    private static int Long => Rounds.AreShort ? 1_000 : 100_000;

    /// <summary>Customers of both kinds that are read first after each start, so that neither meets cold code.</summary>
    private static int WarmUps => Rounds.AreShort ? 10 : 200;

    public static async Task RunAsync()
    {
        var server = await ServerProcess.StartAsync();
        var connections = await HttpConnection.OpenAsync(server.Address, Clients);
        await WarmUpAsync(connections, FreshFirst);
        await TellAsync(connections, OldFirst, Each, Long);
        await TellAsync(connections, YoungFirst, Each, Short);
        await TellAsync(connections, WarmOldFirst, WarmUps, Medium);
        await TellAsync(connections, WarmYoungFirst, WarmUps, Short);
        await IngestAsync(connections);
        HttpConnection.Close(connections);
        await ActivateAsync(server);
    }

    /// <summary>As many events of each of some customers, in requests of one customer.</summary>
    private static async Task TellAsync(HttpConnection[] connections, int first, int customers, int events)
    {
        var (next, size) = (-1, Math.Min(BatchSize, events));
        await GrowthBench.TellAsync(connections, Of("Product Viewed", size, customersMax: 1), _ =>
        {
            var request = Interlocked.Increment(ref next);
            return request < customers * events / size ? () => first + (request % customers) : null;
        });
    }

    private static async Task IngestAsync(HttpConnection[] connections)
    {
        var (old, young) = (new List<double>(), new List<double>());
        for (var round = 0; round < Rounds.Count; round++)
        {
            var fresh = FreshFirst + Few + round;
            old.Add(await RateAsync(connections[..1], One, static _ => OldFirst));
            young.Add(await RateAsync(connections[..1], One, _ => fresh));
        }
        Add($"ingest after {Long:N0} events of a customer, time / of a new one", Rounds.Ratio(young, old), "", 1.1, lessIsBetter: true);
    }

    /// <summary>After each kill -9 everybody is read once when cold, the two kinds in turns, and once more when in memory.</summary>
    private static async Task ActivateAsync(ServerProcess server)
    {
        var (old, young, resident) = (new List<double>(), new List<double>(), new List<double>());
        for (var round = 0; round < Rounds.Count; round++)
        {
            server = await server.CrashAsync();
            using var connection = await HttpConnection.OpenAsync(server.Address);
            for (var i = 0; i < WarmUps; i++)
            {
                await ReadAsync(connection, WarmOldFirst + i);
                await ReadAsync(connection, WarmYoungFirst + i);
            }
            // Lets the compiler replace what it has seen often enough.
            await Task.Delay(Rounds.Time / 2);
            var taken = (Old: new List<double>(), Young: new List<double>(), Resident: new List<double>());
            for (var i = 0; i < Each; i++)
            {
                taken.Old.Add(await ReadAsync(connection, OldFirst + i));
                taken.Young.Add(await ReadAsync(connection, YoungFirst + i));
            }
            for (var i = 0; i < Each; i++)
                taken.Resident.Add(await ReadAsync(connection, OldFirst + i));
            old.Add(Rounds.Median(taken.Old));
            young.Add(Rounds.Median(taken.Young));
            resident.Add(Rounds.Median(taken.Resident));
        }
        Add(
            $"cold activation over HTTP, after {Long:N0} events / after {Short}", Rounds.Ratio(old, young), "", 1.2, lessIsBetter: true,
            $"medians of {Each} customers each, read once after each kill -9; {Rounds.Median(old):F2} and {Rounds.Median(young):F2} ms, the former {Rounds.Median(resident):F2} ms when in memory");
        await server.StopAsync();
    }
}
