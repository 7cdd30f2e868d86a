using System.Text.Json;
using Orleans.Personalize.Journal;
using Orleans.Personalize.Testing;

namespace Orleans.Personalize.Silo.Tests.Brokers;

/// <summary>The whole silo over RabbitMQ's own server, both of which die now and then.</summary>
[Collection("rabbit")]
public sealed class RabbitMqSiloTests(RabbitFixture rabbit)
{
    private const int Customers = 5;
    private readonly RabbitQueue queue = new(rabbit.Server);

    [RabbitFact]
    public async Task What_is_published_is_durable_before_it_is_acknowledged_and_what_is_of_no_use_is_put_aside()
    {
        using var directory = new TemporaryDirectory();
        await using var silo = Serve(directory);
        var client = await silo.ReadyAsync();
        await client.PutAsync("sources/orders", queue.Document().ToJsonString());
        await silo.SeesAsync(new("consumes the queue"));

        var order = Message("ada", "m1");
        await queue.PublishAsync(order, """{"customer":"ada","name":"No such time","occurredAt":"yesterday"}""", "no JSON at all", Message("bob", "m2"), order);
        await Eventually.TrueAsync(async () => await CountAsync(client, "bob") == 1 && await queue.CountAsync($"{queue.Name}.dead") == 1, () => "all are settled");
        await EmptyAsync();
        Assert.Equal(1, await CountAsync(client, "ada"));
        var buried = Assert.Single(await queue.BuriedAsync());
        Assert.Equal("no JSON at all", buried.Body);
        Assert.Contains("cannot be read as JSON", buried.Reason, StringComparison.Ordinal);
        var kept = Assert.Single(Api.Parse(await client.GetStringAsync("/v1/quarantine?source=orders")).GetProperty("items").EnumerateArray());
        Assert.Equal("/occurredAt", kept.Text("pointer"));
        Assert.Equal("orders", (await client.TimelineAsync("ada")).First(fact => fact.Type == "eventApplied").Data.Text("event.source"));

        Assert.Equal("***", Api.Parse(await client.GetStringAsync("/v1/sources/orders")).Text("document.password"));
        await silo.TerminateAsync();
    }

    [RabbitFact]
    public async Task Nothing_is_lost_and_nothing_counted_twice_though_the_silo_is_killed_while_it_consumes()
    {
        const int Messages = 400, Kills = 3;
        using var directory = new TemporaryDirectory();
        await queue.DeclareAsync();
        await queue.PublishAsync(Enumerable.Range(0, Messages).Select(static number => Message($"c{number % Customers}", $"m{number}")));
        for (var kill = 0; kill < Kills; kill++)
        {
            await using var silo = Serve(directory);
            var client = await silo.ReadyAsync();
            if (kill == 0)
                await client.PutAsync("sources/orders", queue.Document(prefetch: 50).ToJsonString());
            var before = await TotalAsync(client);
            await Eventually.TrueAsync(async () => await TotalAsync(client) is var now && (now > before || now == Messages), () => "some are taken in");
            await silo.KillAsync();
        }

        await using var last = Serve(directory);
        var survivor = await last.ReadyAsync();
        await EmptyAsync();
        await Eventually.TrueAsync(async () => await TotalAsync(survivor) >= Messages, () => "all are taken in");
        for (var customer = 0; customer < Customers; customer++)
            Assert.Equal(Messages / Customers, await CountAsync(survivor, $"c{customer}"));
        Assert.Empty(await queue.BuriedAsync());
        await last.TerminateAsync();
    }

    [RabbitFact]
    public async Task A_restart_of_the_broker_and_changes_of_the_registry_stop_nothing()
    {
        using var directory = new TemporaryDirectory();
        await using var silo = Serve(directory);
        var client = await silo.ReadyAsync();
        await client.PutAsync("sources/orders", queue.Document().ToJsonString());
        await silo.SeesAsync(new("consumes the queue"));
        await queue.PublishAsync(Message("ada", "m1"));
        await Eventually.TrueAsync(async () => await CountAsync(client, "ada") == 1, () => "the first is taken in");

        await rabbit.Server.StopAsync();
        await rabbit.Server.StartAgainAsync();
        await client.PutAsync("topics/news", """{"name":"News"}""");
        await queue.PublishAsync(Message("ada", "m2"));
        await Eventually.TrueAsync(async () => await CountAsync(client, "ada") == 2, () => $"the second is taken in; {silo.Output}");

        // Another document is another consumer; a source that is switched off is none.
        var off = queue.Document();
        off["enabled"] = false;
        await client.PutAsync("sources/orders", off.ToJsonString());
        await Eventually.TrueAsync(async () => await queue.ConsumersAsync() == 0, () => "nobody consumes");
        await queue.PublishAsync(Message("ada", "m3"));
        Assert.Equal(1, await queue.CountAsync(queue.Name));
        await client.PutAsync("sources/orders", queue.Document(prefetch: 7).ToJsonString());
        await Eventually.TrueAsync(async () => await CountAsync(client, "ada") == 3, () => "the third is taken in");
        await silo.TerminateAsync();
    }

    private static SiloProcess Serve(TemporaryDirectory directory) =>
        SiloProcess.Serve(directory.Path, ("Personalize__Sources__AllowPrivateTargets", "true"));

    private static string Message(string customer, string id) =>
        JsonSerializer.Serialize(new { messageId = id, customer, name = "Order Completed", occurredAt = DateTimeOffset.UtcNow, properties = new { order_id = id } });

    private Task EmptyAsync() => Eventually.TrueAsync(async () => await queue.CountAsync(queue.Name) == 0, () => "the queue is empty");

    private static async Task<int> TotalAsync(HttpClient silo)
    {
        var sum = 0;
        for (var customer = 0; customer < Customers; customer++)
            sum += await CountAsync(silo, $"c{customer}");
        return sum;
    }

    private static async Task<int> CountAsync(HttpClient silo, string customer)
    {
        using var response = await silo.GetAsync($"/v1/customers/{customer}");
        return response.IsSuccessStatusCode && Api.Parse(await response.Content.ReadAsStringAsync()).Text("counters.Order Completed.count") is { } count
            ? int.Parse(count)
            : 0;
    }
}
