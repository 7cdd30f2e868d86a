using System.Runtime.CompilerServices;
using System.Text.Json;
using Orleans.Runtime;

namespace Orleans.Personalize.Gateway.Api;

/// <param name="Event"><c>profile</c>: the whole profile; <c>facts</c>: what was recorded since the last one; <c>erased</c>: nothing is known of the customer any more.</param>
/// <param name="Version">Of the profile.</param>
/// <param name="Data">UTF-8 JSON.</param>
internal sealed record LiveMessage(string Event, long Version, byte[] Data);

/// <param name="Items">Newest first, as in the timeline.</param>
/// <param name="Skipped">So many older ones did not fit and are in the timeline.</param>
internal sealed record LiveFacts(TimelineResponse[] Items, long Skipped);

/// <summary>Counts those who look on.</summary>
internal sealed class LiveConnections(int max)
{
    private int count;

    public bool TryEnter()
    {
        if (Interlocked.Increment(ref count) <= max)
            return true;
        Leave();
        return false;
    }

    public void Leave() => Interlocked.Decrement(ref count);
}

/// <summary>
/// One customer's changes for one reader: the profile and, each time it has changed, the profile and the new facts. Whoever reads slowly misses the
/// states in between, never the newest, for the next is asked for only when the last one has been taken.
/// </summary>
internal sealed class LiveFeed(ICustomerGrain customer, Func<string, ICustomerGrain> find, TimeProvider clock)
{
    /// <summary>Faster than this nobody reads, and a busy customer would be shown whole for each of its events.</summary>
    private static readonly TimeSpan Pace = TimeSpan.FromMilliseconds(200);

    /// <summary>The customer could not be asked: its silo may be gone, and another has it in a moment.</summary>
    private static readonly TimeSpan RetryPause = TimeSpan.FromSeconds(1);

    /// <summary>Messages, and null where nothing has happened for a while.</summary>
    /// <param name="first">The profile to begin with.</param>
    /// <param name="after">The version whose facts the reader has; null: it wants none that are older than <paramref name="first"/>.</param>
    public async IAsyncEnumerable<LiveMessage?> ReadAsync(CustomerChange first, long? after, [EnumeratorCancellation] CancellationToken cancellation)
    {
        var (change, known) = ((CustomerChange?)first, after ?? first.Version);
        while (true)
        {
            if (change is null)
                yield return null;
            else if (change.View is not { } view)
                yield return new("erased", 0, "{}"u8.ToArray());
            else
            {
                yield return new("profile", view.Version, JsonSerializer.SerializeToUtf8Bytes(CustomerResponse.From(view.Customer, view), ApiJson.Default.CustomerResponse));
                if (view.Version > known && await FactsAsync(view.Customer, known, view.Version) is { } facts)
                    yield return new("facts", view.Version, JsonSerializer.SerializeToUtf8Bytes(facts, ApiJson.Default.LiveFacts));
            }
            known = change?.Version ?? known;
            await Task.Delay(Pace, clock, cancellation);
            change = await NextAsync(known, cancellation);
        }
    }

    private async Task<CustomerChange?> NextAsync(long known, CancellationToken cancellation)
    {
        try
        {
            return await customer.Follow(known).WaitAsync(cancellation);
        }
        catch (Exception failure) when (failure is TimeoutException or OrleansException or JournalException)
        {
            await Task.Delay(RetryPause, clock, cancellation);
            return null;
        }
    }

    /// <param name="id">Whose: the customer may have been merged into another.</param>
    /// <returns>Null where they could not be read: the profile says what came of them, and the timeline has them.</returns>
    private async Task<LiveFacts?> FactsAsync(string id, long after, long version)
    {
        try
        {
            var page = await find(id).Timeline(Limits.LiveFactsMax, version + 1);
            var items = page.Items.Where(item => item.Version > after).ToArray();
            return new(Array.ConvertAll(items, TimelineResponse.From), items is [.., var oldest] ? oldest.Version - after - 1 : 0);
        }
        catch (Exception failure) when (failure is TimeoutException or OrleansException or JournalException)
        {
            return null;
        }
    }
}
