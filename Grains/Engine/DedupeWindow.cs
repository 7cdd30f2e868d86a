namespace Orleans.Personalize.Engine;

/// <summary>
/// Which events were applied: their ids as keyed hashes with the fingerprint of their bodies, in order of arrival. Old entries go first; what
/// went is covered by <see cref="Floor"/>: an event that is not above it is treated as late, so nothing is ever counted twice.
/// </summary>
/// <remarks>
/// Immutable to its users. Windows that grew out of one another share an array of which each sees a stretch; appending writes behind the end of
/// the newest, and copies only when somebody else already did or the array is full.
/// </remarks>
public sealed class DedupeWindow
{
    public static readonly DedupeWindow Empty = new(new Log(16), 0, 0, DateTimeOffset.MinValue);

    private readonly Log log;
    private readonly int start;
    private readonly int end;

    private DedupeWindow(Log log, int start, int end, DateTimeOffset floor)
    {
        this.log = log;
        this.start = start;
        this.end = end;
        Floor = floor;
    }

    public int Count => end - start;

    /// <summary>When the newest forgotten event occurred.</summary>
    public DateTimeOffset Floor { get; }

    /// <summary>The fingerprint under which an id was applied; null when it is not known.</summary>
    public ulong? Find(ulong id)
    {
        var at = log.Ids.AsSpan(start, Count).IndexOf(id);
        return at < 0 ? null : log.Fingerprints[start + at];
    }

    /// <param name="now">When the event was received: entries older than the lateness window by it may go.</param>
    public DedupeWindow Add(ulong id, ulong fingerprint, DateTimeOffset occurredAt, DateTimeOffset now)
    {
        var target = log;
        var (from, to) = (start, end);
        // Whoever appended to this log first owns what is behind our end.
        if (to == log.Ids.Length || Interlocked.CompareExchange(ref log.Used, to + 1, to) != to)
        {
            target = new Log(Math.Max(16, Count + (Count / 2) + 1));
            log.CopyTo(target, start, Count);
            (from, to) = (0, Count);
            target.Used = to + 1;
        }
        target.Ids[to] = id;
        target.Fingerprints[to] = fingerprint;
        target.OccurredTicks[to] = occurredAt.UtcTicks;
        return new DedupeWindow(target, from, to + 1, Floor).Trim(now);
    }

    private DedupeWindow Trim(DateTimeOffset now)
    {
        var horizon = (now - Limits.LatenessWindow).UtcTicks;
        var (from, floor) = (start, Floor.UtcTicks);
        while (end - from > Limits.DedupeIdsMax || (end - from > Limits.DedupeIdsMin && log.OccurredTicks[from] < horizon))
        {
            floor = Math.Max(floor, log.OccurredTicks[from]);
            from++;
        }
        return from == start ? this : new DedupeWindow(log, from, end, new DateTimeOffset(floor, TimeSpan.Zero));
    }

    /// <summary>The entries oldest first, for snapshots.</summary>
    public IEnumerable<(ulong Id, ulong Fingerprint, DateTimeOffset OccurredAt)> Entries()
    {
        for (var i = start; i < end; i++)
            yield return (log.Ids[i], log.Fingerprints[i], new DateTimeOffset(log.OccurredTicks[i], TimeSpan.Zero));
    }

    /// <summary>The window that <see cref="Entries"/> came from.</summary>
    public static DedupeWindow Restore(
        IReadOnlyCollection<(ulong Id, ulong Fingerprint, DateTimeOffset OccurredAt)> entries, DateTimeOffset floor)
    {
        var restored = new Log(Math.Max(16, entries.Count + 16));
        foreach (var (id, fingerprint, occurredAt) in entries)
        {
            restored.Ids[restored.Used] = id;
            restored.Fingerprints[restored.Used] = fingerprint;
            restored.OccurredTicks[restored.Used++] = occurredAt.UtcTicks;
        }
        return new DedupeWindow(restored, 0, restored.Used, floor);
    }

    private sealed class Log(int capacity)
    {
        public readonly ulong[] Ids = new ulong[capacity];
        public readonly ulong[] Fingerprints = new ulong[capacity];
        public readonly long[] OccurredTicks = new long[capacity];
        public int Used;

        public void CopyTo(Log target, int from, int count)
        {
            Array.Copy(Ids, from, target.Ids, 0, count);
            Array.Copy(Fingerprints, from, target.Fingerprints, 0, count);
            Array.Copy(OccurredTicks, from, target.OccurredTicks, 0, count);
        }
    }
}
