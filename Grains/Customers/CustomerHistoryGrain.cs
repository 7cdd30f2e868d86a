using Orleans.Concurrency;
using Orleans.Personalize.Engine;
using Orleans.Personalize.Journal;

namespace Orleans.Personalize.Customers;

/// <summary>Holds nothing, so every silo may have its own; each gives one answer at a time, which bounds what they cost.</summary>
[StatelessWorker(1)]
public sealed class CustomerHistoryGrain(IJournal journal) : Grain, ICustomerHistoryGrain
{
    private CustomerKey Key => CustomerKey.Parse(this.GetPrimaryKeyString());

    public async Task<PastProfile> At(DateTimeOffset instant)
    {
        var past = await Past.ReadAsync(journal, Key, instant);
        return past.Reason is null
            ? new(Views.Of(past.Facts.Aggregate(Profile.New(Key), Evolver.Evolve)), null, past.Version)
            : new(null, past.Reason, past.Version);
    }

    public async Task<PastProfile> AtVersion(long version) => (await AtVersions(version, version))[^1];

    public async Task<PastProfile[]> AtVersions(long from, long to)
    {
        var past = await Past.ReadAsync(journal, Key, to);
        if (past.Reason is not null)
            return [new(null, past.Reason, past.Version)];
        var profile = Profile.New(Key);
        var views = new List<PastProfile>(2);
        foreach (var fact in past.Facts)
        {
            profile = Evolver.Evolve(profile, fact);
            if (profile.Version == from || profile.Version == to)
                views.Add(new(Views.Of(profile), null, past.Version));
            if (profile.Version == to)
                break;
        }
        return [.. views];
    }

    public async Task<ConflictPage> Conflicts(int limit, long? before)
    {
        var past = await Past.ReadAsync(journal, Key, DateTimeOffset.MaxValue);
        if (past.Reason is not null)
            return new([], null, past.Reason, past.Version);
        var (items, next) = Conflict.Newest(Conflict.Of(Key, [.. past.Facts]), limit, before);
        return new(Array.ConvertAll(items, Views.Of), next, null, past.Version);
    }
}
