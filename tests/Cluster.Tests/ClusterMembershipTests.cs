using Microsoft.Extensions.Logging.Abstractions;
using Npgsql;
using Orleans.Personalize.Journal;
using Orleans.Personalize.Testing;

namespace Orleans.Personalize.Cluster.Tests;

/// <summary>The queries by which silos find each other, called as Orleans' ADO.NET provider calls them. They need no Orleans to be tested.</summary>
public sealed class ClusterMembershipTests : IAsyncLifetime
{
    private const int Active = 3, Dead = 6;
    private static int created;

    private readonly string schema = $"membership_{Interlocked.Increment(ref created)}";
    private readonly Dictionary<string, string> queries = [];
    private PostgresDatabase database = null!;
    private NpgsqlDataSource source = null!;

    public async Task InitializeAsync()
    {
        var server = await PostgresServer.SharedAsync();
        var connectionString = PostgresSettings.Complete(server.ConnectionString(more: $"Search Path={schema}")).ConnectionString;
        database = await PostgresDatabase.OpenAsync(connectionString, NullLogger.Instance, TimeProvider.System, TimeSpan.FromSeconds(30));
        source = NpgsqlDataSource.Create(connectionString);
        await using var command = source.CreateCommand("SELECT QueryKey, QueryText FROM OrleansQuery");
        await using var rows = await command.ExecuteReaderAsync();
        while (await rows.ReadAsync())
            queries.Add(rows.GetString(0), rows.GetString(1));
    }

    public async Task DisposeAsync()
    {
        await source.DisposeAsync();
        await database.DisposeAsync();
    }

    [PostgresFact]
    public void There_is_every_query_that_a_silo_asks_for() => Assert.Equal(
        [
            "CleanupDefunctSiloEntriesKey", "DeleteMembershipTableEntriesKey", "GatewaysQueryKey", "InsertMembershipKey", "InsertMembershipVersionKey",
            "MembershipReadAllKey", "MembershipReadRowKey", "UpdateIAmAlivetimeKey", "UpdateMembershipKey",
        ],
        queries.Keys.Order(StringComparer.Ordinal));

    [PostgresFact]
    public async Task A_new_cluster_is_begun_once_and_has_a_version_before_it_has_members()
    {
        Assert.True(await Is("InsertMembershipVersionKey", ("DeploymentId", "c")));
        Assert.False(await Is("InsertMembershipVersionKey", ("DeploymentId", "c")));
        var row = Assert.Single(await AllAsync());
        Assert.Equal((0, DBNull.Value), (row["version"], row["starttime"]));
    }

    [PostgresFact]
    public async Task A_member_is_written_down_with_all_that_is_known_of_it()
    {
        await BeginAsync();
        Assert.True(await InsertAsync(port: 1, version: 0));
        var row = Assert.Single(await AllAsync());
        Assert.Equal(("10.0.0.1", 1, 7, "silo", "host", Active, 30_000), (row["address"], row["port"], row["generation"], row["siloname"], row["hostname"], row["status"], row["proxyport"]));
        Assert.Equal((Now, Now, DBNull.Value, 1), (row["starttime"], row["iamalivetime"], row["suspecttimes"], row["version"]));
        Assert.Single(await RowsAsync("MembershipReadRowKey", ("DeploymentId", "c"), ("Address", "10.0.0.1"), ("Port", 1), ("Generation", 7)));
        Assert.Equal(DBNull.Value, Assert.Single(await RowsAsync("MembershipReadRowKey", ("DeploymentId", "c"), ("Address", "10.0.0.1"), ("Port", 2), ("Generation", 7)))["port"]);
    }

    [PostgresFact]
    public async Task Who_has_not_seen_the_newest_version_changes_nothing()
    {
        await BeginAsync();
        Assert.True(await InsertAsync(port: 1, version: 0));
        Assert.False(await InsertAsync(port: 2, version: 0));
        Assert.False(await UpdateAsync(port: 1, version: 0, Dead));
        var row = Assert.Single(await AllAsync());
        Assert.Equal((1, 1, Active), (row["version"], row["port"], row["status"]));
    }

    [PostgresFact]
    public async Task A_member_is_inserted_once_and_only_one_that_is_there_is_changed()
    {
        await BeginAsync();
        Assert.True(await InsertAsync(port: 1, version: 0));
        Assert.False(await InsertAsync(port: 1, version: 1));
        Assert.False(await UpdateAsync(port: 2, version: 1, Dead));
        Assert.True(await UpdateAsync(port: 1, version: 1, Dead));
        var row = Assert.Single(await AllAsync());
        Assert.Equal((2, Dead, "suspects"), (row["version"], row["status"], row["suspecttimes"]));
    }

    [PostgresFact]
    public async Task Of_many_changes_of_the_same_version_one_is_made()
    {
        await BeginAsync();
        for (var round = 0; round < 10; round++)
        {
            var version = round;
            var known = version == 0 ? null : (await AllAsync())[0]["port"];
            var made = await Task.WhenAll(Enumerable.Range(1, 12).Select(member =>
                member % 2 == 0 && known is int port ? UpdateAsync(port, version, Active) : InsertAsync(port: (version * 100) + member, version)));
            Assert.Single(made, true);
        }
        Assert.All(await AllAsync(), row => Assert.Equal(10, row["version"]));
    }

    [PostgresFact]
    public async Task That_a_member_is_alive_changes_no_version()
    {
        await BeginAsync();
        await InsertAsync(port: 1, version: 0);
        await DoAsync("UpdateIAmAlivetimeKey", [.. Member(1), ("IAmAliveTime", Now.AddSeconds(5))]);
        var row = Assert.Single(await AllAsync());
        Assert.Equal((1, Now.AddSeconds(5), Now), (row["version"], row["iamalivetime"], row["starttime"]));
    }

    [PostgresFact]
    public async Task Gateways_are_the_active_members_that_take_clients()
    {
        await BeginAsync();
        await InsertAsync(port: 1, version: 0);
        await InsertAsync(port: 2, version: 1, proxyPort: 0);
        await InsertAsync(port: 3, version: 2);
        await UpdateAsync(port: 3, version: 3, Dead);
        var gateway = Assert.Single(await RowsAsync("GatewaysQueryKey", ("DeploymentId", "c"), ("Status", Active)));
        Assert.Equal(("10.0.0.1", 30_000, 7), (gateway["address"], gateway["proxyport"], gateway["generation"]));
    }

    [PostgresFact]
    public async Task The_dead_of_long_ago_are_forgotten_and_other_clusters_left_alone()
    {
        await BeginAsync();
        await BeginAsync("other");
        for (var port = 1; port <= 3; port++)
            await InsertAsync(port, version: port - 1);
        await UpdateAsync(port: 1, version: 3, Dead);
        await UpdateAsync(port: 2, version: 4, Dead, Now.AddDays(1));
        await DoAsync("CleanupDefunctSiloEntriesKey", ("DeploymentId", "other"), ("IAmAliveTime", Now.AddHours(1)));
        Assert.Equal(3, (await AllAsync()).Count);
        await DoAsync("CleanupDefunctSiloEntriesKey", ("DeploymentId", "c"), ("IAmAliveTime", Now.AddHours(1)));
        Assert.Equal([2, 3], (await AllAsync()).Select(row => (int)row["port"]).Order());

        await DoAsync("DeleteMembershipTableEntriesKey", ("DeploymentId", "c"));
        Assert.Empty(await AllAsync());
        Assert.Single(await AllAsync("other"));
    }

    private static DateTime Now { get; } = new(2026, 5, 1, 12, 0, 0, DateTimeKind.Utc);

    private Task<bool> BeginAsync(string cluster = "c") => Is("InsertMembershipVersionKey", ("DeploymentId", cluster));

    private Task<bool> InsertAsync(int port, int version, int proxyPort = 30_000) => Is(
        "InsertMembershipKey",
        [
            .. Member(port), ("SiloName", "silo"), ("HostName", "host"), ("Status", Active), ("ProxyPort", proxyPort), ("StartTime", Now), ("IAmAliveTime", Now),
            ("Version", version),
        ]);

    private Task<bool> UpdateAsync(int port, int version, int status, DateTime? alive = null) => Is(
        "UpdateMembershipKey", [.. Member(port), ("Status", status), ("SuspectTimes", "suspects"), ("IAmAliveTime", alive ?? Now), ("Version", version)]);

    private static (string, object)[] Member(int port) => [("DeploymentId", "c"), ("Address", "10.0.0.1"), ("Port", port), ("Generation", 7)];

    private Task<List<Dictionary<string, object>>> AllAsync(string cluster = "c") => RowsAsync("MembershipReadAllKey", ("DeploymentId", cluster));

    private async Task<bool> Is(string query, params (string, object)[] parameters)
    {
        var row = Assert.Single(await RowsAsync(query, parameters));
        return Assert.IsType<bool>(Assert.Single(row.Values));
    }

    private async Task DoAsync(string query, params (string, object)[] parameters) => await RowsAsync(query, parameters);

    private async Task<List<Dictionary<string, object>>> RowsAsync(string query, params (string Name, object Value)[] parameters)
    {
        await using var command = source.CreateCommand(queries[query]);
        foreach (var (name, value) in parameters)
            command.Parameters.AddWithValue(name, value);
        await using var rows = await command.ExecuteReaderAsync();
        var read = new List<Dictionary<string, object>>();
        while (await rows.ReadAsync())
            read.Add(Enumerable.Range(0, rows.FieldCount).ToDictionary(rows.GetName, rows.GetValue));
        return read;
    }
}
