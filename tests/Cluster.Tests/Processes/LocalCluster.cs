using System.Net;
using System.Net.Sockets;
using Orleans.Personalize.Testing;

namespace Orleans.Personalize.Cluster.Tests.Processes;

/// <summary>Silos and gateways of the last build, each a process of its own, over a database of their own on the server of this test run.</summary>
internal sealed class LocalCluster : IAsyncDisposable
{
    private const int StatusActive = 3, StatusDead = 6;
    private static int created;

    private readonly PostgresServer server;
    private readonly string database;
    private readonly List<ClusterMember> members = [];
    private readonly List<string> directories = [];
    private readonly (string, string?)[] settings;

    private LocalCluster(PostgresServer server, string database, (string, string?)[] settings) =>
        (this.server, this.database, this.settings) = (server, database, settings);

    public string ConnectionString => server.ConnectionString(database);

    /// <summary>Where log senders of silos have written, also of those that are gone.</summary>
    public IReadOnlyList<string> Directories => directories;

    /// <param name="settings">Environment variables of every member.</param>
    public static async Task<LocalCluster> CreateAsync(params (string, string?)[] settings) => await CreateAsync(await PostgresServer.SharedAsync(), settings);

    /// <param name="on">A server that a test may stop.</param>
    public static async Task<LocalCluster> CreateAsync(PostgresServer on, params (string, string?)[] settings)
    {
        var own = $"cluster_{Interlocked.Increment(ref created)}";
        await on.ExecuteAsync($"CREATE DATABASE {own}");
        return new LocalCluster(on, own, settings);
    }

    public Task<ClusterMember> StartSiloAsync() => StartAsync("silo");

    public Task<ClusterMember> StartGatewayAsync() => StartAsync("gateway");

    public Task<ClusterMember[]> StartSilosAsync(int count) => Task.WhenAll(Enumerable.Range(0, count).Select(_ => StartSiloAsync()));

    /// <summary>Waits until the others have written down that a member is dead.</summary>
    public Task DeclaredDeadAsync(ClusterMember member) => Eventually.TrueAsync(() => IsDeclaredDeadAsync(member), () => $"{member.Name} is declared dead");

    public async Task<bool> IsDeclaredDeadAsync(ClusterMember member) =>
        Equals(StatusDead, await ExecuteAsync($"SELECT Status FROM personalize.OrleansMembershipTable WHERE SiloName = '{member.Name}'"));

    /// <summary>Waits until so many silos are active, and nobody takes another one for active.</summary>
    public Task ActiveAsync(int silos) => Eventually.TrueAsync(
        async () => Equals((long)silos, await ExecuteAsync($"SELECT count(*) FROM personalize.OrleansMembershipTable WHERE Status = {StatusActive}")),
        () => $"{silos} silos are active");

    public async ValueTask DisposeAsync()
    {
        foreach (var member in members.ToArray())
            await member.DisposeAsync();
        foreach (var directory in directories)
            Directory.Delete(directory, recursive: true);
    }

    private Task<object?> ExecuteAsync(string sql) => server.ExecuteAsync(sql, database);

    private async Task<ClusterMember> StartAsync(string role)
    {
        var directory = Directory.CreateTempSubdirectory("personalize-cluster-").FullName;
        string name;
        lock (members)
        {
            directories.Add(directory);
            name = $"{role}-{directories.Count}";
        }
        var (siloPort, gatewayPort) = FreePorts();
        var process = SiloProcess.Serve(
            directory,
            [
                ("Personalize__Journal", "postgres"),
                ("Personalize__Role", role),
                ("Personalize__LinkKeys__0", SiloProcess.LinkKey),
                ("ConnectionStrings__Personalize", ConnectionString),
                ("Personalize__Cluster__SiloPort", $"{siloPort}"),
                ("Personalize__Cluster__GatewayPort", $"{gatewayPort}"),
                ("POD_IP", "127.0.0.1"),
                ("POD_NAME", name),
                // Of each request they would tell, and what is printed is kept.
                ("Logging__LogLevel__Microsoft.AspNetCore", "Warning"),
                .. settings,
            ]);
        var member = new ClusterMember(name, directory, siloPort, gatewayPort, process, await process.ReadyAsync());
        lock (members)
            members.Add(member);
        return member;
    }

    private static (int, int) FreePorts()
    {
        using TcpListener one = new(IPAddress.Loopback, 0), other = new(IPAddress.Loopback, 0);
        one.Start();
        other.Start();
        return (((IPEndPoint)one.LocalEndpoint).Port, ((IPEndPoint)other.LocalEndpoint).Port);
    }
}
