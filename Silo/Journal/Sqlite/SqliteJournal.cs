using System.Runtime.CompilerServices;

namespace Orleans.Personalize.Journal;

/// <summary>The journal of a single silo, in one SQLite file.</summary>
internal sealed class SqliteJournal(SqliteDatabase database) : IJournal
{
    private SqliteJournalWriter? writer;

    public Task<WriteStatus[]> CommitAsync(IReadOnlyList<JournalWrite> batch, CancellationToken cancellation)
    {
        cancellation.ThrowIfCancellationRequested();
        foreach (var write in batch)
            JournalRules.ThrowIfMalformed(write);
        return batch.Count == 0
            ? Task.FromResult(Array.Empty<WriteStatus>())
            : database.WriteAsync(session => (writer ??= new SqliteJournalWriter(session)).Write(batch));
    }

    public Task<CustomerHistory> ReadAsync(string customer, CancellationToken cancellation) =>
        database.ReadAsync(session => SqliteJournalReader.Read(session, customer), cancellation);

    public Task<IReadOnlyList<JournalRecord>> ReadBackAsync(string customer, long? before, int limit, CancellationToken cancellation)
    {
        JournalRules.ThrowIfOutside(limit, JournalLimits.ReadBackMax);
        return database.ReadAsync(session => SqliteJournalReader.ReadBack(session, customer, before, limit), cancellation);
    }

    public Task<IReadOnlyList<DueCustomer>> ReadDueAsync(
        int shard, DateTimeOffset until, DueCustomer? after, int limit, CancellationToken cancellation)
    {
        ArgumentOutOfRangeException.ThrowIfLessThan(limit, 1);
        return database.ReadAsync(session => SqliteJournalReader.ReadDue(session, shard, until, after, limit), cancellation);
    }

    /// <remarks>A transaction a page, since one held open for all of it would keep the log from being reused.</remarks>
    public async IAsyncEnumerable<JournalEntry> ReadAllAsync(long afterPosition, [EnumeratorCancellation] CancellationToken cancellation)
    {
        var last = await database.ReadAsync(SqliteJournalReader.LastSeq, cancellation);
        while (afterPosition < last)
        {
            var after = afterPosition;
            var page = await database.ReadAsync(session => SqliteJournalReader.Page(session, after, last), cancellation);
            foreach (var entry in page)
                yield return entry;
            afterPosition = page.Count == 0 ? last : page[^1].Position;
        }
    }

    public Task<IReadOnlyList<CustomerHit>> SearchAsync(string workspace, string text, int limit, CancellationToken cancellation)
    {
        JournalRules.ThrowIfOutside(limit, JournalLimits.SearchMax);
        return JournalRules.IsStorable(text)
            ? database.ReadAsync(session => SqliteJournalReader.Search(session, workspace, text, limit), cancellation)
            : Task.FromResult<IReadOnlyList<CustomerHit>>([]);
    }
}
