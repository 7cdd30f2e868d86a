using Orleans.Personalize.Testing;
using static Orleans.Personalize.Tests.GatewayServer;

namespace Orleans.Personalize.Tests;

/// <summary>Segment's own Node.js client and RudderStack's, unmodified, with their hosts set to the gateway.</summary>
public sealed class SegmentClientTests
{
    [NodeFact]
    public async Task Segments_client_delivers_every_event_once()
    {
        var client = await Npm.InstallAsync();
        await using var server = await StartAsync();
        var (_, key, _) = await server.CreateKeyAsync("ingest");

        var output = await Npm.RunAsync("node", client, "", "send.js", server.Address.ToString(), key);

        Assert.Contains("flushed", output, StringComparison.Ordinal);
        var ann = server.Grains.Customer("default/ann").Applied.ToDictionary(applied => applied.MessageId);
        Assert.Equal(["alias-1", "group-1", "identify-1", "page-1", "screen-1", "track-1"], ann.Keys.Order(StringComparer.Ordinal));
        Assert.Equal((EventType.Identify, null, """{"email":"ann@example.com","naïve":"☃"}"""), (ann["identify-1"].Type, ann["identify-1"].Name, ann["identify-1"].Traits.ToString()));
        Assert.Equal((EventType.Track, "Product Added", """{"product_id":"sku-1","price":20.5}"""), Of(ann["track-1"]));
        Assert.Equal((EventType.Page, "Home", """{"url":"https://shop.example/"}"""), Of(ann["page-1"]));
        Assert.Equal((EventType.Screen, "Cart"), (ann["screen-1"].Type, ann["screen-1"].Name));
        Assert.Equal((EventType.Group, null, """{"groupId":"acme","traits":{"plan":"pro"}}"""), Of(ann["group-1"]));
        Assert.Equal((EventType.Alias, null, """{"previousId":"visitor"}"""), Of(ann["alias-1"]));
        Assert.Equal("track-2", Assert.Single(server.Grains.Customer("default/visitor").Applied).MessageId);
        var many = Enumerable.Range(0, 5).SelectMany(number => server.Grains.Customer($"default/many-{number}").Applied).ToArray();
        Assert.Equal(
            Enumerable.Range(0, 25).Select(number => $$"""{"number":{{number}}}""").Order(StringComparer.Ordinal),
            many.Select(applied => applied.Properties.ToString()).Order(StringComparer.Ordinal));
        Assert.Equal(25, many.Select(applied => applied.MessageId).Distinct().Count());
        Assert.Equal(7, server.Grains.Customers.Count);
    }

    [NodeFact]
    public async Task Segments_client_comes_back_after_it_was_asked_to()
    {
        var client = await Npm.InstallAsync();
        await using var server = await StartAsync();
        var (_, key, _) = await server.CreateKeyAsync("ingest");
        var customer = server.Grains.Customer("default/ann");
        var refusals = 0;
        customer.OnApply = events =>
        {
            // Once without room, once without an answer; then as usual.
            customer.OnApply = ++refusals < 2 ? customer.OnApply : null;
            throw refusals == 1 ? new JournalBusyException() : new JournalException("unknown");
        };

        var output = await Npm.RunAsync("node", client, "", "send.js", server.Address.ToString(), key);

        Assert.Contains("flushed", output, StringComparison.Ordinal);
        Assert.Equal(2, refusals);
        Assert.Equal(6, customer.Applied.Length);
    }

    [NodeFact]
    public async Task RudderStacks_client_delivers_every_event_once_packed_as_it_packs_by_default()
    {
        var client = await Npm.InstallAsync();
        await using var server = await StartAsync();
        var (_, key, _) = await server.CreateKeyAsync("ingest");

        var output = await Npm.RunAsync("node", client, "", "rudder.js", server.Address.ToString(), key);

        Assert.Contains("flushed", output, StringComparison.Ordinal);
        var ann = server.Grains.Customer("default/ann").Applied.ToDictionary(applied => applied.MessageId);
        Assert.Equal(["alias-1", "group-1", "identify-1", "page-1", "track-1"], ann.Keys.Order(StringComparer.Ordinal));
        Assert.Equal((EventType.Identify, """{"email":"ann@example.com","naïve":"☃"}"""), (ann["identify-1"].Type, ann["identify-1"].Traits.ToString()));
        Assert.Equal(["visitor"], ann["identify-1"].Identities ?? []);
        Assert.Equal((EventType.Track, "Product Added", """{"product_id":"sku-1","price":20.5}"""), Of(ann["track-1"]));
        Assert.Equal((EventType.Page, "Home"), (ann["page-1"].Type, ann["page-1"].Name));
        Assert.Equal((EventType.Group, null, """{"groupId":"acme","traits":{"plan":"pro"}}"""), Of(ann["group-1"]));
        Assert.Equal("track-2", Assert.Single(server.Grains.Customer("default/other").Applied).MessageId);
    }

    private static (EventType, string?, string) Of(CustomerEvent applied) => (applied.Type, applied.Name, applied.Properties.ToString());
}
