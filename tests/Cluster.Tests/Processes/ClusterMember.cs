using System.Net.Http.Headers;
using Orleans.Personalize.Testing;

namespace Orleans.Personalize.Cluster.Tests.Processes;

/// <summary>A silo or a gateway, in a process of its own.</summary>
internal sealed class ClusterMember(string name, string directory, int siloPort, int gatewayPort, SiloProcess process, HttpClient client) : IAsyncDisposable
{
    /// <summary>What a client allows a request before it asks another member.</summary>
    private static readonly TimeSpan Haste = TimeSpan.FromSeconds(3);

    public string Name { get; } = name;

    /// <summary>Where its log senders write.</summary>
    public string Directory { get; } = directory;

    public int SiloPort { get; } = siloPort;

    public int GatewayPort { get; } = gatewayPort;

    public SiloProcess Process { get; } = process;

    /// <summary>Waits for answers.</summary>
    public HttpClient Client { get; } = client;

    /// <summary>Does not wait long.</summary>
    public HttpClient Hasty { get; } = new()
    {
        BaseAddress = client.BaseAddress,
        Timeout = Haste,
        DefaultRequestHeaders = { Authorization = new AuthenticationHeaderValue("Bearer", SiloProcess.AdminKey) },
    };

    public async ValueTask DisposeAsync()
    {
        Hasty.Dispose();
        await Process.DisposeAsync();
    }
}
