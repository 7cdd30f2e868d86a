using Npgsql;

namespace Orleans.Personalize.Journal;

/// <summary>The queries of the journal. Each is one statement, and so sees one state.</summary>
internal static class PostgresReader
{
    /// <summary>How much one page of <see cref="PageAsync"/> holds, in records and in bytes of payload: it is all in memory at once.</summary>
    private const int PageRecordsMax = 500;
    private const int PageBytesMax = 8 << 20;

    /// <summary>
    /// The head first, then its records, newest first, down to the first that the snapshot stands for: so that a missing one is noticed.
    /// </summary>
    private const string ReadSql = """
        WITH RECURSIVE head AS MATERIALIZED (
          SELECT h.version, h.last_seq, h.next_deadline, coalesce(s.version, 0) AS snapshot_version, s.payload
          FROM heads h LEFT JOIN snapshots s ON s.customer = h.customer WHERE h.customer = $1),
        chain AS (
          SELECT f.seq, f.prev_seq, f.version, f.recorded_at, f.payload FROM head JOIN facts f ON f.seq = head.last_seq
          UNION ALL
          SELECT f.seq, f.prev_seq, f.version, f.recorded_at, f.payload FROM chain c JOIN facts f ON f.seq = c.prev_seq
          WHERE c.version > (SELECT snapshot_version FROM head))
        SELECT NULL AS seq, snapshot_version, version, next_deadline, payload FROM head
        UNION ALL
        SELECT seq, prev_seq, version, recorded_at, payload FROM chain ORDER BY seq DESC NULLS FIRST
        """;

    /// <summary>
    /// Depth counts the records older than the one sought, which is the last of depth 0: the oldest that reaches the version $2. $3 is the limit.
    /// </summary>
    private const string ReadBackSql = """
        WITH RECURSIVE chain AS (
          SELECT f.seq, f.prev_seq, f.version, f.recorded_at, f.payload, 0 AS depth
          FROM heads h JOIN facts f ON f.seq = h.last_seq WHERE h.customer = $1
          UNION ALL
          SELECT f.seq, f.prev_seq, f.version, f.recorded_at, f.payload, CASE WHEN f.version >= $2 THEN 0 ELSE c.depth + 1 END
          FROM chain c JOIN facts f ON f.seq = c.prev_seq WHERE c.depth < $3 - 1)
        SELECT seq, prev_seq, version, recorded_at, payload, depth FROM chain
        WHERE seq <= (SELECT min(seq) FROM chain WHERE depth = 0) ORDER BY seq DESC
        """;

    internal const string DueSql = """
        SELECT customer, next_deadline FROM heads
        WHERE shard = $1 AND next_deadline <= $2 AND (next_deadline, customer) > ($3, $4) ORDER BY next_deadline, customer LIMIT $5
        """;

    /// <summary>
    /// The newest position such that none below it is still being written: a silo may take positions first and commit them after another that took
    /// its own later. Every append shares the lock from before it takes positions until it has committed, so whoever has it alone sees
    /// all there is below the newest. Appends wait for as long as the appends under way take, a few milliseconds; the time-out bounds that where one hangs.
    /// </summary>
    internal static readonly string[] BarrierSql =
    [
        "SELECT set_config('lock_timeout', '2s', true)",
        "SELECT pg_advisory_xact_lock(hashtext('personalize.append'), hashtext(current_schema()))",
        "SELECT coalesce(max(seq), 0) FROM facts",
    ];

    internal const string PageSql = """
        SELECT seq, customer, version, recorded_at, payload
        FROM (
          SELECT *, sum(octet_length(payload)) OVER (ORDER BY seq) - octet_length(payload) AS bytes_before
          FROM (SELECT * FROM facts WHERE seq > $1 AND seq <= $2 ORDER BY seq LIMIT $3) AS page) AS measured
        WHERE bytes_before < $4 ORDER BY seq
        """;

    internal const string IdsSql = """
        SELECT n.id_name, n.customer, n.email, h.version FROM names n JOIN heads h ON h.customer = n.customer
        WHERE n.id_name >= $1 ORDER BY n.id_name, n.customer LIMIT $2
        """;

    internal const string EmailsSql = """
        SELECT n.email_name, n.customer, n.email, h.version FROM names n JOIN heads h ON h.customer = n.customer
        WHERE n.email_name >= $1 ORDER BY n.email_name, n.customer LIMIT $2
        """;

    internal const string TermsSql = """
        SELECT t.term, n.customer, n.email, h.version FROM terms t JOIN names n ON n.customer = t.customer JOIN heads h ON h.customer = t.customer
        WHERE t.term >= $1 ORDER BY t.term, t.customer LIMIT $2
        """;

    private const string RecentSql = """
        SELECT r.customer, n.customer, n.email, h.version
        FROM (
          SELECT customer, max(seq) AS newest FROM (SELECT customer, seq FROM facts ORDER BY seq DESC LIMIT $3) AS recent
          WHERE starts_with(customer, $1) GROUP BY customer ORDER BY newest DESC LIMIT $2) AS r
        JOIN names n ON n.customer = r.customer JOIN heads h ON h.customer = r.customer ORDER BY r.newest DESC
        """;

    public static async Task<CustomerHistory> ReadAsync(NpgsqlConnection connection, string customer, CancellationToken cancellation)
    {
        await using var command = new NpgsqlCommand(ReadSql, connection).With(customer);
        await using var rows = await command.ExecuteReaderAsync(cancellation);
        if (!await rows.ReadAsync(cancellation))
            return new CustomerHistory(0, default, 0, [], null);
        var (snapshotVersion, version) = (rows.GetInt64(1), rows.GetInt64(2));
        DateTimeOffset? deadline = await rows.IsDBNullAsync(3, cancellation) ? null : Instant(rows.GetInt64(3));
        var snapshot = await rows.IsDBNullAsync(4, cancellation) ? [] : rows.GetFieldValue<byte[]>(4);
        var records = new List<JournalRecord>();
        var isWhole = false;
        while (await rows.ReadAsync(cancellation))
        {
            if (rows.GetInt64(2) > snapshotVersion)
                records.Add(Record(rows));
            isWhole = rows.GetInt64(1) == 0 || rows.GetInt64(2) <= snapshotVersion;
        }
        if (!isWhole)
            throw Damaged(customer);
        records.Reverse();
        return new CustomerHistory(version, snapshot, snapshotVersion, records, deadline);
    }

    public static async Task<IReadOnlyList<JournalRecord>> ReadBackAsync(
        NpgsqlConnection connection, string customer, long? before, int limit, CancellationToken cancellation)
    {
        if (before <= 1)
            return [];
        await using var command = new NpgsqlCommand(ReadBackSql, connection).With(customer).With((before ?? long.MaxValue) - 1).With(limit);
        await using var rows = await command.ExecuteReaderAsync(cancellation);
        var page = new List<JournalRecord>();
        var isWhole = true;
        while (await rows.ReadAsync(cancellation))
        {
            page.Add(Record(rows));
            isWhole = rows.GetInt64(1) == 0 || page.Count == limit;
        }
        return isWhole ? page : throw Damaged(customer);
    }

    public static async Task<IReadOnlyList<DueCustomer>> ReadDueAsync(
        NpgsqlConnection connection, int shard, DateTimeOffset until, DueCustomer? after, int limit, CancellationToken cancellation)
    {
        await using var command = new NpgsqlCommand(DueSql, connection)
            .With((short)shard).With(until.UtcTicks).With(after?.Deadline.UtcTicks ?? 0).With(after?.Customer ?? "").With(limit);
        await using var rows = await command.ExecuteReaderAsync(cancellation);
        var due = new List<DueCustomer>();
        while (await rows.ReadAsync(cancellation))
            due.Add(new DueCustomer(rows.GetString(0), Instant(rows.GetInt64(1))));
        return due;
    }

    public static async Task<long> LastSettledAsync(NpgsqlConnection connection, CancellationToken cancellation)
    {
        await using var commands = new NpgsqlBatch(connection);
        foreach (var sql in BarrierSql)
            commands.BatchCommands.Add(new NpgsqlBatchCommand(sql));
        await using var results = await commands.ExecuteReaderAsync(cancellation);
        await results.NextResultAsync(cancellation);
        await results.NextResultAsync(cancellation);
        await results.ReadAsync(cancellation);
        return results.GetInt64(0);
    }

    /// <summary>Some records after a position, up to another; empty when there are none left.</summary>
    public static async Task<IReadOnlyList<JournalEntry>> PageAsync(NpgsqlConnection connection, long after, long upTo, CancellationToken cancellation)
    {
        await using var command = new NpgsqlCommand(PageSql, connection).With(after).With(upTo).With(PageRecordsMax).With((long)PageBytesMax);
        await using var rows = await command.ExecuteReaderAsync(cancellation);
        var page = new List<JournalEntry>();
        while (await rows.ReadAsync(cancellation))
            page.Add(new JournalEntry(rows.GetInt64(0), rows.GetString(1), Record(rows)));
        return page;
    }

    public static async Task<IReadOnlyList<CustomerHit>> SearchAsync(
        NpgsqlConnection connection, string workspace, string text, int limit, CancellationToken cancellation)
    {
        var prefix = PostgresNames.Prefix(workspace, text);
        await using var commands = new NpgsqlBatch(connection);
        commands.BatchCommands.Add(new NpgsqlBatchCommand(IdsSql).With(prefix).With(limit));
        commands.BatchCommands.Add(text.Length == 0
            ? new NpgsqlBatchCommand(RecentSql).With(prefix).With(limit).With(JournalLimits.RecentRecordsMax)
            : new NpgsqlBatchCommand(EmailsSql).With(prefix).With(limit));
        // A customer may have several terms that match, and counts once.
        if (SearchText.MayBeTerm(text))
            commands.BatchCommands.Add(new NpgsqlBatchCommand(TermsSql).With(prefix).With(limit * JournalLimits.TermsMax));
        await using var rows = await commands.ExecuteReaderAsync(cancellation);
        var byId = await HitsAsync(rows, prefix, cancellation);
        await rows.NextResultAsync(cancellation);
        var others = await HitsAsync(rows, prefix, cancellation);
        var byTerm = await rows.NextResultAsync(cancellation) ? await HitsAsync(rows, prefix, cancellation) : [];
        var hits = text.Length == 0 ? others.Concat(byId) : byId.Concat(others).Concat(byTerm);
        return [.. hits.DistinctBy(static hit => hit.Customer).Take(limit)];
    }

    private static async Task<List<CustomerHit>> HitsAsync(NpgsqlDataReader rows, string prefix, CancellationToken cancellation)
    {
        var hits = new List<CustomerHit>();
        while (await rows.ReadAsync(cancellation) && rows.GetString(0).StartsWith(prefix, StringComparison.Ordinal))
            hits.Add(new CustomerHit(rows.GetString(1), await rows.IsDBNullAsync(2, cancellation) ? null : rows.GetString(2), rows.GetInt64(3)));
        return hits;
    }

    private static JournalRecord Record(NpgsqlDataReader row) => new(row.GetInt64(2), Instant(row.GetInt64(3)), row.GetFieldValue<byte[]>(4));

    private static DateTimeOffset Instant(long ticks) => new(ticks, TimeSpan.Zero);

    private static JournalException Damaged(string customer) =>
        new($"The database is damaged: a record of '{customer}' is missing or does not point back.");
}
