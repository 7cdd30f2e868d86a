using System.Collections.Concurrent;
using System.Net;
using System.Text.Json;
using Orleans.Personalize.Testing;

namespace Orleans.Personalize.Silo.Tests.EndToEnd;

/// <summary>
/// Clients that post events of the same customers all at once, and repeat a request until it is acknowledged: what every at-least-once
/// client does. One in five requests is repeated although it was acknowledged.
/// </summary>
internal sealed class Storm : IDisposable
{
    private const int Customers = 30;
    private const int EventsMax = 8;

    /// <summary>Attempts at one request; only a silo that never comes back needs more.</summary>
    private const int AttemptsMax = 10_000;

    private static readonly string[] Names =
        ["Order Completed", "Coupon Applied", "Product Added", "Product Viewed", "Product Viewed", "Product Viewed", "Product Viewed", "Product Viewed"];

    private readonly ConcurrentDictionary<string, HashSet<(string Id, string Name)>> acknowledged = new();
    private readonly CancellationTokenSource calming = new();
    private readonly Task[] posters;
    private volatile TaskCompletionSource<HttpClient> silo = new(TaskCreationOptions.RunContinuationsAsynchronously);
    private int requests, repeats;

    public Storm(int posters, int seed)
    {
        this.posters = [.. Enumerable.Range(0, posters).Select(poster => Task.Run(() => PostAsync(poster, new Random(seed + poster))))];
    }

    /// <summary>The events of each customer for which there was a receipt.</summary>
    public IReadOnlyDictionary<string, HashSet<(string Id, string Name)>> Acknowledged => acknowledged;

    /// <summary>Requests acknowledged.</summary>
    public int Requests => Volatile.Read(ref requests);

    /// <summary>Attempts that came to nothing known.</summary>
    public int Repeats => Volatile.Read(ref repeats);

    public void Turn(HttpClient to) => silo.SetResult(to);

    /// <summary>There is no silo for now.</summary>
    public void TurnAway()
    {
        if (silo.Task.IsCompleted)
            silo = new(TaskCreationOptions.RunContinuationsAsynchronously);
    }

    /// <summary>Waits until that many more requests are acknowledged.</summary>
    public async Task AcknowledgedAsync(int more)
    {
        var enough = Requests + more;
        await Eventually.TrueAsync(() => Requests >= enough || posters.Any(poster => poster.IsCompleted), () => $"{more} more requests are acknowledged");
        await Task.WhenAll(posters.Where(poster => poster.IsCompleted));
    }

    /// <summary>Ends it once every request under way is acknowledged.</summary>
    public async Task CalmAsync()
    {
        await calming.CancelAsync();
        await Task.WhenAll(posters).WaitAsync(Eventually.Patience);
    }

    public void Dispose() => calming.Dispose();

    private async Task PostAsync(int poster, Random random)
    {
        for (var request = 0; !calming.IsCancellationRequested; request++)
        {
            var events = Enumerable.Range(0, random.Next(1, EventsMax + 1))
                .Select(index => (Customer: $"customer-{random.Next(Customers)}", Id: $"m-{poster}-{request}-{index}", Name: Names[random.Next(Names.Length)]))
                .ToArray();
            var now = DateTimeOffset.UtcNow;
            var body = JsonSerializer.Serialize(new
            {
                events = events.Select(happened =>
                    Api.Event(happened.Customer, happened.Name, happened.Id, now, new { product_id = happened.Id, order_id = happened.Id })),
            });
            for (var times = random.Next(5) == 0 ? 2 : 1; times > 0; times--)
                await AcknowledgeAsync(body);
            foreach (var (customer, id, name) in events)
            {
                var ids = acknowledged.GetOrAdd(customer, _ => []);
                lock (ids)
                    ids.Add((id, name));
            }
        }
    }

    private async Task AcknowledgeAsync(string body)
    {
        for (var attempt = 0; attempt < AttemptsMax; attempt++)
        {
            var client = await silo.Task.WaitAsync(Eventually.Patience);
            try
            {
                using var response = await client.PostAsync("/v1/events", Api.Json(body));
                var text = await response.Content.ReadAsStringAsync();
                if (response.StatusCode == HttpStatusCode.Accepted)
                {
                    Assert.All(
                        Api.Parse(text).GetProperty("results").EnumerateArray(),
                        result => Assert.Contains(result.Text("status"), (string[])["accepted", "duplicate"]));
                    Interlocked.Increment(ref requests);
                    return;
                }
                Assert.True(response.StatusCode is HttpStatusCode.TooManyRequests or HttpStatusCode.ServiceUnavailable, text);
            }
            catch (Exception failure) when (failure is HttpRequestException or OperationCanceledException or ObjectDisposedException)
            {
                // The silo is gone; nobody knows what became of the request.
            }
            Interlocked.Increment(ref repeats);
        }
        Assert.Fail($"Not acknowledged after {AttemptsMax} attempts: {body}");
    }
}
