using System.IO.Compression;
using System.Text;
using System.Text.Json;
using static Orleans.Personalize.Tests.GatewayServer;

namespace Orleans.Personalize.Tests;

public sealed class EventsTests : IAsyncLifetime
{
    private GatewayServer server = null!;

    public async Task InitializeAsync() => server = await StartAsync();

    public async Task DisposeAsync() => await server.DisposeAsync();

    [Fact]
    public async Task One_event_is_applied_as_it_was_sent()
    {
        var response = await PostAsync("""
            {"messageId":"m1","name":"Product Added","customer":"ann","occurredAt":"2026-01-31T10:30:00.5+01:00","source":"shop",
             "properties":{"price": 20.50, "name":"Tee\u00e9"},"traits":{"email":"ann@example.com"},"consent":{"email":true}}
            """);

        var result = Assert.Single(await ResultsAsync(202, response));
        Assert.Equal("""{"messageId":"m1","customer":"ann","status":"accepted","version":1,"detail":null}""", result.GetRawText());
        var applied = Assert.Single(server.Grains.Customer("default/ann").Applied);
        Assert.Equal(EventType.Track, applied.Type);
        Assert.Equal("Product Added", applied.Name);
        Assert.Equal(new DateTimeOffset(2026, 1, 31, 9, 30, 0, 500, TimeSpan.Zero), applied.OccurredAt);
        Assert.Equal(TimeSpan.Zero, applied.OccurredAt.Offset);
        Assert.Equal("shop", applied.Source);
        Assert.Equal("""{"price": 20.50, "name":"Tee\u00e9"}""", applied.Properties.ToString());
        Assert.Equal("""{"email":"ann@example.com"}""", applied.Traits.ToString());
        Assert.Equal("""{"email":true}""", applied.Consent.ToString());
    }

    [Fact]
    public async Task What_is_left_out_gets_its_default()
    {
        var before = DateTimeOffset.UtcNow;
        var result = Assert.Single(await ResultsAsync(202, await PostAsync("""{"event":"Seen","anonymousId":"a1","properties":null}""")));

        var applied = Assert.Single(server.Grains.Customer("default/a1").Applied);
        Assert.Equal(result.GetProperty("messageId").GetString(), applied.MessageId);
        Assert.True(Guid.TryParse(applied.MessageId, out _));
        Assert.Equal("Seen", applied.Name);
        Assert.Equal("api", applied.Source);
        Assert.Equal(applied.ReceivedAt, applied.OccurredAt);
        Assert.InRange(applied.ReceivedAt, before, DateTimeOffset.UtcNow);
        Assert.True(applied.Properties.IsAbsent);
    }

    [Fact]
    public async Task A_time_without_an_offset_is_utc()
    {
        await PostAsync("""{"name":"x","customer":"c","timestamp":"2026-07-01T12:00:00"}""");

        Assert.Equal(new DateTimeOffset(2026, 7, 1, 12, 0, 0, TimeSpan.Zero), Assert.Single(server.Grains.Customer("default/c").Applied).OccurredAt);
    }

    [Fact]
    public async Task Results_come_in_the_order_of_the_request_and_a_customer_is_called_once()
    {
        var results = await ResultsAsync(202, await PostAsync("""
            {"events":[
              {"messageId":"1","name":"a","customer":"x"},
              {"messageId":"2","name":"b","customer":"y"},
              {"messageId":"3","name":"c","customer":"x"},
              {"messageId":"1","name":"a","customer":"x"},
              {"messageId":"1","name":"other","customer":"x"},
              {"messageId":"4","customer":"x"}
            ]}
            """));

        Assert.Equal(["1", "2", "3", "1", "1", "4"], results.Select(result => result.GetProperty("messageId").GetString()));
        Assert.Equal(
            ["accepted", "accepted", "accepted", "duplicate", "conflict", "rejected"], results.Select(result => result.GetProperty("status").GetString()));
        Assert.StartsWith("/name ", results[5].GetProperty("detail").GetString());
        Assert.Equal(1, server.Grains.Customer("default/x").Calls);
        Assert.Equal(1, server.Grains.Customer("default/y").Calls);
    }

    [Theory]
    [InlineData("""{"name":"x"}""", "/customer is missing")]
    [InlineData("""{"name":"x","customer":""}""", "/customer must have 1 to 256")]
    [InlineData("""{"name":"x","customer":7}""", "/customer must be a string")]
    [InlineData("""{"name":"x","customer":"a\tb"}""", "/customer must not hold control")]
    [InlineData("""{"name":"x","customer":"a\u0000b"}""", "/customer holds the character U+0000")]
    [InlineData("""{"name":"x","customer":"c","messageId":["m"]}""", "/messageId must be a string")]
    [InlineData("""{"name":"x","customer":"c","type":"Track"}""", "/type must be")]
    [InlineData("""{"customer":"c"}""", "/name is missing")]
    [InlineData("""{"name":"x","customer":"c","occurredAt":"yesterday"}""", "/occurredAt must be an ISO 8601")]
    [InlineData("""{"name":"x","customer":"c","occurredAt":1769851800}""", "/occurredAt must be an ISO 8601")]
    [InlineData("""{"name":"x","customer":"c","occurredAt":"0001-01-01T00:00:00Z"}""", "/occurredAt must not be before 1970")]
    [InlineData("""{"name":"x","customer":"c","occurredAt":"0001-01-01T00:00:00+14:00"}""", "/occurredAt must be an ISO 8601")]
    [InlineData("""{"name":"x","customer":"c","timestamp":"2026-13-01T00:00:00Z"}""", "/timestamp must be an ISO 8601")]
    [InlineData("""{"name":"x","customer":"c","properties":[]}""", "/properties must be an object")]
    [InlineData("""{"name":"x","customer":"c","properties":{"a":["\ud800"]}}""", "/properties holds half of a surrogate")]
    [InlineData("""{"name":"x","customer":"c","properties":{"\udc00":1}}""", "/properties holds half of a surrogate")]
    [InlineData("""{"name":"x","customer":"c","traits":"none"}""", "/traits must be an object")]
    [InlineData("""{"name":"x","customer":"c","consent":{"email":"yes"}}""", "/consent/email must be true or false")]
    [InlineData("""{"name":"x","customer":"c","\ud800":1}""", "The event holds half of a surrogate")]
    [InlineData("""{"events":[7]}""", "The event must be an object")]
    public async Task A_bad_event_is_rejected_with_the_field_to_blame(string json, string reason)
    {
        var result = Assert.Single(await ResultsAsync(202, await PostAsync(json)));

        Assert.Equal("rejected", result.GetProperty("status").GetString());
        Assert.StartsWith(reason, result.GetProperty("detail").GetString());
        Assert.Empty(server.Grains.Customers);
    }

    [Fact]
    public async Task An_event_of_the_year_9999_is_the_engines_to_refuse()
    {
        await PostAsync("""{"name":"x","customer":"c","occurredAt":"9999-12-31T23:59:59Z"}""");

        Assert.Equal(9999, Assert.Single(server.Grains.Customer("default/c").Applied).OccurredAt.Year);
    }

    [Fact]
    public async Task An_event_nests_32_levels_and_no_deeper()
    {
        static string Nested(int levels) =>
            $$"""{"name":"x","customer":"c","properties":{{string.Concat(Enumerable.Repeat("{\"a\":", levels - 2))}}{}{{new string('}', levels - 2)}}}""";

        Assert.Equal("accepted", (await ResultsAsync(202, await PostAsync(Nested(32))))[0].GetProperty("status").GetString());
        var result = (await ResultsAsync(202, await PostAsync(Nested(33))))[0];
        Assert.Equal("rejected", result.GetProperty("status").GetString());
        Assert.Contains("depth of 32", result.GetProperty("detail").GetString());
    }

    [Fact]
    public async Task An_event_has_32_kilobytes_and_no_more()
    {
        static string Sized(int bytes)
        {
            const string Frame = """{"name":"x","customer":"c","properties":{"a":""}}""";
            return Frame.Replace("\"\"", $"\"{new string('a', bytes - Frame.Length)}\"", StringComparison.Ordinal);
        }

        Assert.Equal("accepted", (await ResultsAsync(202, await PostAsync(Sized(32 * 1024))))[0].GetProperty("status").GetString());
        Assert.Equal(
            "The event is larger than 32768 bytes.",
            (await ResultsAsync(202, await PostAsync($$"""{"events":[{{Sized(32 * 1024 + 1)}}]}""")))[0].GetProperty("detail").GetString());
    }

    [Fact]
    public async Task Of_a_repeated_member_the_last_one_wins()
    {
        await PostAsync("""{"name":"x","customer":"first","customer":"last"}""");

        Assert.Equal("default/last", Assert.Single(server.Grains.Customers).Key);
    }

    [Theory]
    [InlineData("")]
    [InlineData("   ")]
    [InlineData("[]")]
    [InlineData("\"event\"")]
    [InlineData("{\"name\":\"x\"")]
    [InlineData("{\"name\":\"x\"} {}")]
    [InlineData("{'name':'x'}")]
    [InlineData("{\"events\":{}}")]
    [InlineData("{\"events\":null}")]
    [InlineData("{\"events\":[{},]}")]
    public async Task A_body_that_is_no_request_is_a_problem(string body)
    {
        var problem = await ProblemAsync(400, await PostAsync(body));

        Assert.False(string.IsNullOrEmpty(problem.GetProperty("detail").GetString()));
    }

    [Theory]
    [InlineData("text/plain")]
    [InlineData("application/xml")]
    [InlineData("application/json; charset=utf-16")]
    [InlineData(null)]
    public async Task Another_content_type_is_a_problem(string? type) =>
        await ProblemAsync(415, await server.Admin.PostAsync("/v1/events", Bytes("{}"u8.ToArray(), type)));

    [Fact]
    public async Task A_body_of_ten_megabytes_is_answered()
    {
        var body = new byte[10 * 1024 * 1024];
        Array.Fill(body, (byte)' ');

        await ProblemAsync(413, await server.Admin.PostAsync("/v1/events", Bytes(body)));
        using var chunked = new HttpRequestMessage(HttpMethod.Post, "/v1/events") { Content = Bytes(body), Headers = { TransferEncodingChunked = true } };
        await ProblemAsync(413, await server.Admin.SendAsync(chunked));
    }

    [Fact]
    public async Task More_than_a_thousand_events_are_too_many()
    {
        static string Events(int count) =>
            $$"""{"events":[{{string.Join(',', Enumerable.Range(0, count).Select(index => $$"""{"name":"x","customer":"c{{index % 7}}"}"""))}}]}""";

        Assert.Equal(1000, (await ResultsAsync(202, await PostAsync(Events(1000)))).Length);
        await ProblemAsync(413, await PostAsync(Events(1001)));
    }

    [Fact]
    public async Task A_gzipped_body_is_unpacked()
    {
        var response = await server.Admin.PostAsync("/v1/events", Gzipped("""{"name":"x","customer":"zip"}"""u8.ToArray()));

        await ResultsAsync(202, response);
        Assert.Single(server.Grains.Customer("default/zip").Applied);
    }

    [Fact]
    public async Task A_body_that_unpacks_to_too_much_or_to_nothing_or_in_another_way_is_a_problem()
    {
        await ProblemAsync(413, await server.Admin.PostAsync("/v1/events", Gzipped(new byte[64 * 1024 * 1024])));
        var broken = Bytes("no gzip at all"u8.ToArray());
        broken.Headers.ContentEncoding.Add("gzip");
        await ProblemAsync(400, await server.Admin.PostAsync("/v1/events", broken));
        var brotli = Bytes("{}"u8.ToArray());
        brotli.Headers.ContentEncoding.Add("br");
        await ProblemAsync(415, await server.Admin.PostAsync("/v1/events", brotli));
    }

    [Fact]
    public async Task A_full_journal_asks_to_come_back()
    {
        server.Grains.Customer("default/full").OnApply = _ => throw new JournalBusyException();

        var response = await PostAsync("""{"events":[{"messageId":"1","name":"x","customer":"full"},{"messageId":"2","name":"x","customer":"ok"}]}""");

        Assert.Equal("1", response.Headers.GetValues("Retry-After").Single());
        var problem = await ProblemAsync(429, response);
        Assert.Equal(["busy", "accepted"], problem.GetProperty("results").EnumerateArray().Select(result => result.GetProperty("status").GetString()));
    }

    [Theory]
    [InlineData("/v1/events", """{"events":[{"name":"x","customer":"ok"}]}""")]
    [InlineData("/v1/track", """{"type":"track","event":"x","userId":"ok"}""")]
    public async Task Whoever_comes_while_too_much_is_under_way_is_turned_away_at_once_and_let_in_afterwards(string path, string body)
    {
        await using var small = await StartAsync(configure: static builder => builder.Configuration["Personalize:EventsUnderWayMax"] = "2");
        var (begun, held) = (new TaskCompletionSource(), new TaskCompletionSource());
        small.Grains.Customer("default/slow").OnApply = async events =>
        {
            begun.SetResult();
            await held.Task;
            return Array.ConvertAll(events, static happened => new Receipt(happened.MessageId, ReceiptStatus.Accepted, 1));
        };
        // More than the bound finds room where there is some: otherwise a large request never would.
        var under = small.Admin.PostAsync("/v1/events", Json("""{"events":[{"name":"x","customer":"slow"},{"name":"x","customer":"slow"},{"name":"x","customer":"slow"}]}"""));
        await begun.Task.WaitAsync(Testing.Eventually.Patience);

        var response = await small.Admin.PostAsync(path, Json(body));

        Assert.Equal("1", response.Headers.GetValues("Retry-After").Single());
        await ProblemAsync(429, response);
        Assert.Empty(small.Grains.Customer("default/ok").Applied);
        held.SetResult();
        Assert.Equal(202, (int)(await under).StatusCode);
        Assert.True((await small.Admin.PostAsync(path, Json(body))).IsSuccessStatusCode);
    }

    [Fact]
    public async Task An_unknown_outcome_is_never_called_anything_else()
    {
        server.Grains.Customer("default/lost").OnApply = _ => Task.FromException<Receipt[]>(new JournalException("gone"));
        server.Grains.Customer("default/slow").OnApply = _ => Task.FromException<Receipt[]>(new TimeoutException());
        server.Grains.Customer("default/full").OnApply = _ => Task.FromException<Receipt[]>(new JournalBusyException());

        var response = await PostAsync("""
            {"events":[{"name":"x","customer":"lost"},{"name":"x","customer":"ok"},{"name":"x","customer":"slow"},{"name":"x","customer":"full"},{}]}
            """);

        Assert.True(response.Headers.Contains("Retry-After"));
        var results = (await ProblemAsync(503, response)).GetProperty("results").EnumerateArray().ToArray();
        Assert.Equal(["unknown", "accepted", "unknown", "busy", "rejected"], results.Select(result => result.GetProperty("status").GetString()));
        // Whoever gave no ids can repeat with these.
        Assert.All(results[..4], result => Assert.NotNull(result.GetProperty("messageId").GetString()));
    }

    [Fact]
    public async Task A_repeated_event_has_the_same_fingerprint_and_a_changed_one_another()
    {
        string[] bodies =
        [
            """{"messageId":"m","name":"x","customer":"c","occurredAt":"2026-01-01T00:00:00Z","properties":{"a":1}}""",
            """{"properties":{"a":1},"occurredAt":"2026-01-01T00:00:00Z","name":"x","messageId":"m","customer":"c"}""",
            """{"messageId":"m","name":"x","customer":"c","occurredAt":"2026-01-01T00:00:00Z","properties":{"a":2}}""",
            """{"messageId":"m","name":"x","customer":"c","occurredAt":"2026-01-01T00:00:01Z","properties":{"a":1}}""",
            """{"messageId":"m","name":"x","customer":"c","occurredAt":"2026-01-01T00:00:00Z","traits":{"a":1}}""",
        ];
        var statuses = new List<string?>();
        foreach (var body in bodies)
            statuses.Add((await ResultsAsync(202, await PostAsync(body)))[0].GetProperty("status").GetString());

        Assert.Equal(["accepted", "duplicate", "conflict", "conflict", "conflict"], statuses);
    }

    [Fact]
    public async Task A_page_of_another_origin_may_send_events_and_read_nothing()
    {
        async Task<HttpResponseMessage> PreflightAsync(string path)
        {
            using var request = new HttpRequestMessage(HttpMethod.Options, path)
            {
                Headers = { { "Origin", "https://shop.example" }, { "Access-Control-Request-Method", "POST" }, { "Access-Control-Request-Headers", "authorization,content-type" } },
            };
            return await server.Anonymous.SendAsync(request);
        }

        foreach (var path in (string[])["/v1/events", "/v1/batch", "/v1/t"])
            Assert.Equal("*", (await PreflightAsync(path)).Headers.GetValues("Access-Control-Allow-Origin").Single());
        Assert.False((await PreflightAsync("/v1/keys")).Headers.Contains("Access-Control-Allow-Origin"));
        Assert.False((await PreflightAsync("/v1/customers")).Headers.Contains("Access-Control-Allow-Origin"));
    }

    private Task<HttpResponseMessage> PostAsync(string json) => server.Admin.PostAsync("/v1/events", Json(json));

    private static ByteArrayContent Gzipped(byte[] body)
    {
        using var packed = new MemoryStream();
        using (var gzip = new GZipStream(packed, CompressionLevel.Fastest))
            gzip.Write(body);
        var content = Bytes(packed.ToArray());
        content.Headers.ContentEncoding.Add("gzip");
        return content;
    }

    private static async Task<JsonElement[]> ResultsAsync(int status, HttpResponseMessage response)
    {
        Assert.Equal(status, (int)response.StatusCode);
        return [.. (await ReadAsync(response)).GetProperty("results").EnumerateArray()];
    }
}
