namespace Orleans.Personalize.Journal;

/// <summary>
/// The durable store of facts: the port that SQLite, PostgreSQL and memory implement. Grains write through the
/// <see cref="GroupCommitter"/>, which is the only caller of <see cref="CommitAsync"/>; reads go straight here.
/// </summary>
/// <remarks>
/// <para>A customer has one <em>head</em> (version, next deadline, snapshot) and a chain of records. A record holds the facts of one or
/// more turns; its version is that of its last fact; the first fact of all has version 1 and there are no gaps.</para>
/// <para>Payloads are opaque here. All instants are UTC, kept to the tick (100 ns) or, where the store cannot, to the microsecond.</para>
/// </remarks>
public interface IJournal
{
    /// <summary>
    /// Makes the writes durable together, in order; when it returns, each that is <see cref="WriteStatus.Committed"/> survives a crash of the
    /// process and of the machine. A stale write changes nothing and does not disturb its neighbours. An append whose fate decides that of another must
    /// be known to be committed before that other is: both in one batch, the second could pass where somebody else has brought the head to the version it expects.
    /// </summary>
    /// <exception cref="JournalException">The outcome of the whole batch is unknown.</exception>
    Task<WriteStatus[]> CommitAsync(IReadOnlyList<JournalWrite> batch, CancellationToken cancellation);

    /// <summary>A customer's newest snapshot and the records after it, oldest first; version 0 and nothing where the customer is unknown.</summary>
    Task<CustomerHistory> ReadAsync(string customer, CancellationToken cancellation);

    /// <summary>Records newest first, starting with the one that holds version <paramref name="before"/> − 1 (null: the newest).</summary>
    /// <param name="limit">How many records at the most, 1 to 500.</param>
    Task<IReadOnlyList<JournalRecord>> ReadBackAsync(string customer, long? before, int limit, CancellationToken cancellation);

    /// <summary>
    /// Customers of a shard (<see cref="CustomerKey.ShardOf"/>) whose stored deadline is at or before <paramref name="until"/>, ordered by (deadline,
    /// customer, by code point), after <paramref name="after"/> in that order.
    /// </summary>
    /// <param name="limit">At least 1.</param>
    Task<IReadOnlyList<DueCustomer>> ReadDueAsync(
        int shard, DateTimeOffset until, DueCustomer? after, int limit, CancellationToken cancellation);

    /// <summary>Every record of every customer with a higher position, in the order of commits; ends with the newest at the time of the call.</summary>
    IAsyncEnumerable<JournalEntry> ReadAllAsync(long afterPosition, CancellationToken cancellation);

    /// <summary>
    /// Customers of a workspace whose id, e-mail address or one of their terms starts with the text, letter case aside: those found by id before those found by
    /// address before those found by a term, each in the order of the text that matched. Terms are looked for only with a text that has a colon. With an empty text those with the newest records first (among the newest
    /// <see cref="JournalLimits.RecentRecordsMax"/> of the journal), then the others by id.
    /// </summary>
    /// <param name="limit">1 to 200.</param>
    Task<IReadOnlyList<CustomerHit>> SearchAsync(string workspace, string text, int limit, CancellationToken cancellation);
}

/// <summary>One write of a commit. Closed: <see cref="Append"/>, <see cref="Snapshot"/>, <see cref="Erase"/>.</summary>
/// <param name="Customer">The grain key, <c>workspace/customerId</c>.</param>
public abstract record JournalWrite(string Customer)
{
    /// <summary>
    /// Adds a record if the head's version is still <paramref name="ExpectedVersion"/> (0: there is no head), and moves the head to
    /// <paramref name="Version"/>. With an empty payload, and then <paramref name="Version"/> equal to the expected one, it only updates the head.
    /// </summary>
    /// <param name="Deadline">Null leaves the stored deadline; otherwise it is set, or cleared.</param>
    /// <param name="Email">Null leaves the e-mail address by which the customer is found; empty clears it.</param>
    /// <param name="Terms">Null leaves what else the customer is found by, each written <c>name:value</c>; otherwise these and no others are it.</param>
    public sealed record Append(
        string Customer,
        long ExpectedVersion,
        long Version,
        DateTimeOffset RecordedAt,
        ReadOnlyMemory<byte> Payload,
        DeadlineWrite? Deadline = null,
        string? Email = null,
        IReadOnlyList<string>? Terms = null) : JournalWrite(Customer);

    /// <summary>Keeps a snapshot unless there is a newer one or the head is older than it or gone (then stale).</summary>
    public sealed record Snapshot(string Customer, long Version, ReadOnlyMemory<byte> Payload) : JournalWrite(Customer);

    /// <summary>Removes the head and every record of the customer. Always committed.</summary>
    public sealed record Erase(string Customer) : JournalWrite(Customer);

    /// <summary>About how many bytes it takes; for limits.</summary>
    public int Size => this switch
    {
        Append append => append.Payload.Length,
        Snapshot snapshot => snapshot.Payload.Length,
        _ => 0,
    };
}

/// <summary>A new value of the stored deadline; null clears it.</summary>
public sealed record DeadlineWrite(DateTimeOffset? At);

public enum WriteStatus
{
    Committed = 0,
    /// <summary>The head was not as expected: somebody else wrote, or the customer is gone. Nothing was written.</summary>
    Stale = 1,
}

/// <param name="Version">The head's version; 0 where the customer is unknown.</param>
/// <param name="Snapshot">Empty where there is none; then <paramref name="SnapshotVersion"/> is 0.</param>
/// <param name="Records">Those after the snapshot, oldest first.</param>
public sealed record CustomerHistory(
    long Version,
    ReadOnlyMemory<byte> Snapshot,
    long SnapshotVersion,
    IReadOnlyList<JournalRecord> Records,
    DateTimeOffset? Deadline);

public sealed record JournalRecord(long Version, DateTimeOffset RecordedAt, ReadOnlyMemory<byte> Payload);

public sealed record DueCustomer(string Customer, DateTimeOffset Deadline);

/// <param name="Position">Rises with each record of the journal; gaps are possible.</param>
public sealed record JournalEntry(long Position, string Customer, JournalRecord Record);
