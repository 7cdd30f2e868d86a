using System.Runtime.CompilerServices;

namespace Orleans.Personalize.Journal;

/// <summary>
/// The journal of a cluster, in a schema of a PostgreSQL database. Any number of silos write to it: the version of a customer's head is the fence
/// between them.
/// </summary>
internal sealed class PostgresJournal(PostgresDatabase database) : IJournal
{
    public async Task<WriteStatus[]> CommitAsync(IReadOnlyList<JournalWrite> batch, CancellationToken cancellation)
    {
        cancellation.ThrowIfCancellationRequested();
        foreach (var write in batch)
            JournalRules.ThrowIfMalformed(write);
        if (batch.Count == 0)
            return [];
        var segments = PostgresSegment.Cut(batch);
        // Never cancelled: that would leave the outcome unknown.
        var (statuses, position) = await database.RunAsync(
            (connection, token) => PostgresWriter.WriteAsync(connection, batch.Count, segments, token), CancellationToken.None);
        database.OnWritten(position);
        return statuses;
    }

    public Task<CustomerHistory> ReadAsync(string customer, CancellationToken cancellation) =>
        database.RunAsync((connection, token) => PostgresReader.ReadAsync(connection, customer, token), cancellation);

    public Task<IReadOnlyList<JournalRecord>> ReadBackAsync(string customer, long? before, int limit, CancellationToken cancellation)
    {
        JournalRules.ThrowIfOutside(limit, JournalLimits.ReadBackMax);
        return database.RunAsync((connection, token) => PostgresReader.ReadBackAsync(connection, customer, before, limit, token), cancellation);
    }

    public Task<IReadOnlyList<DueCustomer>> ReadDueAsync(
        int shard, DateTimeOffset until, DueCustomer? after, int limit, CancellationToken cancellation)
    {
        ArgumentOutOfRangeException.ThrowIfLessThan(limit, 1);
        return database.RunAsync((connection, token) => PostgresReader.ReadDueAsync(connection, shard, until, after, limit, token), cancellation);
    }

    /// <remarks>A query a page, since one open for all of it would keep the server from cleaning up behind the writers.</remarks>
    public async IAsyncEnumerable<JournalEntry> ReadAllAsync(long afterPosition, [EnumeratorCancellation] CancellationToken cancellation)
    {
        var last = await database.RunAsync(PostgresReader.LastSettledAsync, cancellation);
        while (afterPosition < last)
        {
            var after = afterPosition;
            var page = await database.RunAsync((connection, token) => PostgresReader.PageAsync(connection, after, last, token), cancellation);
            foreach (var entry in page)
                yield return entry;
            afterPosition = page.Count == 0 ? last : page[^1].Position;
        }
    }

    public Task<IReadOnlyList<CustomerHit>> SearchAsync(string workspace, string text, int limit, CancellationToken cancellation)
    {
        JournalRules.ThrowIfOutside(limit, JournalLimits.SearchMax);
        return JournalRules.IsStorable(text)
            ? database.RunAsync((connection, token) => PostgresReader.SearchAsync(connection, workspace, text, limit, token), cancellation)
            : Task.FromResult<IReadOnlyList<CustomerHit>>([]);
    }
}
