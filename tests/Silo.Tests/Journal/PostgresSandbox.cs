using System.Collections.Concurrent;
using System.Diagnostics;
using Microsoft.Extensions.Logging;
using Npgsql;
using Orleans.Personalize.Testing;

namespace Orleans.Personalize.Journal;

/// <summary>A schema of its own, on the shared server if not on another, which goes with the test, and the databases that were opened on it.</summary>
internal sealed class PostgresSandbox : IAsyncDisposable
{
    private static int created;
    private readonly List<PostgresDatabase> opened = [];

    private PostgresSandbox(PostgresServer server, string schema) => (Server, Schema) = (server, schema);

    public PostgresServer Server { get; }

    public string Schema { get; }

    public LogLines Log { get; } = new();

    public static async Task<PostgresSandbox> CreateAsync(PostgresServer? server = null) =>
        new(server ?? await PostgresServer.SharedAsync(), $"test_{Interlocked.Increment(ref created)}");

    public string ConnectionString(string more = "") =>
        Server.ConnectionString(more: $"Search Path={Schema};Application Name={Schema};Maximum Pool Size=8;{more}");

    public async Task<PostgresDatabase> OpenAsync(string more = "")
    {
        var database = await PostgresDatabase.OpenAsync(ConnectionString(more), Log, TimeProvider.System, TimeSpan.FromSeconds(60));
        lock (opened)
            opened.Add(database);
        return database;
    }

    /// <summary>Runs a statement in the schema; its first value.</summary>
    public Task<object?> ExecuteAsync(string sql) => Server.ExecuteAsync($"SET search_path = {Schema}; {sql}");

    /// <summary>Begins a transaction of somebody else, who is never the one whom the server breaks off.</summary>
    public async Task<NpgsqlConnection> BeginAsync(string sql)
    {
        var connection = new NpgsqlConnection(Server.ConnectionString(more: $"Search Path={Schema};Application Name=other;Pooling=false"));
        await connection.OpenAsync();
        await RunAsync(connection, $"SET deadlock_timeout = '1min'; BEGIN; {sql}");
        return connection;
    }

    public static async Task<object?> RunAsync(NpgsqlConnection connection, string sql)
    {
#pragma warning disable CA2100 // Tests write their own.
        await using var command = new NpgsqlCommand(sql, connection);
#pragma warning restore CA2100
        return await command.ExecuteScalarAsync();
    }

    /// <summary>The process id of the one of ours that waits for a lock, as soon as one does.</summary>
    public async Task<int> WaitingAsync()
    {
        int? found = null;
        await UntilAsync(async () => (found = (int?)await ExecuteAsync(
            $"SELECT pid FROM pg_stat_activity WHERE application_name = '{Schema}' AND wait_event_type = 'Lock'")) is not null);
        return found!.Value;
    }

    public static async Task UntilAsync(Func<Task<bool>> condition)
    {
        var clock = Stopwatch.StartNew();
        while (!await condition())
        {
            Assert.True(clock.Elapsed < TimeSpan.FromSeconds(60), "It did not happen within a minute.");
            await Task.Delay(20);
        }
    }

    public async Task CloseAsync()
    {
        foreach (var database in opened)
            await database.DisposeAsync();
        opened.Clear();
    }

    public async ValueTask DisposeAsync()
    {
        await CloseAsync();
        await Server.ExecuteAsync($"DROP SCHEMA IF EXISTS {Schema} CASCADE");
    }
}

/// <summary>What was logged.</summary>
internal sealed class LogLines : ILogger
{
    public ConcurrentQueue<string> Lines { get; } = new();

    public IDisposable? BeginScope<TState>(TState state)
        where TState : notnull => null;

    public bool IsEnabled(LogLevel logLevel) => true;

    public void Log<TState>(LogLevel logLevel, EventId eventId, TState state, Exception? exception, Func<TState, Exception?, string> formatter) =>
        Lines.Enqueue($"{formatter(state, exception)} {exception}");
}
