using Orleans.Concurrency;

namespace Orleans.Personalize.Quarantine;

/// <summary>Passes on to the store. Holds nothing, so every silo may have its own.</summary>
[StatelessWorker, Reentrant]
public sealed class QuarantineGrain(IQuarantine store) : Grain, IQuarantineGrain
{
    private string Workspace => this.GetPrimaryKeyString();

    public Task<long[]?> Add(QuarantineEntry[] entries) => store.AddAsync(Workspace, entries, CancellationToken.None);

    public Task<QuarantineItem?> Find(long id) => store.FindAsync(Workspace, id, CancellationToken.None);

    public async Task<QuarantineItem[]> List(QuarantineFilter filter, int limit, long? before) =>
        [.. await store.ListAsync(Workspace, filter, limit, before, CancellationToken.None)];

    public Task<QuarantineItem?> Change(long id, long version, QuarantineEntry entry, QuarantineNote note) =>
        store.ChangeAsync(Workspace, id, version, entry, note, CancellationToken.None);

    public async Task<QuarantineCount[]> Count() => [.. await store.CountAsync(Workspace, CancellationToken.None)];

    public Task Forget(string customer) => store.ForgetAsync(Workspace, customer, CancellationToken.None);
}
