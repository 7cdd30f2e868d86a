using Npgsql;

namespace Orleans.Personalize.Journal;

/// <summary>Writes a batch in one round trip, which is one transaction.</summary>
internal static class PostgresWriter
{
    /// <summary>Stands for a deadline that is cleared, among nulls that leave it.</summary>
    private const long NoDeadline = -1;

    /// <summary>
    /// <para>Moves the heads that are as expected, creates those that are not there, and adds the records of both, in one statement. Returns the
    /// numbers of the chains that passed, and the newest position.</para>
    /// <para>$1: how many records. A row each: $2 to $12 the chains, in the order of the customers, with the payloads of a chain joined; $13 to $17 the records,
    /// chain by chain, with the place of each in the batch. A chain's records are the elements first to last of those arrays; 0 stands for none. Arrays
    /// instead of joins: each is subscripted in constant time and needs no plan.</para>
    /// <para>Positions are taken under a lock that writers share and <see cref="PostgresReader.BarrierSql"/> takes alone. A head with a higher
    /// position than this batch was moved meanwhile, so prev_seq always points back.</para>
    /// <para>The CASE keeps the subquery a hashed look-up: the planner would make a join of it otherwise, of nested loops.</para>
    /// </summary>
    internal const string AppendSql = """
        WITH locked AS MATERIALIZED (
          SELECT pg_advisory_xact_lock_shared(hashtext('personalize.append'), hashtext(current_schema()))),
        taken AS MATERIALIZED (
          SELECT array_agg(nextval('facts_seq')) AS seqs FROM locked, generate_series(1, $1)),
        chains AS MATERIALIZED (
          SELECT * FROM unnest($2, $3, $4, $5, $6, $7, $8, $9, $10, $11, $12) WITH ORDINALITY
            AS c(customer, expected, version, first, last, payload, shard, next_deadline, id_name, email_name, email, number)),
        moved AS (
          UPDATE heads h SET
            version = c.version,
            prev_seq = h.last_seq,
            last_seq = CASE WHEN c.last = 0 THEN h.last_seq ELSE (SELECT seqs FROM taken)[$13[c.last]] END,
            next_deadline = CASE WHEN c.next_deadline IS NULL THEN h.next_deadline ELSE nullif(c.next_deadline, -1) END
          FROM chains c
          WHERE c.expected > 0 AND h.customer = c.customer AND h.version = c.expected
            AND (c.last = 0 OR h.last_seq < (SELECT seqs FROM taken)[1])
          RETURNING c.number, c.customer, c.first, c.last, c.payload, h.prev_seq, c.email_name, c.email),
        created AS (
          INSERT INTO heads(customer, version, last_seq, prev_seq, next_deadline, shard)
          SELECT customer, version, (SELECT seqs FROM taken)[$13[last]], 0, nullif(next_deadline, -1), shard FROM chains WHERE expected = 0
          ON CONFLICT (customer) DO NOTHING
          RETURNING customer),
        fresh AS MATERIALIZED (
          SELECT * FROM chains WHERE CASE WHEN expected = 0 THEN customer IN (SELECT customer FROM created) ELSE false END),
        recorded AS (
          INSERT INTO facts(seq, customer, version, prev_seq, recorded_at, payload)
          SELECT (SELECT seqs FROM taken)[$13[i]], customer, $14[i],
            CASE WHEN i = first THEN prev_seq ELSE (SELECT seqs FROM taken)[$13[i - 1]] END,
            $15[i], substr(payload, $16[i], $17[i])
          FROM (
            SELECT customer, first, payload, prev_seq, generate_series(first, last) AS i FROM moved WHERE last > 0
            UNION ALL SELECT customer, first, payload, 0, generate_series(first, last) FROM fresh) AS r),
        named AS (
          INSERT INTO names(customer, id_name, email_name, email) SELECT customer, id_name, email_name, nullif(email, '') FROM fresh),
        renamed AS (
          UPDATE names n SET email_name = m.email_name, email = nullif(m.email, '') FROM moved m WHERE m.email IS NOT NULL AND n.customer = m.customer)
        SELECT array_agg(number), (SELECT seqs FROM taken)[$1] FROM (SELECT number FROM moved UNION ALL SELECT number FROM fresh) AS passed
        """;

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
        WITH gone_names AS (DELETE FROM names WHERE customer = ANY($1)), gone_snapshots AS (DELETE FROM snapshots WHERE customer = ANY($1))
        DELETE FROM heads WHERE customer = ANY($1)
        """;

    /// <summary>Returns what became of each write, and the newest position taken, or 0.</summary>
    public static async Task<(WriteStatus[] Statuses, long Position)> WriteAsync(
        NpgsqlConnection connection, IReadOnlyList<JournalWrite> batch, IReadOnlyList<PostgresSegment> segments, CancellationToken cancellation)
    {
        await using var commands = new NpgsqlBatch(connection);
        foreach (var segment in segments)
            AddCommands(commands, batch, segment);
        var statuses = new WriteStatus[batch.Count];
        Array.Fill(statuses, WriteStatus.Stale);
        var position = 0L;
        if (commands.BatchCommands.Count == 0)
            return (statuses, position);
        // Without a transaction of its own the whole of it is one; all of it has succeeded only once the reader is through.
        await using var results = await commands.ExecuteReaderAsync(cancellation);
        foreach (var segment in segments)
            position = Math.Max(position, await ReadResultsAsync(results, batch, segment, statuses, cancellation));
        while (await results.NextResultAsync(cancellation))
        {
        }
        return (statuses, position);
    }

    private static void AddCommands(NpgsqlBatch commands, IReadOnlyList<JournalWrite> batch, PostgresSegment segment)
    {
        if (segment.Chains.Count > 0)
            commands.BatchCommands.Add(Append(segment.Chains));
        if (segment.Snapshots.Count > 0)
        {
            var snapshots = segment.Snapshots.ConvertAll(position => (JournalWrite.Snapshot)batch[position]);
            commands.BatchCommands.Add(Command(SnapshotSql)
                .With(snapshots.Select(static snapshot => snapshot.Customer).ToArray())
                .With(snapshots.Select(static snapshot => snapshot.Version).ToArray())
                .With(snapshots.Select(static snapshot => snapshot.Payload).ToArray()));
        }
        if (segment.Erasures.Count > 0)
        {
            var customers = segment.Erasures.ConvertAll(position => batch[position].Customer).ToArray();
            foreach (var sql in new[] { EraseLockSql, EraseFactsSql, EraseSql })
                commands.BatchCommands.Add(Command(sql).With(customers));
        }
    }

    /// <summary>The reader stands on the first result of the segment, and is left on the first of the next.</summary>
    private static async Task<long> ReadResultsAsync(
        NpgsqlDataReader results, IReadOnlyList<JournalWrite> batch, PostgresSegment segment, WriteStatus[] statuses, CancellationToken cancellation)
    {
        var position = 0L;
        if (segment.Chains.Count > 0)
        {
            await results.ReadAsync(cancellation);
            foreach (var number in await results.IsDBNullAsync(0, cancellation) ? [] : results.GetFieldValue<long[]>(0))
                segment.Chains[(int)number - 1].Positions.ForEach(place => statuses[place] = WriteStatus.Committed);
            position = await results.IsDBNullAsync(1, cancellation) ? 0 : results.GetInt64(1);
            await results.NextResultAsync(cancellation);
        }
        if (segment.Snapshots.Count > 0)
        {
            var kept = new HashSet<string>();
            while (await results.ReadAsync(cancellation))
                kept.Add(results.GetString(0));
            foreach (var place in segment.Snapshots.Where(place => kept.Contains(batch[place].Customer)))
                statuses[place] = WriteStatus.Committed;
            await results.NextResultAsync(cancellation);
        }
        if (segment.Erasures.Count > 0)
        {
            // Of the three statements only the one that locks has a result.
            segment.Erasures.ForEach(place => statuses[place] = WriteStatus.Committed);
            await results.NextResultAsync(cancellation);
        }
        return position;
    }

    private static NpgsqlBatchCommand Append(List<PostgresChain> chains)
    {
        var count = chains.Count;
        var (customers, expected, versions) = (new string[count], new long[count], new long[count]);
        var (first, last, payloads, shards) = (new int[count], new int[count], new ReadOnlyMemory<byte>[count], new short[count]);
        var (deadlines, idNames, emailNames, emails) = (new long?[count], new string?[count], new string?[count], new string?[count]);
        var records = chains.Sum(static chain => chain.Records.Count);
        var (positions, recordVersions, recordedAt) = (new int[records], new long[records], new long[records]);
        var (offsets, lengths) = (new int[records], new int[records]);
        var record = 0;
        for (var i = 0; i < count; i++)
        {
            var chain = chains[i];
            (customers[i], expected[i], versions[i]) = (chain.Customer, chain.ExpectedVersion, chain.Version);
            payloads[i] = chain.JoinPayloads();
            deadlines[i] = chain.Deadline is { } deadline ? deadline.At?.UtcTicks ?? NoDeadline : null;
            emails[i] = chain.Email;
            if (chain.ExpectedVersion == 0)
            {
                shards[i] = (short)CustomerKey.ShardOf(chain.Customer);
                idNames[i] = PostgresNames.OfId(chain.Customer);
            }
            if (chain.Email is { Length: > 0 } email)
                emailNames[i] = PostgresNames.OfEmail(chain.Customer, email);
            if (chain.Records.Count == 0)
                continue;
            first[i] = record + 1;
            var offset = 1;
            foreach (var (write, position) in chain.Records)
            {
                (positions[record], recordVersions[record], recordedAt[record]) = (position, write.Version, write.RecordedAt.UtcTicks);
                (offsets[record], lengths[record]) = (offset, write.Payload.Length);
                offset += write.Payload.Length;
                record++;
            }
            last[i] = record;
        }
        return Command(AppendSql).With(records)
            .With(customers).With(expected).With(versions).With(first).With(last).With(payloads).With(shards)
            .With(deadlines).With(idNames).With(emailNames).With(emails)
            .With(Ranks(positions)).With(recordVersions).With(recordedAt).With(offsets).With(lengths);
    }

    /// <summary>Which position is the lowest, the second and so on, from 1: the records of a segment leave no gaps in the sequence.</summary>
    private static int[] Ranks(int[] positions)
    {
        var places = new int[positions.Length];
        for (var i = 0; i < places.Length; i++)
            places[i] = i;
        Array.Sort((int[])positions.Clone(), places);
        var ranks = new int[positions.Length];
        for (var rank = 0; rank < places.Length; rank++)
            ranks[places[rank]] = rank + 1;
        return ranks;
    }

    private static NpgsqlBatchCommand Command(string sql) => new(sql);
}
