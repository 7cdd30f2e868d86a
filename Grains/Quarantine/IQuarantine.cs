namespace Orleans.Personalize.Quarantine;

/// <summary>
/// The durable store of quarantined events: the port that SQLite, PostgreSQL and memory implement. What it returns has reached the disk.
/// </summary>
public interface IQuarantine
{
    /// <summary>
    /// Keeps events, all of them or none. Of one whose key is known only the deliveries are counted. Where there is no room, what is settled
    /// makes way, oldest first.
    /// </summary>
    /// <returns>The id of each, in order; null where there is no room for all.</returns>
    /// <exception cref="ArgumentException">An entry is larger than <see cref="QuarantineLimits.BodyBytesMax"/> or cannot be stored.</exception>
    /// <exception cref="Personalize.JournalException">It is not known whether they were kept.</exception>
    Task<long[]?> AddAsync(string workspace, IReadOnlyList<QuarantineEntry> entries, CancellationToken cancellation);

    Task<QuarantineItem?> FindAsync(string workspace, long id, CancellationToken cancellation);

    /// <summary>Newest first, without their bodies.</summary>
    /// <param name="limit">1 to <see cref="QuarantineLimits.ListMax"/>.</param>
    Task<IReadOnlyList<QuarantineItem>> ListAsync(string workspace, QuarantineFilter filter, int limit, long? before, CancellationToken cancellation);

    /// <summary>Replaces an entry that has this version, but for its key and when it was received. A change needs no room.</summary>
    /// <returns>Null where there is another version, or none.</returns>
    Task<QuarantineItem?> ChangeAsync(string workspace, long id, long version, QuarantineEntry entry, QuarantineNote note, CancellationToken cancellation);

    /// <summary>How many there are, by source, reason and state, in that order.</summary>
    Task<IReadOnlyList<QuarantineCount>> CountAsync(string workspace, CancellationToken cancellation);

    /// <summary>Removes all of a customer's.</summary>
    Task ForgetAsync(string workspace, string customer, CancellationToken cancellation);

    /// <summary>Removes what was settled before an instant, at the most <see cref="QuarantineLimits.ListMax"/> of it.</summary>
    /// <returns>How many were removed.</returns>
    Task<int> PruneAsync(DateTimeOffset before, CancellationToken cancellation);
}

/// <summary>The bounds of the quarantine, with their reasons.</summary>
public sealed record QuarantineLimits
{
    /// <summary>The largest body, in bytes: the largest request that any door takes, so that whatever came in fits.</summary>
    public const int BodyBytesMax = 4 << 20;

    /// <summary>Of one page, one removal and one bulk operation.</summary>
    public const int ListMax = 500;

    /// <summary>How long what is settled (replayed, dropped, or only a sample) can still be looked at.</summary>
    public static readonly TimeSpan Retention = TimeSpan.FromDays(30);

    /// <summary>Events of a workspace. A source that breaks fills it in hours, not minutes, and counting them stays a matter of milliseconds.</summary>
    public int ItemsMax { get; init; } = 100_000;

    /// <summary>Bytes of a workspace's bodies and what is said of them: a disk holds it beside a journal, and 100,000 bodies of 10 KB are within it.</summary>
    public long BytesMax { get; init; } = 1L << 30;
}
