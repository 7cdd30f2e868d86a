using System.Net.Sockets;
using System.Text.Json;
using System.Text;
using Microsoft.Extensions.DependencyInjection;
using Microsoft.Extensions.Diagnostics.HealthChecks;
using Microsoft.Extensions.Logging;
using Orleans.Runtime;
using static Orleans.Personalize.Tests.GatewayServer;

namespace Orleans.Personalize.Tests;

public sealed class ApiTests : IAsyncLifetime
{
    private static readonly DateTimeOffset Noon = new(2026, 1, 31, 12, 0, 0, TimeSpan.Zero);

    private GatewayServer server = null!;

    public async Task InitializeAsync() => server = await StartAsync();

    public async Task DisposeAsync() => await server.DisposeAsync();

    [Theory]
    [InlineData("ann", "ann")]
    [InlineData("a%2Fb", "a/b")]
    [InlineData("a%252Fb", "a%2Fb")]
    [InlineData("ann%40example.com", "ann@example.com")]
    [InlineData("a+b%20c", "a+b c")]
    [InlineData("%C3%A9t%C3%A9%3F%23", "été?#")]
    public async Task A_customer_is_found_by_its_id_however_it_is_written(string path, string id)
    {
        server.Grains.Customer($"default/{id}").View = View(id);

        foreach (var suffix in (string[])["", "/", "?x=/y/z"])
        {
            var customer = await ReadAsync(await server.Admin.GetAsync($"/v1/customers/{path}{suffix}"));
            Assert.Equal(id, customer.GetProperty("customer").GetString());
        }

        Assert.Equal(id, (await ReadAsync(await server.Admin.GetAsync($"/v1/customers/{path}/latest-activity"))).GetProperty("customer").GetString());
        Assert.Equal(204, (int)(await server.Admin.DeleteAsync($"/v1/customers/{path}")).StatusCode);
        Assert.True(server.Grains.Customer($"default/{id}").IsErased);
        Assert.Equal($"default/{id}", Assert.Single(server.Grains.Outcomes.Forgotten));
    }

    [Fact]
    public async Task A_profile_is_shown_with_where_its_values_came_from()
    {
        server.Grains.Customer("default/ann").View = View("ann");

        var customer = await ReadAsync(await server.Admin.GetAsync("/v1/customers/ann"));

        Assert.Equal(7, customer.GetProperty("version").GetInt64());
        var email = customer.GetProperty("traits").GetProperty("email");
        Assert.Equal("""{"value":"ann@example.com","at":"2026-01-31T12:00:00+00:00","source":"api","messageId":"m1"}""", email.GetRawText());
        Assert.True(customer.GetProperty("consent").GetProperty("email").GetProperty("value").GetBoolean());
        Assert.Equal(3, customer.GetProperty("counters").GetProperty("Product Added").GetProperty("count").GetInt32());
        Assert.Equal("sku-1", customer.GetProperty("cart").GetProperty("lines")[0].GetProperty("productId").GetString());
        Assert.Equal("o1", customer.GetProperty("orders")[0].GetProperty("orderId").GetString());
        Assert.Equal("cart-abandoned", customer.GetProperty("waits")[0].GetProperty("trigger").GetString());
        Assert.Equal("pending", customer.GetProperty("sends")[0].GetProperty("state").GetString());
        Assert.Equal("send", customer.GetProperty("decisions")[0].GetProperty("outcome").GetString());
        Assert.Equal("track", customer.GetProperty("recent")[0].GetProperty("type").GetString());
        var latest = await ReadAsync(await server.Admin.GetAsync("/v1/customers/ann/latest-activity"));
        Assert.Equal("m1", latest.GetProperty("items")[0].GetProperty("messageId").GetString());
    }

    [Fact]
    public async Task An_unknown_customer_is_not_found()
    {
        await ProblemAsync(404, await server.Admin.GetAsync("/v1/customers/nobody"));
        await ProblemAsync(404, await server.Admin.GetAsync("/v1/customers/nobody/latest-activity"));
        await ProblemAsync(404, await server.Admin.GetAsync("/v1/customers/nobody/timeline"));
    }

    [Fact]
    public async Task An_id_that_none_can_have_is_a_problem()
    {
        await ProblemAsync(400, await server.Admin.GetAsync("/v1/customers/" + new string('a', 257)));
        await ProblemAsync(400, await server.Admin.GetAsync("/v1/customers/a%0Ab"));
        await ProblemAsync(400, await server.Admin.DeleteAsync("/v1/customers/a%7Fb"));
    }

    [Fact]
    public async Task A_timeline_is_read_page_by_page()
    {
        server.Grains.Customer("default/ann").OnTimeline = (limit, before) => new TimelinePage(
            [new TimelineItem(before is null ? 9 : before.Value - 1, Noon, "EventApplied", JsonText.FromString($$"""{"type":"EventApplied","limit":{{limit}}}"""))],
            before is null ? 9 : null);

        var first = await ReadAsync(await server.Admin.GetAsync("/v1/customers/ann/timeline"));
        var next = first.GetProperty("next").GetInt64();
        var second = await ReadAsync(await server.Admin.GetAsync($"/v1/customers/ann/timeline?limit=500&before={next}"));

        Assert.Equal(50, first.GetProperty("items")[0].GetProperty("fact").GetProperty("limit").GetInt32());
        Assert.Equal(8, second.GetProperty("items")[0].GetProperty("version").GetInt64());
        Assert.Equal(500, second.GetProperty("items")[0].GetProperty("fact").GetProperty("limit").GetInt32());
        Assert.Equal(JsonValueKind.Null, second.GetProperty("next").ValueKind);
    }

    [Theory]
    [InlineData("/v1/customers/ann/timeline?limit=0")]
    [InlineData("/v1/customers/ann/timeline?limit=501")]
    [InlineData("/v1/customers/ann/timeline?limit=many")]
    [InlineData("/v1/customers/ann/timeline?limit=99999999999999")]
    [InlineData("/v1/customers/ann/timeline?before=-1")]
    [InlineData("/v1/customers/ann/timeline?before=x")]
    [InlineData("/v1/customers?limit=201")]
    [InlineData("/v1/customers?limit=")]
    [InlineData("/v1/customers?search=a%00b")]
    public async Task A_query_out_of_bounds_is_a_problem(string path)
    {
        server.Grains.Customer("default/ann").View = View("ann");

        await ProblemAsync(400, await server.Admin.GetAsync(path));
    }

    [Fact]
    public async Task Customers_are_found_by_their_ids_without_the_workspace()
    {
        server.Grains.Search("default").Hits = [new CustomerHit("default/ann", "ann@example.com", 4), new CustomerHit("default/default/b", null, 1)];

        var found = await ReadAsync(await server.Admin.GetAsync("/v1/customers?search=AN&limit=7"));

        Assert.Equal(("AN", 7), server.Grains.Search("default").Asked);
        Assert.Equal(
            """{"items":[{"customer":"ann","email":"ann@example.com","version":4},{"customer":"default/b","email":null,"version":1}]}""", found.GetRawText());
        await server.Admin.GetAsync("/v1/customers");
        Assert.Equal(("", 50), server.Grains.Search("default").Asked);
    }

    [Theory]
    [InlineData("triggers")]
    [InlineData("templates")]
    [InlineData("senders")]
    [InlineData("slots")]
    public async Task A_document_is_made_changed_read_listed_and_deleted(string path)
    {
        var made = await server.Admin.PutAsync($"/v1/{path}/b.1", Json("""{"id":"b.1", "name":"One"}"""));
        Assert.Equal(201, (int)made.StatusCode);
        Assert.Equal($"/v1/{path}/b.1", made.Headers.Location?.OriginalString);
        Assert.Equal("\"1\"", made.Headers.ETag?.Tag);
        var changed = await server.Admin.PutAsync($"/v1/{path}/b.1", Json("""{"id":"b.1","name":"Two"}"""));
        Assert.Equal((200, "\"2\""), ((int)changed.StatusCode, changed.Headers.ETag?.Tag));
        var unchanged = await server.Admin.PutAsync($"/v1/{path}/b.1", Json("""{"id":"b.1","name":"Two"}"""));
        Assert.Equal((200, "\"2\""), ((int)unchanged.StatusCode, unchanged.Headers.ETag?.Tag));
        await server.Admin.PutAsync($"/v1/{path}/a", Json("{}"));

        var read = await ReadAsync(await server.Admin.GetAsync($"/v1/{path}/b.1"));
        Assert.Equal(("b.1", 2L, "Two"), (read.GetProperty("id").GetString(), read.GetProperty("version").GetInt64(), read.GetProperty("document").GetProperty("name").GetString()));
        var list = await ReadAsync(await server.Admin.GetAsync($"/v1/{path}"));
        Assert.Equal(["a", "b.1"], list.GetProperty("items").EnumerateArray().Select(item => item.GetProperty("id").GetString()));

        Assert.Equal(204, (int)(await server.Admin.DeleteAsync($"/v1/{path}/b.1")).StatusCode);
        await ProblemAsync(404, await server.Admin.DeleteAsync($"/v1/{path}/b.1"));
        await ProblemAsync(404, await server.Admin.GetAsync($"/v1/{path}/b.1"));
    }

    [Fact]
    public async Task What_the_registry_finds_wrong_is_passed_on()
    {
        server.Grains.Registry("default").Validate = _ => [new DocumentError("/on/event", "is missing"), new DocumentError("/wait/for", "is no duration")];

        var problem = await ProblemAsync(400, await server.Admin.PutAsync("/v1/triggers/t", Json("{}")));

        Assert.Equal(
            """[{"detail":"is missing","pointer":"/on/event"},{"detail":"is no duration","pointer":"/wait/for"}]""", problem.GetProperty("errors").GetRawText());
    }

    [Theory]
    [InlineData("t", """{"id":"u"}""", "/id")]
    [InlineData("t", """{"id":7}""", "/id")]
    [InlineData("t", """{"name":"\ud800"}""", "/name")]
    [InlineData("t", """{"name":"\u0000"}""", "/name")]
    [InlineData("t", """{"a":1,"a":2}""", null)]
    [InlineData("t", "[]", null)]
    [InlineData("t", "{", null)]
    [InlineData("Upper", "{}", null)]
    [InlineData("-x", "{}", null)]
    [InlineData("a%2Fb", "{}", null)]
    [InlineData("0123456789012345678901234567890123456789012345678901234567890123x", "{}", null)]
    public async Task A_bad_document_is_a_problem(string id, string json, string? pointer)
    {
        var problem = await ProblemAsync(400, await server.Admin.PutAsync($"/v1/triggers/{id}", Json(json)));

        if (pointer is not null)
            Assert.Equal(pointer, problem.GetProperty("errors")[0].GetProperty("pointer").GetString());
        Assert.Empty(await server.Grains.Registry("default").List(RegistryKind.Trigger));
    }

    [Fact]
    public async Task A_document_too_deep_or_too_large_is_a_problem()
    {
        await ProblemAsync(400, await server.Admin.PutAsync("/v1/triggers/t", Json(string.Concat(Enumerable.Repeat("{\"a\":", 10_000)) + "1" + new string('}', 10_000))));
        await ProblemAsync(413, await server.Admin.PutAsync("/v1/triggers/t", Json($$"""{"a":"{{new string('a', 512 * 1024)}}"}""")));
    }

    [Fact]
    public async Task A_senders_secrets_are_kept_and_never_shown()
    {
        const string Sender = """{"type":"webhook","secret":"whsec_abc","smtp":{"Password":"p","host":"h"},"headers":[{"apiKey":["k1","k2"],"Authorization":"Bearer x"}]}""";
        var put = await server.Admin.PutAsync("/v1/senders/s", Json(Sender));

        var expected = """{"type":"webhook","secret":"***","smtp":{"Password":"***","host":"h"},"headers":[{"apiKey":"***","Authorization":"***"}]}""";
        Assert.Equal(expected, (await ReadAsync(put)).GetProperty("document").GetRawText());
        Assert.Equal(expected, (await ReadAsync(await server.Admin.GetAsync("/v1/senders/s"))).GetProperty("document").GetRawText());
        Assert.Equal(expected, (await ReadAsync(await server.Admin.GetAsync("/v1/senders"))).GetProperty("items")[0].GetProperty("document").GetRawText());
        Assert.Equal(Sender, (await server.Grains.Registry("default").Get(RegistryKind.Sender, "s"))!.Document.ToString());

        var problem = await ProblemAsync(400, await server.Admin.PutAsync("/v1/senders/s", Json(expected)));
        Assert.Equal("/secret", problem.GetProperty("errors")[0].GetProperty("pointer").GetString());
        Assert.Equal(Sender, (await server.Grains.Registry("default").Get(RegistryKind.Sender, "s"))!.Document.ToString());
    }

    [Fact]
    public async Task What_fails_inside_is_a_problem_that_says_nothing_of_the_inside()
    {
        server.Grains.Registry("default").Fault = new InvalidOperationException("the secret inside");
        var problem = await ProblemAsync(500, await server.Admin.GetAsync("/v1/triggers"));
        Assert.DoesNotContain("inside", problem.GetRawText(), StringComparison.Ordinal);
        Assert.Contains(server.Log.Lines, line => line.Level == LogLevel.Error);

        server.Grains.Registry("default").Fault = new TimeoutException();
        await ProblemAsync(503, await server.Admin.GetAsync("/v1/triggers"));
        server.Grains.Registry("default").Fault = new OrleansMessageRejectionException("The silo is gone.");
        await ProblemAsync(503, await server.Admin.GetAsync("/v1/triggers"));
        server.Grains.Registry("default").Fault = new JournalBusyException();
        await ProblemAsync(429, await server.Admin.GetAsync("/v1/triggers"));
    }

    [Fact]
    public async Task A_route_or_method_that_is_none_is_a_problem()
    {
        await ProblemAsync(404, await server.Admin.GetAsync("/nowhere"));
        await ProblemAsync(404, await server.Anonymous.GetAsync("/v1/nowhere"));
        await ProblemAsync(405, await server.Admin.GetAsync("/v1/events"));
        await ProblemAsync(405, await server.Admin.PostAsync("/v1/triggers/t", Json("{}")));
    }

    [Fact]
    public async Task Readiness_is_what_the_hosts_checks_say()
    {
        var healthy = true;
        await using var other = await StartAsync(configure: builder => builder.Services.AddHealthChecks()
            .AddCheck("journal", () => healthy ? HealthCheckResult.Healthy() : HealthCheckResult.Unhealthy("The disk is full.")));
        var deadline = DateTime.UtcNow.AddSeconds(30);
        while ((int)(await other.Anonymous.GetAsync("/health/ready")).StatusCode != 200)
            Assert.True(DateTime.UtcNow < deadline, "Not ready in 30 s.");

        healthy = false;
        var response = await other.Anonymous.GetAsync("/health/ready");

        Assert.Equal(503, (int)response.StatusCode);
        Assert.Equal("""{"status":"unhealthy","checks":{"keys":"healthy","journal":"The disk is full."}}""", (await ReadAsync(response)).GetRawText());
    }

    [Fact]
    public async Task A_senders_status_is_shown_where_there_is_a_sender()
    {
        await ProblemAsync(404, await server.Admin.GetAsync("/v1/senders/mail/status"));
        await server.Admin.PutAsync("/v1/senders/mail", Json("""{"type":"log"}"""));
        Assert.Equal(
            """{"breaker":"open","openUntil":"1970-01-01T00:00:00+00:00","waiting":7,"delivering":1}""",
            (await ReadAsync(await server.Admin.GetAsync("/v1/senders/mail/status"))).GetRawText());
    }

    [Fact]
    public async Task The_description_names_every_route_with_its_answers()
    {
        var description = await ReadAsync(await server.Anonymous.GetAsync("/openapi/v1.json"));

        var described = description.GetProperty("paths").EnumerateObject()
            .SelectMany(path => path.Value.EnumerateObject().Select(operation => (Route: $"{operation.Name.ToUpperInvariant()} {path.Name}", operation.Value)))
            .ToDictionary(pair => pair.Route, pair => pair.Value);
        string[] expected =
        [
            .. ((string[])["events", "track", "identify", "page", "screen", "group", "alias", "batch", "t", "i", "p", "s", "g", "a", "b"]).Select(path => $"POST /v1/{path}"),
            .. ((string[])["", "/{id}", "/{id}/latest-activity", "/{id}/timeline", "/{id}/explain", "/{id}/diff", "/{id}/conflicts", "/{id}/live", "/{id}/live/ws"]).Select(path => $"GET /v1/customers{path}"), "DELETE /v1/customers/{id}",
            "POST /v1/customers/{id}/merge", "POST /v1/customers/{id}/unmerge",
            .. ((string[])["triggers", "templates", "senders", "policies", "topics", "slots", "sources", "schemas"]).SelectMany(kind =>
                (string[])[$"GET /v1/{kind}", $"GET /v1/{kind}/{{id}}", $"GET /v1/{kind}/{{id}}/history", $"POST /v1/{kind}/{{id}}/check", $"PUT /v1/{kind}/{{id}}", $"DELETE /v1/{kind}/{{id}}"]),
            .. ((string[])["retry", "drop", "delivered"]).Select(verdict => $"POST /v1/customers/{{id}}/sends/{{decisionId}}/{verdict}"),
            .. ((string[])["fire", "shift", "cancel"]).Select(verb => $"POST /v1/customers/{{id}}/waits/{{trigger}}/{verb}"),
            "POST /v1/triggers/{id}/backtest", "GET /v1/backtests/{id}", "DELETE /v1/backtests/{id}",
            "GET /v1/overview", "GET /v1/decisions/recent", "GET /v1/cluster", "GET /v1/customers/{id}/sends/{decisionId}", "POST /v1/senders/{id}/test", "POST /v1/login",
            .. ((string[])["imports", "reconciliations"]).SelectMany(kind =>
                (string[])[$"GET /v1/{kind}", $"POST /v1/{kind}", $"GET /v1/{kind}/{{id}}", $"HEAD /v1/{kind}/{{id}}", $"PATCH /v1/{kind}/{{id}}", $"GET /v1/{kind}/{{id}}/errors", $"DELETE /v1/{kind}/{{id}}"]),
            "GET /v1/quarantine", "GET /v1/quarantine/counts", "GET /v1/quarantine/{id}", "PUT /v1/quarantine/{id}",
            .. ((string[])["replay", "drop"]).SelectMany(verb => (string[])[$"POST /v1/quarantine/{verb}", $"POST /v1/quarantine/{{id}}/{verb}"]),
            "GET /v1/schemas/draft", "GET /v1/sources/stats",
            "GET /v1/content/{slot}", "GET /v1/content/{slot}/links",
            "POST /v1/senders/{id}/attention/retry", "POST /v1/senders/{id}/attention/drop",
            .. ((string[])["pause", "resume", "stop", "ramp"]).Select(action => $"POST /v1/triggers/{{id}}/{action}"),
            "GET /v1/triggers/counts", "GET /v1/triggers/{id}/counts", "GET /v1/senders/{id}/attention",
            "POST /v1/templates/{id}/preview", "GET /v1/senders/{id}/status", "GET /v1/sources/{id}/status",
            "GET /v1/suppressions", "PUT /v1/suppressions/{address}", "DELETE /v1/suppressions/{address}", "POST /v1/suppressions/import", "GET /v1/suppressions/export",
            "POST /v1/webhooks/sendgrid/{workspace}/{sender}", "POST /v1/webhooks/mandrill/{workspace}/{sender}", "POST /v1/webhooks/{workspace}/{source}",
            "GET /v1/keys", "GET /v1/keys/current", "POST /v1/keys", "DELETE /v1/keys/{id}", "GET /health/live", "GET /health/ready",
        ];
        Assert.Equal(expected.Order(StringComparer.Ordinal), described.Keys.Order(StringComparer.Ordinal));
        Assert.All(described, pair => Assert.False(string.IsNullOrEmpty(pair.Value.GetProperty("summary").GetString()), pair.Key));
        Assert.All(
            // Webhooks are let in by their signature, and who logs in has no key yet.
            described.Where(pair => pair.Key.Contains("/v1/", StringComparison.Ordinal) && !pair.Key.Contains("/webhooks/", StringComparison.Ordinal) && pair.Key != "POST /v1/login"),
            pair =>
            {
                Assert.True(pair.Value.GetProperty("responses").TryGetProperty("403", out _), pair.Key);
                Assert.Equal(2, pair.Value.GetProperty("security").GetArrayLength());
            });
        Assert.True(description.GetProperty("components").GetProperty("securitySchemes").TryGetProperty("bearer", out _));
    }

    [Theory]
    [InlineData("NONSENSE\r\n\r\n", "400")]
    [InlineData("POST /v1/events HTTP/1.1\r\nHost: x\r\nContent-Length: nine\r\n\r\n", "400")]
    [InlineData("GET /health/live HTTP/1.1\r\nHost: x\r\nX: {32768}\r\n\r\n", "431")]
    [InlineData("GET /{8192} HTTP/1.1\r\nHost: x\r\n\r\n", "414")]
    [InlineData("GET /v1/customers/a%00b HTTP/1.1\r\nHost: x\r\nConnection: close\r\n\r\n", "400")]
    [InlineData("POST /v1/events HTTP/1.1\r\nHost: x\r\n{auth}Content-Type: application/json\r\nTransfer-Encoding: chunked\r\n\r\nzz\r\n", "400")]
    [InlineData("POST /v1/events HTTP/1.1\r\nHost: x\r\n{auth}Content-Type: application/json\r\nContent-Length: 99999999999\r\n\r\n", "413")]
    [InlineData("POST /v1/events HTTP/1.1\r\nHost: x\r\n{auth}Content-Type: application/json\r\nConnection: close\r\n\r\n", "411 400")]
    public async Task What_is_no_decent_http_gets_a_4xx(string request, string statuses)
    {
        request = request
            .Replace("{32768}", new string('a', 32768), StringComparison.Ordinal)
            .Replace("{8192}", new string('a', 8192), StringComparison.Ordinal)
            .Replace("{auth}", $"Authorization: Bearer {AdminKey}\r\n", StringComparison.Ordinal);
        using var client = new TcpClient();
        await client.ConnectAsync(server.Address.Host, server.Address.Port);
        var stream = client.GetStream();
        await stream.WriteAsync(Encoding.ASCII.GetBytes(request));
        using var reader = new StreamReader(stream, Encoding.ASCII);

        var status = (await reader.ReadLineAsync().WaitAsync(TimeSpan.FromSeconds(30)))?.Split(' ')[1];

        Assert.Contains(status, statuses.Split(' '));
        Assert.True((await server.Anonymous.GetAsync("/health/live")).IsSuccessStatusCode);
    }

    [Fact]
    public async Task A_sender_that_hangs_up_in_the_middle_is_no_error()
    {
        for (var round = 0; round < 20; round++)
        {
            using var client = new TcpClient();
            await client.ConnectAsync(server.Address.Host, server.Address.Port);
            await client.GetStream().WriteAsync(Encoding.ASCII.GetBytes(
                $"POST /v1/events HTTP/1.1\r\nHost: x\r\nAuthorization: Bearer {AdminKey}\r\nContent-Type: application/json\r\nContent-Length: 100\r\n\r\n{{\"name\":"));
            client.LingerState = new LingerOption(round % 2 == 0, 0);
        }

        Assert.Equal(202, (int)(await server.Admin.PostAsync("/v1/events", Json("""{"name":"x","customer":"c"}"""))).StatusCode);
        await server.DisposeAsync();
        Assert.DoesNotContain(server.Log.Lines, line => line.Level >= LogLevel.Error);
        server = await StartAsync();
    }

    private static CustomerView View(string id) => new()
    {
        Customer = id,
        Version = 7,
        FirstSeenAt = Noon,
        LastSeenAt = Noon,
        Traits = [new TraitView("email", JsonText.FromString("\"ann@example.com\""), Noon, "api", "m1")],
        Consent = [new TraitView("email", JsonText.FromString("true"), Noon, "api", "m1")],
        Counters = [new CounterView("Product Added", 3, Noon, Noon)],
        Cart = new CartView("cart-1", 20.5m, [new CartLineView("sku-1", "Tee", 1, 20.5m, null, null)], Noon),
        Orders = [new OrderView("o1", "completed", 20.5m, "EUR", Noon)],
        Waits = [new WaitView("cart-abandoned", null, Noon, Noon.AddHours(1), 1)],
        Sends = [new SendView("d1", "cart-abandoned", null, "email", null, "pending", null, 0, Noon, null, null)],
        Decisions = [new DecisionView("d1", "cart-abandoned", 1, null, Noon, "send", null, null)],
        Recent = [new ActivityView("m1", EventType.Track, "Product Added", Noon, "api")],
    };
}
