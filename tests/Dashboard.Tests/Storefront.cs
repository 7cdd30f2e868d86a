using System.Text.Json;
using Microsoft.AspNetCore.Builder;
using Microsoft.AspNetCore.Hosting;
using Microsoft.AspNetCore.Http;
using Microsoft.Extensions.Logging;
using Orleans.Personalize.Testing;

namespace Orleans.Personalize.Dashboard.Tests;

/// <summary>A site of its own origin, and what its silo knows of the visitors.</summary>
public sealed class Storefront : IAsyncDisposable
{
    private readonly WebApplication app;
    private readonly Shop shop;

    private Storefront(WebApplication app, Shop shop)
    {
        this.app = app;
        this.shop = shop;
    }

    public string Address => app.Urls.Single() + "/";

    /// <summary>The sample, with the address and the key put in as docs/tracking.md says.</summary>
    public static async Task<Storefront> StartAsync(Shop shop)
    {
        var folder = Path.Combine(Root(), "samples", "storefront");
        var key = await shop.CreateKeyAsync("ingest");
        return await ServeAsync(shop, path => File.Exists(Path.Combine(folder, path))
            ? File.ReadAllText(Path.Combine(folder, path)).Replace("http://127.0.0.1:5080", shop.Address.ToString().TrimEnd('/')).Replace("INGEST-KEY", key)
            : null);
    }

    /// <param name="file">The text of a path without its first slash; null where there is nothing.</param>
    public static async Task<Storefront> ServeAsync(Shop shop, Func<string, string?> file)
    {
        var builder = WebApplication.CreateSlimBuilder();
        builder.Logging.ClearProviders();
        builder.WebHost.UseUrls("http://127.0.0.1:0");
        var server = builder.Build();
        server.Run(async http =>
        {
            var path = http.Request.Path.Value!.TrimStart('/') is { Length: > 0 } named ? named : "index.html";
            if (file(path) is not { } text)
            {
                http.Response.StatusCode = StatusCodes.Status404NotFound;
                return;
            }
            http.Response.ContentType = Path.GetExtension(path) switch { ".js" => "text/javascript", ".css" => "text/css", ".html" => "text/html", _ => "application/json" };
            await http.Response.WriteAsync(text);
        });
        await server.StartAsync();
        return new(server, shop);
    }

    /// <summary>The customer's profile, once it is as wanted.</summary>
    public async Task<JsonElement> CustomerAsync(string id, Func<JsonElement, bool> wanted)
    {
        var known = "nothing";
        var profile = default(JsonElement);
        await Eventually.TrueAsync(async () =>
        {
            using var response = await shop.Api.GetAsync("/v1/customers/" + Uri.EscapeDataString(id));
            known = await response.Content.ReadAsStringAsync();
            if (!response.IsSuccessStatusCode)
                return false;
            profile = JsonElement.Parse(known);
            return wanted(profile);
        }, () => $"{id} is as wanted; it is {known}");
        return profile;
    }

    public Task<string> TimelineAsync(string id) => shop.Api.GetStringAsync($"/v1/customers/{Uri.EscapeDataString(id)}/timeline");

    /// <summary>How often somebody did something.</summary>
    public static long Count(JsonElement profile, string name) =>
        profile.GetProperty("counters").TryGetProperty(name, out var counter) ? counter.GetProperty("count").GetInt64() : 0;

    public ValueTask DisposeAsync() => app.DisposeAsync();

    private static string Root()
    {
        var directory = new DirectoryInfo(AppContext.BaseDirectory);
        while (!File.Exists(Path.Combine(directory!.FullName, "Orleans.Personalize.sln")))
            directory = directory.Parent;
        return directory.FullName;
    }
}
