using System.Net;
using System.Text;
using System.Text.Json;
using Microsoft.AspNetCore.Builder;
using Microsoft.AspNetCore.Hosting;
using Microsoft.AspNetCore.Http;
using Microsoft.Extensions.Logging;
using Microsoft.Playwright;
using Orleans.Personalize.Testing;

namespace Orleans.Personalize.Dashboard.Tests;

/// <summary>A running silo with a shop's documents and some customers, and a browser to look at it.</summary>
public sealed class Shop : IAsyncLifetime
{
    private readonly string directory = Directory.CreateTempSubdirectory("personalize-dashboard-tests-").FullName;
    private SiloProcess silo = null!;
    private WebApplication provider = null!;
    private IPlaywright playwright = null!;
    private IBrowser browser = null!;

    public HttpClient Api { get; private set; } = null!;

    public Uri Address { get; private set; } = null!;

    public async Task InitializeAsync()
    {
        if (Browser.Missing is not null)
            return;
        provider = await StartRefusingProviderAsync();
        silo = SiloProcess.Serve(directory, ("Personalize__SearchTraits__0", "plan"));
        Api = await silo.ReadyAsync();
        Address = await silo.ListeningAsync();
        await PutDocumentsAsync();
        playwright = await Playwright.CreateAsync();
        // In a container there is no user namespace for the sandbox; what is opened is our own.
        browser = await playwright.Chromium.LaunchAsync(new() { ExecutablePath = Browser.Program, Args = ["--no-sandbox"] });
    }

    public async Task DisposeAsync()
    {
        if (browser is not null)
            await browser.DisposeAsync();
        playwright?.Dispose();
        if (silo is not null)
            await silo.DisposeAsync();
        if (provider is not null)
            await provider.DisposeAsync();
        Directory.Delete(directory, recursive: true);
    }

    /// <summary>A tab of its own, whose errors fail the test that asks for them.</summary>
    /// <param name="script">Runs before those of each page.</param>
    public async Task<Tab> OpenAsync(string path, string? key = SiloProcess.AdminKey, int width = 1280, ColorScheme theme = ColorScheme.Light, string? script = null)
    {
        var context = await browser.NewContextAsync(new()
        {
            ViewportSize = new() { Width = width, Height = 860 }, ColorScheme = theme, ReducedMotion = ReducedMotion.Reduce, Locale = "en-GB",
        });
        context.SetDefaultTimeout((float)Eventually.Patience.TotalMilliseconds);
        if (script is not null)
            await context.AddInitScriptAsync(script);
        var tab = new Tab(await context.NewPageAsync());
        await tab.Page.GotoAsync(new Uri(Address, path + (key is null ? "" : "#key=" + key)).ToString());
        return tab;
    }

    /// <summary>What the sender <c>email</c> has written, a line a mail.</summary>
    public string[] Mails => File.ReadAllLines(Path.Combine(directory, "sends", "mails.ndjson"));

    public async Task<string> CreateKeyAsync(string role)
    {
        using var response = await Api.PostAsync("/v1/keys", Json($$"""{"name":"{{role}}","role":"{{role}}"}"""));
        using var created = JsonDocument.Parse(await response.Content.ReadAsStringAsync());
        return created.RootElement.GetProperty("key").GetString()!;
    }

    public async Task PutAsync(string path, string document)
    {
        using var response = await Api.PutAsync("/v1/" + path, Json(document));
        Assert.True(response.IsSuccessStatusCode, $"{path}: {await response.Content.ReadAsStringAsync()}");
    }

    public async Task HappensAsync(string customer, string name, string properties = "{}")
    {
        using var response = await Api.PostAsync("/v1/events", Json($$"""{"customer":"{{customer}}","name":"{{name}}","properties":{{properties}} }"""));
        Assert.Equal(HttpStatusCode.Accepted, response.StatusCode);
    }

    public async Task HappenAsync(IEnumerable<(string Customer, string Name, string Properties)> events)
    {
        var body = string.Join(',', events.Select(static one => $$"""{"customer":"{{one.Customer}}","name":"{{one.Name}}","properties":{{one.Properties}} }"""));
        using var response = await Api.PostAsync("/v1/events", Json($$"""{"events":[{{body}}]}"""));
        Assert.True(response.IsSuccessStatusCode, await response.Content.ReadAsStringAsync());
    }

    /// <summary>Somebody with an address, who added a shoe.</summary>
    public async Task ArrivesAsync(string customer)
    {
        using var response = await Api.PostAsync("/v1/events", Json($$"""
            {"customer":"{{customer}}","type":"identify","traits":{"first_name":"Ada","email":"{{customer}}@example.com"},"consent":{"email":true} }
            """));
        Assert.Equal(HttpStatusCode.Accepted, response.StatusCode);
        await HappensAsync(customer, "Product Added", """{"product_id":"shoe","name":"Trail Shoe","price":129.9,"quantity":1}""");
    }

    private async Task PutDocumentsAsync()
    {
        await PutAsync("senders/email", """{"type":"log","channel":"email","path":"mails.ndjson"}""");
        await PutAsync("senders/refusing", 
            $$"""{ "type": "webhook", "channel": "email", "url": "{{provider.Urls.Single()}}/", "secret": "whsec_{{Convert.ToBase64String(new byte[32])}}" }""");
        await PutAsync("senders/flaky", 
            $$"""{ "type": "webhook", "channel": "email", "url": "{{provider.Urls.Single()}}/flaky", "secret": "whsec_{{Convert.ToBase64String(new byte[32])}}" }""");
        await PutAsync("templates/cart", """
            {"subject":"{{traits.first_name}}, your {{event.properties.name}}","html":"<h1 id='hello'>Hello {{traits.nick_name}}</h1><script>parent.postMessage('out', '*')</script>","text":"Hello {{traits.first_name}}"}
            """);
        await PutAsync("triggers/cart", """
            {"name":"Cart abandoned","on":{"event":"Product Added"},"wait":{"for":"PT1H"},"unless":[{"event":"Order Completed"}],
             "if":{"field":"profile.cart.total","op":"gte","value":200},"send":{"sender":"email","template":"cart"}}
            """);
        await PutAsync("triggers/thanks", """{"name":"Thank you","on":{"event":"Order Completed"},"send":{"sender":"email","template":"cart"}}""");
        await PutAsync("triggers/flaky", """{"name":"Flaky","on":{"event":"Flaky"},"send":{"sender":"flaky"}}""");
        await PutAsync("triggers/refused", """{"name":"Refused","on":{"event":"Refused"},"send":{"sender":"refusing"}}""");
    }

    /// <summary>A provider that wants nothing of anybody, and at <c>/flaky</c> nothing at first.</summary>
    private static async Task<WebApplication> StartRefusingProviderAsync()
    {
        var builder = WebApplication.CreateSlimBuilder();
        builder.Logging.ClearProviders();
        builder.WebHost.UseUrls("http://127.0.0.1:0");
        var app = builder.Build();
        var isTried = false;
        app.Map("/flaky", flaky => flaky.Run(http =>
        {
            http.Response.StatusCode = isTried ? StatusCodes.Status200OK : StatusCodes.Status503ServiceUnavailable;
            http.Response.Headers.RetryAfter = "1";
            isTried = true;
            return Task.CompletedTask;
        }));
        app.Run(static http =>
        {
            http.Response.StatusCode = StatusCodes.Status400BadRequest;
            return Task.CompletedTask;
        });
        await app.StartAsync();
        return app;
    }

    private static StringContent Json(string json) => new(json, Encoding.UTF8, "application/json");
}

/// <summary>A page and what went wrong on it.</summary>
public sealed class Tab : IAsyncDisposable
{
    private readonly List<string> errors = [];

    internal Tab(IPage page)
    {
        Page = page;
        page.PageError += (_, error) => errors.Add(error);
        page.Console += (_, message) =>
        {
            // What the API refuses is said on the page; the browser says it too.
            if (message.Type == "error" && !message.Text.StartsWith("Failed to load resource", StringComparison.Ordinal))
                errors.Add(message.Text);
        };
    }

    public IPage Page { get; }

    public ILocator Card(string title) => Page.Locator($"section[aria-label='{title}']");

    public ILocator Button(string name) => Page.GetByRole(AriaRole.Button, new() { Name = name, Exact = true });

    public ILocatorAssertions Sees(string text) => Assertions.Expect(Page.Locator("main").GetByText(text).First);

    public void AssertNoErrors() => Assert.Empty(errors);

    public async ValueTask DisposeAsync() => await Page.Context.DisposeAsync();
}

[CollectionDefinition(nameof(Shop))]
public sealed class ShopCollection : ICollectionFixture<Shop>;
