using Orleans.Personalize.Quarantine;

namespace Orleans.Personalize.Journal;

/// <summary>The quarantine in the journal's database: one file to back up. A call is a transaction, whatever it holds.</summary>
internal sealed class SqliteQuarantine(SqliteDatabase database, QuarantineLimits limits) : IQuarantine
{
    private const string Columns = "id, version, seen, key, state, source, event, customer, reason, received_at, meta";

    private const string Insert = """
        INSERT INTO quarantine(workspace, key, version, seen, state, source, event, customer, reason, received_at, settled_at, size, meta, body)
        VALUES(?1, ?2, 1, 1, ?3, ?4, ?5, ?6, ?7, ?8, ?9, ?10, ?11, ?12)
        """;

    private const string Update = """
        UPDATE quarantine SET version = version + 1, state = ?3, source = ?4, event = ?5, customer = ?6, reason = ?7, settled_at = ?9, size = ?10, meta = ?11,
          body = ?12 WHERE workspace = ?1 AND key = ?2
        """;

    private const string Filter = """
        FROM quarantine WHERE workspace = ?1 AND id < ?2 AND (?3 IS NULL OR source = ?3) AND (?4 IS NULL OR event = ?4) AND (?5 IS NULL OR reason = ?5)
          AND (?6 IS NULL OR state = ?6) AND received_at >= ?7 AND received_at < ?8 ORDER BY id DESC LIMIT ?9
        """;

    public async Task<long[]?> AddAsync(string workspace, IReadOnlyList<QuarantineEntry> entries, CancellationToken cancellation)
    {
        var rows = entries.Select(static entry => (Row: QuarantineRow.Of(entry, []), SettledAt: QuarantineRow.SettledAt(entry, null))).ToArray();
        try
        {
            return await database.WriteAsync(session =>
            {
                var ids = new long[rows.Length];
                for (var i = 0; i < ids.Length; i++)
                    ids[i] = Add(session, workspace, rows[i].Row, rows[i].SettledAt);
                MakeRoom(session, workspace);
                return ids;
            });
        }
        catch (FullException)
        {
            return null;
        }
    }

    public Task<QuarantineItem?> FindAsync(string workspace, long id, CancellationToken cancellation) =>
        database.ReadAsync(session => Find(session, workspace, id), cancellation);

    public Task<IReadOnlyList<QuarantineItem>> ListAsync(string workspace, QuarantineFilter filter, int limit, long? before, CancellationToken cancellation)
    {
        JournalRules.ThrowIfOutside(limit, QuarantineLimits.ListMax);
        return database.ReadAsync<IReadOnlyList<QuarantineItem>>(
            session =>
            {
                using var rows = session.Statement($"SELECT {Columns} {Filter}");
                rows.Bind(1, workspace).Bind(2, before ?? long.MaxValue).Bind(3, filter.Source).Bind(4, filter.Event).Bind(5, filter.Reason).Bind(6, filter.State)
                    .Bind(7, filter.From?.UtcTicks ?? 0).Bind(8, filter.To?.UtcTicks ?? long.MaxValue).Bind(9, limit);
                var items = new List<QuarantineItem>();
                while (rows.Read())
                    items.Add(Item(rows, []));
                return items;
            },
            cancellation);
    }

    public Task<QuarantineItem?> ChangeAsync(
        string workspace, long id, long version, QuarantineEntry entry, QuarantineNote note, CancellationToken cancellation) => database.WriteAsync(session =>
    {
        if (Find(session, workspace, id) is not { } known || known.Version != version)
            return null;
        var after = QuarantineRow.Change(known, entry, note);
        var row = QuarantineRow.Of(after.Entry, after.Notes);
        using (var update = session.Statement(Update))
            Bind(update, workspace, row, QuarantineRow.SettledAt(entry, note)).Execute();
        AddUp(session, workspace, 0, row.Size - QuarantineRow.Of(known.Entry, known.Notes).Size);
        return after;
    });

    public Task<IReadOnlyList<QuarantineCount>> CountAsync(string workspace, CancellationToken cancellation) =>
        database.ReadAsync<IReadOnlyList<QuarantineCount>>(
            session =>
            {
                using var rows = session.Statement(
                    "SELECT source, reason, state, count(*) FROM quarantine WHERE workspace = ?1 GROUP BY source, reason, state ORDER BY source, reason, state")
                    .Bind(1, workspace);
                var counts = new List<QuarantineCount>();
                while (rows.Read())
                    counts.Add(new(rows.Text(0), rows.Text(1), rows.Text(2), rows.Int64(3)));
                return counts;
            },
            cancellation);

    public Task ForgetAsync(string workspace, string customer, CancellationToken cancellation) => database.WriteAsync(session =>
    {
        using var removed = session.Statement("DELETE FROM quarantine WHERE workspace = ?1 AND customer = ?2 RETURNING workspace, size")
            .Bind(1, workspace).Bind(2, customer);
        // What is erased must not linger in the log file either.
        session.ErasedLately |= Subtract(session, removed) > 0;
        return true;
    });

    public Task<int> PruneAsync(DateTimeOffset before, CancellationToken cancellation) => database.WriteAsync(session =>
    {
        using var removed = session.Statement("""
            DELETE FROM quarantine WHERE id IN (SELECT id FROM quarantine WHERE settled_at < ?1 ORDER BY settled_at LIMIT ?2) RETURNING workspace, size
            """).Bind(1, before.UtcTicks).Bind(2, QuarantineLimits.ListMax);
        return Subtract(session, removed);
    });

    private static long Add(SqliteSession session, string workspace, QuarantineRow row, DateTimeOffset? settledAt)
    {
        using (var known = session.Statement("UPDATE quarantine SET seen = seen + 1 WHERE workspace = ?1 AND key = ?2 RETURNING id").Bind(1, workspace).Bind(2, row.Key))
        {
            if (known.Read())
                return known.Int64(0);
        }
        using (var insert = session.Statement(Insert))
            Bind(insert, workspace, row, settledAt).Execute();
        AddUp(session, workspace, 1, row.Size);
        return session.Scalar("SELECT last_insert_rowid()")!.Value;
    }

    private static SqliteStatement Bind(SqliteStatement statement, string workspace, QuarantineRow row, DateTimeOffset? settledAt) => statement
        .Bind(1, workspace).Bind(2, row.Key).Bind(3, row.State).Bind(4, row.Source).Bind(5, row.Event).Bind(6, row.Customer).Bind(7, row.Reason)
        .Bind(8, row.ReceivedAt.UtcTicks).Bind(9, settledAt?.UtcTicks).Bind(10, row.Size).Bind(11, row.Meta.AsSpan()).Bind(12, row.Body.AsSpan());

    /// <exception cref="FullException">There is none.</exception>
    private void MakeRoom(SqliteSession session, string workspace)
    {
        while (Totals(session, workspace) is var (items, bytes) && (items > limits.ItemsMax || bytes > limits.BytesMax))
        {
            using var removed = session.Statement("""
                DELETE FROM quarantine WHERE id = (SELECT id FROM quarantine WHERE workspace = ?1 AND settled_at IS NOT NULL ORDER BY settled_at, id LIMIT 1)
                RETURNING workspace, size
                """).Bind(1, workspace);
            if (Subtract(session, removed) == 0)
                throw new FullException();
        }
    }

    private static (long Items, long Bytes) Totals(SqliteSession session, string workspace)
    {
        using var totals = session.Statement("SELECT items, bytes FROM quarantine_totals WHERE workspace = ?1").Bind(1, workspace);
        return totals.Read() ? (totals.Int64(0), totals.Int64(1)) : (0, 0);
    }

    private static void AddUp(SqliteSession session, string workspace, long items, long bytes)
    {
        using var totals = session.Statement("""
            INSERT INTO quarantine_totals(workspace, items, bytes) VALUES(?1, ?2, ?3)
            ON CONFLICT(workspace) DO UPDATE SET items = items + ?2, bytes = bytes + ?3
            """);
        totals.Bind(1, workspace).Bind(2, items).Bind(3, bytes).Execute();
    }

    /// <summary>Takes off the totals what a statement removes; returns how many that were.</summary>
    private static int Subtract(SqliteSession session, SqliteStatement removed)
    {
        var rows = new List<(string Workspace, long Size)>();
        while (removed.Read())
            rows.Add((removed.Text(0), removed.Int64(1)));
        foreach (var group in rows.GroupBy(static row => row.Workspace))
            AddUp(session, group.Key, -group.Count(), -group.Sum(static row => row.Size));
        return rows.Count;
    }

    private static QuarantineItem? Find(SqliteSession session, string workspace, long id)
    {
        using var row = session.Statement($"SELECT {Columns}, body FROM quarantine WHERE workspace = ?1 AND id = ?2").Bind(1, workspace).Bind(2, id);
        return row.Read() ? Item(row, row.Blob(11)) : null;
    }

    private static QuarantineItem Item(SqliteStatement row, byte[] body) =>
        new QuarantineRow(row.Text(3), row.Text(4), row.Text(5), row.TextOrNull(6), row.TextOrNull(7), row.Text(8), row.Instant(9), row.Blob(10), body)
            .ToItem(row.Int64(0), row.Int64(1), (int)row.Int64(2));

    /// <summary>Rolls back what the transaction has added.</summary>
    private sealed class FullException : Exception;
}
