using System.Collections.Concurrent;
using System.Diagnostics;
using System.Text.RegularExpressions;
using Microsoft.AspNetCore.Builder;
using Microsoft.AspNetCore.Hosting;
using Microsoft.AspNetCore.Hosting.Server;
using Microsoft.AspNetCore.Hosting.Server.Features;
using Microsoft.AspNetCore.Http;
using Microsoft.Extensions.DependencyInjection;
using Microsoft.Extensions.Logging;

namespace Orleans.Personalize.Bench;

/// <summary>
/// How long an event takes at a rate that does not depend on the answers, from the instant at which it was to be sent: until its decision is durable, which
/// is before the answer, and until the provider that its immediate trigger sends to has the request. Only the latter is of a new customer each time.
/// </summary>
internal static partial class LatencyBench
{
    private const int Clients = 64;
    private const int CustomersCount = 10_000;
    private const int FirstKnown = 50_000_000;

    /// <summary>Events a second for the way to the provider: what a sender with its default concurrency has room for.</summary>
    private const double SendRate = 200;

    private static readonly ConcurrentDictionary<int, long> Intended = new();
    private static readonly ConcurrentBag<double> Begun = [];
    private static int nextCustomer;

    public static async Task RunAsync()
    {
        await using var provider = await StartProviderAsync();
        await using var server = await ServerProcess.StartAsync();
        await PrepareAsync(server, provider.Services.GetRequiredService<IServer>().Features.Get<IServerAddressesFeature>()!.Addresses.First());
        var connections = await HttpConnection.OpenAsync(server.Address, Clients);
        Console.WriteLine($"latency: {Clients} connections from another process, {Rounds.Count} rounds");
        Func<EventRequest> decided = static () => new("/v1/events", 1, "To shadow"), sent = static () => new("/v1/events", 1, "To provider");
        for (var warmUp = 0; warmUp < Rounds.WarmUps; warmUp++)
            await HttpLoad.ClosedAsync(connections, decided, Known, Rounds.Time);
        var maximum = new List<double>();
        var (p50, p99, begun) = (new List<double>(), new List<double>(), new List<double>());
        for (var round = 0; round < Rounds.Count; round++)
        {
            maximum.Add((await HttpLoad.ClosedAsync(connections, decided, Known, Rounds.Time)).Rate);
            var load = await HttpLoad.OpenAsync(connections, decided, Known, 0.6 * Rounds.Median(maximum), Rounds.Time);
            p50.Add(LoadResult.At(load.Latencies, 0.5));
            p99.Add(LoadResult.At(load.Latencies, 0.99));
            begun.Add(await SendAsync(connections, sent));
        }
        Figures.Add("latency", "maximum rate, each event with a decision (shadow mode: nothing is sent)", maximum, "events/s");
        Figures.Add("latency", "event to durable decision at 60 % of it, p50", p50, "ms");
        Figures.Add("latency", "event to durable decision at 60 % of it, p99", p99, "ms", 10, 5, lessIsBetter: true);
        Figures.Add("latency", $"event to the provider's request begun, {SendRate:N0} events/s, p99", begun, "ms", 25, 10, lessIsBetter: true);
        HttpConnection.Close(connections);
    }

    /// <summary>One of those who have been here before.</summary>
    private static int Known(Random random) => FirstKnown + random.Next(CustomersCount);

    private static int Next(Random random) => Interlocked.Increment(ref nextCustomer);

    /// <returns>The 99th percentile in milliseconds.</returns>
    private static async Task<double> SendAsync(HttpConnection[] connections, Func<EventRequest> sent)
    {
        Begun.Clear();
        var load = await HttpLoad.OpenAsync(connections, sent, Next, SendRate, Rounds.Time, static (customer, intended) => Intended[customer] = intended);
        var clock = Stopwatch.StartNew();
        while (Begun.Count < load.Latencies.Length)
        {
            if (clock.Elapsed > TimeSpan.FromSeconds(30))
                throw new InvalidOperationException($"Of {load.Latencies.Length} sends {Begun.Count} reached the provider.");
            await Task.Delay(5);
        }
        return LoadResult.At([.. Begun.Order()], 0.99);
    }

    private static async Task<WebApplication> StartProviderAsync()
    {
        var builder = WebApplication.CreateBuilder();
        builder.Logging.ClearProviders();
        builder.WebHost.UseUrls("http://127.0.0.1:0");
        var app = builder.Build();
        app.MapPost("/", static async (HttpRequest request) =>
        {
            var now = Stopwatch.GetTimestamp();
            using var reader = new StreamReader(request.Body);
            var customer = int.Parse(Customer().Match(await reader.ReadToEndAsync()).Groups[1].ValueSpan, System.Globalization.CultureInfo.InvariantCulture);
            if (Intended.TryRemove(customer, out var intended))
                Begun.Add(Stopwatch.GetElapsedTime(intended, now).TotalMilliseconds);
            return Results.Ok();
        });
        await app.StartAsync();
        return app;
    }

    [GeneratedRegex("\"customer\":\"customer-([0-9]+)\"")]
    private static partial Regex Customer();

    private static async Task PrepareAsync(ServerProcess server, string provider)
    {
        await server.PutAsync("senders/file", """{"type":"log"}""");
        await server.PutAsync("senders/provider", $$"""{"type":"webhook","url":"{{provider}}/","secret":"whsec_{{Convert.ToBase64String(new byte[32])}}"}""");
        // What is sent later would still be under way while the rounds after it are measured.
        await server.PutAsync("triggers/shadow", """{"on":{"event":"To shadow"},"rollout":{"mode":"shadow"},"send":{"sender":"file"}}""");
        await server.PutAsync("triggers/provider", """{"on":{"event":"To provider"},"send":{"sender":"provider"}}""");
        await Task.Delay(TimeSpan.FromSeconds(1));
    }
}
