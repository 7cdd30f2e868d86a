using Npgsql;
using Orleans.Personalize.Quarantine;

namespace Orleans.Personalize.Journal;

/// <summary>The quarantine in the journal's schema. A call is a transaction, whatever it holds.</summary>
internal sealed class PostgresQuarantine(PostgresDatabase database, QuarantineLimits limits) : IQuarantine
{
    private const string Columns = "id, version, seen, key, state, source, event, customer, reason, received_at, meta";

    /// <summary>Whoever changes how many there are holds the row of the totals, so that no two fill the last place.</summary>
    private const string LockSql = """
        INSERT INTO quarantine_totals(workspace, items, bytes) VALUES($1, 0, 0) ON CONFLICT (workspace) DO UPDATE SET items = quarantine_totals.items
        RETURNING items, bytes
        """;

    /// <summary>In the order of the batch; of a key that occurs twice in it the second is only counted, by the caller's next statement.</summary>
    private const string AddSql = """
        INSERT INTO quarantine(workspace, key, version, seen, state, source, event, customer, reason, received_at, settled_at, size, meta, body)
        SELECT $1, key, 1, seen, state, source, event, customer, reason, received_at, settled_at, size, meta, body
        FROM unnest($2, $3, $4, $5, $6, $7, $8, $9, $10, $11, $12, $13) WITH ORDINALITY
          AS added(key, seen, state, source, event, customer, reason, received_at, settled_at, size, meta, body, number) ORDER BY number
        ON CONFLICT (workspace, key) DO UPDATE SET seen = quarantine.seen + excluded.seen
        RETURNING id, key, xmax = 0, size
        """;

    private const string EvictSql = """
        WITH leaving AS (
          SELECT id, sum(1) OVER oldest AS items, sum(size) OVER oldest AS bytes, size FROM quarantine
          WHERE workspace = $1 AND settled_at IS NOT NULL WINDOW oldest AS (ORDER BY settled_at, id)),
        removed AS (
          DELETE FROM quarantine USING leaving
          WHERE quarantine.id = leaving.id AND (leaving.items - 1 < $2 OR leaving.bytes - leaving.size < $3) RETURNING quarantine.size)
        SELECT count(*), coalesce(sum(size), 0)::bigint FROM removed
        """;

    private const string TotalsSql = "UPDATE quarantine_totals SET items = items + $2, bytes = bytes + $3 WHERE workspace = $1";

    private const string ListSql = $"""
        SELECT {Columns} FROM quarantine WHERE workspace = $1 AND id < $2 AND ($3 IS NULL OR source = $3) AND ($4 IS NULL OR event = $4)
          AND ($5 IS NULL OR reason = $5) AND ($6 IS NULL OR state = $6) AND received_at >= $7 AND received_at < $8 ORDER BY id DESC LIMIT $9
        """;

    private const string UpdateSql = """
        UPDATE quarantine SET version = version + 1, state = $3, source = $4, event = $5, customer = $6, reason = $7, settled_at = $8, size = $9, meta = $10, body = $11
        WHERE workspace = $1 AND id = $2
        """;

    /// <summary>In one statement, and the totals in the order of the workspaces, as everybody locks them.</summary>
    private const string Subtracting = """
        sums AS (SELECT workspace, count(*) AS items, sum(size)::bigint AS bytes FROM removed GROUP BY workspace ORDER BY workspace),
        totals AS (UPDATE quarantine_totals t SET items = t.items - s.items, bytes = t.bytes - s.bytes FROM sums s WHERE t.workspace = s.workspace)
        SELECT count(*)::int FROM removed
        """;

    private const string ForgetSql = $"WITH removed AS (DELETE FROM quarantine WHERE workspace = $1 AND customer = $2 RETURNING workspace, size), {Subtracting}";

    private const string PruneSql = $"""
        WITH removed AS (
          DELETE FROM quarantine WHERE id IN (SELECT id FROM quarantine WHERE settled_at < $1 ORDER BY settled_at LIMIT $2) RETURNING workspace, size), {Subtracting}
        """;

    public async Task<long[]?> AddAsync(string workspace, IReadOnlyList<QuarantineEntry> entries, CancellationToken cancellation)
    {
        // A statement must not touch a row twice: of repeated keys the first goes, and is seen more often.
        var rows = entries.Select(static entry => (Row: QuarantineRow.Of(entry, []), SettledAt: QuarantineRow.SettledAt(entry, null)))
            .GroupBy(static one => one.Row.Key)
            .Select(static group => (group.First().Row, group.First().SettledAt, Seen: group.Count()))
            .ToArray();
        if (rows.Length == 0)
            return [];
        return await database.RunAsync(
            async (connection, token) =>
            {
                await using var transaction = await connection.BeginTransactionAsync(token);
                var (items, bytes) = await LockAsync(connection, workspace, token);
                var ids = new Dictionary<string, long>();
                var (moreItems, moreBytes) = await InsertAsync(connection, workspace, rows, ids, token);
                var (overItems, overBytes) = (items + moreItems - limits.ItemsMax, bytes + moreBytes - limits.BytesMax);
                if (overItems > 0 || overBytes > 0)
                {
                    var (lessItems, lessBytes) = await EvictAsync(connection, workspace, overItems, overBytes, token);
                    if (overItems > lessItems || overBytes > lessBytes)
                        return null;
                    (moreItems, moreBytes) = (moreItems - lessItems, moreBytes - lessBytes);
                }
                await AddUpAsync(connection, workspace, moreItems, moreBytes, token);
                await transaction.CommitAsync(token);
                return entries.Select(entry => ids[entry.Key]).ToArray();
            },
            CancellationToken.None);
    }

    public Task<QuarantineItem?> FindAsync(string workspace, long id, CancellationToken cancellation) =>
        database.RunAsync((connection, token) => FindAsync(connection, workspace, id, "", token), cancellation);

    public Task<IReadOnlyList<QuarantineItem>> ListAsync(string workspace, QuarantineFilter filter, int limit, long? before, CancellationToken cancellation)
    {
        JournalRules.ThrowIfOutside(limit, QuarantineLimits.ListMax);
        return database.RunAsync<IReadOnlyList<QuarantineItem>>(
            async (connection, token) =>
            {
                await using var command = new NpgsqlCommand(ListSql, connection).With(workspace).With(before ?? long.MaxValue)
                    .With(filter.Source).With(filter.Event).With(filter.Reason).With(filter.State)
                    .With(filter.From?.UtcTicks ?? 0).With(filter.To?.UtcTicks ?? long.MaxValue).With(limit);
                await using var rows = await command.ExecuteReaderAsync(token);
                var items = new List<QuarantineItem>();
                while (await rows.ReadAsync(token))
                    items.Add(Item(rows, []));
                return items;
            },
            cancellation);
    }

    public Task<QuarantineItem?> ChangeAsync(
        string workspace, long id, long version, QuarantineEntry entry, QuarantineNote note, CancellationToken cancellation) => database.RunAsync(
        async (connection, token) =>
        {
            await using var transaction = await connection.BeginTransactionAsync(token);
            // The totals first, as everybody does.
            await LockAsync(connection, workspace, token);
            if (await FindAsync(connection, workspace, id, " FOR UPDATE", token) is not { } known || known.Version != version)
                return null;
            var after = QuarantineRow.Change(known, entry, note);
            var row = QuarantineRow.Of(after.Entry, after.Notes);
            await using (var update = new NpgsqlCommand(UpdateSql, connection).With(workspace).With(id).With(row.State).With(row.Source).With(row.Event).With(row.Customer)
                .With(row.Reason).With(QuarantineRow.SettledAt(entry, note)?.UtcTicks).With(row.Size).With(row.Meta).With(row.Body))
                await update.ExecuteNonQueryAsync(token);
            await AddUpAsync(connection, workspace, 0, row.Size - QuarantineRow.Of(known.Entry, known.Notes).Size, token);
            await transaction.CommitAsync(token);
            return after;
        },
        CancellationToken.None);

    public Task<IReadOnlyList<QuarantineCount>> CountAsync(string workspace, CancellationToken cancellation) =>
        database.RunAsync<IReadOnlyList<QuarantineCount>>(
            async (connection, token) =>
            {
                await using var command = new NpgsqlCommand(
                    "SELECT source, reason, state, count(*) FROM quarantine WHERE workspace = $1 GROUP BY source, reason, state ORDER BY source, reason, state", connection)
                    .With(workspace);
                await using var rows = await command.ExecuteReaderAsync(token);
                var counts = new List<QuarantineCount>();
                while (await rows.ReadAsync(token))
                    counts.Add(new(rows.GetString(0), rows.GetString(1), rows.GetString(2), rows.GetInt64(3)));
                return counts;
            },
            cancellation);

    public Task ForgetAsync(string workspace, string customer, CancellationToken cancellation) => RemoveAsync(
        workspace, connection => new NpgsqlCommand(ForgetSql, connection).With(workspace).With(customer));

    public Task<int> PruneAsync(DateTimeOffset before, CancellationToken cancellation) => RemoveAsync(
        null, connection => new NpgsqlCommand(PruneSql, connection).With(before.UtcTicks).With(QuarantineLimits.ListMax));

    private Task<int> RemoveAsync(string? workspace, Func<NpgsqlConnection, NpgsqlCommand> command) => database.RunAsync(
        async (connection, token) =>
        {
            await using var transaction = await connection.BeginTransactionAsync(token);
            if (workspace is not null)
                await LockAsync(connection, workspace, token);
            await using var remove = command(connection);
            var removed = (int)(await remove.ExecuteScalarAsync(token))!;
            await transaction.CommitAsync(token);
            return removed;
        },
        CancellationToken.None);

    private static async Task<(long Items, long Bytes)> LockAsync(NpgsqlConnection connection, string workspace, CancellationToken cancellation)
    {
        await using var command = new NpgsqlCommand(LockSql, connection).With(workspace);
        return await PairAsync(command, cancellation);
    }

    /// <summary>Adds the rows, and to <paramref name="ids"/> the id of each by its key; returns how many were new and how large.</summary>
    private static async Task<(long Items, long Bytes)> InsertAsync(
        NpgsqlConnection connection, string workspace, (QuarantineRow Row, DateTimeOffset? SettledAt, int Seen)[] rows, Dictionary<string, long> ids,
        CancellationToken cancellation)
    {
        await using var command = new NpgsqlCommand(AddSql, connection).With(workspace)
            .With(Array.ConvertAll(rows, static one => one.Row.Key)).With(Array.ConvertAll(rows, static one => one.Seen))
            .With(Array.ConvertAll(rows, static one => one.Row.State)).With(Array.ConvertAll(rows, static one => one.Row.Source))
            .With(Array.ConvertAll(rows, static one => one.Row.Event)).With(Array.ConvertAll(rows, static one => one.Row.Customer))
            .With(Array.ConvertAll(rows, static one => one.Row.Reason)).With(Array.ConvertAll(rows, static one => one.Row.ReceivedAt.UtcTicks))
            .With(Array.ConvertAll(rows, static one => one.SettledAt?.UtcTicks)).With(Array.ConvertAll(rows, static one => one.Row.Size))
            .With(Array.ConvertAll(rows, static one => one.Row.Meta)).With(Array.ConvertAll(rows, static one => one.Row.Body));
        await using var added = await command.ExecuteReaderAsync(cancellation);
        var (items, bytes) = (0L, 0L);
        while (await added.ReadAsync(cancellation))
        {
            ids.Add(added.GetString(1), added.GetInt64(0));
            if (added.GetBoolean(2))
                (items, bytes) = (items + 1, bytes + added.GetInt64(3));
        }
        return (items, bytes);
    }

    private static async Task<(long Items, long Bytes)> EvictAsync(
        NpgsqlConnection connection, string workspace, long overItems, long overBytes, CancellationToken cancellation)
    {
        await using var command = new NpgsqlCommand(EvictSql, connection).With(workspace).With(overItems).With(overBytes);
        return await PairAsync(command, cancellation);
    }

    private static async Task<(long, long)> PairAsync(NpgsqlCommand command, CancellationToken cancellation)
    {
        await using var row = await command.ExecuteReaderAsync(cancellation);
        await row.ReadAsync(cancellation);
        return (row.GetInt64(0), row.GetInt64(1));
    }

    private static async Task AddUpAsync(NpgsqlConnection connection, string workspace, long items, long bytes, CancellationToken cancellation)
    {
        await using var command = new NpgsqlCommand(TotalsSql, connection).With(workspace).With(items).With(bytes);
        await command.ExecuteNonQueryAsync(cancellation);
    }

    private static async Task<QuarantineItem?> FindAsync(NpgsqlConnection connection, string workspace, long id, string locking, CancellationToken cancellation)
    {
#pragma warning disable CA2100 // Constants.
        await using var command = new NpgsqlCommand($"SELECT {Columns}, body FROM quarantine WHERE workspace = $1 AND id = $2{locking}", connection).With(workspace).With(id);
#pragma warning restore CA2100
        await using var row = await command.ExecuteReaderAsync(cancellation);
        return await row.ReadAsync(cancellation) ? Item(row, row.GetFieldValue<byte[]>(11)) : null;
    }

    private static QuarantineItem Item(NpgsqlDataReader row, byte[] body) =>
        new QuarantineRow(
            row.GetString(3), row.GetString(4), row.GetString(5), row.IsDBNull(6) ? null : row.GetString(6), row.IsDBNull(7) ? null : row.GetString(7), row.GetString(8),
            new DateTimeOffset(row.GetInt64(9), TimeSpan.Zero), row.GetFieldValue<byte[]>(10), body)
            .ToItem(row.GetInt64(0), row.GetInt64(1), row.GetInt32(2));
}
