using Microsoft.AspNetCore.Builder;
using Microsoft.AspNetCore.Http;
using Microsoft.Extensions.DependencyInjection;

namespace Orleans.Personalize.Bench;

/// <summary>
/// Send-time content over HTTP, from profiles that are in memory, next to an endpoint of the same server behind the same key that answers a constant.
/// The clients run in the same process and cost what they cost in both.
/// </summary>
internal static class ContentBench
{
    private const int Clients = 4;
    private const int CustomersCount = 1_000;

    private const string Slot = """
        {"json":{"title":"{{traits.name}}, still thinking about it?","items":["{{#each cart.items}}{{name}} {{price}}; {{/each}}"],"total":"{{cart.total}}"},
         "html":"<h1>{{traits.name}}</h1>{{#each cart.items}}<p>{{name}} {{price}}</p>{{/each}}","budget":"PT1S"}
        """;

    public static async Task RunAsync()
    {
        await using var server = await BenchServer.StartAsync(
            Clients, static app => app.MapGet("/noop", static () => Results.Text("{}", "application/json")).RequireAuthorization());
        await PrepareAsync(server);
        Console.WriteLine($"content: {Clients} clients, {CustomersCount:N0} customers in memory, {Environment.ProcessorCount} processors shared with the clients, medians of {Rounds.Count} rounds");
        var links = server.Services.GetRequiredService<SignedLinks>();
        await GetLoad.CompareAsync(
            server.Http,
            Clients,
            ("no-op GET", static _ => "/noop"),
            ("content by key, json", static random => $"/v1/content/cart?customer=customer-{random.Next(CustomersCount)}"),
            ("content by link, html", random => links.Content("default", $"customer-{random.Next(CustomersCount)}", "cart").AbsolutePath));
    }

    private static async Task PrepareAsync(BenchServer server)
    {
        await server.PutAsync("slots/cart", Slot);
        for (var customer = 0; customer < CustomersCount; customer++)
        {
            var events = string.Join(',', Enumerable.Range(0, 3).Select(item =>
                $$$"""{"customer":"customer-{{{customer}}}","name":"Product Added","traits":{"name":"Ada {{{customer}}}"},"properties":{"product_id":"p-{{{item}}}","name":"Trail Shoe {{{item}}}","price":129.9}}"""));
            (await server.Http.PostAsync("/v1/events", BenchServer.Json($$"""{"events":[{{events}}]}"""))).EnsureSuccessStatusCode();
        }
    }
}
