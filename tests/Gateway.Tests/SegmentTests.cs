using System.Net.Http.Headers;
using System.Text;
using static Orleans.Personalize.Tests.GatewayServer;

namespace Orleans.Personalize.Tests;

public sealed class SegmentTests : IAsyncLifetime
{
    private GatewayServer server = null!;

    public async Task InitializeAsync() => server = await StartAsync();

    public async Task DisposeAsync() => await server.DisposeAsync();

    [Theory]
    [InlineData("track", """{"event":"Seen","userId":"u","properties":{"a":1}}""", EventType.Track, "Seen", """{"a":1}""")]
    [InlineData("t", """{"event":"Seen","userId":"u","properties":{"a":1}}""", EventType.Track, "Seen", """{"a":1}""")]
    [InlineData("page", """{"name":"Home","userId":"u","properties":{"a":1}}""", EventType.Page, "Home", """{"a":1}""")]
    [InlineData("p", """{"userId":"u"}""", EventType.Page, null, "")]
    [InlineData("screen", """{"name":"Home","userId":"u"}""", EventType.Screen, "Home", "")]
    [InlineData("s", """{"name":"Home","userId":"u"}""", EventType.Screen, "Home", "")]
    [InlineData("identify", """{"userId":"u","traits":{"email":"e"}}""", EventType.Identify, null, "")]
    [InlineData("i", """{"userId":"u"}""", EventType.Identify, null, "")]
    [InlineData("group", """{"userId":"u","groupId":"g","traits":{"plan":"pro"}}""", EventType.Group, null, """{"groupId":"g","traits":{"plan":"pro"}}""")]
    [InlineData("g", """{"userId":"u","groupId":7}""", EventType.Group, null, """{"groupId":"7"}""")]
    [InlineData("alias", """{"userId":"u","previousId":"old"}""", EventType.Alias, null, """{"previousId":"old"}""")]
    [InlineData("a", """{"userId":"u","previousId":"old"}""", EventType.Alias, null, """{"previousId":"old"}""")]
    public async Task Every_call_has_its_path(string path, string json, EventType type, string? name, string properties)
    {
        var response = await server.Admin.PostAsync($"/v1/{path}", Json(json));

        Assert.Equal("""{"success":true}""", await response.Content.ReadAsStringAsync());
        Assert.Equal(200, (int)response.StatusCode);
        var applied = Assert.Single(server.Grains.Customer("default/u").Applied);
        Assert.Equal((type, name, properties, "segment"), (applied.Type, applied.Name, applied.Properties.ToString(), applied.Source));
        Assert.Equal(type == EventType.Identify && path == "identify" ? """{"email":"e"}""" : "", applied.Traits.ToString());
    }

    [Fact]
    public async Task A_batch_is_applied_but_for_its_bad_events()
    {
        var response = await server.Admin.PostAsync("/v1/batch", Json($$"""
            {"batch":[
              {"type":"track","event":"A","userId":"u","messageId":"1"},
              {"type":"track","userId":"u","messageId":"2"},
              {"type":"unheard-of","userId":"u"},
              {"type":"identify","anonymousId":"anon","traits":{"age":7},"messageId":"3"},
              {"type":"track","event":"Large","userId":"u","properties":{"a":"{{new string('a', 33_000)}}"} },
              null,
              {"type":"page","userId":12345,"anonymousId":"anon","messageId":"4"}
            ]}
            """));

        Assert.Equal(200, (int)response.StatusCode);
        Assert.Equal(["default/12345", "default/anon", "default/u"], server.Grains.Customers.Keys.Order(StringComparer.Ordinal));
        Assert.Equal("1", Assert.Single(server.Grains.Customer("default/u").Applied).MessageId);
        Assert.Contains(server.Log.Lines, line => line.Text.StartsWith("Of 7 Segment events 4 were refused; the first because: /event is missing", StringComparison.Ordinal));
    }

    [Fact]
    public async Task The_key_may_be_a_header_of_either_kind_or_in_the_body()
    {
        var (_, key, _) = await server.CreateKeyAsync("ingest");
        async Task<int> PostAsync(AuthenticationHeaderValue? header, string? writeKey, string type)
        {
            var body = $$"""{"event":"x","userId":"u","writeKey":{{(writeKey is null ? "null" : $"\"{writeKey}\"")}} }""";
            using var request = new HttpRequestMessage(HttpMethod.Post, "/v1/track") { Content = Bytes(Encoding.UTF8.GetBytes(body), type) };
            request.Headers.Authorization = header;
            return (int)(await server.Anonymous.SendAsync(request)).StatusCode;
        }

        var basic = new AuthenticationHeaderValue("Basic", Convert.ToBase64String(Encoding.UTF8.GetBytes($"{key}:")));
        Assert.Equal(200, await PostAsync(basic, null, "application/json"));
        Assert.Equal(200, await PostAsync(new AuthenticationHeaderValue("Bearer", key), null, "application/json"));
        Assert.Equal(200, await PostAsync(null, key, "text/plain"));
        Assert.Equal(200, await PostAsync(null, key, "text/plain;charset=UTF-8"));
        Assert.Equal(401, await PostAsync(null, key + "0", "application/json"));
        Assert.Equal(401, await PostAsync(null, null, "application/json"));
        var (_, reader, _) = await server.CreateKeyAsync("read");
        Assert.Equal(403, await PostAsync(null, reader, "application/json"));
    }

    [Theory]
    [InlineData("/v1/batch", "")]
    [InlineData("/v1/batch", "{")]
    [InlineData("/v1/batch", "{}")]
    [InlineData("/v1/batch", """{"batch":{}}""")]
    [InlineData("/v1/track", "[]")]
    public async Task What_is_no_call_is_a_problem(string path, string body) =>
        await ProblemAsync(400, await server.Admin.PostAsync(path, Json(body)));

    [Fact]
    public async Task The_limits_are_those_of_segment()
    {
        static string Batch(int count, string properties) =>
            $$"""{"batch":[{{string.Join(',', Enumerable.Repeat($$"""{"type":"track","event":"x","userId":"u","properties":{{properties}} }""", count))}}]}""";

        Assert.Equal(200, (int)(await server.Admin.PostAsync("/v1/batch", Json(Batch(2500, "{}")))).StatusCode);
        await ProblemAsync(400, await server.Admin.PostAsync("/v1/batch", Json(Batch(2501, "{}"))));
        await ProblemAsync(400, await server.Admin.PostAsync("/v1/batch", Json(Batch(20, $$"""{"a":"{{new string('a', 26_000)}}"}"""))));
        await ProblemAsync(400, await server.Admin.PostAsync("/v1/track", Json($$"""{"event":"x","userId":"u","properties":{"a":"{{new string('a', 33_000)}}"} }""")));
    }

    [Fact]
    public async Task Nothing_is_acknowledged_before_it_is_durable()
    {
        var durable = new TaskCompletionSource<Receipt[]>();
        server.Grains.Customer("default/u").OnApply = _ => durable.Task;

        var answer = server.Admin.PostAsync("/v1/track", Json("""{"event":"x","userId":"u"}"""));
        await server.Anonymous.GetAsync("/health/live");
        Assert.False(answer.IsCompleted);
        durable.SetResult([new Receipt("m", ReceiptStatus.Accepted, 1)]);
        Assert.Equal(200, (int)(await answer).StatusCode);
    }

    [Fact]
    public async Task A_client_is_asked_to_come_back_when_there_is_no_room_or_no_answer()
    {
        server.Grains.Customer("default/full").OnApply = _ => throw new JournalBusyException();
        server.Grains.Customer("default/lost").OnApply = _ => throw new JournalException("lost");

        var busy = await server.Admin.PostAsync("/v1/track", Json("""{"event":"x","userId":"full"}"""));
        var lost = await server.Admin.PostAsync("/v1/track", Json("""{"event":"x","userId":"lost"}"""));

        Assert.True(busy.Headers.Contains("Retry-After") && lost.Headers.Contains("Retry-After"));
        await ProblemAsync(429, busy);
        await ProblemAsync(503, lost);
    }

    [Fact]
    public async Task A_repeated_batch_is_a_duplicate_though_it_was_sent_later()
    {
        foreach (var sentAt in (string[])["2026-01-01T00:00:10Z", "2026-01-01T00:00:40Z"])
            await server.Admin.PostAsync("/v1/batch", Json(
                $$"""{"sentAt":"{{sentAt}}","batch":[{"type":"track","event":"x","userId":"u","messageId":"m","timestamp":"2026-01-01T00:00:00Z"}]}"""));

        var customer = server.Grains.Customer("default/u");
        Assert.Single(customer.Applied);
        Assert.Equal(ReceiptStatus.Duplicate, (await customer.Apply(customer.Applied))[0].Status);
    }
}
