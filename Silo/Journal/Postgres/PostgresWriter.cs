using Npgsql;

namespace Orleans.Personalize.Journal;

/// <summary>Writes a batch in one round trip, which is one transaction.</summary>
internal static class PostgresWriter
{
    /// <summary>The lock on the head keeps it from being erased meanwhile, which would leave a snapshot of nobody.</summary>
    private const string SnapshotSql = """
        INSERT INTO snapshots(customer, version, payload)
        SELECT s.customer, s.version, s.payload FROM unnest($1, $2, $3) AS s(customer, version, payload)
        JOIN heads h ON h.customer = s.customer AND h.version >= s.version FOR KEY SHARE OF h
        ON CONFLICT (customer) DO UPDATE SET version = excluded.version, payload = excluded.payload WHERE snapshots.version <= excluded.version
        RETURNING customer
        """;

    /// <summary>The heads are locked first, by a statement of its own, so that the next one sees the last record there will be.</summary>
    private const string EraseLockSql = "SELECT customer FROM heads WHERE customer = ANY($1) ORDER BY customer FOR UPDATE";

    private const string EraseFactsSql = """
        WITH RECURSIVE chain AS (
          SELECT f.seq, f.prev_seq FROM heads h JOIN facts f ON f.seq = h.last_seq WHERE h.customer = ANY($1)
          UNION ALL SELECT f.seq, f.prev_seq FROM chain c JOIN facts f ON f.seq = c.prev_seq)
        DELETE FROM facts USING chain WHERE facts.seq = chain.seq
        """;

    private const string EraseSql = """
        WITH gone_names AS (DELETE FROM names WHERE customer = ANY($1)), gone_snapshots AS (DELETE FROM snapshots WHERE customer = ANY($1)),
          gone_terms AS (DELETE FROM terms WHERE customer = ANY($1))
        DELETE FROM heads WHERE customer = ANY($1)
        """;

    /// <summary>Returns what became of each write, and the newest position taken, or 0.</summary>
    public static async Task<(WriteStatus[] Statuses, long Position)> WriteAsync(
        NpgsqlConnection connection, int count, IReadOnlyList<PostgresSegment> segments, CancellationToken cancellation)
    {
        await using var commands = new NpgsqlBatch(connection);
        foreach (var segment in segments)
            AddCommands(commands, segment);
        var statuses = new WriteStatus[count];
        Array.Fill(statuses, WriteStatus.Stale);
        var position = 0L;
        if (commands.BatchCommands.Count == 0)
            return (statuses, position);
        // Without a transaction of its own the whole of it is one; all of it has succeeded only once the reader is through.
        await using var results = await commands.ExecuteReaderAsync(cancellation);
        foreach (var segment in segments)
            position = Math.Max(position, await ReadResultsAsync(results, segment, statuses, cancellation));
        while (await results.NextResultAsync(cancellation))
        {
        }
        return (statuses, position);
    }

    private static void AddCommands(NpgsqlBatch commands, PostgresSegment segment)
    {
        if (segment.Appends.Count > 0)
            commands.BatchCommands.Add(PostgresAppend.Of(segment.Appends));
        if (segment.Snapshots.Count > 0)
        {
            commands.BatchCommands.Add(new NpgsqlBatchCommand(SnapshotSql)
                .With(segment.Snapshots.Select(static snapshot => snapshot.Write.Customer).ToArray())
                .With(segment.Snapshots.Select(static snapshot => snapshot.Write.Version).ToArray())
                .With(segment.Snapshots.Select(static snapshot => snapshot.Write.Payload).ToArray()));
        }
        if (segment.Erasures.Count > 0)
        {
            var customers = segment.Erasures.Select(static erasure => erasure.Write.Customer).ToArray();
            foreach (var sql in new[] { EraseLockSql, EraseFactsSql, EraseSql })
                commands.BatchCommands.Add(new NpgsqlBatchCommand(sql).With(customers));
        }
    }

    /// <summary>The reader stands on the first result of the segment, and is left on the first of the next.</summary>
    private static async Task<long> ReadResultsAsync(
        NpgsqlDataReader results, PostgresSegment segment, WriteStatus[] statuses, CancellationToken cancellation)
    {
        var position = 0L;
        if (segment.Appends.Count > 0)
        {
            await results.ReadAsync(cancellation);
            foreach (var number in await results.IsDBNullAsync(0, cancellation) ? [] : results.GetFieldValue<long[]>(0))
                statuses[segment.Appends[(int)number - 1].Place] = WriteStatus.Committed;
            position = await results.IsDBNullAsync(1, cancellation) ? 0 : results.GetInt64(1);
            await results.NextResultAsync(cancellation);
        }
        if (segment.Snapshots.Count > 0)
        {
            var kept = new HashSet<string>();
            while (await results.ReadAsync(cancellation))
                kept.Add(results.GetString(0));
            foreach (var snapshot in segment.Snapshots.Where(snapshot => kept.Contains(snapshot.Write.Customer)))
                statuses[snapshot.Place] = WriteStatus.Committed;
            await results.NextResultAsync(cancellation);
        }
        if (segment.Erasures.Count > 0)
        {
            // Of the three statements only the one that locks has a result.
            segment.Erasures.ForEach(erasure => statuses[erasure.Place] = WriteStatus.Committed);
            await results.NextResultAsync(cancellation);
        }
        return position;
    }
}
