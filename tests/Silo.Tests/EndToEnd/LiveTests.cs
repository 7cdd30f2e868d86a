using System.Diagnostics;
using Microsoft.AspNetCore.Http;
using Orleans.Personalize.Journal;
using Orleans.Personalize.Silo.Tests.Senders;
using Orleans.Personalize.Testing;
using Xunit.Abstractions;

namespace Orleans.Personalize.Silo.Tests.EndToEnd;

/// <summary>Events in over HTTP, webhooks out, through a silo in its own process. The waits are real, so they are short.</summary>
public sealed class LiveTests(ITestOutputHelper output) : IAsyncLifetime
{
    private const string Abandoned = """
        {"on":{"event":"Product Added"},"wait":{"for":"PT2S","mode":"debounce"},"unless":[{"event":"Order Completed"}],"send":{"sender":"hook"}}
        """;

    private readonly TemporaryDirectory directory = new();
    private Receiver receiver = null!;
    private SiloProcess process = null!;
    private HttpClient silo = null!;

    /// <summary>How many deliveries are answered 500 before the receiver answers 200.</summary>
    private int failures;

    public async Task InitializeAsync()
    {
        receiver = await Receiver.Answering(context =>
        {
            context.Response.StatusCode = Interlocked.Decrement(ref failures) >= 0 ? 500 : 200;
            return Task.CompletedTask;
        });
        await StartAsync();
        await silo.PutAsync("senders/hook", Webhooks.Sender(receiver));
        await silo.PutAsync("triggers/abandoned", Abandoned);
    }

    public async Task DisposeAsync()
    {
        await process.DisposeAsync();
        await receiver.DisposeAsync();
        directory.Dispose();
    }

    [Fact]
    public async Task An_added_product_is_delivered_once_and_signed_and_not_at_all_where_an_order_follows_in_time()
    {
        var added = DateTimeOffset.UtcNow;
        await silo.PostAsync(Api.Event("ada", "Product Added", occurredAt: added, properties: new { product_id = "mug" }), Api.Event("bob", "Product Added"));
        Assert.Equal(["accepted"], await silo.PostAsync(Api.Event("bob", "Order Completed", properties: new { order_id = "1" })));

        var delivery = Assert.Single(await DeliveredAsync("ada"));
        delivery.AssertSigned();
        Assert.Equal("mug", delivery.Data().Text("event.properties.product_id"));
        Assert.True(DateTimeOffset.UtcNow >= added.AddSeconds(2));

        // Whoever comes later has the later deadline: what is not here when that has passed will not come.
        await silo.PostAsync(Api.Event("eve", "Product Added"));
        await DeliveredAsync("eve");
        Assert.Equal(["ada", "eve"], receiver.Requests.Select(Webhooks.Customer).Order());
        var decision = (await silo.CustomerAsync("bob")).GetProperty("decisions").EnumerateArray().Single();
        Assert.Equal(("unless", "Order Completed"), (decision.Text("reason"), decision.Text("detail")));
    }

    [Fact]
    public async Task A_batch_that_comes_five_times_in_any_order_counts_once()
    {
        var now = DateTimeOffset.UtcNow;
        var batch = Enumerable.Range(0, 20)
            .Select(index => Api.Event(
                "ada", index % 3 == 0 ? "Product Added" : "Product Viewed", $"m{index}", now.AddMilliseconds(-10 * index), new { product_id = $"p{index}" }))
            .ToArray();
        Random.Shared.Shuffle(batch);
        Assert.All(await silo.PostAsync(batch), status => Assert.Equal("accepted", status));
        await DeliveredAsync("ada");
        var before = (await silo.CustomerAsync("ada")).ToString();

        for (var repeat = 0; repeat < 4; repeat++)
        {
            Random.Shared.Shuffle(batch);
            Assert.All(await silo.PostAsync(batch), status => Assert.Equal("duplicate", status));
        }

        Assert.Equal(before, (await silo.CustomerAsync("ada")).ToString());
        await silo.PostAsync(Api.Event("eve", "Product Added"));
        await DeliveredAsync("eve");
        Assert.Equal(["ada", "eve"], receiver.Requests.Select(Webhooks.Customer));
        Assert.Equal(20, (await silo.TimelineAsync("ada")).Count(fact => fact.Type == "eventApplied"));
    }

    [Fact]
    public async Task A_deadline_survives_the_process()
    {
        var added = DateTimeOffset.UtcNow;
        await silo.PostAsync(Api.Event("ada", "Product Added", occurredAt: added));
        await process.KillAsync();
        Assert.Empty(receiver.Requests);
        await StartAsync();

        Assert.Single(await DeliveredAsync("ada")).AssertSigned();
        var decision = Assert.Single((await silo.CustomerAsync("ada")).GetProperty("decisions").EnumerateArray());
        Assert.Equal(added.AddSeconds(2), DateTimeOffset.Parse(decision.Text("at")!), TimeSpan.FromMilliseconds(1));
    }

    [Fact]
    public async Task A_delivery_that_fails_is_repeated_under_the_same_id()
    {
        failures = 1;
        await silo.PutAsync("triggers/thanks", """{"on":{"event":"Order Completed"},"send":{"sender":"hook"}}""");
        await silo.PostAsync(Api.Event("ada", "Order Completed"));

        var deliveries = await DeliveredAsync("ada");
        Assert.Equal(2, deliveries.Count);
        Assert.All(deliveries, Webhooks.AssertSigned);
        Assert.Single(deliveries.Select(Webhooks.Id).Distinct());
        Assert.Equal(["1", "2"], deliveries.Select(delivery => delivery.Data().Text("attempt")));
        var settled = (await silo.TimelineAsync("ada")).Where(fact => fact.Type == "sendSettled").Select(fact => fact.Data).ToArray();
        Assert.Equal(["pending", "sent"], settled.Select(fact => fact.Text("state")));
        Assert.Equal("Answered 500.", settled[0].Text("detail"));
        Assert.InRange(
            settled[1].GetProperty("at").GetDateTimeOffset() - settled[0].GetProperty("at").GetDateTimeOffset(), TimeSpan.FromSeconds(5), Eventually.Patience);
    }

    [Fact]
    public async Task A_trigger_is_in_force_within_a_second_of_its_put()
    {
        for (var round = 0; round < 10; round++)
        {
            var name = $"Round {round}";
            await silo.PutAsync("triggers/round", $$$"""{"on":{"event":"{{{name}}}"},"send":{"sender":"hook"}}""");
            var since = Stopwatch.StartNew();
            var events = 0;
            var posted = TimeSpan.Zero;
            await Eventually.TrueAsync(async () =>
            {
                posted = since.Elapsed;
                var customer = $"round-{round}-{events++}";
                await silo.PostAsync(Api.Event(customer, name));
                return (await silo.CustomerAsync(customer)).GetProperty("decisions").GetArrayLength() == 1;
            }, () => "the trigger catches an event");
            output.WriteLine($"round {round}: event {events} was caught, posted after {posted.TotalMilliseconds:0.0} ms");
            Assert.True(posted < TimeSpan.FromSeconds(1), $"Posted {posted} after the put.");
        }
    }

    private async Task StartAsync()
    {
        if (process is not null)
            await process.DisposeAsync();
        process = SiloProcess.Serve(directory.Path);
        silo = await process.ReadyAsync();
    }

    /// <summary>Waits until a send to the customer has been delivered and that is recorded.</summary>
    /// <returns>All deliveries to the customer so far.</returns>
    private async Task<List<Received>> DeliveredAsync(string customer)
    {
        await Eventually.TrueAsync(
            async () => (await silo.CustomerAsync(customer)).GetProperty("sends").EnumerateArray().Any(send => send.Text("state") == "sent"),
            () => $"a send to {customer} is delivered; there were {receiver.Requests.Count} deliveries; the silo printed:\n{process.Output}");
        return [.. receiver.Requests.Where(request => request.Customer() == customer)];
    }
}
