using System.Text;
using System.Text.Json;
using Microsoft.Extensions.DependencyInjection;
using Orleans.Personalize.Gateway.Connectors;
using Orleans.Personalize.Testing;
using static Orleans.Personalize.Tests.GatewayServer;

namespace Orleans.Personalize.Tests.Sources;

/// <summary>What sources and imports send that cannot be read: it is kept, can be mended, and is read again as its source is.</summary>
public sealed class DoorsTests : IAsyncLifetime
{
    private const string Csv = "id,email,visits\nada,ada@example.org,3\nbob,b@example.org,many\nshort,row\n";

    private GatewayServer server = null!;

    public async Task InitializeAsync() => server = await StartAsync(configure: builder => builder.Services.AddSingleton<TimeProvider>(new Clock()));

    public async Task DisposeAsync() => await server.DisposeAsync();

    [Theory]
    [InlineData("shopify", "orders-create", "\"2026-01-31T12:58:00+01:00\"")]
    [InlineData("shopify", "customers-create", "\"ada@example.org\"")]
    [InlineData("woocommerce", "order.updated", "\"2026-01-31T11:40:00\"")]
    [InlineData("klaviyo", "events", "\"2026-01-31T11:55:00+00:00\"")]
    [InlineData("magento", "io.sales_order_save_commit_after", "\"2026-01-31 11:50:00\"")]
    [InlineData("magento", "webhook.sales_order_place_after", "\"2026-01-31 11:30:00\"")]
    [InlineData("standard-webhooks", "contact", "\"identify\"")]
    [InlineData("cloudevents", "structured", "\"2026-01-31T11:31:00Z\"")]
    [InlineData("cloudevents", "binary", "\"properties\"")]
    [InlineData("segment", "track", "\"2026-01-31T11:59:54.921Z\"")]
    [InlineData("json", "bookings", "\"2026-01-31 11:45:00\"")]
    public async Task What_was_refused_is_mended_and_is_then_what_its_source_would_have_sent(string type, string name, string good)
    {
        var recorded = Recorded.Of(type, name);
        var text = Encoding.UTF8.GetString(recorded.Body);
        // A text of the same length that is neither a time, nor a type, nor an address in a field that must be one.
        var bad = good == "\"properties\"" ? "\"traits\":7,\"properties\"" : good.Contains('@') ? good : "\"never\"";
        var broken = recorded.With(good.Contains('@') ? text.Replace("\"updated_at\": \"", "\"updated_at\": \"not ", StringComparison.Ordinal) : text.Replace(good, bad, StringComparison.Ordinal));
        Assert.NotEqual(text, Encoding.UTF8.GetString(broken.Body));
        await PutAsync(type, Recorded.Document(type));

        await PostAsync(broken.Sign());
        await PostAsync(broken.Sign());
        var open = await OpenAsync();
        Assert.NotEmpty(open);
        var before = Events();
        foreach (var item in open.Where(static item => item.Text("pointer") != "/guest/mail"))
        {
            Assert.Equal((type, "parse", 2), (item.Text("source"), item.Text("reason"), item.GetProperty("seen").GetInt32()));
            var detail = await GetAsync($"/v1/quarantine/{Id(item)}");
            Assert.Equal("source", detail.Text("format"));
            Assert.NotEqual(0, detail.GetProperty("errors").GetArrayLength());
            var body = detail.GetProperty("body").GetRawText();
            var mended = good.Contains('@') ? body.Replace("\"not ", "\"", StringComparison.Ordinal) : body.Replace(bad, good, StringComparison.Ordinal);
            await ReadAsync(await server.Admin.PutAsync($"/v1/quarantine/{Id(item)}", Json($$"""{"body":{{mended}},"reason":"by hand"}""")), 200);
            Assert.Equal("accepted", (await ReadAsync(await server.Admin.PostAsync($"/v1/quarantine/{Id(item)}/replay", null), 200)).Text("status"));
        }
        Assert.True(Events() > before);

        var after = Events();
        await PostAsync(recorded.Sign());
        Assert.Equal(after, Events());
    }

    [Fact]
    public async Task After_its_mapping_was_mended_a_sources_items_are_replayed_as_they_came()
    {
        const string Document = """{"type":"json","secret":"s","mapping":{"each":"/bookings","customer":"/buyer","messageId":"/no","name":{"value":"Booked"},"occurredAt":{"from":"/changed","type":"time"}}}""";
        await PutAsync("hotel", Document);
        var recorded = Recorded.Of("json", "bookings").With("Authorization", "Bearer s");
        var results = (await PostAsync(recorded, "hotel")).GetProperty("results");
        Assert.Equal(3, results.EnumerateArray().Count(static one => one.Text("status") == "quarantined" && one.Text("pointer") == "/buyer"));
        Assert.Empty(server.Grains.Customers);

        await PutAsync("hotel", Document.Replace("/buyer", "/guest/mail", StringComparison.Ordinal));
        await Eventually.TrueAsync(async () => (await GetAsync("/v1/quarantine/1")).GetProperty("errors").GetArrayLength() == 0, () => "the mapping is followed");
        var done = await ReadAsync(await server.Admin.PostAsync("/v1/quarantine/replay?source=hotel", Json("{}")), 200);

        Assert.Equal((2, 1), (done.GetProperty("done").GetInt32(), done.GetProperty("refused").GetProperty("invalid").GetInt32()));
        Assert.Equal("B-1", Assert.Single(server.Grains.Customer("default/Ada@Example.org").Applied).MessageId);
        await PostAsync(recorded, "hotel");
        Assert.Equal(2, Events());
    }

    [Fact]
    public async Task What_came_from_a_source_that_is_gone_is_mended_as_native()
    {
        await PutAsync("shop", Recorded.Document("shopify"));
        var recorded = Recorded.Of("shopify", "orders-create");
        await PostAsync(recorded.With(Encoding.UTF8.GetString(recorded.Body).Replace("2026-01-31T12:58", "soon", StringComparison.Ordinal)).Sign(), "shop");
        Assert.True((await server.Admin.DeleteAsync("/v1/sources/shop")).IsSuccessStatusCode);
        await Eventually.TrueAsync(
            async () => (await GetAsync("/v1/quarantine/1")).GetProperty("errors")[0].Text("detail")!.Contains("gone", StringComparison.Ordinal), () => "the source is gone");

        await ProblemAsync(400, await server.Admin.PostAsync("/v1/quarantine/1/replay", null));
        await ReadAsync(await server.Admin.PutAsync("/v1/quarantine/1", Json("""{"format":"native","body":{"customer":"ada","name":"Order Completed","messageId":"o1"},"reason":"r"}""")), 200);
        await ReadAsync(await server.Admin.PostAsync("/v1/quarantine/1/replay", null), 200);
        Assert.Single(server.Grains.Customer("default/ada").Applied);
    }

    [Fact]
    public async Task A_customers_refusal_of_a_webhooks_event_is_kept()
    {
        await PutAsync("shopify", Recorded.Document("shopify"));
        server.Grains.Customer("default/115310627314723954").OnApply = static events =>
            Task.FromResult(Array.ConvertAll(events, static one => new Receipt(one.MessageId, ReceiptStatus.Rejected, null, "occurred in the future")));
        var result = (await PostAsync(Recorded.Of("shopify", "orders-create").Sign())).GetProperty("results")[0];
        Assert.Equal("quarantined", result.Text("status"));
        Assert.Equal("refused", Assert.Single(await OpenAsync()).Text("reason"));
    }

    [Fact]
    public async Task Bad_rows_of_an_import_are_kept_once_and_mended_as_rows()
    {
        var url = "/v1/imports?source=crm&mapping=" + Uri.EscapeDataString("""{"customer":"/id","type":{"value":"identify"},"traits":{"visits":{"from":"/visits","type":"integer"}}}""");
        for (var times = 0; times < 2; times++)
        {
            var job = await ReadAsync(await server.Admin.PostAsync(url, new StringContent(Csv, Encoding.UTF8, "text/csv")));
            Assert.Equal(2, job.GetProperty("counts").GetProperty("bad").GetInt32());
        }
        var open = (await OpenAsync()).OrderBy(static item => item.Text("detail"), StringComparer.Ordinal).ToArray();
        Assert.Equal(["has 2 cells where the header has 3", "must be a whole number"], open.Select(static item => item.Text("detail")));
        Assert.All(open, static item => Assert.Equal(("crm", 2), (item.Text("source"), item.GetProperty("seen").GetInt32())));
        Assert.Equal("short,row", (await GetAsync($"/v1/quarantine/{Id(open[0])}")).Text("text"));

        foreach (var (item, row) in open.Zip(["""{"id":"short","visits":"1"}""", """{"id":"bob","visits":"4"}"""]))
        {
            await ReadAsync(await server.Admin.PutAsync($"/v1/quarantine/{Id(item)}", Json($$"""{"body":{{row}},"reason":"asked"}""")), 200);
            await ReadAsync(await server.Admin.PostAsync($"/v1/quarantine/{Id(item)}/replay", null), 200);
        }
        var bob = Assert.Single(server.Grains.Customer("default/bob").Applied);
        Assert.Equal((true, "crm", """{"visits":4}"""), (bob.IsHistory, bob.Source, bob.Traits.ToString()));
        Assert.Single(server.Grains.Customer("default/short").Applied);
    }

    [Fact]
    public async Task Of_a_file_of_the_wrong_kind_a_thousand_rows_are_kept_and_all_are_counted()
    {
        var job = await ReadAsync(await server.Admin.PostAsync("/v1/imports", new StringContent(
            string.Concat(Enumerable.Range(0, 1_500).Select(static row => $"no event {row}\n")), Encoding.UTF8, "application/x-ndjson")));
        Assert.Equal(1_500, job.GetProperty("counts").GetProperty("bad").GetInt32());
        Assert.Equal(1_000, (await GetAsync("/v1/quarantine/counts")).GetProperty("items")[0].GetProperty("events").GetInt32());
    }

    [Theory]
    [InlineData("shopify", "checkouts-create")]
    [InlineData("shopify", "refunds-create")]
    [InlineData("shopify", "carts-create")]
    [InlineData("klaviyo", "events")]
    [InlineData("json", "bookings")]
    public async Task An_id_that_is_not_the_shops_own_makes_nobody_known(string type, string name)
    {
        var recorded = Recorded.Of(type, name);
        recorded = recorded.With(Encoding.UTF8.GetString(recorded.Body)
            .Replace("\"customer\": {", "\"buyer\": {", StringComparison.Ordinal).Replace("\"external_id\": \"ada\"", "\"external_id\": null", StringComparison.Ordinal));
        await PutAsync(type, Recorded.Document(type));
        await PostAsync(recorded.Sign());
        Assert.NotEmpty(server.Grains.Customers);
        Assert.All(server.Grains.Customers, static one => Assert.All(one.Value.Applied, happened => Assert.True(happened.IsProvisional, one.Key)));
    }

    [Fact]
    public async Task The_shops_own_id_makes_its_customer_known()
    {
        await PutAsync("shopify", Recorded.Document("shopify"));
        await PostAsync(Recorded.Of("shopify", "orders-create").Sign());
        Assert.False(Assert.Single(server.Grains.Customer("default/115310627314723954").Applied).IsProvisional);
    }

    private static long Id(JsonElement item) => item.GetProperty("id").GetInt64();

    private int Events() => server.Grains.Customers.Values.Sum(static one => one.Applied.Length);

    private async Task<JsonElement[]> OpenAsync() => [.. (await GetAsync("/v1/quarantine?state=open")).GetProperty("items").EnumerateArray()];

    private async Task<JsonElement> GetAsync(string path) => await ReadAsync(await server.Admin.GetAsync(path), 200);

    private async Task PutAsync(string id, string document) =>
        Assert.True((await server.Admin.PutAsync($"/v1/sources/{id}", Json(document))) is { IsSuccessStatusCode: true }, document);

    private async Task<JsonElement> PostAsync(Recorded request, string? source = null)
    {
        source ??= request.Type;
        HttpResponseMessage? response = null;
        // The rules of a workspace are followed, a moment later.
        await Eventually.TrueAsync(
            async () => (response = await server.Anonymous.SendAsync(request.Request($"/v1/webhooks/default/{source}"))).StatusCode != System.Net.HttpStatusCode.NotFound, () => "the source is known");
        return await ReadAsync(response!, 200);
    }

    private static async Task<JsonElement> ReadAsync(HttpResponseMessage response, int status)
    {
        Assert.True(status == (int)response.StatusCode, $"{(int)response.StatusCode} {await response.Content.ReadAsStringAsync()}");
        return await GatewayServer.ReadAsync(response);
    }

    private static Task<JsonElement> ReadAsync(HttpResponseMessage response) => GatewayServer.ReadAsync(response);

    private sealed class Clock : TimeProvider
    {
        public override DateTimeOffset GetUtcNow() => Recorded.Noon;
    }
}
