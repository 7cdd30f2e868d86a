using Npgsql;

namespace Orleans.Personalize.Journal;

/// <summary>The tables of the schema. A change is a new migration at the end; those before it never change.</summary>
internal static class PostgresSchema
{
    /// <summary>How many records a partition of the facts holds; some 13 GB at 300 bytes a record.</summary>
    internal const long PartitionRecords = 1L << 25;

    /// <summary>How many partitions there are at the least after the one being written.</summary>
    private const int PartitionsAhead = 2;

    /// <summary>
    /// Instants are UTC ticks of 100 ns since the year 1, since timestamptz would round them to microseconds. Text is compared by its bytes. What
    /// is looked up by name or replaced rarely is kept out of the heads, which every append rewrites.
    /// </summary>
    private const string Journal = """
        -- The fill factor leaves room to rewrite a head on its own page, so that an append touches no index of the heads.
        CREATE TABLE heads(
          customer text COLLATE "C" PRIMARY KEY,
          version bigint NOT NULL,
          last_seq bigint NOT NULL,
          -- last_seq as it was before it changed: an UPDATE can return only new values.
          prev_seq bigint NOT NULL,
          next_deadline bigint,
          shard smallint NOT NULL) WITH (fillfactor = 70);
        CREATE INDEX heads_due ON heads(shard, next_deadline, customer) WHERE next_deadline IS NOT NULL;

        CREATE TABLE snapshots(customer text COLLATE "C" PRIMARY KEY, version bigint NOT NULL, payload bytea NOT NULL);

        -- prev_seq is the customer's record before this one; 0: there is none.
        CREATE SEQUENCE facts_seq;
        CREATE TABLE facts(
          seq bigint NOT NULL,
          customer text COLLATE "C" NOT NULL,
          version bigint NOT NULL,
          prev_seq bigint NOT NULL,
          recorded_at bigint NOT NULL,
          payload bytea NOT NULL,
          PRIMARY KEY(seq)) PARTITION BY RANGE (seq);
        -- Takes what no other partition takes: it stays empty unless partitions could not be made in time.
        CREATE TABLE facts_default PARTITION OF facts DEFAULT;

        -- What customers are found by: workspace/FOLDED.
        CREATE TABLE names(
          customer text COLLATE "C" PRIMARY KEY,
          id_name text COLLATE "C" NOT NULL,
          email_name text COLLATE "C",
          email text);
        CREATE INDEX names_id ON names(id_name, customer);
        CREATE INDEX names_email ON names(email_name, customer) WHERE email_name IS NOT NULL;

        -- The state of the few grains that are not customers; the etag counts its writes.
        CREATE TABLE grain_state(
          name text NOT NULL, grain text COLLATE "C" NOT NULL, etag bigint NOT NULL, payload bytea NOT NULL, PRIMARY KEY(name, grain));
        """;

    /// <summary>
    /// Events in quarantine, and how many there are and how large, so that the bound costs no counting; whoever changes how many there are holds the
    /// workspace's row of the totals.
    /// </summary>
    private const string Quarantine = """
        CREATE TABLE quarantine(
          id bigint GENERATED ALWAYS AS IDENTITY PRIMARY KEY,
          workspace text COLLATE "C" NOT NULL,
          key text COLLATE "C" NOT NULL,
          version bigint NOT NULL,
          seen int NOT NULL,
          state text COLLATE "C" NOT NULL,
          source text COLLATE "C" NOT NULL,
          event text COLLATE "C",
          customer text COLLATE "C",
          reason text COLLATE "C" NOT NULL,
          received_at bigint NOT NULL,
          settled_at bigint,
          size bigint NOT NULL,
          meta bytea NOT NULL,
          body bytea NOT NULL);
        CREATE UNIQUE INDEX quarantine_key ON quarantine(workspace, key);
        CREATE INDEX quarantine_newest ON quarantine(workspace, id);
        CREATE INDEX quarantine_counts ON quarantine(workspace, source, reason, state);
        CREATE INDEX quarantine_customer ON quarantine(workspace, customer) WHERE customer IS NOT NULL;
        CREATE INDEX quarantine_settled ON quarantine(settled_at) WHERE settled_at IS NOT NULL;

        CREATE TABLE quarantine_totals(workspace text COLLATE "C" PRIMARY KEY, items bigint NOT NULL, bytes bigint NOT NULL);
        """;

    /// <summary>What else each customer is found by: workspace/TERM, folded.</summary>
    private const string Terms = """
        CREATE TABLE terms(customer text COLLATE "C" NOT NULL, term text COLLATE "C" NOT NULL, PRIMARY KEY(customer, term));
        CREATE INDEX terms_term ON terms(term, customer);
        """;

    private static readonly string[] Migrations = [Journal, PostgresMembership.Tables, Terms, Quarantine];

    /// <summary>The version that this program makes.</summary>
    public static int Version => Migrations.Length;

    /// <summary>Brings the schema up to date, whole or not at all, one silo at a time; returns the position up to which there are partitions.</summary>
    /// <exception cref="JournalOpenException">A newer program has written it.</exception>
    public static async Task<long> UpgradeAsync(NpgsqlConnection connection, string schema, CancellationToken cancellation)
    {
        await using var transaction = await LockAsync(connection, schema, cancellation);
        if (await ScalarAsync<string?>(connection, "SELECT to_regnamespace($1)::text", cancellation, schema) is null)
            await ExecuteAsync(connection, $"CREATE SCHEMA {schema}", cancellation);
        await ExecuteAsync(connection, "CREATE TABLE IF NOT EXISTS schema_version(version int NOT NULL)", cancellation);
        var version = await ScalarAsync<int?>(connection, "SELECT max(version) FROM schema_version", cancellation) ?? 0;
        if (version > Migrations.Length)
        {
            throw new JournalOpenException(
                $"The schema {schema} has version {version}, and this program knows versions up to {Migrations.Length}: run a newer one.");
        }
        for (var next = version; next < Migrations.Length; next++)
            await ExecuteAsync(connection, $"{Migrations[next]} INSERT INTO schema_version VALUES({next + 1})", cancellation);
        var end = await AddPartitionsAsync(connection, cancellation);
        await transaction.CommitAsync(cancellation);
        return end;
    }

    /// <summary>Makes partitions ahead of the position; returns where the last one ends.</summary>
    public static async Task<long> ExtendAsync(NpgsqlConnection connection, string schema, CancellationToken cancellation)
    {
        await using var transaction = await LockAsync(connection, schema, cancellation);
        var end = await AddPartitionsAsync(connection, cancellation);
        await transaction.CommitAsync(cancellation);
        return end;
    }

    private static async Task<NpgsqlTransaction> LockAsync(NpgsqlConnection connection, string schema, CancellationToken cancellation)
    {
        var transaction = await connection.BeginTransactionAsync(cancellation);
        await ExecuteAsync(connection, "SET LOCAL statement_timeout = '60s'", cancellation);
        await ScalarAsync<object>(connection, "SELECT pg_advisory_xact_lock(hashtext('personalize.schema'), hashtext($1))", cancellation, schema);
        return transaction;
    }

    /// <remarks>
    /// Attaching a table takes no lock that would stop writers, as creating it as a partition would
    /// (https://www.postgresql.org/docs/15/ddl-partitioning.html). Where the default partition has got records of a range, they stay there.
    /// </remarks>
    private static async Task<long> AddPartitionsAsync(NpgsqlConnection connection, CancellationToken cancellation)
    {
        var current = await ScalarAsync<long>(connection, "SELECT last_value FROM facts_seq", cancellation) / PartitionRecords;
        for (var number = current; number <= current + PartitionsAhead; number++)
        {
            var (name, from, to) = ($"facts_{number}", number * PartitionRecords, (number + 1) * PartitionRecords);
            var isTaken = await ScalarAsync<bool>(
                connection, "SELECT to_regclass($1) IS NOT NULL OR EXISTS(SELECT FROM facts_default WHERE seq >= $2 AND seq < $3)", cancellation, name, from, to);
            if (isTaken)
                continue;
            await ExecuteAsync(
                connection,
                $"CREATE TABLE {name}(LIKE facts INCLUDING ALL); ALTER TABLE facts ATTACH PARTITION {name} FOR VALUES FROM ({from}) TO ({to})",
                cancellation);
        }
        return (current + PartitionsAhead + 1) * PartitionRecords;
    }

    private static async Task ExecuteAsync(NpgsqlConnection connection, string sql, CancellationToken cancellation)
    {
#pragma warning disable CA2100 // Constants, numbers, and a schema name that was checked.
        await using var command = new NpgsqlCommand(sql, connection);
#pragma warning restore CA2100
        await command.ExecuteNonQueryAsync(cancellation);
    }

    private static async Task<T> ScalarAsync<T>(NpgsqlConnection connection, string sql, CancellationToken cancellation, params object[] arguments)
    {
#pragma warning disable CA2100 // Constants.
        await using var command = new NpgsqlCommand(sql, connection);
#pragma warning restore CA2100
        foreach (var argument in arguments)
            command.Parameters.Add(new NpgsqlParameter { Value = argument });
        return await command.ExecuteScalarAsync(cancellation) is T value ? value : default!;
    }
}
