using System.Net;
using System.Net.Http.Headers;
using System.IO.Compression;
using System.Text;
using static Orleans.Personalize.Tests.GatewayServer;

namespace Orleans.Personalize.Tests;

/// <summary>The tracking script as it is served, and the door that it uses: the native one, with the key in the body.</summary>
public sealed class TrackingTests : IAsyncLifetime
{
    private GatewayServer server = null!;

    public async Task InitializeAsync() => server = await StartAsync();

    public async Task DisposeAsync() => await server.DisposeAsync();

    [Theory]
    [InlineData(null)]
    [InlineData("gzip")]
    public async Task The_script_comes_to_any_page_and_is_sent_once(string? encoding)
    {
        using var first = await GetAsync(encoding, null);
        Assert.Equal(HttpStatusCode.OK, first.StatusCode);
        Assert.Equal("text/javascript; charset=utf-8", first.Content.Headers.ContentType?.ToString());
        Assert.Equal("*", Assert.Single(first.Headers.GetValues("Access-Control-Allow-Origin")));
        Assert.Equal("nosniff", Assert.Single(first.Headers.GetValues("X-Content-Type-Options")));
        Assert.Equal("public, max-age=3600", first.Headers.CacheControl?.ToString());
        Assert.Equal(["Accept-Encoding"], first.Headers.Vary);
        Assert.Equal(encoding is null ? [] : [encoding], first.Content.Headers.ContentEncoding);

        using var again = await GetAsync(encoding, first.Headers.ETag);
        Assert.Equal(HttpStatusCode.NotModified, again.StatusCode);
        using var other = await GetAsync(encoding is null ? "gzip" : null, first.Headers.ETag);
        Assert.Equal(HttpStatusCode.OK, other.StatusCode);
    }

    [Fact]
    public async Task The_script_stays_small_and_is_the_same_packed()
    {
        var plain = await server.Anonymous.GetStringAsync("/track.js");
        using var response = await GetAsync("gzip", null);
        var packed = await response.Content.ReadAsByteArrayAsync();
        await using var unpacked = new GZipStream(new MemoryStream(packed), CompressionMode.Decompress);
        using var reader = new StreamReader(unpacked, Encoding.UTF8);

        Assert.Equal(plain, await reader.ReadToEndAsync());
        Assert.True(packed.Length < 4 * 1024, $"It is sent in {packed.Length} bytes ({plain.Length} unpacked).");
        Assert.DoesNotContain("\n//", plain, StringComparison.Ordinal);
        Assert.DoesNotContain("eval", plain, StringComparison.Ordinal);
    }

    [Theory]
    [InlineData("ingest", 202)]
    [InlineData("read", 403)]
    [InlineData("operate", 403)]
    [InlineData("admin", 403)]
    public async Task A_page_shows_its_key_in_the_body_so_it_may_be_able_to_send_only(string role, int status)
    {
        var (_, key, _) = await server.CreateKeyAsync(role);

        var response = await PostAsync($$"""{"writeKey":"{{key}}","events":[{"customer":"ann","name":"x"}]}""");

        Assert.Equal(status, (int)response.StatusCode);
        Assert.Equal(status == 202 ? 1 : 0, server.Grains.Customer("default/ann").Applied.Length);
        var text = await response.Content.ReadAsStringAsync();
        Assert.DoesNotContain(key, text, StringComparison.Ordinal);
        Assert.DoesNotContain(server.Log.Lines, line => line.Text.Contains(key, StringComparison.Ordinal));
        if (status == 403)
            Assert.Contains("the role ingest", text, StringComparison.Ordinal);
    }

    [Theory]
    [InlineData("""{"customer":"ann","name":"x"}""", "text/plain", 401)]
    [InlineData("""{"writeKey":7,"customer":"ann","name":"x"}""", "text/plain", 401)]
    [InlineData("""{"writeKey":"pk_0123456789abcdef_0123456789abcdef","customer":"ann","name":"x"}""", "text/plain", 401)]
    [InlineData("{", "text/plain", 400)]
    [InlineData("", "text/plain", 400)]
    [InlineData("{", "application/json", 401)]
    [InlineData("{", "application/xml", 415)]
    public async Task A_body_without_a_key_is_refused(string body, string type, int status) =>
        await ProblemAsync(status, await server.Anonymous.PostAsync("/v1/events", Bytes(Encoding.UTF8.GetBytes(body), type)));

    [Fact]
    public async Task A_page_sends_no_more_than_browsers_do()
    {
        var (_, key, _) = await server.CreateKeyAsync("ingest");
        string Body(int length) => $$"""{"writeKey":"{{key}}","x":"{{new string('x', length)}}","events":[{"customer":"ann","name":"x"}]}""";

        Assert.Equal(202, (int)(await PostAsync(Body(60_000))).StatusCode);
        await ProblemAsync(413, await PostAsync(Body(70_000)));
    }

    [Fact]
    public async Task A_page_learns_when_to_come_back()
    {
        var (_, key, _) = await server.CreateKeyAsync("ingest");
        server.Grains.Customer("default/ann").OnApply = _ => throw new JournalBusyException();
        using var request = new HttpRequestMessage(HttpMethod.Post, "/v1/events")
        {
            Content = Bytes(Encoding.UTF8.GetBytes($$"""{"writeKey":"{{key}}","events":[{"customer":"ann","name":"x"}]}"""), "text/plain;charset=UTF-8"),
            Headers = { { "Origin", "https://shop.example" } },
        };

        using var response = await server.Anonymous.SendAsync(request);

        Assert.Equal(429, (int)response.StatusCode);
        Assert.NotNull(response.Headers.RetryAfter);
        Assert.Equal("*", Assert.Single(response.Headers.GetValues("Access-Control-Allow-Origin")));
        Assert.Equal("Retry-After", Assert.Single(response.Headers.GetValues("Access-Control-Expose-Headers")));
    }

    [Theory]
    [InlineData(-3)]
    [InlineData(26)]
    public async Task A_clock_that_is_off_is_put_right_by_when_a_batch_was_sent(int hoursOff)
    {
        var (_, key, _) = await server.CreateKeyAsync("ingest");
        var sentAt = DateTimeOffset.UtcNow.AddHours(hoursOff);

        var response = await PostAsync(
            $$"""{"writeKey":"{{key}}","sentAt":"{{sentAt:O}}","events":[{"customer":"ann","name":"x","occurredAt":"{{sentAt.AddMinutes(-10):O}}"},{"customer":"ann","name":"now"}]}""");

        Assert.Equal(202, (int)response.StatusCode);
        var applied = server.Grains.Customer("default/ann").Applied;
        Assert.Equal(TimeSpan.FromMinutes(10), applied[0].ReceivedAt - applied[0].OccurredAt);
        Assert.Equal(applied[1].ReceivedAt, applied[1].OccurredAt);
    }

    [Fact]
    public async Task A_clock_that_is_off_beyond_time_refuses_the_event_alone()
    {
        var response = await server.Admin.PostAsync(
            "/v1/events", Json("""{"sentAt":"9999-12-31T00:00:00Z","events":[{"customer":"ann","name":"x","occurredAt":"1970-01-01T00:00:00Z"},{"customer":"ann","name":"y"}]}"""));

        var results = (await ReadAsync(response)).GetProperty("results");
        Assert.Equal(["rejected", "accepted"], results.EnumerateArray().Select(one => one.GetProperty("status").GetString()));
        Assert.StartsWith("/sentAt ", results[0].GetProperty("detail").GetString(), StringComparison.Ordinal);
    }

    private Task<HttpResponseMessage> PostAsync(string body) => server.Anonymous.PostAsync("/v1/events", Bytes(Encoding.UTF8.GetBytes(body), "text/plain;charset=UTF-8"));

    private Task<HttpResponseMessage> GetAsync(string? encoding, EntityTagHeaderValue? tag)
    {
        var request = new HttpRequestMessage(HttpMethod.Get, "/track.js");
        if (encoding is not null)
            request.Headers.AcceptEncoding.ParseAdd(encoding);
        if (tag is not null)
            request.Headers.IfNoneMatch.Add(tag);
        return server.Anonymous.SendAsync(request);
    }
}
