using System.Diagnostics;
using Microsoft.Data.Sqlite;
using Orleans.Personalize.Journal;

namespace Orleans.Personalize.Bench;

/// <summary>
/// How much of what SQLite can do the journal leaves: many concurrent appenders through the group committer, against a bare loop over prepared
/// statements into the same two tables, in transactions of the same size. The two take turns, so that both see the same machine,
/// and both pick their customers at random.
/// </summary>
internal static class SqliteJournalBench
{
    public static async Task RunAsync()
    {
        foreach (var appenders in new[] { 256, 1_024, 4_096 })
            await RunAsync(appenders);
    }

    private static async Task RunAsync(int appenders)
    {
        var root = Directory.CreateTempSubdirectory("personalize-bench-");
        try
        {
            await using var database = SqliteDatabase.Open(Path.Combine(root.FullName, "journal"));
            await using var committer = new GroupCommitter(new SqliteJournal(database), TimeProvider.System);
            using var bare = new BareLoop(Path.Combine(root.FullName, "bare.db"));
            var load = new JournalLoad(committer);
            await load.RoundAsync(appenders);

            var (journalRates, bareRates, ratios) = (new List<double>(), new List<double>(), new List<double>());
            for (var round = 0; round < Rounds.Count; round++)
            {
                var (journalRate, batch) = await load.RoundAsync(appenders);
                var bareRate = bare.Round(batch);
                journalRates.Add(journalRate);
                bareRates.Add(bareRate);
                ratios.Add(journalRate / bareRate);
                Console.WriteLine($"  round {round + 1}: journal {journalRate,9:N0}/s  bare {bareRate,9:N0}/s  ratio {ratios[^1]:F2}  batch {batch:N0}");
            }
            Figures.Add("sqlite-journal", $"journal / bare loop, {appenders:N0} appenders", ratios, "", 0.8, 0.95);
            Console.WriteLine(
                $"{appenders:N0} appenders, {JournalLoad.Customers.Length:N0} customers, {JournalLoad.PayloadBytes} B: journal {Rounds.Median(journalRates):N0} events/s, " +
                $"bare {Rounds.Median(bareRates):N0} events/s, ratio {Rounds.Median(ratios):F2} (medians of {Rounds.Count})");
        }
        finally
        {
            root.Delete(recursive: true);
        }
    }

    /// <summary>The least that storing these rows takes: no fence, no queue, no other thread.</summary>
    private sealed class BareLoop : IDisposable
    {
        private readonly SqliteSession session;
        private readonly SqliteStatement insert;
        private readonly SqliteStatement update;
        private readonly long[] versions = new long[JournalLoad.Customers.Length];
        private readonly long[] seqs = new long[JournalLoad.Customers.Length];
        private readonly byte[] payload = new byte[JournalLoad.PayloadBytes];
        private readonly Random random = new(1);
        private long seq;

        public BareLoop(string path)
        {
            Random.Shared.NextBytes(payload);
            session = new SqliteSession(path, SqliteOpenMode.ReadWriteCreate, SqliteDatabase.WriterPragmas);
            SqliteSchema.Upgrade(session);
            session.Execute("BEGIN");
            foreach (var customer in JournalLoad.Customers)
            {
                session.Statement("INSERT INTO heads(customer, version, last_seq, shard) VALUES(?1, 0, 0, ?2)")
                    .Bind(1, customer).Bind(2, CustomerKey.ShardOf(customer)).Execute();
            }
            session.Execute("COMMIT");
            insert = session.Statement("INSERT INTO facts(seq, customer, version, prev_seq, recorded_at, payload) VALUES(?1, ?2, ?3, ?4, ?5, ?6)");
            update = session.Statement("UPDATE heads SET version = ?2, last_seq = ?3 WHERE customer = ?1");
        }

        public double Round(int batch)
        {
            var count = 0;
            var clock = Stopwatch.StartNew();
            while (clock.Elapsed < Rounds.Time)
            {
                session.Execute("BEGIN IMMEDIATE");
                for (var i = 0; i < batch; i++)
                    Write(random.Next(JournalLoad.Customers.Length));
                session.Execute("COMMIT");
                count += batch;
            }
            return count / clock.Elapsed.TotalSeconds;
        }

        public void Dispose() => session.Dispose();

        private void Write(int index)
        {
            var version = ++versions[index];
            seq++;
            insert.Bind(1, seq).Bind(2, JournalLoad.Customers[index]).Bind(3, version).Bind(4, seqs[index])
                .Bind(5, DateTimeOffset.UtcNow.UtcTicks).Bind(6, payload).Execute();
            update.Bind(1, JournalLoad.Customers[index]).Bind(2, version).Bind(3, seq).Execute();
            seqs[index] = seq;
        }
    }
}
