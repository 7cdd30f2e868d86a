using Orleans.Personalize.Engine;
using Orleans.Personalize.Journal;

namespace Orleans.Personalize.Customers;

/// <summary>What the journal holds of a customer from the first fact on.</summary>
/// <param name="Records">Oldest first.</param>
/// <param name="Version">The newest version of the customer, also where that is not among them.</param>
/// <param name="Reason">Why they are not whole (<see cref="PastReason"/>); null where they are.</param>
internal sealed record Past(IReadOnlyCollection<JournalRecord> Records, long Version, string? Reason)
{
    public IEnumerable<Fact> Facts => Records.SelectMany(static record => FactCodec.Decode(record.Payload));

    /// <summary>The records up to the one that holds a version.</summary>
    public static async Task<Past> ReadAsync(IJournal journal, CustomerKey customer, long version)
    {
        var newest = await NewestAsync(journal, customer);
        return newest switch
        {
            0 => new([], 0, PastReason.Unknown),
            _ when version > newest => new([], newest, PastReason.Never),
            _ when version > ICustomerHistoryGrain.FactsMax => new([], newest, PastReason.TooLong),
            _ => await ReadAsync(journal, customer, newest, version + 1, DateTimeOffset.MaxValue),
        };
    }

    /// <summary>The records up to an instant; <see cref="PastReason.Never"/> where there are none.</summary>
    public static async Task<Past> ReadAsync(IJournal journal, CustomerKey customer, DateTimeOffset instant)
    {
        var newest = await NewestAsync(journal, customer);
        if (newest == 0)
            return new([], 0, PastReason.Unknown);
        var past = await ReadAsync(journal, customer, newest, null, instant);
        return past is { Records.Count: 0, Reason: null } ? past with { Reason = PastReason.Never } : past;
    }

    private static async Task<Past> ReadAsync(IJournal journal, CustomerKey customer, long newest, long? before, DateTimeOffset until)
    {
        var records = new Stack<JournalRecord>();
        var passed = 0;
        while (before is null or > 1)
        {
            var page = await journal.ReadBackAsync(customer.ToString(), before, JournalLimits.ReadBackMax, CancellationToken.None);
            if (page.Count == 0)
                return new([], newest, PastReason.Erased);
            foreach (var record in page)
            {
                if (record.RecordedAt <= until)
                    records.Push(record);
                else
                    passed++;
            }
            if (passed > ICustomerHistoryGrain.FactsMax || (records.Count > 0 && page[0].Version > ICustomerHistoryGrain.FactsMax + JournalLimits.ReadBackMax))
                return new([], newest, PastReason.TooLong);
            before = page[^1].Version - FactCodec.Decode(page[^1].Payload).Length + 1;
        }
        return new(records, newest, null);
    }

    private static async Task<long> NewestAsync(IJournal journal, CustomerKey customer) =>
        await journal.ReadBackAsync(customer.ToString(), null, 1, CancellationToken.None) is [var newest, ..] ? newest.Version : 0;
}
