using System.Net.Http.Headers;
using System.Text;
using Microsoft.AspNetCore.Builder;
using Microsoft.AspNetCore.Hosting.Server;
using Microsoft.AspNetCore.Hosting.Server.Features;
using Microsoft.Extensions.Configuration;
using Microsoft.Extensions.DependencyInjection;
using Microsoft.Extensions.Logging;
using Orleans.Personalize.Silo;

namespace Orleans.Personalize.Bench;

/// <summary>The whole program in this process, on a free port and a data directory of its own, without logs, and a client with its admin key.</summary>
internal sealed class BenchServer : IAsyncDisposable
{
    private const string Key = "bench-bench-bench-bench";

    private readonly WebApplication app;
    private readonly DirectoryInfo directory;

    private BenchServer(WebApplication app, DirectoryInfo directory, int clients)
    {
        this.app = app;
        this.directory = directory;
        Address = app.Services.GetRequiredService<IServer>().Features.Get<IServerAddressesFeature>()!.Addresses.First();
        Http = new HttpClient(new SocketsHttpHandler { MaxConnectionsPerServer = clients }) { BaseAddress = new Uri(Address) };
        Http.DefaultRequestHeaders.Authorization = new AuthenticationHeaderValue("Bearer", Key);
    }

    public string Address { get; }

    public HttpClient Http { get; }

    public IServiceProvider Services => app.Services;

    /// <param name="clients">Connections of the client.</param>
    /// <param name="map">Adds the baselines.</param>
    /// <param name="prepare">Fills the data directory before anything opens it.</param>
    public static async Task<BenchServer> StartAsync(int clients, Action<WebApplication> map, Func<string, Task>? prepare = null)
    {
        var data = Directory.CreateTempSubdirectory("personalize-bench-");
        if (prepare is not null)
            await prepare(data.FullName);
        var built = SiloHost.Build(["--urls", "http://127.0.0.1:0"], builder =>
        {
            builder.Configuration.AddInMemoryCollection(
            [
                new("Personalize:DataDirectory", data.FullName),
                new("Personalize:AdminKey", Key),
                new("Personalize:Senders:AllowPrivateTargets", "true"),
            ]);
            builder.Logging.ClearProviders();
        });
        map(built);
        await built.StartAsync();
        return new BenchServer(built, data, clients);
    }

    public static StringContent Json(string json) => new(json, Encoding.UTF8, "application/json");

    public async Task PutAsync(string path, string document)
    {
        using var response = await Http.PutAsync($"/v1/{path}", Json(document));
        response.EnsureSuccessStatusCode();
    }

    public async ValueTask DisposeAsync()
    {
        Http.Dispose();
        await app.StopAsync();
        await app.DisposeAsync();
        directory.Delete(recursive: true);
    }
}
