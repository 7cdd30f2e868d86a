namespace Orleans.Personalize.Journal;

/// <summary>The tables of the database file. A change is a new migration at the end; those before it never change.</summary>
internal static class SqliteSchema
{
    /// <summary>
    /// Instants are UTC ticks of 100 ns since the year 1. Measured on this layout, with 300-byte payloads: a snapshot inside the head makes
    /// every append rewrite it and costs four to eight times the throughput, so it has a table of its own; heads without rowid save one look-up (5 to
    /// 20 %); <c>seq</c> as the only key of the facts keeps their insertion sequential.
    /// </summary>
    private const string Journal = """
        CREATE TABLE heads(
          customer TEXT NOT NULL PRIMARY KEY,
          version INTEGER NOT NULL,
          last_seq INTEGER NOT NULL,
          shard INTEGER NOT NULL,
          next_deadline INTEGER,
          email TEXT) WITHOUT ROWID;
        -- The customer follows by itself: it is the key of the table.
        CREATE INDEX heads_due ON heads(shard, next_deadline) WHERE next_deadline IS NOT NULL;

        CREATE TABLE snapshots(customer TEXT NOT NULL PRIMARY KEY, version INTEGER NOT NULL, payload BLOB NOT NULL);

        -- prev_seq is the customer's record before this one; 0: there is none.
        CREATE TABLE facts(
          seq INTEGER PRIMARY KEY,
          customer TEXT NOT NULL,
          version INTEGER NOT NULL,
          prev_seq INTEGER NOT NULL,
          recorded_at INTEGER NOT NULL,
          payload BLOB NOT NULL);

        -- What customers are found by: id/workspace/FOLDED and email/workspace/FOLDED. Apart from the heads, which stay small.
        CREATE TABLE names(name TEXT NOT NULL, customer TEXT NOT NULL, PRIMARY KEY(name, customer)) WITHOUT ROWID;

        -- The highest seq there was when something was last erased, so that it is never given out again.
        CREATE TABLE erasure(last_seq INTEGER NOT NULL);
        INSERT INTO erasure VALUES(0);
        """;

    /// <summary>The state of the few grains that are not customers; the etag counts its writes.</summary>
    private const string GrainState = """
        CREATE TABLE grain_state(
          name TEXT NOT NULL, grain TEXT NOT NULL, etag INTEGER NOT NULL, payload BLOB NOT NULL, PRIMARY KEY(name, grain)) WITHOUT ROWID;
        """;

    /// <summary>
    /// Events in quarantine, and how many there are and how large, so that the bound costs no counting. The body comes last, where a list need not
    /// read past it. Ids are never used twice.
    /// </summary>
    private const string Quarantine = """
        CREATE TABLE quarantine(
          id INTEGER PRIMARY KEY AUTOINCREMENT,
          workspace TEXT NOT NULL,
          key TEXT NOT NULL,
          version INTEGER NOT NULL,
          seen INTEGER NOT NULL,
          state TEXT NOT NULL,
          source TEXT NOT NULL,
          event TEXT,
          customer TEXT,
          reason TEXT NOT NULL,
          received_at INTEGER NOT NULL,
          settled_at INTEGER,
          size INTEGER NOT NULL,
          meta BLOB NOT NULL,
          body BLOB NOT NULL);
        CREATE UNIQUE INDEX quarantine_key ON quarantine(workspace, key);
        CREATE INDEX quarantine_newest ON quarantine(workspace, id);
        CREATE INDEX quarantine_counts ON quarantine(workspace, source, reason, state);
        CREATE INDEX quarantine_customer ON quarantine(workspace, customer) WHERE customer IS NOT NULL;
        CREATE INDEX quarantine_settled ON quarantine(settled_at) WHERE settled_at IS NOT NULL;

        CREATE TABLE quarantine_totals(
          workspace TEXT NOT NULL PRIMARY KEY, items INTEGER NOT NULL, bytes INTEGER NOT NULL) WITHOUT ROWID;
        """;

    /// <summary>What else each customer is found by, folded; the names to find it by are term/workspace/TERM. Without it nobody would know which of those to take away.</summary>
    private const string Terms = "CREATE TABLE terms(customer TEXT NOT NULL, term TEXT NOT NULL, PRIMARY KEY(customer, term)) WITHOUT ROWID;";

    private static readonly string[] Migrations = [Journal, GrainState, Terms, Quarantine];

    /// <summary>Brings a file up to date, each step whole or not at all.</summary>
    /// <exception cref="JournalOpenException">A newer program has written the file.</exception>
    public static void Upgrade(SqliteSession session)
    {
        var version = session.Scalar("PRAGMA user_version") ?? 0;
        if (version > Migrations.Length)
            throw new JournalOpenException($"it has schema {version}, and this program knows schemas up to {Migrations.Length}: run a newer one.");
        for (var next = (int)version; next < Migrations.Length; next++)
            session.Execute($"BEGIN IMMEDIATE; {Migrations[next]} PRAGMA user_version = {next + 1}; COMMIT");
    }
}
