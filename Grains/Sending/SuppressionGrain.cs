using Orleans.Personalize.Registry;
using Orleans.Runtime;

namespace Orleans.Personalize.Sending;

/// <summary>A shard of the list of addresses that get no mail, in memory as a whole: it is asked before every mail and changes seldom.</summary>
public sealed class SuppressionGrain(
    [PersistentState("suppressions", RegistryGrain.Storage)] IPersistentState<SuppressionState> stored) : Grain, ISuppressionGrain
{
    private static readonly Comparer<Suppression> ByAddress =
        Comparer<Suppression>.Create(static (left, right) => string.CompareOrdinal(left.Address, right.Address));

    /// <summary>What is durable. While a write is under way the stored state is ahead of it, and reads interleave with writes.</summary>
    private Suppression[] shown = [];

    public override Task OnActivateAsync(CancellationToken cancellationToken)
    {
        shown = stored.State.Entries;
        return Task.CompletedTask;
    }

    public Task<Suppression?> Find(string address) => Task.FromResult(IndexOf(address) is >= 0 and var at ? shown[at] : null);

    public async Task<int> Add(Suppression[] entries)
    {
        var added = entries
            .Select(static entry => entry with { Address = Suppressions.Canonical(entry.Address) })
            .DistinctBy(static entry => entry.Address)
            .Where(entry => IndexOf(entry.Address) < 0)
            .ToArray();
        if (added.Length == 0)
            return 0;
        if (shown.Length + added.Length > Suppressions.ShardEntriesMax)
            throw new SuppressionListFullException();
        Suppression[] after = [.. shown, .. added];
        Array.Sort(after, ByAddress);
        await Write(after);
        return added.Length;
    }

    public async Task<bool> Remove(string address)
    {
        var at = IndexOf(address);
        if (at < 0)
            return false;
        await Write([.. shown[..at], .. shown[(at + 1)..]]);
        return true;
    }

    public Task<Suppression[]> List(string? after, int limit)
    {
        var known = after is null ? ~0 : IndexOf(after);
        var first = known < 0 ? ~known : known + 1;
        return Task.FromResult(shown[first..Math.Min(shown.Length, first + limit)]);
    }

    /// <summary>Where it is; where it is not, the complement of where it would be.</summary>
    private int IndexOf(string address) =>
        Array.BinarySearch(shown, new Suppression(Suppressions.Canonical(address), "", null, default, ""), ByAddress);

    /// <summary>Shows what is durable only: a failed write has changed nothing.</summary>
    private async Task Write(Suppression[] after)
    {
        await stored.ReplaceAsync(new SuppressionState { Entries = after }, DeactivateOnIdle);
        shown = after;
    }
}

[GenerateSerializer, Alias("SuppressionState")]
public sealed class SuppressionState
{
    /// <summary>By address.</summary>
    [Id(0)] public Suppression[] Entries { get; set; } = [];
}
