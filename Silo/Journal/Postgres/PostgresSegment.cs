namespace Orleans.Personalize.Journal;

/// <summary>
/// A part of a batch that is written at once: at the most one chain of appends and one snapshot for each customer, and then an erasure. The
/// parts of a batch are written one after another in one transaction; nearly always there is one.
/// </summary>
internal sealed class PostgresSegment
{
    private readonly Dictionary<string, Entry> _entries = [];

    public List<PostgresChain> Chains { get; } = [];

    /// <summary>Positions of the batch.</summary>
    public List<int> Snapshots { get; } = [];

    /// <summary>Positions of the batch.</summary>
    public List<int> Erasures { get; } = [];

    /// <summary>
    /// Cuts the batch wherever a customer's write cannot join what it wrote before. Writes of the head of a customer who has none are left out: they
    /// are stale whatever the store says.
    /// </summary>
    public static IReadOnlyList<PostgresSegment> Cut(IReadOnlyList<JournalWrite> batch)
    {
        var segments = new List<PostgresSegment> { new() };
        for (var i = 0; i < batch.Count; i++)
        {
            if (batch[i] is JournalWrite.Append { Version: 0 })
                continue;
            if (segments[^1].TryAdd(batch[i], i))
                continue;
            segments.Add(new PostgresSegment());
            segments[^1].TryAdd(batch[i], i);
        }
        foreach (var segment in segments)
            segment.Sort(batch);
        return segments;
    }

    /// <summary>Whoever writes locks customers in the same order, so that no two silos ever wait for each other.</summary>
    private void Sort(IReadOnlyList<JournalWrite> batch)
    {
        Chains.Sort(static (left, right) => string.CompareOrdinal(left.Customer, right.Customer));
        Snapshots.Sort((left, right) => string.CompareOrdinal(batch[left].Customer, batch[right].Customer));
    }

    private bool TryAdd(JournalWrite write, int position)
    {
        var entry = _entries.GetValueOrDefault(write.Customer) ?? (_entries[write.Customer] = new Entry());
        if (entry.IsErased)
            return false;
        switch (write)
        {
            case JournalWrite.Append append:
                return TryAdd(append, position, entry);
            case JournalWrite.Snapshot when entry.SnapshotVersion > 0:
                return false;
            case JournalWrite.Snapshot snapshot:
                entry.SnapshotVersion = snapshot.Version;
                Snapshots.Add(position);
                return true;
            default:
                entry.IsErased = true;
                Erasures.Add(position);
                return true;
        }
    }

    private bool TryAdd(JournalWrite.Append append, int position, Entry entry)
    {
        // A snapshot is written after all appends, which makes no difference only if it is not ahead of this one.
        var fits = entry switch
        {
            { Chain: null } => append.ExpectedVersion >= entry.SnapshotVersion,
            { SnapshotVersion: > 0 } => false,
            _ => append.ExpectedVersion == entry.Chain.Version,
        };
        if (!fits)
            return false;
        if (entry.Chain is null)
            Chains.Add(entry.Chain = new PostgresChain(append.Customer, append.ExpectedVersion));
        entry.Chain.Add(append, position);
        return true;
    }

    private sealed class Entry
    {
        public PostgresChain? Chain { get; set; }
        public long SnapshotVersion { get; set; }
        public bool IsErased { get; set; }
    }
}

/// <summary>Appends of a customer that build on one another, and so are written together or not at all.</summary>
internal sealed class PostgresChain(string customer, long expectedVersion)
{
    public string Customer { get; } = customer;

    public long ExpectedVersion { get; } = expectedVersion;

    public long Version { get; private set; } = expectedVersion;

    /// <summary>With their positions of the batch.</summary>
    public List<(JournalWrite.Append Write, int Position)> Writes { get; } = new(1);

    /// <summary>How many of the writes have a record.</summary>
    public int RecordCount { get; private set; }

    /// <summary>Null: it stays.</summary>
    public DeadlineWrite? Deadline { get; private set; }

    /// <summary>Null: it stays; empty: there is none.</summary>
    public string? Email { get; private set; }

    public void Add(JournalWrite.Append append, int position)
    {
        Writes.Add((append, position));
        RecordCount += append.Payload.IsEmpty ? 0 : 1;
        Version = append.Version;
        Deadline = append.Deadline ?? Deadline;
        Email = append.Email is { } email ? SearchText.KeptEmail(email) ?? "" : Email;
    }

    /// <summary>The payloads of all records, one behind the other.</summary>
    public ReadOnlyMemory<byte> JoinPayloads()
    {
        if (Writes.Count == 1)
            return Writes[0].Write.Payload;
        var joined = new byte[Writes.Sum(static write => write.Write.Payload.Length)];
        var offset = 0;
        foreach (var (write, _) in Writes)
        {
            write.Payload.CopyTo(joined.AsMemory(offset));
            offset += write.Payload.Length;
        }
        return joined;
    }
}
