using System.Net;
using System.Net.Http.Headers;
using System.Reflection;
using System.Text;
using System.Text.Json.Nodes;
using Microsoft.AspNetCore.Hosting.Server;
using Microsoft.AspNetCore.Hosting.Server.Features;

namespace Orleans.Personalize.Silo.Demo;

/// <summary>Invented people in an invented shop, a few steps at a human pace, over HTTP.</summary>
internal sealed class Shoppers(DemoSettings settings, IServer server, IHostApplicationLifetime lifetime, TimeProvider clock) : BackgroundService
{
    private static readonly string[] Names =
        ["Ada", "Grace", "Alan", "Edsger", "Barbara", "Donald", "Radia", "Niklaus", "Frances", "Tony", "Margaret", "Ken", "Adele", "Dennis", "Lynn", "John"];

    private static readonly (string Id, string Name, decimal Price)[] Products =
    [
        ("trail-shoe", "Trail Shoe", 129.90m), ("rain-jacket", "Rain Jacket", 189.00m), ("merino-shirt", "Merino Shirt", 69.50m), ("camp-mug", "Camp Mug", 14.90m),
        ("head-lamp", "Head Lamp", 44.00m), ("day-pack", "Day Pack", 99.00m), ("wool-socks", "Wool Socks", 17.90m), ("gas-stove", "Gas Stove", 54.90m),
    ];

    /// <summary>The pause between two steps of anyone.</summary>
    private static readonly TimeSpan Pace = TimeSpan.FromMilliseconds(700);

    private readonly Random random = new();
    private readonly Dictionary<string, List<(string Id, string Name, decimal Price)>> carts = [];
    private int orders = 1000;

    protected override async Task ExecuteAsync(CancellationToken stoppingToken)
    {
        var started = new TaskCompletionSource();
        await using var registration = lifetime.ApplicationStarted.Register(started.SetResult);
        await started.Task.WaitAsync(stoppingToken);
        var address = server.Features.Get<IServerAddressesFeature>()!.Addresses.First().Replace("//[::]", "//127.0.0.1").Replace("//0.0.0.0", "//127.0.0.1");
        using var http = new HttpClient { BaseAddress = new Uri(address) };
        http.DefaultRequestHeaders.Authorization = new AuthenticationHeaderValue("Bearer", settings.Key);
        await settings.Console.WriteLineAsync(Greeting(address));
        try
        {
            await Configure(http, stoppingToken);
            while (!stoppingToken.IsCancellationRequested)
            {
                await Post(http, Step(), stoppingToken);
                await Task.Delay(Pace * (0.5 + random.NextDouble()), clock, stoppingToken);
            }
        }
        catch (OperationCanceledException) when (stoppingToken.IsCancellationRequested)
        {
            // The demo ends.
        }
        catch (HttpRequestException failure)
        {
            await settings.Console.WriteLineAsync($"The shoppers have left: {failure.Message}");
        }
    }

    private string Greeting(string address) => $"""

          Orleans.Personalize demo: {Names.Length} shoppers, 3 triggers, everything on this machine only.

          Open     {address}/#key={settings.Key}
          Try      curl -H "Authorization: Bearer {settings.Key}" {address}/v1/customers/ada
          Stop     Ctrl+C; nothing stays behind

          Waits are seconds here where a shop's would be hours. What is decided, and why:

        """;

    /// <summary>The sample documents, stored as anyone would: with PUT.</summary>
    private static async Task Configure(HttpClient http, CancellationToken cancellation)
    {
        var assembly = Assembly.GetExecutingAssembly();
        // The sender and the templates before the triggers that name them.
        foreach (var name in assembly.GetManifestResourceNames().Where(static name => name.StartsWith("demo/", StringComparison.Ordinal)).Order(StringComparer.Ordinal))
        {
            using var document = new StreamReader(assembly.GetManifestResourceStream(name)!);
            using var body = new StringContent(await document.ReadToEndAsync(cancellation), Encoding.UTF8, "application/json");
            using var response = await http.PutAsync($"/v1/{Path.ChangeExtension(name["demo/".Length..], null)}", body, cancellation);
            if (!response.IsSuccessStatusCode)
                throw new HttpRequestException($"{name}: {await response.Content.ReadAsStringAsync(cancellation)}");
        }
    }

    /// <summary>The first minute of any demo: somebody adds a product, and buys it before the mail about it is due.</summary>
    private readonly Queue<Func<Shoppers, JsonObject[]>> opening = new(
    [
        static shop => [Identify("Ada"), Viewed("Ada", Products[0])],
        static shop => [Added("Ada", shop.carts["Ada"] = [], Products[0])],
        static shop => [Completed("Ada", shop.carts["Ada"], ++shop.orders)],
    ]);

    /// <summary>What somebody does next: look, add, buy, leave it, or change their mind about mail.</summary>
    private JsonObject[] Step()
    {
        if (opening.TryDequeue(out var first))
            return first(this);
        var name = Names[random.Next(Names.Length)];
        if (!carts.TryGetValue(name, out var cart))
        {
            carts[name] = [];
            return [Identify(name), Viewed(name, Any())];
        }
        return random.Next(100) switch
        {
            < 2 => [Event(name, "Unsubscribed", new(), new() { ["email"] = false })],
            < 5 => [Event(name, "Products Searched", new() { ["query"] = Any().Name.Split(' ')[0].ToLowerInvariant() })],
            < 25 when cart.Count > 0 => [Completed(name, cart, ++orders)],
            < 50 => [Added(name, cart, Any())],
            _ => [Viewed(name, Any())],
        };
    }

    private (string Id, string Name, decimal Price) Any() => Products[random.Next(Products.Length)];

    private static JsonObject Identify(string name) => new()
    {
        ["type"] = "identify",
        ["customer"] = name.ToLowerInvariant(),
        ["traits"] = new JsonObject { ["first_name"] = name, ["email"] = $"{name.ToLowerInvariant()}@example.com", ["timezone"] = "Europe/Berlin" },
        ["consent"] = new JsonObject { ["email"] = true },
    };

    private static JsonObject Viewed(string name, (string Id, string Name, decimal Price) product) => Event(name, "Product Viewed", Of(product));

    private static JsonObject Added(
        string name, List<(string Id, string Name, decimal Price)> cart, (string Id, string Name, decimal Price) product)
    {
        cart.Add(product);
        return Event(name, "Product Added", Of(product));
    }

    private static JsonObject Completed(string name, List<(string Id, string Name, decimal Price)> cart, int order)
    {
        var total = cart.Sum(static product => product.Price);
        cart.Clear();
        return Event(name, "Order Completed", new() { ["order_id"] = $"A-{order}", ["total"] = total, ["currency"] = "EUR" });
    }

    private static JsonObject Of((string Id, string Name, decimal Price) product) =>
        new() { ["product_id"] = product.Id, ["name"] = product.Name, ["price"] = product.Price, ["quantity"] = 1 };

    private static JsonObject Event(string name, string happened, JsonObject properties, JsonObject? consent = null) => new()
    {
        ["customer"] = name.ToLowerInvariant(),
        ["name"] = happened,
        ["properties"] = properties,
        ["consent"] = consent,
    };

    private static async Task Post(HttpClient http, JsonObject[] events, CancellationToken cancellation)
    {
        using var body = new StringContent(new JsonObject { ["events"] = new JsonArray(events) }.ToJsonString(), Encoding.UTF8, "application/json");
        using var response = await http.PostAsync("/v1/events", body, cancellation);
        if (response.StatusCode is not HttpStatusCode.Accepted)
            throw new HttpRequestException($"{(int)response.StatusCode} {await response.Content.ReadAsStringAsync(cancellation)}");
    }
}
