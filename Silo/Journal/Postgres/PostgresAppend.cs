using Npgsql;

namespace Orleans.Personalize.Journal;

/// <summary>
/// The statement that appends: it moves the heads that are as expected and adds the records of those, all at once. It returns the numbers of the
/// chains that passed, and the newest position.
/// </summary>
/// <remarks>
/// <para>$1: how many records. A row each: $2 to $8 the chains, in the order of the customers, with the payloads of a chain joined; $9 to $13 the records, chain
/// by chain, with the place of each in the batch. A chain's records are the elements first to last of those; 0 stands for none. They are subscripted
/// instead of joined, which takes constant time and leaves the planner nothing to choose.</para>
/// <para>The records go in in the order of their positions, which the index of the facts is quickest at.</para>
/// <para>Positions are taken under a lock that writers share and <see cref="PostgresReader.BarrierSql"/> takes alone. A head with a higher position
/// than this batch was moved meanwhile, so prev_seq always points back.</para>
/// </remarks>
internal static class PostgresAppend
{
    /// <summary>Stands for a deadline that is cleared, among nulls that leave it.</summary>
    private const long NoDeadline = -1;

    private const string Taken = """
        locked AS MATERIALIZED (
          SELECT pg_advisory_xact_lock_shared(hashtext('personalize.append'), hashtext(current_schema()))),
        taken AS MATERIALIZED (
          SELECT array_agg(nextval('facts_seq')) AS seqs FROM locked, generate_series(1, $1))
        """;

    private const string MoveHeads = """
        UPDATE heads h SET
          version = c.version,
          prev_seq = h.last_seq,
          last_seq = CASE WHEN c.last = 0 THEN h.last_seq ELSE (SELECT seqs FROM taken)[$9[c.last]] END,
          next_deadline = CASE WHEN c.next_deadline IS NULL THEN h.next_deadline ELSE nullif(c.next_deadline, -1) END
        """;

    private const string Fence = """
        WHERE c.expected > 0 AND h.customer = c.customer AND h.version = c.expected
          AND (c.last = 0 OR h.last_seq < (SELECT seqs FROM taken)[1])
        """;

    private const string AddRecords = """
        INSERT INTO facts(seq, customer, version, prev_seq, recorded_at, payload)
        SELECT (SELECT seqs FROM taken)[$9[i]], customer, $10[i],
          CASE WHEN i = first THEN prev_seq ELSE (SELECT seqs FROM taken)[$9[i - 1]] END,
          $11[i], substr(payload, $12[i], $13[i])
        """;

    /// <summary>Where all customers have heads and no address changes, which is nearly always: it takes a third less of the server than the other.</summary>
    internal const string MoveSql = $"""
        WITH {Taken},
        moved AS (
          {MoveHeads}
          FROM unnest($2, $3, $4, $5, $6, $7, $8) WITH ORDINALITY AS c(customer, expected, version, first, last, payload, next_deadline, number)
          {Fence}
          RETURNING c.number, c.customer, c.first, c.last, c.payload, h.prev_seq),
        recorded AS (
          {AddRecords}
          FROM (SELECT customer, first, payload, prev_seq, generate_series(first, last) AS i FROM moved WHERE last > 0) AS r
          ORDER BY 1)
        SELECT array_agg(number), (SELECT seqs FROM taken)[$1] FROM moved
        """;

    /// <summary>
    /// The same with new customers and with addresses; $14 to $17 go with the chains. The CASE keeps its subquery a look-up in a hash table: the planner would make a
    /// join of it otherwise, of nested loops.
    /// </summary>
    internal const string MoveAndCreateSql = $"""
        WITH {Taken},
        chains AS MATERIALIZED (
          SELECT * FROM unnest($2, $3, $4, $5, $6, $7, $8, $14, $15, $16, $17) WITH ORDINALITY
            AS c(customer, expected, version, first, last, payload, next_deadline, shard, id_name, email_name, email, number)),
        moved AS (
          {MoveHeads}
          FROM chains c
          {Fence}
          RETURNING c.number, c.customer, c.first, c.last, c.payload, h.prev_seq, c.email_name, c.email),
        created AS (
          INSERT INTO heads(customer, version, last_seq, prev_seq, next_deadline, shard)
          SELECT customer, version, (SELECT seqs FROM taken)[$9[last]], 0, nullif(next_deadline, -1), shard FROM chains WHERE expected = 0
          ON CONFLICT (customer) DO NOTHING
          RETURNING customer),
        fresh AS MATERIALIZED (
          SELECT * FROM chains WHERE CASE WHEN expected = 0 THEN customer IN (SELECT customer FROM created) ELSE false END),
        recorded AS (
          {AddRecords}
          FROM (
            SELECT customer, first, payload, prev_seq, generate_series(first, last) AS i FROM moved WHERE last > 0
            UNION ALL SELECT customer, first, payload, 0, generate_series(first, last) FROM fresh) AS r
          ORDER BY 1),
        named AS (
          INSERT INTO names(customer, id_name, email_name, email) SELECT customer, id_name, email_name, nullif(email, '') FROM fresh),
        renamed AS (
          UPDATE names n SET email_name = m.email_name, email = nullif(m.email, '') FROM moved m WHERE m.email IS NOT NULL AND n.customer = m.customer)
        SELECT array_agg(number), (SELECT seqs FROM taken)[$1] FROM (SELECT number FROM moved UNION ALL SELECT number FROM fresh) AS passed
        """;

    /// <param name="chains">At the most one a customer, in the order of the customers.</param>
    public static NpgsqlBatchCommand Of(List<PostgresChain> chains)
    {
        var movesOnly = chains.TrueForAll(static chain => chain.ExpectedVersion > 0 && chain.Email is null);
        var command = new NpgsqlBatchCommand(movesOnly ? MoveSql : MoveAndCreateSql).With(chains.Sum(static chain => chain.RecordCount));
        AddChains(command, chains);
        AddRecordsOf(command, chains);
        if (!movesOnly)
            AddNames(command, chains);
        return command;
    }

    private static void AddChains(NpgsqlBatchCommand command, List<PostgresChain> chains)
    {
        var count = chains.Count;
        var (customers, expected, versions) = (new string[count], new long[count], new long[count]);
        var (first, last, payloads, deadlines) = (new int[count], new int[count], new ReadOnlyMemory<byte>[count], new long?[count]);
        var records = 0;
        for (var i = 0; i < count; i++)
        {
            var chain = chains[i];
            (customers[i], expected[i], versions[i]) = (chain.Customer, chain.ExpectedVersion, chain.Version);
            payloads[i] = chain.JoinPayloads();
            deadlines[i] = chain.Deadline is { } deadline ? deadline.At?.UtcTicks ?? NoDeadline : null;
            if (chain.RecordCount > 0)
                (first[i], last[i]) = (records + 1, records + chain.RecordCount);
            records += chain.RecordCount;
        }
        command.With(customers).With(expected).With(versions).With(first).With(last).With(payloads).With(deadlines);
    }

    private static void AddRecordsOf(NpgsqlBatchCommand command, List<PostgresChain> chains)
    {
        var count = chains.Sum(static chain => chain.RecordCount);
        var (positions, versions, recordedAt, offsets, lengths) = (new int[count], new long[count], new long[count], new int[count], new int[count]);
        var i = 0;
        foreach (var chain in chains)
        {
            var offset = 1;
            foreach (var (write, position) in chain.Writes)
            {
                if (write.Payload.IsEmpty)
                    continue;
                (positions[i], versions[i], recordedAt[i]) = (position, write.Version, write.RecordedAt.UtcTicks);
                (offsets[i], lengths[i]) = (offset, write.Payload.Length);
                offset += write.Payload.Length;
                i++;
            }
        }
        command.With(Ranks(positions)).With(versions).With(recordedAt).With(offsets).With(lengths);
    }

    private static void AddNames(NpgsqlBatchCommand command, List<PostgresChain> chains) => command
        .With(chains.Select(static chain => (short)CustomerKey.ShardOf(chain.Customer)).ToArray())
        .With(chains.Select(static chain => chain.ExpectedVersion == 0 ? PostgresNames.OfId(chain.Customer) : null).ToArray())
        .With(chains.Select(static chain => chain.Email is { Length: > 0 } email ? PostgresNames.OfEmail(chain.Customer, email) : null).ToArray())
        .With(chains.Select(static chain => chain.Email).ToArray());

    /// <summary>Which position is the lowest, the second and so on, from 1: the order of the batch is that of the records.</summary>
    private static int[] Ranks(int[] positions)
    {
        var places = Enumerable.Range(0, positions.Length).ToArray();
        Array.Sort(positions, places);
        var ranks = new int[positions.Length];
        for (var rank = 0; rank < places.Length; rank++)
            ranks[places[rank]] = rank + 1;
        return ranks;
    }
}
