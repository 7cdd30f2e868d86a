using System.Diagnostics;
using System.Net.Http.Headers;
using System.Text;
using Microsoft.AspNetCore.Builder;
using Microsoft.AspNetCore.Hosting.Server;
using Microsoft.AspNetCore.Hosting.Server.Features;
using Microsoft.AspNetCore.Http;
using Microsoft.Extensions.Configuration;
using Microsoft.Extensions.DependencyInjection;
using Microsoft.Extensions.Logging;
using Orleans.Personalize.Silo;

namespace Orleans.Personalize.Bench;

/// <summary>
/// Send-time content over HTTP, from profiles that are in memory, next to an endpoint of the same server behind the same key that answers a constant.
/// The clients run in the same process and cost what they cost in both.
/// </summary>
internal static class ContentBench
{
    private const int Clients = 4;
    private const int CustomersCount = 1_000;
    private const string Key = "bench-bench-bench-bench";

    private const string Slot = """
        {"json":{"title":"{{traits.name}}, still thinking about it?","items":["{{#each cart.items}}{{name}} {{price}}; {{/each}}"],"total":"{{cart.total}}"},
         "html":"<h1>{{traits.name}}</h1>{{#each cart.items}}<p>{{name}} {{price}}</p>{{/each}}","budget":"PT1S"}
        """;

    public static async Task RunAsync()
    {
        var directory = Directory.CreateTempSubdirectory("personalize-bench-");
        try
        {
            await using var app = SiloHost.Build(["--urls", "http://127.0.0.1:0"], builder =>
            {
                builder.Configuration.AddInMemoryCollection([new("Personalize:DataDirectory", directory.FullName), new("Personalize:AdminKey", Key)]);
                builder.Logging.ClearProviders();
            });
            app.MapGet("/noop", static () => Results.Text("{}", "application/json")).RequireAuthorization();
            await app.StartAsync();
            using var http = new HttpClient(new SocketsHttpHandler { MaxConnectionsPerServer = Clients })
            {
                BaseAddress = new Uri(app.Services.GetRequiredService<IServer>().Features.Get<IServerAddressesFeature>()!.Addresses.First()),
            };
            http.DefaultRequestHeaders.Authorization = new AuthenticationHeaderValue("Bearer", Key);
            await PrepareAsync(http);
            await MeasureAsync(http, app.Services.GetRequiredService<SignedLinks>());
            await app.StopAsync();
        }
        finally
        {
            directory.Delete(recursive: true);
        }
    }

    private static async Task PrepareAsync(HttpClient http)
    {
        (await http.PutAsync("/v1/slots/cart", new StringContent(Slot, Encoding.UTF8, "application/json"))).EnsureSuccessStatusCode();
        for (var customer = 0; customer < CustomersCount; customer++)
        {
            var events = string.Join(',', Enumerable.Range(0, 3).Select(item =>
                $$$"""{"customer":"customer-{{{customer}}}","name":"Product Added","traits":{"name":"Ada {{{customer}}}"},"properties":{"product_id":"p-{{{item}}}","name":"Trail Shoe {{{item}}}","price":129.9}}"""));
            (await http.PostAsync("/v1/events", new StringContent($$"""{"events":[{{events}}]}""", Encoding.UTF8, "application/json"))).EnsureSuccessStatusCode();
        }
    }

    private static async Task MeasureAsync(HttpClient http, SignedLinks links)
    {
        (string Name, Func<Random, string> Path)[] scenarios =
        [
            ("no-op GET", static _ => "/noop"),
            ("content by key, json", static random => $"/v1/content/cart?customer=customer-{random.Next(CustomersCount)}"),
            ("content by link, html", random => links.Content("default", $"customer-{random.Next(CustomersCount)}", "cart").AbsolutePath),
        ];
        var rates = scenarios.Select(static _ => new List<double>()).ToArray();
        var times = scenarios.Select(static _ => new List<double>()).ToArray();
        for (var round = 0; round <= Rounds.Count; round++)
        {
            for (var i = 0; i < scenarios.Length; i++)
            {
                var (rate, taken) = await RoundAsync(http, scenarios[i].Path);
                if (round == 0)
                    continue;
                rates[i].Add(rate);
                times[i].AddRange(taken);
            }
        }
        Console.WriteLine($"content: {Clients} clients, {CustomersCount:N0} customers in memory, {Environment.ProcessorCount} processors shared with the clients, medians of {Rounds.Count} rounds");
        for (var i = 0; i < scenarios.Length; i++)
        {
            var ratio = Rounds.Median(rates[i].Zip(rates[0], static (own, noop) => own / noop));
            times[i].Sort();
            Console.WriteLine(
                $"  {scenarios[i].Name,-24} {Rounds.Median(rates[i]),10:N0} requests/s   {ratio,6:F2} of no-op   p50 {At(times[i], 0.5):F2} ms   p99 {At(times[i], 0.99):F2} ms");
        }
    }

    private static double At(List<double> sorted, double share) => sorted[(int)(share * (sorted.Count - 1))];

    private static async Task<(double Rate, double[] Milliseconds)> RoundAsync(HttpClient http, Func<Random, string> path)
    {
        var watch = Stopwatch.StartNew();
        var taken = await Task.WhenAll(Enumerable.Range(0, Clients).Select(client => Task.Run(async () =>
        {
            var random = new Random(client);
            var milliseconds = new List<double>();
            while (watch.Elapsed < Rounds.Time)
            {
                var start = Stopwatch.GetTimestamp();
                using var response = await http.GetAsync(path(random));
                response.EnsureSuccessStatusCode();
                milliseconds.Add(Stopwatch.GetElapsedTime(start).TotalMilliseconds);
            }
            return milliseconds;
        })));
        return (taken.Sum(static each => each.Count) / watch.Elapsed.TotalSeconds, [.. taken.SelectMany(static each => each)]);
    }
}
