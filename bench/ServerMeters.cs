using System.Diagnostics.Metrics;

namespace Orleans.Personalize.Bench;

/// <summary>How late waits were decided after their deadlines.</summary>
/// <param name="First">When the first decision was durable; null where there was none.</param>
/// <param name="Last">The same of the last.</param>
/// <param name="P50">Of the lateness of the decision's instant, in milliseconds; to the tenth, and no more than <see cref="ServerMeters.LatenessMax"/>.</param>
internal sealed record DeadlineCounters(long Fired, DateTimeOffset? First, DateTimeOffset? Last, double P50, double P99);

/// <summary>What the server's own instruments tell, for <see cref="ServerCounters"/>. Costs it an addition a commit, an activation and a deadline.</summary>
internal sealed class ServerMeters : IDisposable
{
    public static readonly TimeSpan LatenessMax = TimeSpan.FromSeconds(10);

    private const string CommitSize = "personalize.journal.commit.size";
    private const string ActivationCount = "personalize.activations";
    private const string DeadlineLateness = "personalize.deadline.lateness";
    private const int PerMillisecond = 10;

    private readonly MeterListener listener = new();
    private readonly Lock gate = new();
    private readonly int[] latenesses = new int[((int)LatenessMax.TotalMilliseconds * PerMillisecond) + 1];
    private long commits;
    private long activations;
    private long fired;
    private DateTimeOffset? first;
    private DateTimeOffset? last;

    public ServerMeters()
    {
        listener.InstrumentPublished = static (instrument, self) =>
        {
            if (instrument.Name is CommitSize or ActivationCount or DeadlineLateness)
                self.EnableMeasurementEvents(instrument);
        };
        listener.SetMeasurementEventCallback<long>((instrument, value, _, _) => OnCounted(instrument.Name, value));
        listener.SetMeasurementEventCallback<double>((_, seconds, _, _) => OnFired(seconds));
        listener.Start();
    }

    public long Commits => Interlocked.Read(ref commits);

    public long Activations => Interlocked.Read(ref activations);

    public DeadlineCounters ReadDeadlines(bool reset)
    {
        lock (gate)
        {
            var read = new DeadlineCounters(fired, first, last, At(0.5), At(0.99));
            if (reset)
            {
                (fired, first, last) = (0, null, null);
                Array.Clear(latenesses);
            }
            return read;
        }
    }

    public void Dispose() => listener.Dispose();

    private void OnCounted(string name, long value)
    {
        if (name == CommitSize)
            Interlocked.Increment(ref commits);
        else
            Interlocked.Add(ref activations, value);
    }

    private void OnFired(double seconds)
    {
        var now = DateTimeOffset.UtcNow;
        lock (gate)
        {
            first ??= now;
            last = now;
            fired++;
            latenesses[(int)(Math.Clamp(seconds, 0, LatenessMax.TotalSeconds) * 1_000 * PerMillisecond)]++;
        }
    }

    private double At(double share)
    {
        var (below, at) = (0L, -1);
        while (at + 1 < latenesses.Length && below <= share * (fired - 1))
            below += latenesses[++at];
        return Math.Max(at, 0) / (double)PerMillisecond;
    }
}
