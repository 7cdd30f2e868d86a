using Npgsql;

namespace Orleans.Personalize.Journal;

/// <summary>
/// The statement that appends: it moves the heads that are as expected and adds the records of those, all at once. It returns the numbers of the
/// appends that passed, and the newest position.
/// </summary>
/// <remarks>
/// <para>$1: how many records. $2 to $8: the appends, a row each, in the order of the customers; the rank of a record is its place among the records of
/// the batch, from 1, and 0 stands for none.</para>
/// <para>The records go in in the order of their positions, which the index of the facts is quickest at.</para>
/// <para>Positions are taken under a lock that writers share and <see cref="PostgresReader.BarrierSql"/> takes alone. A head with a higher position
/// than this batch was moved meanwhile, so prev_seq always points back.</para>
/// </remarks>
internal static class PostgresAppend
{
    /// <summary>Stands for a deadline that is cleared, among nulls that leave it.</summary>
    private const long NoDeadline = -1;

    /// <summary>A term has no control characters, and a workspace has none.</summary>
    private const char TermSeparator = '\x1F';

    private const string Taken = """
        locked AS MATERIALIZED (
          SELECT pg_advisory_xact_lock_shared(hashtext('personalize.append'), hashtext(current_schema()))),
        taken AS MATERIALIZED (
          SELECT array_agg(nextval('facts_seq')) AS seqs FROM locked, generate_series(1, $1))
        """;

    private const string MoveHeads = """
        UPDATE heads h SET
          version = a.version,
          prev_seq = h.last_seq,
          last_seq = CASE WHEN a.rank = 0 THEN h.last_seq ELSE (SELECT seqs FROM taken)[a.rank] END,
          next_deadline = CASE WHEN a.next_deadline IS NULL THEN h.next_deadline ELSE nullif(a.next_deadline, -1) END
        """;

    private const string Fence = """
        WHERE a.expected > 0 AND h.customer = a.customer AND h.version = a.expected
          AND (a.rank = 0 OR h.last_seq < (SELECT seqs FROM taken)[1])
        """;

    private const string AddRecords = """
        INSERT INTO facts(seq, customer, version, prev_seq, recorded_at, payload)
        SELECT (SELECT seqs FROM taken)[rank], customer, version, prev_seq, recorded_at, payload
        """;

    /// <summary>Where all customers have heads and no address changes, which is nearly always: it takes a third less of the server than the other.</summary>
    internal const string MoveSql = $"""
        WITH {Taken},
        moved AS (
          {MoveHeads}
          FROM unnest($2, $3, $4, $5, $6, $7, $8) WITH ORDINALITY AS a(customer, expected, version, rank, recorded_at, payload, next_deadline, number)
          {Fence}
          RETURNING a.number, a.customer, a.version, a.rank, a.recorded_at, a.payload, h.prev_seq),
        recorded AS (
          {AddRecords} FROM moved WHERE rank > 0 ORDER BY 1)
        SELECT array_agg(number), (SELECT seqs FROM taken)[$1] FROM moved
        """;

    /// <summary>
    /// The same with new customers, with addresses and with terms, which are joined by a control character that none of them has; $9 to $13 go with the appends. The CASE keeps its subquery a look-up in a hash table: the planner would make a
    /// join of it otherwise, of nested loops.
    /// </summary>
    internal const string MoveAndCreateSql = $"""
        WITH {Taken},
        appends AS MATERIALIZED (
          SELECT * FROM unnest($2, $3, $4, $5, $6, $7, $8, $9, $10, $11, $12, $13) WITH ORDINALITY
            AS a(customer, expected, version, rank, recorded_at, payload, next_deadline, shard, id_name, email_name, email, terms, number)),
        moved AS (
          {MoveHeads}
          FROM appends a
          {Fence}
          RETURNING a.number, a.customer, a.version, a.rank, a.recorded_at, a.payload, h.prev_seq, a.email_name, a.email, a.terms),
        created AS (
          INSERT INTO heads(customer, version, last_seq, prev_seq, next_deadline, shard)
          SELECT customer, version, (SELECT seqs FROM taken)[rank], 0, nullif(next_deadline, -1), shard FROM appends WHERE expected = 0
          ON CONFLICT (customer) DO NOTHING
          RETURNING customer),
        fresh AS MATERIALIZED (
          SELECT * FROM appends WHERE CASE WHEN expected = 0 THEN customer IN (SELECT customer FROM created) ELSE false END),
        recorded AS (
          {AddRecords}
          FROM (
            SELECT customer, version, rank, recorded_at, payload, prev_seq FROM moved WHERE rank > 0
            UNION ALL SELECT customer, version, rank, recorded_at, payload, 0 FROM fresh) AS r
          ORDER BY 1),
        named AS (
          INSERT INTO names(customer, id_name, email_name, email) SELECT customer, id_name, email_name, nullif(email, '') FROM fresh),
        renamed AS (
          UPDATE names n SET email_name = m.email_name, email = nullif(m.email, '') FROM moved m WHERE m.email IS NOT NULL AND n.customer = m.customer),
        described AS (
          SELECT customer, string_to_array(terms, E'\x1F') AS terms FROM moved WHERE terms IS NOT NULL
          UNION ALL SELECT customer, string_to_array(terms, E'\x1F') FROM fresh WHERE terms <> ''),
        forgotten AS (
          DELETE FROM terms t USING described d WHERE t.customer = d.customer AND t.term <> ALL(d.terms)),
        learned AS (
          INSERT INTO terms(customer, term) SELECT d.customer, t.term FROM described d, unnest(d.terms) AS t(term) ON CONFLICT DO NOTHING)
        SELECT array_agg(number), (SELECT seqs FROM taken)[$1] FROM (SELECT number FROM moved UNION ALL SELECT number FROM fresh) AS passed
        """;

    /// <param name="appends">At the most one a customer, in the order of the customers.</param>
    public static NpgsqlBatchCommand Of(List<Placed<JournalWrite.Append>> appends)
    {
        var movesOnly = appends.TrueForAll(static append => append.Write is { ExpectedVersion: > 0, Email: null, Terms: null });
        var command = new NpgsqlBatchCommand(movesOnly ? MoveSql : MoveAndCreateSql);
        var (ranks, records) = Rank(appends);
        command.With(records)
            .With(Column(appends, static append => append.Customer))
            .With(Column(appends, static append => append.ExpectedVersion))
            .With(Column(appends, static append => append.Version))
            .With(ranks)
            .With(Column(appends, static append => append.RecordedAt.UtcTicks))
            .With(Column(appends, static append => append.Payload))
            .With(Column(appends, static append => append.Deadline is { } deadline ? deadline.At?.UtcTicks ?? NoDeadline : default(long?)));
        return movesOnly ? command : command
            .With(Column(appends, static append => (short)CustomerKey.ShardOf(append.Customer)))
            .With(Column(appends, static append => append.ExpectedVersion == 0 ? PostgresNames.OfId(append.Customer) : null))
            .With(Column(appends, static append => EmailOf(append) is { Length: > 0 } email ? PostgresNames.OfEmail(append.Customer, email) : null))
            .With(Column(appends, EmailOf))
            .With(Column(appends, TermsOf));
    }

    private static T[] Column<T>(List<Placed<JournalWrite.Append>> appends, Func<JournalWrite.Append, T> value)
    {
        var column = new T[appends.Count];
        for (var i = 0; i < column.Length; i++)
            column[i] = value(appends[i].Write);
        return column;
    }

    /// <summary>Null: they stay; empty: there are none.</summary>
    private static string? TermsOf(JournalWrite.Append append) => append.Terms is { } terms
        ? string.Join(TermSeparator, SearchText.KeptTerms(terms).Select(term => PostgresNames.Prefix(CustomerKey.Parse(append.Customer).Workspace, term)))
        : null;

    /// <summary>Null: it stays; empty: there is none.</summary>
    private static string? EmailOf(JournalWrite.Append append) => append.Email is { } email ? SearchText.KeptEmail(email) ?? "" : null;

    /// <summary>The order of the batch is that of the records.</summary>
    private static (int[] Ranks, int Records) Rank(List<Placed<JournalWrite.Append>> appends)
    {
        var (places, numbers) = (new int[appends.Count], new int[appends.Count]);
        for (var i = 0; i < places.Length; i++)
            (places[i], numbers[i]) = (appends[i].Place, i);
        Array.Sort(places, numbers);
        var ranks = new int[appends.Count];
        var records = 0;
        foreach (var number in numbers)
            ranks[number] = appends[number].Write.Payload.IsEmpty ? 0 : ++records;
        return (ranks, records);
    }
}
