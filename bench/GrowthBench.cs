using System.Diagnostics;
using System.Text;

namespace Orleans.Personalize.Bench;

/// <summary>What grows and should cost nothing: customers, open waits, the history of one, triggers that do not listen, repeats; and how soon the server is back.</summary>
internal static class GrowthBench
{
    public const int Clients = 64;
    public const int BatchSize = 100;

    private const string Events = "/v1/events";

    /// <summary>Long past what it takes on a machine that somebody else uses as well.</summary>
    private static readonly TimeSpan TellTimeMax = TimeSpan.FromMinutes(5);

    public static int Few => Rounds.AreShort ? 100 : 1_000;

    public static int Many => Rounds.AreShort ? 1_000 : 1_000_000;

    /// <summary>How often something is done that takes seconds each time.</summary>
    public static int SlowRounds => Rounds.AreShort ? 1 : 3;

    public static async Task RunAsync()
    {
        var started = new List<double>();
        for (var round = 1; round < Rounds.Count; round++)
        {
            await using var server = await ServerProcess.StartAsync();
            started.Add(server.Started.TotalSeconds);
        }
        // To fill it takes longest, so that all share it who need many customers.
        await using (var many = await ServerProcess.StartAsync())
        {
            started.Add(many.Started.TotalSeconds);
            Add("process start to ready, empty data directory", started, "s", 1, lessIsBetter: true);
            await GrowthOfCustomers.IngestAsync(many);
            await GrowthOfWaits.RunAsync(many);
            await GrowthOfCustomers.RecoverAsync(many);
        }
        await GrowthOfMemory.RunAsync();
        await GrowthOfHistory.RunAsync();
        await GrowthOfTriggers.RunAsync();
    }

    public static EventRequest Batch() => new(Events, BatchSize);

    public static EventRequest One() => new(Events, 1);

    public static Func<EventRequest> Of(string name, int events = BatchSize, int? customersMax = null, Func<int, DateTime>? occurredAt = null) =>
        () => new(Events, events, name, customersMax: customersMax, occurredAt: occurredAt);

    /// <returns>Requests a second.</returns>
    public static async Task<double> RateAsync(HttpConnection[] connections, Func<EventRequest> make, Func<Random, int> customer) =>
        (await HttpLoad.ClosedAsync(connections, make, customer, Rounds.Time)).Rate;

    /// <param name="first">The first of the few customers that are told.</param>
    public static async Task WarmUpAsync(HttpConnection[] connections, int first = 0)
    {
        for (var warmUp = 0; warmUp < Rounds.WarmUps; warmUp++)
            await RateAsync(connections, Batch, random => first + random.Next(Few));
    }

    /// <summary>One event of each of so many customers, as fast as it goes.</summary>
    /// <param name="count">A multiple of what a request holds.</param>
    public static async Task TellAsync(HttpConnection[] connections, Func<EventRequest> make, int first, int count)
    {
        var next = first;
        await TellAsync(connections, make, request =>
        {
            var customer = Interlocked.Add(ref next, request.Events) - request.Events;
            return customer < first + count ? () => customer++ : null;
        });
    }

    /// <param name="draw">Says of whom the next request is; null when it was the last.</param>
    public static async Task TellAsync(HttpConnection[] connections, Func<EventRequest> make, Func<EventRequest, Func<int>?> draw)
    {
        var watch = Stopwatch.StartNew();
        await Task.WhenAll(connections.Select(connection => Task.Run(async () =>
        {
            var request = make();
            while (draw(request) is { } customer)
            {
                await SendAsync(connection, request.Next(customer));
                if (watch.Elapsed > TellTimeMax)
                    throw new TimeoutException($"Not everything was told in {TellTimeMax}.");
            }
        })));
    }

    /// <exception cref="InvalidOperationException">It was not taken: what is measured would be something else.</exception>
    public static async ValueTask SendAsync(HttpConnection connection, ReadOnlyMemory<byte> request)
    {
        if (await connection.SendAsync(request) is not (>= 200 and < 300))
            throw new InvalidOperationException($"The server answered {connection.Head}{connection.Body}");
    }

    /// <returns>How long it took to read the customer, in milliseconds.</returns>
    public static async Task<double> ReadAsync(HttpConnection connection, int customer)
    {
        var request = Encoding.ASCII.GetBytes($"GET /v1/customers/customer-{customer:D8} HTTP/1.1\r\nHost: bench\r\nAuthorization: Bearer {ServerProcess.Key}\r\n\r\n");
        var since = Stopwatch.GetTimestamp();
        await SendAsync(connection, request);
        return Stopwatch.GetElapsedTime(since).TotalMilliseconds;
    }

    public static void Add(string name, IReadOnlyCollection<double> values, string unit, double? mustReach = null, bool lessIsBetter = false, string detail = "") =>
        Figures.Add("growth", name, values, unit, mustReach, mustReach, lessIsBetter, detail);
}
