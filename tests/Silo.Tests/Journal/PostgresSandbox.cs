using Microsoft.Extensions.Logging.Abstractions;
using Orleans.Personalize.Testing;

namespace Orleans.Personalize.Journal;

/// <summary>A schema of its own on the shared server, which goes with the test, and the databases that were opened on it.</summary>
internal sealed class PostgresSandbox : IAsyncDisposable
{
    private static int _created;
    private readonly List<PostgresDatabase> _opened = [];

    private PostgresSandbox(PostgresServer server, string schema) => (Server, Schema) = (server, schema);

    public PostgresServer Server { get; }

    public string Schema { get; }

    public static async Task<PostgresSandbox> CreateAsync(PostgresServer? server = null) =>
        new(server ?? await PostgresServer.SharedAsync(), $"test_{Interlocked.Increment(ref _created)}");

    public string ConnectionString(string more = "") => Server.ConnectionString(more: $"Search Path={Schema};Maximum Pool Size=8;{more}");

    public async Task<PostgresDatabase> OpenAsync(string more = "")
    {
        var database = await PostgresDatabase.OpenAsync(ConnectionString(more), NullLogger.Instance, TimeProvider.System, TimeSpan.FromSeconds(30));
        _opened.Add(database);
        return database;
    }

    /// <summary>Runs a statement in the schema; its first value.</summary>
    public Task<object?> ExecuteAsync(string sql) => Server.ExecuteAsync($"SET search_path = {Schema}; {sql}");

    public async Task CloseAsync()
    {
        foreach (var database in _opened)
            await database.DisposeAsync();
        _opened.Clear();
    }

    public async ValueTask DisposeAsync()
    {
        await CloseAsync();
        await Server.ExecuteAsync($"DROP SCHEMA IF EXISTS {Schema} CASCADE");
    }
}
