using System.Diagnostics;
using Microsoft.AspNetCore.Builder;
using Microsoft.AspNetCore.Http;

namespace Orleans.Personalize.Bench;

/// <summary>
/// Events through the whole of it, over HTTP to the flushed SQLite commit, next to an endpoint of the same server that reads the same
/// body behind the same key and does nothing with it. The clients run in the same process and cost what they cost in both.
/// </summary>
internal static class IngestBench
{
    private const int Clients = 64;
    private const int CustomersCount = 10_000;
    private const int BatchSize = 100;

    public static async Task RunAsync()
    {
        await using var server = await BenchServer.StartAsync(Clients, static app =>
        {
            app.MapPost("/noop", static async (HttpRequest request) =>
            {
                await request.Body.CopyToAsync(Stream.Null);
                return Results.Accepted();
            }).RequireAuthorization();
            // A provider that takes everything and answers nothing.
            app.MapPost("/stuck", static (HttpContext http) => Task.Delay(Timeout.Infinite, http.RequestAborted));
        });
        await MeasureAsync(server.Http);
        await MeasureSendsAsync(server);
    }

    private static async Task MeasureAsync(HttpClient http)
    {
        (string Name, string Path, Func<Random, string> Body, int Events)[] scenarios =
        [
            ("no-op POST", "/noop", static random => Event(random, random.Next(CustomersCount)), 1),
            ("durable POST, one event", "/v1/events", static random => Event(random, random.Next(CustomersCount)), 1),
            ("durable POST, one event, one customer", "/v1/events", static random => Event(random, 0), 1),
            ($"durable POST, {BatchSize} events", "/v1/events", Batch, BatchSize),
        ];
        Console.WriteLine($"ingest: {Clients} clients, {CustomersCount:N0} customers, {Environment.ProcessorCount} processors shared with the clients, medians of {Rounds.Count} rounds");
        await CompareAsync(http, scenarios);
    }

    /// <summary>The same events, of a customer's each of which nothing, a send to a file, or a send to a provider that never answers follows.</summary>
    private static async Task MeasureSendsAsync(BenchServer server)
    {
        foreach (var (path, document) in new[]
        {
            ("senders/file", """{"type":"log"}"""),
            ("senders/stuck", $$"""{"type":"webhook","url":"{{server.Address}}/stuck","secret":"whsec_{{Convert.ToBase64String(new byte[32])}}"}"""),
            ("triggers/file", """{"on":{"event":"To file"},"send":{"sender":"file"}}"""),
            ("triggers/stuck", """{"on":{"event":"To nobody"},"send":{"sender":"stuck"}}"""),
        })
            await server.PutAsync(path, document);
        await Task.Delay(TimeSpan.FromSeconds(1));
        var next = 0;
        // Each event is of a new customer, so that none has more open sends than are allowed.
        (string Name, string Path, Func<Random, string> Body, int Events)[] scenarios =
        [.. new[] { "To memory", "To file", "To nobody" }.Select(name => (
            name, "/v1/events", (Func<Random, string>)(random => Batch(random, name, () => Interlocked.Increment(ref next))), BatchSize))];
        Console.WriteLine($"sends: batches of {BatchSize} events of new customers, each of which nothing, a send to a file, or a send to a provider that never answers follows");
        await CompareAsync(server.Http, scenarios);
    }

    private static async Task CompareAsync(HttpClient http, (string Name, string Path, Func<Random, string> Body, int Events)[] scenarios)
    {
        var rates = scenarios.Select(static _ => new List<double>()).ToArray();
        for (var round = 0; round <= Rounds.Count; round++)
        {
            for (var i = 0; i < scenarios.Length; i++)
            {
                var rate = await RoundAsync(http, scenarios[i].Path, scenarios[i].Body) * scenarios[i].Events;
                if (round > 0)
                    rates[i].Add(rate);
            }
        }
        for (var i = 0; i < scenarios.Length; i++)
        {
            var ratio = Rounds.Median(rates[i].Zip(rates[0], static (own, noop) => own / noop));
            Console.WriteLine($"  {scenarios[i].Name,-40} {Rounds.Median(rates[i]),10:N0} events/s   {ratio,6:F2} of {scenarios[0].Name}");
        }
    }

    private static async Task<double> RoundAsync(HttpClient http, string path, Func<Random, string> body)
    {
        var watch = Stopwatch.StartNew();
        var counts = await Task.WhenAll(Enumerable.Range(0, Clients).Select(client => Task.Run(async () =>
        {
            var random = new Random(client);
            var count = 0;
            for (; watch.Elapsed < Rounds.Time; count++)
            {
                using var content = BenchServer.Json(body(random));
                using var response = await http.PostAsync(path, content);
                response.EnsureSuccessStatusCode();
            }
            return count;
        })));
        return counts.Sum() / watch.Elapsed.TotalSeconds;
    }

    private static string Batch(Random random) => Batch(random, "Product Viewed", () => random.Next(CustomersCount));

    private static string Batch(Random random, string name, Func<int> customer) =>
        $$"""{"events":[{{string.Join(',', Enumerable.Range(0, BatchSize).Select(_ => Event(random, customer(), name)))}}]}""";

    private static string Event(Random random, int customer, string name = "Product Viewed") =>
        $$$"""{"messageId":"{{{Guid.NewGuid():N}}}","customer":"customer-{{{customer}}}","name":"{{{name}}}","properties":{"product_id":"p-{{{random.Next(1000)}}}","name":"Trail Shoe","price":129.9,"url":"https://shop.example/p/trail-shoe"}}""";
}
