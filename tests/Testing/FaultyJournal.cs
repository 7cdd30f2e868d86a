using Orleans.Personalize.Journal;

namespace Orleans.Personalize.Testing;

/// <summary>How often, of 1, something goes wrong, and how long a call takes at the most.</summary>
public sealed record Faults
{
    public static readonly Faults None = new();

    /// <summary>The commit fails and nothing was written.</summary>
    public double BeforeCommit { get; init; }

    /// <summary>The commit fails although all was written.</summary>
    public double AfterCommit { get; init; }

    public double Read { get; init; }

    public TimeSpan DelayMax { get; init; }
}

/// <summary>
/// A journal whose calls fail and take time as a seed says: the same seed and the same order of calls give the same faults.
/// </summary>
public sealed class FaultyJournal(IJournal inner, int seed, TimeProvider time) : IJournal
{
    private readonly Lock gate = new();
    private readonly Random random = new(seed);

    /// <summary>May change while it runs: a storm, and then calm.</summary>
    public Faults Faults { get; set; } = Faults.None;

    /// <summary>How many calls have failed.</summary>
    public int Failed { get; private set; }

    public async Task<WriteStatus[]> CommitAsync(IReadOnlyList<JournalWrite> batch, CancellationToken cancellation)
    {
        var (before, after) = await DelayAsync(Faults.BeforeCommit, Faults.AfterCommit, cancellation);
        if (before)
            throw Fail("before");
        var statuses = await inner.CommitAsync(batch, cancellation);
        await DelayAsync(0, 0, cancellation);
        return after ? throw Fail("after") : statuses;
    }

    public async Task<CustomerHistory> ReadAsync(string customer, CancellationToken cancellation)
    {
        await BeforeReadAsync(cancellation);
        return await inner.ReadAsync(customer, cancellation);
    }

    public async Task<IReadOnlyList<JournalRecord>> ReadBackAsync(string customer, long? before, int limit, CancellationToken cancellation)
    {
        await BeforeReadAsync(cancellation);
        return await inner.ReadBackAsync(customer, before, limit, cancellation);
    }

    public async Task<IReadOnlyList<DueCustomer>> ReadDueAsync(
        int shard, DateTimeOffset until, DueCustomer? after, int limit, CancellationToken cancellation)
    {
        await BeforeReadAsync(cancellation);
        return await inner.ReadDueAsync(shard, until, after, limit, cancellation);
    }

    public IAsyncEnumerable<JournalEntry> ReadAllAsync(long afterPosition, CancellationToken cancellation) =>
        inner.ReadAllAsync(afterPosition, cancellation);

    public async Task<IReadOnlyList<CustomerHit>> SearchAsync(string workspace, string text, int limit, CancellationToken cancellation)
    {
        await BeforeReadAsync(cancellation);
        return await inner.SearchAsync(workspace, text, limit, cancellation);
    }

    private async Task BeforeReadAsync(CancellationToken cancellation)
    {
        var (fails, _) = await DelayAsync(Faults.Read, 0, cancellation);
        if (fails)
            throw Fail("of a read");
    }

    /// <summary>Draws before it waits, so that the faults depend on the order of calls and not on how the delays interleave.</summary>
    private async Task<(bool First, bool Second)> DelayAsync(double first, double second, CancellationToken cancellation)
    {
        TimeSpan delay;
        (bool, bool) faults;
        lock (gate)
        {
            delay = Faults.DelayMax * random.NextDouble();
            faults = (random.NextDouble() < first, random.NextDouble() < second);
        }
        if (delay > TimeSpan.Zero)
            await Task.Delay(delay, time, cancellation);
        return faults;
    }

    private JournalException Fail(string when)
    {
        lock (gate)
            Failed++;
        return new JournalException($"Injected failure {when}.");
    }
}
