using System.ComponentModel.DataAnnotations;

namespace Orleans.Personalize.Journal;

/// <summary>Bounds that every journal keeps, each with its reason.</summary>
public static class JournalLimits
{
    /// <summary>The largest payload of one write, in bytes: far above any record or snapshot, far below what would stall a commit for seconds.</summary>
    public const int PayloadBytesMax = 16 << 20;

    /// <summary>
    /// The longest grain key, in UTF-16 code units: what PostgreSQL's indexes still take twice (2,704 bytes an entry, at three bytes a unit). Far
    /// above <see cref="CustomerKey.CustomerIdLengthMax"/> and the name of a workspace.
    /// </summary>
    public const int CustomerLengthMax = 400;

    /// <summary>How many records one backward read returns at the most: a page of a timeline.</summary>
    public const int ReadBackMax = 500;

    /// <summary>How many customers one search returns at the most: more than anyone reads, and a bound on the work of one request.</summary>
    public const int SearchMax = 200;

    /// <summary>How many of the newest records a search for the most recently active customers looks at; some 10 ms of reading.</summary>
    public const int RecentRecordsMax = 10_000;

    /// <summary>The longest e-mail address by which a customer is found, in UTF-16 code units: 64 + 1 + 255 (RFC 3696, section 3).</summary>
    public const int EmailLengthMax = 320;

    /// <summary>Terms of one customer: each costs a row in an index of its own, and a search reads so many rows for each customer that it shows.</summary>
    public const int TermsMax = 16;

    /// <summary>The longest term, in UTF-16 code units: a name of 64, a colon and a value of 128.</summary>
    public const int TermLengthMax = 193;
}

/// <summary>The bounds of a <see cref="GroupCommitter"/>. The batch being committed comes on top of what is queued.</summary>
public sealed record GroupCommitterOptions
{
    /// <summary>
    /// How many writes may wait. At 50,000 writes a second, half of what SQLite was measured at, the default is a third of a second of work: whoever comes later does
    /// better to hear so and to try again than to wait.
    /// </summary>
    [Range(1, 1 << 20)]
    public int QueueWritesMax { get; init; } = 16_384;

    /// <summary>How many bytes of payload may wait: what a full queue may cost in memory. One write is always let into an empty queue.</summary>
    [Range(1, long.MaxValue)]
    public long QueueBytesMax { get; init; } = 64L << 20;

    /// <summary>How many writes one commit takes. Past about a thousand a longer transaction gains no throughput and only adds latency.</summary>
    [Range(1, 1 << 16)]
    public int BatchWritesMax { get; init; } = 2_048;

    /// <summary>How many bytes of payload one commit takes, so that large ones do not make a slow transaction; at least one write goes.</summary>
    [Range(1, long.MaxValue)]
    public long BatchBytesMax { get; init; } = 8L << 20;
}
