using System.Text.Json;
using Microsoft.Extensions.DependencyInjection;
using Orleans.Personalize.Gateway.Quality;
using Orleans.Personalize.Testing;
using static Orleans.Personalize.Tests.GatewayServer;

namespace Orleans.Personalize.Tests.Quality;

public sealed class QuarantineTests : IAsyncLifetime
{
    private const string Schema = """
        {"event":"Product Added","mode":"enforce",
         "normalize":[{"rename":"/cost","to":"price"},{"currency":"/currency"}],
         "schema":{"required":["price"],"properties":{"price":{"type":"number","minimum":0},"currency":{"format":"currency"}}}}
        """;

    private GatewayServer server = null!;

    public async Task InitializeAsync()
    {
        server = await StartAsync();
        var rule = server.Services.GetServices<IDocumentRule>().Single(static rule => rule.Kind == RegistryKind.Schema);
        server.Grains.Registry("default").Validate = document =>
            document.Kind == RegistryKind.Schema ? [.. rule.Validate(document.Id, JsonElement.Parse(document.Document.Span))] : [];
    }

    public async Task DisposeAsync() => await server.DisposeAsync();

    [Fact]
    public async Task What_an_enforced_schema_refuses_is_mended_replayed_and_lands_once()
    {
        await EnforceAsync();
        var results = await PostAsync(
            Added("m1", """{"price":"dear","currency":"€","cost":1}"""), Added("m2", """{"cost":2,"currency":"€"}"""), Added("m3", "{}", customer: "bob"));

        Assert.Equal(["quarantined", "accepted", "quarantined"], results.Select(static result => Text(result, "status")));
        Assert.Equal(("/properties/price", "/properties/price must be number."), (Text(results[0], "pointer"), Text(results[0], "detail")));
        Assert.Equal(1, server.Grains.Quarantine("default").Adds);
        Assert.Equal("""{"currency":"EUR","price":2}""", Assert.Single(Applied()).Properties.ToString());

        var id = results[0].GetProperty("quarantineId").GetInt64();
        var item = await GetAsync($"/v1/quarantine/{id}");
        Assert.Equal(
            ("open", "shop", "Product Added", "ada", "m1", "type"),
            (Text(item.GetProperty("item"), "state"), Text(item.GetProperty("item"), "source"), Text(item.GetProperty("item"), "event"), Text(item.GetProperty("item"), "customer"),
                Text(item.GetProperty("item"), "messageId"), Text(item.GetProperty("item"), "reason")));
        Assert.Equal("dear", item.GetProperty("body").GetProperty("properties").GetProperty("price").GetString());
        Assert.Equal("/properties/price", item.GetProperty("errors")[0].GetProperty("pointer").GetString());
        var still = await ProblemAsync(400, await server.Admin.PostAsync($"/v1/quarantine/{id}/replay", null));
        Assert.Equal("/properties/price", still.GetProperty("errors")[0].GetProperty("pointer").GetString());

        var moved = await ProblemAsync(400, await FixAsync(id, """{"messageId":"other","name":"Product Added","customer":"ada"}"""));
        Assert.Equal("/body/messageId", moved.GetProperty("errors")[0].GetProperty("pointer").GetString());
        var unread = await ProblemAsync(400, await FixAsync(id, """{"messageId":"m1","name":"Product Added"}"""));
        Assert.Equal("/body/customer", unread.GetProperty("errors")[0].GetProperty("pointer").GetString());
        var mended = await ReadAsync(await FixAsync(id, Added("m1", """{"cost":3,"currency":"usd"}""")));
        Assert.Equal(0, mended.GetProperty("errors").GetArrayLength());
        var replayed = await server.Admin.PostAsync($"/v1/quarantine/{id}/replay", Json("""{"reason":"the shop mended it"}"""));
        Assert.Equal($$"""{"id":{{id}},"status":"accepted","version":2}""", (await ReadAsync(replayed)).GetRawText());
        await ProblemAsync(409, await server.Admin.PostAsync($"/v1/quarantine/{id}/replay", null));
        await ProblemAsync(409, await FixAsync(id, Added("m1", "{}")));

        Assert.Equal(["""{"currency":"EUR","price":2}""", """{"currency":"USD","price":3}"""], Applied().Select(static one => one.Properties.ToString()));
        var after = await GetAsync($"/v1/quarantine/{id}");
        Assert.Equal("replayed", Text(after.GetProperty("item"), "state"));
        Assert.Equal(["fix", "replay: accepted"], after.GetProperty("notes").EnumerateArray().Select(static note => Text(note, "action")));
        // Its source repeats what it sent: that is in quarantine already, and settled.
        Assert.Equal(id, (await PostAsync(Added("m1", """{"price":"dear","currency":"€","cost":1}""")))[0].GetProperty("quarantineId").GetInt64());
        Assert.Equal(2, Applied().Length);
    }

    [Fact]
    public async Task A_replay_that_ends_before_it_is_noted_is_found_out_by_the_next()
    {
        await EnforceAsync();
        var id = (await PostAsync(Added("m1", "{}")))[0].GetProperty("quarantineId").GetInt64();
        await FixAsync(id, Added("m1", """{"price":1}"""));
        server.Grains.Quarantine("default").ChangeFault = new TimeoutException();
        await ProblemAsync(503, await server.Admin.PostAsync($"/v1/quarantine/{id}/replay", null));
        server.Grains.Quarantine("default").ChangeFault = null;

        Assert.Equal("duplicate", Text(await ReadAsync(await server.Admin.PostAsync($"/v1/quarantine/{id}/replay", null)), "status"));
        Assert.Single(Applied());
    }

    [Fact]
    public async Task Nothing_is_acknowledged_that_is_not_durable()
    {
        await EnforceAsync();
        server.Grains.Quarantine("default").Fault = new JournalException("The disk is gone.");
        var problem = await ProblemAsync(503, await PostRawAsync(Added("m1", "{}"), Added("m2", """{"price":1}""")));
        Assert.Equal(["unknown", "accepted"], problem.GetProperty("results").EnumerateArray().Select(static result => Text(result, "status")));

        server.Grains.Quarantine("default").Fault = null;
        server.Grains.Quarantine("default").Store = new(new Orleans.Personalize.Quarantine.QuarantineLimits { ItemsMax = 0 });
        problem = await ProblemAsync(429, await PostRawAsync(Added("m1", "{}")));
        Assert.Equal("busy", Text(problem.GetProperty("results")[0], "status"));
    }

    [Fact]
    public async Task While_the_rules_cannot_be_read_nobody_is_let_in()
    {
        server.Grains.Registry("default").Fault = new TimeoutException();
        var problem = await ProblemAsync(503, await PostRawAsync(Added("m1", "{}")));
        Assert.Equal("unknown", Text(problem.GetProperty("results")[0], "status"));
        server.Grains.Registry("default").Fault = null;
        Assert.Equal("accepted", Text((await PostAsync(Added("m1", "{}")))[0], "status"));
    }

    [Fact]
    public async Task What_is_only_warned_of_is_let_in_with_a_sample()
    {
        await EnforceAsync(Schema.Replace("enforce", "warn", StringComparison.Ordinal));
        Assert.Equal("accepted", Text((await PostAsync(Added("m1", """{"cost":-1}""")))[0], "status"));
        Assert.Equal("""{"price":-1}""", Assert.Single(Applied()).Properties.ToString());

        await Eventually(async () => (await GetAsync("/v1/quarantine?state=warned")).GetProperty("items").GetArrayLength() == 1);
        var item = (await GetAsync("/v1/quarantine")).GetProperty("items")[0];
        Assert.Equal(("warned", "minimum", "s"), (Text(item, "state"), Text(item, "reason"), Text(item, "schema")));
        await ProblemAsync(409, await server.Admin.PostAsync($"/v1/quarantine/{item.GetProperty("id").GetInt64()}/replay", null));
    }

    [Fact]
    public async Task What_a_door_does_not_tell_of_is_kept_with_what_it_needs_to_be_read_again()
    {
        var batch = await server.Admin.PostAsync("/v1/batch", Json("""
            {"sentAt":"2026-01-31T11:50:00Z","context":{"timezone":"Europe/Berlin"},"batch":[
              {"type":"identify","messageId":"m1","traits":{"a":1},"timestamp":"2026-01-31T11:45:00Z"},
              {"type":"track","messageId":"m2","event":"x","userId":"ada"}]}
            """));
        Assert.Equal(200, (int)batch.StatusCode);
        Assert.Equal("m2", Assert.Single(Applied()).MessageId);
        var item = (await GetAsync("/v1/quarantine?source=segment&reason=parse")).GetProperty("items")[0];
        Assert.Equal(("/userId", "m1", "open"), (Text(item, "pointer"), Text(item, "messageId"), Text(item, "state")));

        var id = item.GetProperty("id").GetInt64();
        var body = (await GetAsync($"/v1/quarantine/{id}")).GetProperty("body");
        await FixAsync(id, body.GetRawText().Replace("\"messageId\"", "\"userId\":\"ada\",\"messageId\"", StringComparison.Ordinal));
        Assert.Equal("accepted", Text(await ReadAsync(await server.Admin.PostAsync($"/v1/quarantine/{id}/replay", null)), "status"));
        var identified = Applied()[1];
        Assert.Equal(
            (EventType.Identify, """{"a":1,"timezone":"Europe/Berlin"}""", true),
            (identified.Type, identified.Traits.ToString(), identified.ReceivedAt - identified.OccurredAt == TimeSpan.FromMinutes(5)));
    }

    [Fact]
    public async Task A_call_without_an_id_gets_one_that_stays()
    {
        await server.Admin.PostAsync("/v1/track", Json("""{"userId":"ada"}"""));
        var id = (await GetAsync("/v1/quarantine")).GetProperty("items")[0].GetProperty("id").GetInt64();
        await FixAsync(id, """{"event":"x","userId":"ada","type":"track"}""");
        await server.Admin.PostAsync($"/v1/quarantine/{id}/replay", null);
        Assert.Equal($"quarantine-{id}", Assert.Single(Applied()).MessageId);
    }

    [Fact]
    public async Task What_a_customer_refuses_is_kept_where_nobody_is_told()
    {
        server.Grains.Customer("default/ada").OnApply = static events =>
            Task.FromResult(Array.ConvertAll(events, static one => new Receipt(one.MessageId, ReceiptStatus.Rejected, null, "occurred in the future")));
        Assert.Equal(200, (int)(await server.Admin.PostAsync("/v1/track", Json("""{"event":"x","userId":"ada","messageId":"m1"}"""))).StatusCode);
        var item = (await GetAsync("/v1/quarantine")).GetProperty("items")[0];
        Assert.Equal(("refused", "occurred in the future"), (Text(item, "reason"), Text(item, "detail")));
        // The native door tells, and keeps nothing.
        Assert.Equal("rejected", Text((await PostAsync(Added("m2", "{}")))[0], "status"));
        Assert.Single((await GetAsync("/v1/quarantine")).GetProperty("items").EnumerateArray());
        await ProblemAsync(400, await server.Admin.PostAsync($"/v1/quarantine/{item.GetProperty("id").GetInt64()}/replay", null));
    }

    [Fact]
    public async Task Many_are_replayed_or_dropped_by_a_filter_page_by_page()
    {
        await EnforceAsync();
        await PostAsync([.. Enumerable.Range(0, 6).Select(i => Added($"m{i}", i == 0 ? """{"price":"x"}""" : "{}", customer: $"c{i}"))]);
        await server.Admin.PutAsync("/v1/schemas/s", Json(Schema.Replace("\"required\":[\"price\"],", "", StringComparison.Ordinal)));
        await Eventually(async () => (await GetAsync("/v1/quarantine/6")).GetProperty("errors").GetArrayLength() == 0);

        var first = await ReadAsync(await server.Admin.PostAsync("/v1/quarantine/replay?limit=4&event=Product%20Added", Json("{}")));
        var second = await ReadAsync(await server.Admin.PostAsync($"/v1/quarantine/replay?limit=4&before={first.GetProperty("next").GetInt64()}", Json("{}")));
        Assert.Equal((4, """{"done":1,"refused":{"invalid":1},"next":null}"""), (first.GetProperty("done").GetInt32(), second.GetRawText()));

        await ProblemAsync(400, await server.Admin.PostAsync("/v1/quarantine/drop?reason=type", Json("{}")));
        await ProblemAsync(400, await server.Admin.PostAsync("/v1/quarantine/drop?state=warned", Json("""{"reason":"r"}""")));
        var dropped = await ReadAsync(await server.Admin.PostAsync("/v1/quarantine/drop?reason=type", Json("""{"reason":"a test of the shop"}""")));
        Assert.Equal(1, dropped.GetProperty("done").GetInt32());
        var note = Assert.Single((await GetAsync("/v1/quarantine/1")).GetProperty("notes").EnumerateArray());
        Assert.Equal(("drop", "a test of the shop"), (Text(note, "action"), Text(note, "reason")));
        Assert.Equal(
            """{"items":[{"source":"shop","reason":"required","state":"replayed","events":5},{"source":"shop","reason":"type","state":"dropped","events":1}]}""",
            (await GetAsync("/v1/quarantine/counts")).GetRawText());
    }

    [Fact]
    public async Task An_erased_customer_is_erased_here_too()
    {
        await EnforceAsync();
        await PostAsync(Added("m1", "{}"), Added("m2", "{}", customer: "bob"));
        await server.Admin.DeleteAsync("/v1/customers/ada");
        Assert.Equal("bob", Text(Assert.Single((await GetAsync("/v1/quarantine")).GetProperty("items").EnumerateArray()), "customer"));
    }

    [Theory]
    [InlineData("/v1/quarantine?limit=0", 400)]
    [InlineData("/v1/quarantine?limit=501", 400)]
    [InlineData("/v1/quarantine?state=shut", 400)]
    [InlineData("/v1/quarantine?from=yesterday", 400)]
    [InlineData("/v1/quarantine?source=a%00b", 400)]
    [InlineData("/v1/quarantine?before=x", 400)]
    [InlineData("/v1/quarantine/77", 404)]
    [InlineData("/v1/schemas/draft", 400)]
    [InlineData("/v1/schemas/draft?type=track", 400)]
    [InlineData("/v1/schemas/draft?type=nonsense", 400)]
    [InlineData("/v1/schemas/draft?event=unheard", 404)]
    public async Task A_question_that_is_none_is_a_problem(string path, int status) => await ProblemAsync(status, await server.Admin.GetAsync(path));

    [Fact]
    public async Task A_draft_is_made_of_recorded_events_and_can_be_put()
    {
        server.Grains.EventSamples("default").OnSample = static (type, name) => (type, name) == (EventType.Track, "Product Added")
            ? new EventSample([JsonText.FromString("""{"price":1.5,"at":"2026-01-31"}"""), JsonText.FromString("""{"price":2}""")], 2, DateTimeOffset.UnixEpoch, DateTimeOffset.UnixEpoch)
            : new EventSample([], 0, null, null);
        var draft = await GetAsync("/v1/schemas/draft?event=Product%20Added");
        Assert.Equal(
            """{"event":"Product Added","mode":"warn","schema":{"type":"object","required":["price"],"properties":{"at":{"type":"string","format":"date"},"price":{"type":"number"}}}}""",
            draft.GetProperty("document").GetRawText());
        Assert.Equal(201, (int)(await server.Admin.PutAsync("/v1/schemas/added", Json(draft.GetProperty("document").GetRawText()))).StatusCode);
        await ProblemAsync(400, await server.Admin.PutAsync("/v1/schemas/draft", Json("{}")));
        await ProblemAsync(400, await server.Admin.PutAsync("/v1/sources/stats", Json("{}")));
    }

    [Fact]
    public async Task Sources_are_counted_with_their_lag_and_what_was_not_let_in()
    {
        await EnforceAsync();
        var now = DateTimeOffset.UtcNow;
        await PostAsync(Added("m1", """{"price":1}""", at: now.AddSeconds(-30)), Added("m2", "{}", at: now.AddSeconds(-30)));
        await server.Admin.PostAsync("/v1/track", Json("""{"userId":"ada"}"""));

        var stats = (await GetAsync("/v1/sources/stats")).GetProperty("items").EnumerateArray().ToDictionary(static item => Text(item, "source")!);

        Assert.Equal(["segment", "shop"], stats.Keys.Order());
        var shop = stats["shop"];
        Assert.Equal(
            (2, 1, 1, 1), (shop.GetProperty("events").GetInt32(), shop.GetProperty("taken").GetInt32(), shop.GetProperty("quarantined").GetInt32(), shop.GetProperty("open").GetInt32()));
        Assert.InRange(shop.GetProperty("lagSeconds").GetProperty("mean").GetDouble(), 29, 120);
        Assert.Equal(1, shop.GetProperty("openReasons").GetProperty("required").GetInt32());
        Assert.Equal((1, JsonValueKind.Null), (stats["segment"].GetProperty("quarantined").GetInt32(), stats["segment"].GetProperty("lagSeconds").ValueKind));
    }

    private static string Added(string messageId, string properties, string customer = "ada", DateTimeOffset? at = null) =>
        $$"""{"messageId":"{{messageId}}","name":"Product Added","customer":"{{customer}}","source":"shop","occurredAt":"{{at ?? DateTimeOffset.UnixEpoch.AddYears(55):O}}","properties":{{properties}}}""";

    /// <summary>Puts the schema, and waits until events are held against it.</summary>
    private async Task EnforceAsync(string schema = Schema)
    {
        Assert.Equal(201, (int)(await server.Admin.PutAsync("/v1/schemas/s", Json(schema))).StatusCode);
        var rules = server.Services.GetRequiredService<Orleans.Personalize.Gateway.Connectors.WorkspaceRules>();
        await Eventually(async () => (await rules.GetAsync("default")).Schemas.Find(SchemaTests.Event("Product Added", "{}")) is not null);
    }

    private static async Task Eventually(Func<Task<bool>> condition)
    {
        var deadline = DateTime.UtcNow.AddSeconds(30);
        while (!await condition())
        {
            Assert.True(DateTime.UtcNow < deadline, "It did not come to pass in 30 s.");
            await Task.Yield();
        }
    }

    private CustomerEvent[] Applied() => server.Grains.Customer("default/ada").Applied;

    private Task<HttpResponseMessage> PostRawAsync(params string[] events) => server.Admin.PostAsync("/v1/events", Json($$"""{"events":[{{string.Join(',', events)}}]}"""));

    private async Task<JsonElement[]> PostAsync(params string[] events)
    {
        var response = await PostRawAsync(events);
        var json = await ReadAsync(response);
        Assert.True((int)response.StatusCode == 202, json.GetRawText());
        return [.. json.GetProperty("results").EnumerateArray()];
    }

    private Task<HttpResponseMessage> FixAsync(long id, string body) => server.Admin.PutAsync($"/v1/quarantine/{id}", Json($$"""{"body":{{body}},"reason":"by hand"}"""));

    private async Task<JsonElement> GetAsync(string path)
    {
        var response = await server.Admin.GetAsync(path);
        var json = await ReadAsync(response);
        Assert.True(response.IsSuccessStatusCode, json.GetRawText());
        return json;
    }

    private static string? Text(JsonElement json, string name) => json.GetProperty(name).GetString();
}
