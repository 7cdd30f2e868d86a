using Orleans.Concurrency;
using Orleans.Personalize.Journal;

namespace Orleans.Personalize.Customers;

/// <summary>Searches the journal's heads. Holds nothing, so every silo may have its own.</summary>
[StatelessWorker, Reentrant]
public sealed class CustomerSearchGrain(IJournal journal) : Grain, ICustomerSearchGrain
{
    public async Task<CustomerHit[]> Search(string text, int limit) =>
        [.. await journal.SearchAsync(this.GetPrimaryKeyString(), text, limit, CancellationToken.None)];
}
