using System.Diagnostics;
using Microsoft.Extensions.Logging.Abstractions;
using Npgsql;
using Orleans.Personalize.Journal;
using Orleans.Personalize.Testing;

namespace Orleans.Personalize.Bench;

/// <summary>
/// How much of what PostgreSQL can do the journal leaves: many concurrent appenders through the group committer, against a binary COPY of
/// the same columns into a bare table in transactions of the same size, and against the conventional service: a transaction an event, of 64 clients.
/// The three take turns on one server with its default durability, and pick their customers at random.
/// </summary>
internal static class PostgresJournalBench
{
    public static async Task RunAsync()
    {
        if (PostgresServer.Binaries is null)
        {
            Console.WriteLine($"postgres-journal: {PostgresServer.Advice}");
            return;
        }
        await using var server = await PostgresServer.StartAsync("shared_buffers = '512MB'", "min_wal_size = '1GB'", "max_wal_size = '4GB'");
        foreach (var appenders in Rounds.AreShort ? [256] : new[] { 256, 1_024, 4_096 })
            await RunAsync(server, appenders);
        await ReportHeadsAsync(server);
        await CompareAsync(server);
    }

    /// <summary>The whole of ours, over HTTP in batches to its own SQLite, against the conventional service without the HTTP that it would have as well.</summary>
    private static async Task CompareAsync(PostgresServer server)
    {
        await using var conventional = await ConventionalService.CreateAsync(server);
        await using var own = await ServerProcess.StartAsync();
        var connections = await HttpConnection.OpenAsync(own.Address, ConventionalService.Clients);
        var ratios = new List<double>();
        for (var round = -Rounds.WarmUps; round < Rounds.Count; round++)
        {
            var load = await HttpLoad.ClosedAsync(connections, static () => new("/v1/events", 100), static random => random.Next(JournalLoad.Customers.Length), Rounds.Time);
            var theirs = await conventional.RoundAsync();
            if (round >= 0)
                ratios.Add(load.Rate * 100 / theirs);
        }
        Figures.Add("postgres-journal", "ours over HTTP in batches of 100 / the conventional service", ratios, "", 15, 40);
        HttpConnection.Close(connections);
    }

    private static async Task RunAsync(PostgresServer server, int appenders)
    {
        var settings = server.ConnectionString(more: $"Search Path=journal_{appenders}");
        await using var database = await PostgresDatabase.OpenAsync(settings, NullLogger.Instance, TimeProvider.System, PostgresDatabase.StartWait);
        await using var committer = new GroupCommitter(new PostgresJournal(database), TimeProvider.System);
        await using var copy = await CopyLoop.CreateAsync(server);
        await using var conventional = await ConventionalService.CreateAsync(server);
        var load = new JournalLoad(committer);
        // Makes the customers, and warms everything up.
        var (_, first) = await load.RoundAsync(appenders);
        await load.RoundAsync(appenders);
        await copy.RoundAsync(first);
        await conventional.RoundAsync();

        var results = new List<(double Journal, double Copy, double Conventional, double Batch)>();
        for (var round = 0; round < Rounds.Count; round++)
        {
            var (journal, batch) = await load.RoundAsync(appenders);
            var result = (Journal: journal, Copy: await copy.RoundAsync(batch), Conventional: await conventional.RoundAsync(), (double)batch);
            results.Add(result);
            Console.WriteLine(
                $"  round {round + 1}: journal {result.Journal,9:N0}/s  copy {result.Copy,9:N0}/s  a transaction an event {result.Conventional,7:N0}/s  batch {batch:N0}");
        }
        Figures.Add("postgres-journal", $"journal / COPY, {appenders:N0} appenders", [.. results.Select(r => r.Journal / r.Copy)], "", 0.2, 0.4);
        Console.WriteLine(
            $"postgres-journal: {appenders:N0} appenders, {JournalLoad.Customers.Length:N0} customers, {JournalLoad.PayloadBytes} B: {Rounds.Median(results.Select(r => r.Journal)):N0} events/s, " +
            $"{Rounds.Median(results.Select(r => r.Journal / r.Copy)):F2} of COPY ({Rounds.Median(results.Select(r => r.Copy)):N0}/s), " +
            $"{Rounds.Median(results.Select(r => r.Journal / r.Conventional)):F0} times a transaction an event at {ConventionalService.Clients} clients " +
            $"({Rounds.Median(results.Select(r => r.Conventional)):N0}/s); batches of {Rounds.Median(results.Select(r => r.Batch)):N0} (medians of {Rounds.Count})");
    }

    /// <summary>How many of the updates of heads stayed on their page and touched no index.</summary>
    private static async Task ReportHeadsAsync(PostgresServer server) => Console.WriteLine("  heads updated in place: " + await server.ExecuteAsync(
        "SELECT string_agg(format('%s %s %%', schemaname, 100 * n_tup_hot_upd / greatest(n_tup_upd, 1)), ', ' ORDER BY schemaname) FROM pg_stat_user_tables WHERE relname = 'heads'"));

    /// <summary>The least that storing these rows takes: no fence, no index, no answer to anybody.</summary>
    private sealed class CopyLoop : IAsyncDisposable
    {
        private readonly byte[] payload = new byte[JournalLoad.PayloadBytes];
        private readonly Random random = new(1);
        private readonly NpgsqlConnection connection;
        private long seq;

        private CopyLoop(NpgsqlConnection connection)
        {
            this.connection = connection;
            random.NextBytes(payload);
        }

        public static async Task<CopyLoop> CreateAsync(PostgresServer server)
        {
            await server.ExecuteAsync("""
                DROP TABLE IF EXISTS copied;
                CREATE TABLE copied(seq bigint, customer text, version bigint, prev_seq bigint, recorded_at bigint, payload bytea)
                """);
            var opened = new NpgsqlConnection(server.ConnectionString());
            await opened.OpenAsync();
            return new CopyLoop(opened);
        }

        public async Task<double> RoundAsync(int batch)
        {
            var count = 0;
            var clock = Stopwatch.StartNew();
            for (; clock.Elapsed < Rounds.Time; count += batch)
            {
                await using var rows = await connection.BeginBinaryImportAsync("COPY copied FROM STDIN BINARY");
                for (var i = 0; i < batch; i++)
                {
                    await rows.StartRowAsync();
                    await rows.WriteAsync(++seq);
                    await rows.WriteAsync(JournalLoad.Customers[random.Next(JournalLoad.Customers.Length)]);
                    await rows.WriteAsync(seq);
                    await rows.WriteAsync(seq);
                    await rows.WriteAsync(DateTimeOffset.UtcNow.UtcTicks);
                    await rows.WriteAsync(payload);
                }
                await rows.CompleteAsync();
            }
            return count / clock.Elapsed.TotalSeconds;
        }

        public ValueTask DisposeAsync() => connection.DisposeAsync();
    }
}
