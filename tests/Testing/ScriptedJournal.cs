using Orleans.Personalize.Journal;

namespace Orleans.Personalize.Testing;

/// <summary>A journal that remembers what passes through it and does on the way what a test says.</summary>
public sealed class ScriptedJournal(IJournal inner) : IJournal
{
    private readonly Lock gate = new();
    private readonly List<IReadOnlyList<JournalWrite>> batches = [];
    private readonly List<CustomerHistory> histories = [];

    /// <summary>Before a commit; it may wait, or throw, and then nothing is written.</summary>
    public Func<IReadOnlyList<JournalWrite>, Task>? BeforeCommit { get; set; }

    /// <summary>After a commit; when it throws, its callers do not know that it succeeded.</summary>
    public Func<IReadOnlyList<JournalWrite>, Task>? AfterCommit { get; set; }

    /// <summary>Before an activation reads its customer.</summary>
    public Func<string, Task>? BeforeRead { get; set; }

    /// <summary>Every batch that came to be committed.</summary>
    public IReadOnlyList<IReadOnlyList<JournalWrite>> Batches
    {
        get
        {
            lock (gate)
                return [.. batches];
        }
    }

    public IReadOnlyList<JournalWrite> Writes => [.. Batches.SelectMany(static batch => batch)];

    public IReadOnlyList<JournalWrite.Append> Appends => [.. Writes.OfType<JournalWrite.Append>()];

    /// <summary>What activations were given to start from.</summary>
    public IReadOnlyList<CustomerHistory> Histories
    {
        get
        {
            lock (gate)
                return [.. histories];
        }
    }

    public async Task<WriteStatus[]> CommitAsync(IReadOnlyList<JournalWrite> batch, CancellationToken cancellation)
    {
        lock (gate)
            batches.Add(batch);
        if (BeforeCommit is { } before)
            await before(batch);
        var statuses = await inner.CommitAsync(batch, cancellation);
        if (AfterCommit is { } after)
            await after(batch);
        return statuses;
    }

    public async Task<CustomerHistory> ReadAsync(string customer, CancellationToken cancellation)
    {
        if (BeforeRead is { } before)
            await before(customer);
        var history = await inner.ReadAsync(customer, cancellation);
        lock (gate)
            histories.Add(history);
        return history;
    }

    public Task<IReadOnlyList<JournalRecord>> ReadBackAsync(string customer, long? before, int limit, CancellationToken cancellation) =>
        inner.ReadBackAsync(customer, before, limit, cancellation);

    public Task<IReadOnlyList<DueCustomer>> ReadDueAsync(int shard, DateTimeOffset until, DueCustomer? after, int limit, CancellationToken cancellation) =>
        inner.ReadDueAsync(shard, until, after, limit, cancellation);

    public IAsyncEnumerable<JournalEntry> ReadAllAsync(long afterPosition, CancellationToken cancellation) => inner.ReadAllAsync(afterPosition, cancellation);

    public Task<IReadOnlyList<CustomerHit>> SearchAsync(string workspace, string text, int limit, CancellationToken cancellation) =>
        inner.SearchAsync(workspace, text, limit, cancellation);
}
