using System.Diagnostics;
using System.Diagnostics.Metrics;
using Orleans.Personalize.Journal;

namespace Orleans.Personalize.Bench;

/// <summary>
/// What a silo's customers do to its journal: each appender writes to its own share of them, picked at random, one append at a time, as a grain
/// does, and keeps a snapshot now and then.
/// </summary>
internal sealed class JournalLoad(GroupCommitter committer)
{
    public const int PayloadBytes = 300;

    /// <summary>About what a customer's profile takes, with its recent events.</summary>
    public const int ProfileBytes = 2_000;

    /// <summary>As the customer grain does.</summary>
    private const int SnapshotEvery = 128;

    public static readonly string[] Customers = [.. Enumerable.Range(0, 10_000).Select(i => $"shop/customer-{i:x8}")];

    private readonly long[] versions = new long[Customers.Length];
    private readonly byte[] payload = RandomNumbers(PayloadBytes);
    private readonly byte[] snapshot = RandomNumbers(ProfileBytes);

    /// <summary>Records a second, and how many writes a commit held on average.</summary>
    public async Task<(double Rate, int Batch)> RoundAsync(int appenders)
    {
        var commits = 0;
        using var listener = CountCommits(() => commits++);
        var clock = Stopwatch.StartNew();
        var counts = await Task.WhenAll(Enumerable.Range(0, appenders).Select(appender => Task.Run(() => AppendAsync(appender, appenders, clock))));
        return (counts.Sum() / clock.Elapsed.TotalSeconds, counts.Sum() / Math.Max(1, commits));
    }

    private async Task<int> AppendAsync(int appender, int appenders, Stopwatch clock)
    {
        var count = 0;
        var random = new Random(appender);
        for (; clock.Elapsed < Rounds.Time; count++)
        {
            var index = appender + (appenders * random.Next(Customers.Length / appenders));
            var write = new JournalWrite.Append(Customers[index], versions[index], versions[index] + 1, DateTimeOffset.UtcNow, payload);
            if (await committer.AppendAsync(write) != WriteStatus.Committed)
                throw new InvalidOperationException("Nobody else writes to this customer.");
            versions[index]++;
            if (versions[index] % SnapshotEvery == 0)
                await committer.AppendAsync(new JournalWrite.Snapshot(Customers[index], versions[index], snapshot));
        }
        return count;
    }

    private static byte[] RandomNumbers(int length)
    {
        var bytes = new byte[length];
        Random.Shared.NextBytes(bytes);
        return bytes;
    }

    private static MeterListener CountCommits(Action onCommit)
    {
        var listener = new MeterListener
        {
            InstrumentPublished = (instrument, self) =>
            {
                if (instrument.Name == "personalize.journal.commit.size")
                    self.EnableMeasurementEvents(instrument);
            },
        };
        listener.SetMeasurementEventCallback<long>((_, _, _, _) => onCommit());
        listener.Start();
        return listener;
    }
}
