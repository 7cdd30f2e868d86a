using System.Collections.Concurrent;

namespace Orleans.Personalize.Gateway.Quality;

/// <summary>What this process has taken in since it began, by workspace and source: how much, how fast, how late, and what became of it.</summary>
internal sealed class SourceNumbers(TimeProvider clock)
{
    /// <summary>An event says itself which source it is from, so there could be any number; what exceeds this counts as one.</summary>
    private const int SourcesMax = 1_000;

    /// <summary>Stands for the sources that are not told apart.</summary>
    public const string Other = "(other)";

    private readonly ConcurrentDictionary<(string Workspace, string Source), Numbers> sources = new();

    public DateTimeOffset Since { get; } = clock.GetUtcNow();

    /// <param name="fallback">Stands for the source of what could not be read.</param>
    public void OnTaken(string workspace, string fallback, Taken[] taken)
    {
        var now = clock.GetUtcNow();
        Numbers? numbers = null;
        string? source = null;
        foreach (var one in taken)
        {
            // The events of a request nearly always have one source.
            var next = one.Event.Event?.Source ?? fallback;
            if (numbers is null || source != next)
                (source, numbers) = (next, Of(workspace, next));
            numbers.Add(one, now);
        }
    }

    public IEnumerable<(string Source, SourceCounts Counts)> Read(string workspace)
    {
        var now = clock.GetUtcNow();
        return sources.Where(pair => pair.Key.Workspace == workspace).Select(pair => (pair.Key.Source, pair.Value.Read(now)));
    }

    private Numbers Of(string workspace, string source)
    {
        if (sources.TryGetValue((workspace, source), out var known))
            return known;
        return sources.GetOrAdd((workspace, sources.Count < SourcesMax ? source : Other), static _ => new());
    }

    /// <summary>The totals, and for each of the last 60 seconds how many there were and how late they were.</summary>
    private sealed class Numbers
    {
        private const int Seconds = 60;

        private readonly Lock gate = new();
        private readonly Second[] seconds = new Second[Seconds];
        private long events, taken, rejected, quarantined, failed;
        private DateTimeOffset lastAt;

        public void Add(in Taken one, DateTimeOffset now)
        {
            lock (gate)
            {
                events++;
                taken += one is { Fate: Fate.Answered, Receipt.Status: not ReceiptStatus.Rejected } ? 1 : 0;
                rejected += one is { Quarantined: null, Receipt.Status: ReceiptStatus.Rejected } ? 1 : 0;
                quarantined += one.Quarantined is null ? 0 : 1;
                failed += one.Fate == Fate.Answered ? 0 : 1;
                lastAt = now;
                var number = now.ToUnixTimeSeconds();
                ref var second = ref seconds[number % Seconds];
                if (second.Number != number)
                    second = new Second { Number = number };
                second.Events++;
                if (one.Event.Event is not { IsHistory: false } arrived)
                    return;
                // A clock that is ahead makes no event early.
                var lag = Math.Max(0, (arrived.ReceivedAt - arrived.OccurredAt).TotalSeconds);
                (second.Live, second.LagSum, second.LagMax) = (second.Live + 1, second.LagSum + lag, Math.Max(second.LagMax, lag));
            }
        }

        public SourceCounts Read(DateTimeOffset now)
        {
            lock (gate)
            {
                var oldest = now.ToUnixTimeSeconds() - Seconds;
                var recent = seconds.Where(second => second.Number > oldest).ToArray();
                var live = recent.Sum(static second => second.Live);
                return new(
                    events, taken, rejected, quarantined, failed, events == 0 ? null : lastAt, recent.Sum(static second => second.Events),
                    live == 0 ? null : recent.Sum(static second => second.LagSum) / live, live == 0 ? null : recent.Max(static second => second.LagMax));
            }
        }

        private record struct Second(long Number, long Events, long Live, double LagSum, double LagMax);
    }
}

/// <param name="Failed">Neither applied nor quarantined, as far as is known: the sender was asked to repeat them.</param>
/// <param name="LastMinute">Events of the last 60 seconds.</param>
/// <param name="LagMean">How long after they occurred those were received, in seconds; null where there were none. Imports of history are not counted.</param>
internal sealed record SourceCounts(
    long Events = 0, long Taken = 0, long Rejected = 0, long Quarantined = 0, long Failed = 0, DateTimeOffset? LastAt = null, long LastMinute = 0, double? LagMean = null, double? LagMax = null);
