using System.Net.Sockets;
using Npgsql;
using Orleans.Personalize.Silo;

namespace Orleans.Personalize.Journal;

/// <summary>The pool of connections to the schema that all silos of a cluster share.</summary>
internal sealed class PostgresDatabase : IAsyncDisposable
{
    /// <summary>How long a silo waits at its start for a server that is starting too.</summary>
    public static readonly TimeSpan StartWait = TimeSpan.FromSeconds(30);

    /// <summary>How often a transaction is tried that the server broke off for the sake of another; each time one of the others gets through.</summary>
    private const int AttemptsMax = 6;

    private static readonly TimeSpan RetryDelay = TimeSpan.FromMilliseconds(5);
    private static readonly TimeSpan StartRetryDelay = TimeSpan.FromMilliseconds(250);

    private readonly NpgsqlDataSource source;
    private readonly string schema;
    private readonly ILogger logger;
    private readonly TimeProvider time;
    private long partitionsEnd;
    private Task extending = Task.CompletedTask;

    private PostgresDatabase(NpgsqlDataSource source, string schema, ILogger logger, TimeProvider time)
    {
        this.source = source;
        this.schema = schema;
        this.logger = logger;
        this.time = time;
    }

    /// <summary>Connects, checks that the server is fit to keep a journal, and brings the schema up to date.</summary>
    /// <param name="wait">How long to wait for a server that does not answer.</param>
    /// <exception cref="JournalOpenException">It cannot be used; in a line, and without the password.</exception>
    public static async Task<PostgresDatabase> OpenAsync(
        string? connectionString, ILogger logger, TimeProvider time, TimeSpan wait, CancellationToken cancellation = default)
    {
        var settings = PostgresSettings.Complete(connectionString);
        var database = new PostgresDatabase(new NpgsqlDataSourceBuilder(settings.ConnectionString).Build(), settings.SearchPath!, logger, time);
        try
        {
            await using var connection = await database.ConnectAsync(wait, cancellation);
            await database.CheckAsync(connection, cancellation);
            database.partitionsEnd = await PostgresSchema.UpgradeAsync(connection, database.schema, cancellation);
            return database;
        }
        catch (Exception failure)
        {
            await database.DisposeAsync();
            throw failure is NpgsqlException or SocketException or TimeoutException
                ? new JournalOpenException($"The journal in PostgreSQL ({settings.Host}:{settings.Port}, database {settings.Database}) cannot be opened: {Describe(failure)}", failure)
                : failure;
        }
    }

    /// <summary>
    /// Runs the work on a connection of its own. It must be a single transaction, since it is repeated where the server broke it off because of a
    /// deadlock or a serialization failure: then it is known that nothing of it was done.
    /// </summary>
    /// <exception cref="JournalException">It failed. Whether what it wrote is there is unknown.</exception>
    public async Task<T> RunAsync<T>(Func<NpgsqlConnection, CancellationToken, Task<T>> work, CancellationToken cancellation)
    {
        for (var attempt = 1; ; attempt++)
        {
            try
            {
                await using var connection = await source.OpenConnectionAsync(cancellation);
                return await work(connection, cancellation);
            }
            catch (PostgresException failure) when (IsBrokenOff(failure) && attempt < AttemptsMax)
            {
                logger.TransactionRepeated(failure.SqlState, attempt);
            }
            catch (Exception failure) when (failure is NpgsqlException or SocketException or IOException or TimeoutException)
            {
                throw new JournalException($"PostgreSQL failed: {Describe(failure)}", failure);
            }
#pragma warning disable CA5394 // It only has to be different from silo to silo.
            await Task.Delay(RetryDelay * (attempt * (1 + Random.Shared.NextDouble())), time, cancellation);
#pragma warning restore CA5394
        }
    }

    /// <summary>Sees to it that there are partitions beyond this position, beside the writes.</summary>
    public void OnWritten(long position)
    {
        if (position < Volatile.Read(ref partitionsEnd) - PostgresSchema.PartitionRecords || !extending.IsCompleted)
            return;
        extending = Task.Run(ExtendAsync);
    }

    public async ValueTask DisposeAsync()
    {
        await extending;
        await source.DisposeAsync();
    }

    private async Task ExtendAsync()
    {
        try
        {
            var end = await RunAsync((connection, cancellation) => PostgresSchema.ExtendAsync(connection, schema, cancellation), CancellationToken.None);
            Volatile.Write(ref partitionsEnd, end);
        }
        catch (JournalException failure)
        {
            // The default partition takes what comes until it succeeds.
            logger.PartitionsMissing(failure.Message);
        }
    }

    private async Task<NpgsqlConnection> ConnectAsync(TimeSpan wait, CancellationToken cancellation)
    {
        var started = time.GetTimestamp();
        for (var isFirst = true; ; isFirst = false)
        {
            try
            {
                return await source.OpenConnectionAsync(cancellation);
            }
            catch (Exception failure) when (MayPass(failure) && time.GetElapsedTime(started) < wait)
            {
                if (isFirst)
                    logger.WaitingForServer(Describe(failure));
                await Task.Delay(StartRetryDelay, time, cancellation);
            }
        }
    }

    private async Task CheckAsync(NpgsqlConnection connection, CancellationToken cancellation)
    {
        await using var command = new NpgsqlCommand(
            """
            SELECT current_setting('server_version_num')::int, current_setting('server_encoding'), pg_is_in_recovery(),
              current_setting('synchronous_commit'), current_setting('fsync'), current_setting('full_page_writes')
            """, connection);
        await using var row = await command.ExecuteReaderAsync(cancellation);
        await row.ReadAsync(cancellation);
        var refusal = row switch
        {
            _ when row.GetInt32(0) < 150_000 => $"PostgreSQL 15 or later is needed, and this is {row.GetInt32(0) / 10_000}.",
            _ when row.GetString(1) != "UTF8" => $"The database has the encoding {row.GetString(1)}; it must be UTF8.",
            _ when row.GetBoolean(2) => "The server is a standby, which cannot be written to.",
            _ when row.GetString(3) == "off" => "With synchronous_commit=off what was acknowledged can be lost; take it out of the Options of the connection string.",
            _ => null,
        };
        if (refusal is not null)
            throw new JournalOpenException(refusal);
        if (row.GetString(4) == "off" || row.GetString(5) == "off")
            logger.ServerIsNotDurable();
    }

    private static bool IsBrokenOff(PostgresException failure) =>
        failure.SqlState is PostgresErrorCodes.DeadlockDetected or PostgresErrorCodes.SerializationFailure;

    /// <summary>It is not there yet, is starting or stopping, or has no connection left; a wrong password does not get better by waiting.</summary>
    private static bool MayPass(Exception failure) => failure is PostgresException refused
        ? refused.SqlState is PostgresErrorCodes.CannotConnectNow or PostgresErrorCodes.AdminShutdown or PostgresErrorCodes.CrashShutdown or PostgresErrorCodes.TooManyConnections
        : failure is NpgsqlException or SocketException or TimeoutException;

    private static string Describe(Exception failure) => failure switch
    {
        PostgresException refused => $"{refused.MessageText} ({refused.SqlState})",
        { InnerException: SocketException or IOException or TimeoutException } => $"{failure.Message.TrimEnd('.')}: {failure.InnerException.Message}",
        _ => failure.Message,
    };
}
