using System.Collections.Concurrent;
using System.Diagnostics.Metrics;

namespace Orleans.Personalize.Gateway;

/// <summary>
/// What this process has counted in the last minute: it listens to the project's own instruments. Once a second all that was counted so far is put
/// aside; what has happened since is the difference.
/// </summary>
internal sealed class RecentNumbers : IDisposable
{
    public const string Events = "personalize.events";
    public const string Decisions = "personalize.decisions";
    public const string Sends = "personalize.sends";
    public const string Queue = "personalize.journal.queue";
    public const string Activations = "personalize.activations";
    public const string Latency = "personalize.decision.latency";
    public const string Lateness = "personalize.deadline.lateness";

    private const int SecondsMax = 60;

    /// <summary>More values of an instrument's tags than there are reasons; others are not told apart.</summary>
    private const int CountersMax = 500;

    private readonly ConcurrentDictionary<(string Instrument, string What), Counter> counters = new();
    private readonly Dictionary<string, Durations> durations = new() { [Latency] = new(), [Lateness] = new() };
    private readonly Lock gate = new();
    private readonly Queue<Snapshot> snapshots = new();
    private readonly TimeProvider clock;
    private readonly ITimer timer;
    private readonly MeterListener listener = new();

    public RecentNumbers(TimeProvider clock)
    {
        this.clock = clock;
        snapshots.Enqueue(Take());
        listener.InstrumentPublished = static (instrument, listener) =>
        {
            if (instrument.Meter.Name == "Orleans.Personalize" && instrument.Name is Events or Decisions or Sends or Queue or Activations or Latency or Lateness)
                listener.EnableMeasurementEvents(instrument);
        };
        listener.SetMeasurementEventCallback<long>((instrument, value, tags, _) => Count(instrument.Name, value, tags));
        listener.SetMeasurementEventCallback<double>((instrument, value, _, _) => durations.GetValueOrDefault(instrument.Name)?.Record(value));
        listener.Start();
        timer = clock.CreateTimer(_ => Put(), null, TimeSpan.FromSeconds(1), TimeSpan.FromSeconds(1));
    }

    /// <summary>What has happened in the last minute, or since the process began, if that was later.</summary>
    public Recent Read()
    {
        Snapshot[] seconds;
        lock (gate)
            seconds = [.. snapshots];
        var (oldest, now) = (seconds[0], Take());
        return new(
            (clock.GetElapsedTime(oldest.At, now.At)).TotalSeconds,
            now.Counts.ToDictionary(static pair => pair.Key, pair => pair.Value - oldest.Counts.GetValueOrDefault(pair.Key)),
            now.Counts,
            durations.Keys.ToDictionary(static name => name, name => now.Durations[name].Zip(oldest.Durations[name], static (after, before) => after - before).ToArray()),
            new[] { Events, Decisions }.ToDictionary(static name => name, name => EachSecond(name, seconds)));
    }

    /// <summary>Seconds that are over; on a busy machine one may last a little longer, so that it is the rate that counts.</summary>
    private double[] EachSecond(string instrument, Snapshot[] seconds) =>
    [
        .. seconds.Zip(seconds.Skip(1), (before, after) =>
            Math.Round((after.Total(instrument) - before.Total(instrument)) / Math.Max(0.001, clock.GetElapsedTime(before.At, after.At).TotalSeconds), 2)),
    ];

    public void Dispose()
    {
        timer.Dispose();
        listener.Dispose();
    }

    private void Count(string instrument, long value, ReadOnlySpan<KeyValuePair<string, object?>> tags)
    {
        // A decision not to send is known by its reason, everything else by how it ended.
        var what = "";
        foreach (var (name, tag) in tags)
        {
            if (name is "status" or "outcome" or "reason" && tag is string { Length: > 0 } text)
                what = text;
        }
        if (!counters.TryGetValue((instrument, what), out var counter))
            counter = counters.GetOrAdd((instrument, counters.Count < CountersMax ? what : "other"), static _ => new());
        counter.Add(value);
    }

    private void Put()
    {
        lock (gate)
        {
            snapshots.Enqueue(Take());
            if (snapshots.Count > SecondsMax)
                snapshots.Dequeue();
        }
    }

    private Snapshot Take() => new(
        clock.GetTimestamp(), counters.ToDictionary(static pair => pair.Key, static pair => pair.Value.Value), durations.ToDictionary(static pair => pair.Key, static pair => pair.Value.Copy()));

    private sealed record Snapshot(long At, Dictionary<(string Instrument, string What), long> Counts, Dictionary<string, long[]> Durations)
    {
        public long Total(string instrument) => Counts.Where(pair => pair.Key.Instrument == instrument).Sum(static pair => pair.Value);
    }

    private sealed class Counter
    {
        private long value;

        public long Value => Volatile.Read(ref value);

        public void Add(long more) => Interlocked.Add(ref value, more);
    }
}

/// <summary>Durations counted by size, in steps of a quarter of a doubling from a tenth of a millisecond on: exact to a fifth.</summary>
internal sealed class Durations
{
    private const double Smallest = 0.0001;
    private const int StepsPerDoubling = 4;

    /// <summary>The last one begins at about two hours.</summary>
    private const int Steps = 105;

    private readonly long[] counts = new long[Steps];

    public void Record(double seconds) =>
        Interlocked.Increment(ref counts[Math.Clamp((int)Math.Ceiling(Math.Log2(Math.Max(seconds, Smallest) / Smallest) * StepsPerDoubling), 0, Steps - 1)]);

    public long[] Copy() => Array.ConvertAll(Enumerable.Range(0, Steps).ToArray(), step => Volatile.Read(ref counts[step]));

    /// <summary>The duration, in seconds, that a share of them did not exceed; null where there were none.</summary>
    public static double? Quantile(long[] counts, double share)
    {
        var total = counts.Sum();
        if (total == 0)
            return null;
        var (rank, seen) = ((long)Math.Ceiling(total * share), 0L);
        var step = 0;
        while ((seen += counts[step]) < rank)
            step++;
        return Smallest * Math.Pow(2, (double)step / StepsPerDoubling);
    }
}

/// <param name="Seconds">How long ago it began.</param>
/// <param name="Counts">By instrument and what it counted, in that time.</param>
/// <param name="Totals">The same since the process began.</param>
/// <param name="Durations">By instrument, in that time.</param>
/// <param name="EachSecond">How many a second there were in each second that is over, oldest first, by instrument: events and decisions.</param>
internal sealed record Recent(
    double Seconds,
    Dictionary<(string Instrument, string What), long> Counts,
    Dictionary<(string Instrument, string What), long> Totals,
    Dictionary<string, long[]> Durations,
    Dictionary<string, double[]> EachSecond)
{
    public Dictionary<string, long> Of(string instrument) =>
        Counts.Where(pair => pair.Key.Instrument == instrument && pair.Value != 0).ToDictionary(static pair => pair.Key.What, static pair => pair.Value);

    public long Level(string instrument) => Totals.Where(pair => pair.Key.Instrument == instrument).Sum(static pair => pair.Value);
}
