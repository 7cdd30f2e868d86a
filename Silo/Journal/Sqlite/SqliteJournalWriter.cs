namespace Orleans.Personalize.Journal;

/// <summary>Applies the writes of a batch, inside the transaction and on the thread of the database's writer.</summary>
internal sealed class SqliteJournalWriter(SqliteSession session)
{
    private readonly SqliteStatement createHead = session.Statement(
        "INSERT INTO heads(customer, version, last_seq, shard) VALUES(?1, ?2, ?3, ?4) ON CONFLICT DO NOTHING");

    private readonly SqliteStatement moveHead = session.Statement("UPDATE heads SET version = ?2, last_seq = ?3 WHERE customer = ?1");

    private readonly SqliteStatement insertFirst = session.Statement(
        "INSERT INTO facts(seq, customer, version, prev_seq, recorded_at, payload) VALUES(?1, ?2, ?3, 0, ?4, ?5)");

    // The fence and the link to the record before, in one look-up.
    private readonly SqliteStatement insertNext = session.Statement("""
        INSERT INTO facts(seq, customer, version, prev_seq, recorded_at, payload)
        SELECT ?1, ?2, ?3, last_seq, ?4, ?5 FROM heads WHERE customer = ?2 AND version = ?6
        """);

    private long lastSeq = session.Scalar("SELECT max((SELECT ifnull(max(seq), 0) FROM facts), last_seq) FROM erasure") ?? 0;

    public WriteStatus[] Write(IReadOnlyList<JournalWrite> batch)
    {
        var statuses = new WriteStatus[batch.Count];
        for (var i = 0; i < statuses.Length; i++)
            statuses[i] = Write(batch[i]) ? WriteStatus.Committed : WriteStatus.Stale;
        return statuses;
    }

    private bool Write(JournalWrite write) => write switch
    {
        JournalWrite.Append append => Append(append),
        JournalWrite.Snapshot snapshot => Keep(snapshot),
        _ => Erase(write.Customer),
    };

    private bool Append(JournalWrite.Append append)
    {
        var fits = append switch
        {
            { Payload.IsEmpty: true } => IsAt(append.Customer, append.ExpectedVersion),
            { ExpectedVersion: 0 } => Create(append),
            _ => Continue(append),
        };
        if (fits && append.Deadline is { } deadline)
            SetDeadline(append.Customer, deadline.At);
        if (fits && append.Email is { } email)
            SetEmail(append.Customer, SearchText.KeptEmail(email));
        if (fits && append.Terms is { } terms)
            SetTerms(append.Customer, SearchText.KeptTerms(terms));
        return fits;
    }

    private bool IsAt(string customer, long version)
    {
        using var head = session.Statement("SELECT 1 FROM heads WHERE customer = ?1 AND version = ?2").Bind(1, customer).Bind(2, version);
        return head.Read();
    }

    private bool Create(JournalWrite.Append append)
    {
        var seq = lastSeq + 1;
        var created = createHead.Bind(1, append.Customer).Bind(2, append.Version).Bind(3, seq).Bind(4, CustomerKey.ShardOf(append.Customer)).Execute();
        if (created == 0)
            return false;
        BindRecord(insertFirst, seq, append).Execute();
        AddName(SqliteNames.OfId(append.Customer), append.Customer);
        lastSeq = seq;
        return true;
    }

    private bool Continue(JournalWrite.Append append)
    {
        var seq = lastSeq + 1;
        if (BindRecord(insertNext, seq, append).Bind(6, append.ExpectedVersion).Execute() == 0)
            return false;
        moveHead.Bind(1, append.Customer).Bind(2, append.Version).Bind(3, seq).Execute();
        lastSeq = seq;
        return true;
    }

    private static SqliteStatement BindRecord(SqliteStatement insert, long seq, JournalWrite.Append append) => insert
        .Bind(1, seq).Bind(2, append.Customer).Bind(3, append.Version).Bind(4, append.RecordedAt.UtcTicks).Bind(5, append.Payload.Span);

    private void SetDeadline(string customer, DateTimeOffset? deadline) =>
        session.Statement("UPDATE heads SET next_deadline = ?2 WHERE customer = ?1").Bind(1, customer).Bind(2, deadline?.UtcTicks).Execute();

    private void SetEmail(string customer, string? email)
    {
        var old = EmailOf(customer);
        if (old == email)
            return;
        if (old is not null)
            RemoveName(SqliteNames.OfEmail(customer, old), customer);
        if (email is not null)
            AddName(SqliteNames.OfEmail(customer, email), customer);
        session.Statement("UPDATE heads SET email = ?2 WHERE customer = ?1").Bind(1, customer).Bind(2, email).Execute();
    }

    private string? EmailOf(string customer)
    {
        using var head = session.Statement("SELECT email FROM heads WHERE customer = ?1").Bind(1, customer);
        return head.Read() ? head.TextOrNull(0) : null;
    }

    private void SetTerms(string customer, string[] terms)
    {
        var old = TermsOf(customer);
        foreach (var term in old.Except(terms))
        {
            RemoveName(SqliteNames.OfTerm(customer, term), customer);
            session.Statement("DELETE FROM terms WHERE customer = ?1 AND term = ?2").Bind(1, customer).Bind(2, term).Execute();
        }
        foreach (var term in terms.Except(old))
        {
            AddName(SqliteNames.OfTerm(customer, term), customer);
            session.Statement("INSERT INTO terms(customer, term) VALUES(?1, ?2)").Bind(1, customer).Bind(2, term).Execute();
        }
    }

    private List<string> TermsOf(string customer)
    {
        using var rows = session.Statement("SELECT term FROM terms WHERE customer = ?1").Bind(1, customer);
        var terms = new List<string>();
        while (rows.Read())
            terms.Add(rows.Text(0));
        return terms;
    }

    private void AddName(string name, string customer) =>
        session.Statement("INSERT INTO names(name, customer) VALUES(?1, ?2)").Bind(1, name).Bind(2, customer).Execute();

    private void RemoveName(string name, string customer) =>
        session.Statement("DELETE FROM names WHERE name = ?1 AND customer = ?2").Bind(1, name).Bind(2, customer).Execute();

    private bool Keep(JournalWrite.Snapshot snapshot) => session.Statement("""
        INSERT INTO snapshots(customer, version, payload) SELECT ?1, ?2, ?3 FROM heads WHERE customer = ?1 AND version >= ?2
        ON CONFLICT(customer) DO UPDATE SET version = excluded.version, payload = excluded.payload WHERE version <= excluded.version
        """).Bind(1, snapshot.Customer).Bind(2, snapshot.Version).Bind(3, snapshot.Payload.Span).Execute() > 0;

    private bool Erase(string customer)
    {
        if (EmailOf(customer) is { } email)
            RemoveName(SqliteNames.OfEmail(customer, email), customer);
        SetTerms(customer, []);
        RemoveName(SqliteNames.OfId(customer), customer);
        session.Statement("DELETE FROM snapshots WHERE customer = ?1").Bind(1, customer).Execute();
        var removed = 0L;
        for (var seq = Take("DELETE FROM heads WHERE customer = ?1 RETURNING last_seq", statement => statement.Bind(1, customer)); seq > 0; removed++)
        {
            var current = seq;
            seq = Take("DELETE FROM facts WHERE seq = ?1 RETURNING prev_seq", statement => statement.Bind(1, current));
        }
        if (removed > 0)
        {
            session.Statement("UPDATE erasure SET last_seq = ?1").Bind(1, lastSeq).Execute();
            session.ErasedLately = true;
        }
        return true;
    }

    /// <summary>Deletes one row; its returned column, or 0 where there was none.</summary>
    private long Take(string sql, Func<SqliteStatement, SqliteStatement> bind)
    {
        using var statement = bind(session.Statement(sql));
        return statement.Read() ? statement.Int64(0) : 0;
    }
}
