using System.Collections.Concurrent;
using System.Diagnostics;
using Orleans.Personalize.Testing;

namespace Orleans.Personalize.Cluster.Tests.Processes;

/// <summary>
/// Clients that post events of the same customers through all members at once, and repeat a request, at another member, until it is
/// acknowledged: what every at-least-once client behind a load balancer does. One in ten requests is repeated although it was acknowledged.
/// </summary>
internal sealed class ClusterLoad : IDisposable
{
    public const int Customers = 60;
    private const int EventsMax = 3;

    /// <summary>Only a cluster that never comes back lets a client wait this long.</summary>
    private static readonly TimeSpan GiveUp = TimeSpan.FromMinutes(3);

    private static readonly TimeSpan Pause = TimeSpan.FromMilliseconds(50);

    /// <summary>Above it a wait for the acknowledgement is not what a client is used to.</summary>
    private static readonly TimeSpan Long = TimeSpan.FromSeconds(1);

    private static readonly string[] Names = ["Order Completed", "Product Added", "Product Viewed", "Product Viewed", "Product Viewed"];

    private readonly ConcurrentDictionary<string, HashSet<(string Id, string Name)>> acknowledged = new();
    private readonly ConcurrentDictionary<string, int> refusals = new();
    private readonly CancellationTokenSource calming = new();
    private readonly Lock measuring = new();
    private readonly Task[] posters;
    private volatile ClusterMember[] members;
    private TimeSpan slowest;
    private int requests, slow;

    public ClusterLoad(int posters, int seed, params ClusterMember[] members)
    {
        this.members = members;
        this.posters = [.. Enumerable.Range(0, posters).Select(poster => Task.Run(() => PostAsync(poster, new Random(seed + poster))))];
    }

    /// <summary>The events of each customer for which there was a receipt.</summary>
    public IReadOnlyDictionary<string, HashSet<(string Id, string Name)>> Acknowledged => acknowledged;

    /// <summary>Requests acknowledged.</summary>
    public int Requests => Volatile.Read(ref requests);

    /// <summary>What was measured, in words.</summary>
    public string Summary
    {
        get
        {
            lock (measuring)
            {
                return $"{requests} requests and {acknowledged.Values.Sum(static ids => ids.Count)} events acknowledged; the slowest after {slowest.TotalSeconds:0.0} s with all "
                    + $"repetitions, {slow} after more than {Long.TotalSeconds:0} s; attempts without receipt: "
                    + (refusals.IsEmpty ? "none" : string.Join(", ", refusals.OrderByDescending(static pair => pair.Value).Select(static pair => $"{pair.Value} {pair.Key}")));
            }
        }
    }

    /// <summary>The longest wait for an acknowledgement since it was last asked.</summary>
    public TimeSpan TakeSlowest()
    {
        lock (measuring)
        {
            var taken = slowest;
            slowest = default;
            return taken;
        }
    }

    /// <summary>Sends to these members from now on.</summary>
    public void Turn(params ClusterMember[] to) => members = to;

    /// <summary>What a test has posted itself, with its receipt.</summary>
    public void Add(string customer, string id, string name)
    {
        var ids = acknowledged.GetOrAdd(customer, _ => []);
        lock (ids)
            ids.Add((id, name));
    }

    /// <summary>Waits until that many more requests are acknowledged that were not yet under way.</summary>
    public async Task AcknowledgedAsync(int more)
    {
        var enough = Requests + posters.Length + more;
        await Eventually.TrueAsync(() => Requests >= enough || posters.Any(poster => poster.IsCompleted), () => $"{more} more requests are acknowledged; {Summary}", GiveUp);
        await Task.WhenAll(posters.Where(poster => poster.IsCompleted));
    }

    /// <summary>Ends it once every request under way is acknowledged.</summary>
    public async Task CalmAsync()
    {
        await calming.CancelAsync();
        await Task.WhenAll(posters).WaitAsync(GiveUp);
    }

    public void Dispose() => calming.Dispose();

    private async Task PostAsync(int poster, Random random)
    {
        for (var request = 0; !calming.IsCancellationRequested; request++)
        {
            var customer = $"customer-{random.Next(Customers)}";
            (string, string)[] events = [.. Enumerable.Range(0, random.Next(1, EventsMax + 1)).Select(index => ($"m-{poster}-{request}-{index}", Names[random.Next(Names.Length)]))];
            var body = ClusterApi.Events(customer, events);
            for (var times = random.Next(10) == 0 ? 2 : 1; times > 0; times--)
                await AcknowledgeAsync(body, random);
            foreach (var (id, name) in events)
                Add(customer, id, name);
        }
    }

    private async Task AcknowledgeAsync(string body, Random random)
    {
        for (var since = Stopwatch.StartNew(); since.Elapsed < GiveUp; await Task.Delay(Pause))
        {
            var to = members[random.Next(members.Length)];
            try
            {
                if (await to.Hasty.PostAsync(body, CancellationToken.None) is { } results)
                {
                    Assert.All(results, result => Assert.Contains(result, (string[])["accepted", "duplicate"]));
                    Measure(since.Elapsed);
                    return;
                }
                refusals.AddOrUpdate("refused or unknown", 1, static (_, count) => count + 1);
            }
            catch (Exception failure) when (failure is HttpRequestException or OperationCanceledException)
            {
                refusals.AddOrUpdate(failure is HttpRequestException ? "without connection" : "timed out", 1, static (_, count) => count + 1);
            }
        }
        Assert.Fail($"Not acknowledged within {GiveUp}: {body}");
    }

    private void Measure(TimeSpan took)
    {
        lock (measuring)
        {
            requests++;
            slow += took > Long ? 1 : 0;
            slowest = took > slowest ? took : slowest;
        }
    }
}
