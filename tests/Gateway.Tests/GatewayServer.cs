using System.Net.Http.Headers;
using System.Text;
using System.Text.Json;
using Microsoft.AspNetCore.Builder;
using Microsoft.AspNetCore.Hosting;
using Microsoft.Extensions.DependencyInjection;
using Microsoft.Extensions.Logging;
using Orleans.Personalize.Gateway;
using Orleans.Personalize.Testing;

namespace Orleans.Personalize.Tests;

/// <summary>The gateway on a real Kestrel at a free loopback port, over fake grains.</summary>
public sealed class GatewayServer : IAsyncDisposable
{
    public const string AdminKey = "the-admin-key-of-the-tests";

    private readonly WebApplication app;

    private GatewayServer(WebApplication app, FakeGrains grains, LogRecorder log, string directory)
    {
        this.app = app;
        Grains = grains;
        Log = log;
        DataDirectory = directory;
        Address = new Uri(app.Urls.Single());
        Anonymous = new HttpClient { BaseAddress = Address };
        Admin = ClientOf(AdminKey);
    }

    public FakeGrains Grains { get; }

    public LogRecorder Log { get; }

    public string DataDirectory { get; }

    public Uri Address { get; }

    public HttpClient Anonymous { get; }

    public HttpClient Admin { get; }

    public IServiceProvider Services => app.Services;

    public static async Task<GatewayServer> StartAsync(
        FakeGrains? grains = null, string? adminKey = AdminKey, Action<WebApplicationBuilder>? configure = null)
    {
        grains ??= new FakeGrains();
        var log = new LogRecorder();
        var directory = Path.Combine(Path.GetTempPath(), $"personalize-gateway-{Guid.NewGuid():n}");
        var builder = WebApplication.CreateSlimBuilder(new WebApplicationOptions { EnvironmentName = "Production" });
        builder.Configuration["Personalize:AdminKey"] = adminKey;
        builder.Configuration["Personalize:DataDirectory"] = directory;
        builder.Logging.ClearProviders().AddProvider(log).SetMinimumLevel(LogLevel.Information);
        builder.WebHost.UseUrls("http://127.0.0.1:0");
        builder.Services.AddSingleton(grains.Factory);
        builder.Services.AddSingleton<ICluster>(new FakeCluster());
        builder.Services.AddGateway(builder.Configuration);
        configure?.Invoke(builder);
        var host = builder.Build();
        host.MapGateway();
        await host.StartAsync();
        return new GatewayServer(host, grains, log, directory);
    }

    public HttpClient ClientOf(string key)
    {
        var client = new HttpClient { BaseAddress = Address };
        client.DefaultRequestHeaders.Authorization = new AuthenticationHeaderValue("Bearer", key);
        return client;
    }

    /// <summary>Makes a key of a role and a client that uses it.</summary>
    public async Task<(string Id, string Key, HttpClient Client)> CreateKeyAsync(string role)
    {
        var response = await Admin.PostAsync("/v1/keys", Json($$"""{"name":"{{role}} key","role":"{{role}}"}"""));
        Assert.Equal(201, (int)response.StatusCode);
        var created = await ReadAsync(response);
        var key = created.GetProperty("key").GetString()!;
        return (created.GetProperty("id").GetString()!, key, ClientOf(key));
    }

    public async ValueTask DisposeAsync()
    {
        Anonymous.Dispose();
        Admin.Dispose();
        await app.StopAsync();
        await app.DisposeAsync();
        if (Directory.Exists(DataDirectory))
            Directory.Delete(DataDirectory, recursive: true);
    }

    public static StringContent Json(string json) => new(json, Encoding.UTF8, "application/json");

    public static ByteArrayContent Bytes(byte[] body, string? type = "application/json")
    {
        var content = new ByteArrayContent(body);
        if (type is not null)
            content.Headers.TryAddWithoutValidation("Content-Type", type);
        return content;
    }

    public static async Task<JsonElement> ReadAsync(HttpResponseMessage response)
    {
        using var document = JsonDocument.Parse(await response.Content.ReadAsStreamAsync());
        return document.RootElement.Clone();
    }

    /// <summary>Asserts that the answer is problem details of that status.</summary>
    public static async Task<JsonElement> ProblemAsync(int status, HttpResponseMessage response)
    {
        var text = await response.Content.ReadAsStringAsync();
        Assert.True(status == (int)response.StatusCode, $"Expected {status}, got {(int)response.StatusCode}: {text}");
        Assert.Equal("application/problem+json", response.Content.Headers.ContentType?.MediaType);
        using var document = JsonDocument.Parse(text);
        Assert.Equal(status, document.RootElement.GetProperty("status").GetInt32());
        Assert.False(string.IsNullOrEmpty(document.RootElement.GetProperty("title").GetString()));
        return document.RootElement.Clone();
    }
}

/// <summary>Keeps every log line.</summary>
public sealed class LogRecorder : ILoggerProvider, ILogger
{
    private readonly List<(LogLevel Level, string Text)> lines = [];

    public (LogLevel Level, string Text)[] Lines
    {
        get
        {
            lock (lines)
                return [.. lines];
        }
    }

    public ILogger CreateLogger(string categoryName) => this;

    public IDisposable? BeginScope<TState>(TState state) where TState : notnull => null;

    public bool IsEnabled(LogLevel logLevel) => true;

    public void Log<TState>(LogLevel logLevel, EventId eventId, TState state, Exception? exception, Func<TState, Exception?, string> formatter)
    {
        lock (lines)
            lines.Add((logLevel, $"{formatter(state, exception)} {exception}"));
    }

    public void Dispose()
    {
    }
}

/// <summary>A cluster of two silos, of which one has just gone.</summary>
public sealed class FakeCluster : ICluster
{
    private static readonly DateTimeOffset Noon = new(2026, 1, 31, 12, 0, 0, TimeSpan.Zero);

    public Task<ClusterView> ReadAsync(CancellationToken cancellation) => Task.FromResult(new ClusterView(
        "orleans",
        [
            new("silo-a", "10.0.0.1:11111", "active", Noon, Noon.AddHours(1), new Dictionary<string, int> { ["sender"] = 1, ["customer"] = 7 }),
            new("silo-b", "10.0.0.2:11111", "dead", Noon, Noon.AddMinutes(1), new Dictionary<string, int>()),
        ],
        [new(0, "silo-a"), new(1, null)],
        "/cluster/orleans/"));
}
