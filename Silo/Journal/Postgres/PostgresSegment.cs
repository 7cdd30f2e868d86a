namespace Orleans.Personalize.Journal;

/// <summary>
/// A part of a batch that is written at once: at the most one append and one snapshot for each customer, and then an erasure. The parts of a
/// batch are written one after another in one transaction; nearly always there is one, since a customer has one append under way.
/// </summary>
internal sealed class PostgresSegment
{
    private readonly Dictionary<string, Seen> seen = [];

    /// <summary>In the order of the customers, as are the snapshots.</summary>
    public List<Placed<JournalWrite.Append>> Appends { get; } = [];

    public List<Placed<JournalWrite.Snapshot>> Snapshots { get; } = [];

    public List<Placed<JournalWrite.Erase>> Erasures { get; } = [];

    /// <summary>
    /// Cuts the batch wherever a customer's write cannot join what it wrote before. Writes of the head of a customer who has none are left out: they
    /// are stale whatever the store says.
    /// </summary>
    public static IReadOnlyList<PostgresSegment> Cut(IReadOnlyList<JournalWrite> batch)
    {
        var segments = new List<PostgresSegment> { new() };
        for (var place = 0; place < batch.Count; place++)
        {
            if (batch[place] is JournalWrite.Append { Version: 0 })
                continue;
            if (segments[^1].TryAdd(batch[place], place))
                continue;
            segments.Add(new PostgresSegment());
            segments[^1].TryAdd(batch[place], place);
        }
        foreach (var segment in segments)
            segment.Sort();
        return segments;
    }

    /// <summary>Whoever writes locks customers in the same order, so that no two silos ever wait for each other.</summary>
    private void Sort()
    {
        Appends.Sort(static (left, right) => string.CompareOrdinal(left.Write.Customer, right.Write.Customer));
        Snapshots.Sort(static (left, right) => string.CompareOrdinal(left.Write.Customer, right.Write.Customer));
    }

    private bool TryAdd(JournalWrite write, int place)
    {
        var before = seen.GetValueOrDefault(write.Customer);
        switch (write)
        {
            // A snapshot is written after all appends, which makes no difference where it is not ahead of this one.
            case JournalWrite.Append append when before is { HasAppend: false, IsErased: false } && before.SnapshotVersion <= append.ExpectedVersion:
                Appends.Add(new(append, place));
                seen[write.Customer] = before with { HasAppend = true };
                return true;
            case JournalWrite.Snapshot snapshot when before is { SnapshotVersion: 0, IsErased: false }:
                Snapshots.Add(new(snapshot, place));
                seen[write.Customer] = before with { SnapshotVersion = snapshot.Version };
                return true;
            case JournalWrite.Erase erase when !before.IsErased:
                Erasures.Add(new(erase, place));
                seen[write.Customer] = before with { IsErased = true };
                return true;
            default:
                return false;
        }
    }

    /// <param name="SnapshotVersion">0: there is none.</param>
    private readonly record struct Seen(bool HasAppend, long SnapshotVersion, bool IsErased);
}

/// <param name="Place">In the batch, from 0.</param>
internal readonly record struct Placed<T>(T Write, int Place)
    where T : JournalWrite;
