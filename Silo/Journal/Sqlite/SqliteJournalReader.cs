namespace Orleans.Personalize.Journal;

/// <summary>The queries of the journal, each within one read transaction.</summary>
internal static class SqliteJournalReader
{
    /// <summary>How much one page of <see cref="Page"/> holds, in records and in bytes of payload: it is all in memory at once.</summary>
    private const int PageRecordsMax = 500;
    private const int PageBytesMax = 8 << 20;

    internal const string DueSql = """
        SELECT customer, next_deadline FROM heads
        WHERE shard = ?1 AND next_deadline <= ?2 AND next_deadline >= ?3 AND (next_deadline > ?3 OR customer > ?4)
        ORDER BY next_deadline, customer LIMIT ?5
        """;

    internal const string NamesSql = "SELECT name, customer FROM names WHERE name >= ?1 ORDER BY name, customer LIMIT ?2";

    internal const string PageSql =
        "SELECT version, recorded_at, payload, customer, seq FROM facts WHERE seq > ?1 AND seq <= ?2 ORDER BY seq LIMIT ?3";

    public static CustomerHistory Read(SqliteSession session, string customer)
    {
        using var head = session.Statement("""
            SELECT h.version, h.last_seq, h.next_deadline, ifnull(s.version, 0), s.payload
            FROM heads h LEFT JOIN snapshots s ON s.customer = h.customer WHERE h.customer = ?1
            """).Bind(1, customer);
        if (!head.Read())
            return new CustomerHistory(0, default, 0, [], null);
        var snapshotVersion = head.Int64(3);
        var records = Chain(session, head.Int64(1)).TakeWhile(record => record.Version > snapshotVersion).Reverse().ToArray();
        return new CustomerHistory(head.Int64(0), head.Blob(4), snapshotVersion, records, Instant(head.Int64OrNull(2)));
    }

    public static IReadOnlyList<JournalRecord> ReadBack(SqliteSession session, string customer, long? before, int limit)
    {
        using var head = session.Statement("SELECT last_seq FROM heads WHERE customer = ?1").Bind(1, customer);
        if (!head.Read() || before <= 1)
            return [];
        var page = new List<JournalRecord>();
        foreach (var record in Chain(session, head.Int64(0)))
        {
            // The one that holds version before − 1 is the oldest that reaches it, so a newer one makes way for it.
            if (record.Version >= before - 1)
                page.Clear();
            else if (page.Count == limit)
                break;
            page.Add(record);
        }
        return page;
    }

    public static IReadOnlyList<DueCustomer> ReadDue(SqliteSession session, int shard, DateTimeOffset until, DueCustomer? after, int limit)
    {
        using var rows = session.Statement(DueSql);
        rows.Bind(1, shard).Bind(2, until.UtcTicks).Bind(3, after?.Deadline.UtcTicks ?? 0).Bind(4, after?.Customer ?? "").Bind(5, limit);
        var due = new List<DueCustomer>();
        while (rows.Read())
            due.Add(new DueCustomer(rows.Text(0), rows.Instant(1)));
        return due;
    }

    public static long LastSeq(SqliteSession session) => session.Scalar("SELECT max(seq) FROM facts") ?? 0;

    /// <summary>Some records after a position, up to another; empty when there are none left.</summary>
    public static IReadOnlyList<JournalEntry> Page(SqliteSession session, long after, long upTo)
    {
        using var rows = session.Statement(PageSql);
        rows.Bind(1, after).Bind(2, upTo).Bind(3, PageRecordsMax);
        var page = new List<JournalEntry>();
        for (var bytes = 0L; bytes < PageBytesMax && rows.Read(); bytes += page[^1].Record.Payload.Length)
            page.Add(new JournalEntry(rows.Int64(4), rows.Text(3), Record(rows)));
        return page;
    }

    public static IReadOnlyList<CustomerHit> Search(SqliteSession session, string workspace, string text, int limit)
    {
        var byId = ByName(session, SqliteNames.IdPrefix(workspace, text), limit);
        var customers = text.Length == 0
            ? Recent(session, workspace, limit).Concat(byId)
            : byId.Concat(ByName(session, SqliteNames.EmailPrefix(workspace, text), limit)).Concat(ByTerm(session, workspace, text, limit));
        return [.. customers.Distinct().Take(limit).Select(customer => Hit(session, customer))];
    }

    /// <summary>The customers of the newest records, at the most <paramref name="limit"/> of them.</summary>
    private static HashSet<string> Recent(SqliteSession session, string workspace, int limit)
    {
        using var rows = session.Statement("SELECT customer FROM facts ORDER BY seq DESC LIMIT ?1").Bind(1, JournalLimits.RecentRecordsMax);
        var prefix = workspace + "/";
        var customers = new HashSet<string>();
        while (customers.Count < limit && rows.Read())
        {
            if (rows.Text(0) is var customer && customer.StartsWith(prefix, StringComparison.Ordinal))
                customers.Add(customer);
        }
        return customers;
    }

    /// <summary>A customer may have several terms that match, and counts once.</summary>
    private static List<string> ByTerm(SqliteSession session, string workspace, string text, int limit) =>
        SearchText.MayBeTerm(text) ? ByName(session, SqliteNames.TermPrefix(workspace, text), limit * JournalLimits.TermsMax) : [];

    private static List<string> ByName(SqliteSession session, string prefix, int limit)
    {
        using var rows = session.Statement(NamesSql).Bind(1, prefix).Bind(2, limit);
        var customers = new List<string>();
        while (rows.Read() && rows.Text(0).StartsWith(prefix, StringComparison.Ordinal))
            customers.Add(rows.Text(1));
        return customers;
    }

    private static CustomerHit Hit(SqliteSession session, string customer)
    {
        using var head = session.Statement("SELECT email, version FROM heads WHERE customer = ?1").Bind(1, customer);
        return head.Read()
            ? new CustomerHit(customer, head.TextOrNull(0), head.Int64(1))
            : throw new JournalException($"The database is damaged: '{customer}' has names or records and no head.");
    }

    /// <summary>A customer's records, newest first.</summary>
    private static IEnumerable<JournalRecord> Chain(SqliteSession session, long lastSeq)
    {
        for (var seq = lastSeq; seq > 0;)
        {
            using var row = session.Statement("SELECT version, recorded_at, payload, prev_seq FROM facts WHERE seq = ?1").Bind(1, seq);
            if (!row.Read() || row.Int64(3) >= seq)
                throw new JournalException($"The database is damaged: record {seq} is missing or does not point back.");
            seq = row.Int64(3);
            yield return Record(row);
        }
    }

    private static JournalRecord Record(SqliteStatement row) => new(row.Int64(0), row.Instant(1), row.Blob(2));

    private static DateTimeOffset? Instant(long? ticks) => ticks is { } value ? new DateTimeOffset(value, TimeSpan.Zero) : null;
}
