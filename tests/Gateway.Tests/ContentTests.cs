using System.Net;
using System.Text.Json;
using Microsoft.Extensions.DependencyInjection;
using static Orleans.Personalize.Tests.GatewayServer;

namespace Orleans.Personalize.Tests;

public sealed class ContentTests : IAsyncLifetime
{
    private static readonly SlotTerms Terms = new(
        3, TimeSpan.FromMilliseconds(50), TimeSpan.FromMinutes(5), JsonText.FromString("""{"title":"Hello"}"""), "<b>Hello</b>", "https://img.example/all.png");

    private GatewayServer server = null!;
    private HttpClient mail = null!;

    public async Task InitializeAsync()
    {
        server = await StartAsync();
        mail = new HttpClient(new SocketsHttpHandler { AllowAutoRedirect = false }) { BaseAddress = server.Address };
    }

    public async Task DisposeAsync()
    {
        mail.Dispose();
        await server.DisposeAsync();
    }

    [Fact]
    public async Task An_application_reads_live_content_with_its_freshness()
    {
        Shows(new(Terms, JsonText.FromString("""{"title":"Hello Ada"}"""), null, null, 7, DateTimeOffset.UnixEpoch));

        var response = await server.Admin.GetAsync("/v1/content/hero?customer=a%2Fb");
        var content = await ReadAsync(response);

        Assert.Equal("""{"title":"Hello Ada"}""", content.GetProperty("content").GetRawText());
        Assert.Equal(("live", JsonValueKind.Null), (content.GetProperty("used").GetString(), content.GetProperty("reason").ValueKind));
        var freshness = content.GetProperty("freshness");
        Assert.Equal((7, false), (freshness.GetProperty("profileVersion").GetInt32(), freshness.GetProperty("stale").GetBoolean()));
        Assert.True(freshness.GetProperty("ageSeconds").GetDouble() >= 100);
        Assert.Equal("max-age=300, private", response.Headers.CacheControl?.ToString());
        Assert.Equal(new SlotRequest("hero", "a/b", SlotForm.Json, 0), Assert.Single(server.Grains.Content("default").Asked));
    }

    [Theory]
    [InlineData(SlotReason.Missing, false)]
    [InlineData(SlotReason.Stale, true)]
    [InlineData(SlotReason.Template, false)]
    public async Task An_application_is_told_why_it_gets_the_fallback(string reason, bool stale)
    {
        Shows(new(Terms, default, null, reason));

        var response = await server.Admin.GetAsync("/v1/content/hero?customer=ada");
        var content = await ReadAsync(response);

        Assert.Equal("""{"title":"Hello"}""", content.GetProperty("content").GetRawText());
        Assert.Equal(("fallback", reason), (content.GetProperty("used").GetString(), content.GetProperty("reason").GetString()));
        Assert.Equal(stale, content.GetProperty("freshness").GetProperty("stale").GetBoolean());
        Assert.Equal("no-store", response.Headers.CacheControl?.ToString());
    }

    [Fact]
    public async Task What_takes_longer_than_the_budget_is_not_waited_for()
    {
        Shows(new(Terms, JsonText.FromString("1"), null, null));
        await server.Admin.GetAsync("/v1/content/hero?customer=ada");
        var never = new TaskCompletionSource<SlotContent>();
        server.Grains.Content("default").OnRender = _ => never.Task;

        var content = await ReadAsync(await server.Admin.GetAsync("/v1/content/hero?customer=ada"));

        Assert.Equal("""{"title":"Hello"}""", content.GetProperty("content").GetRawText());
        Assert.Equal("slow", content.GetProperty("reason").GetString());
        Assert.Equal(3, server.Grains.Content("default").Asked.Last().KnownVersion);
        never.SetResult(new(null, default, null, null));
    }

    [Fact]
    public async Task What_fails_inside_shows_the_fallback()
    {
        Shows(new(Terms, JsonText.FromString("1"), null, null));
        await server.Admin.GetAsync("/v1/content/hero?customer=ada");
        server.Grains.Content("default").OnRender = static _ => throw new InvalidOperationException("inside");

        var content = await ReadAsync(await server.Admin.GetAsync("/v1/content/hero?customer=ada"));

        Assert.Equal(("fallback", "unavailable"), (content.GetProperty("used").GetString(), content.GetProperty("reason").GetString()));
    }

    [Fact]
    public async Task A_slot_that_is_none_is_not_found_and_a_customer_must_be_named()
    {
        await ProblemAsync(404, await server.Admin.GetAsync("/v1/content/hero?customer=ada"));
        await ProblemAsync(400, await server.Admin.GetAsync("/v1/content/hero"));
        await ProblemAsync(400, await server.Admin.GetAsync("/v1/content/hero?customer=a%0A"));
        Shows(new(Terms, default, null, SlotReason.NoForm));
        await ProblemAsync(404, await server.Admin.GetAsync("/v1/content/hero?customer=ada"));
    }

    [Fact]
    public async Task A_link_shows_html_that_can_do_nothing()
    {
        Shows(new(Terms, default, "<b>Ada</b>", null));

        var response = await mail.GetAsync(await LinkAsync("html"));

        Assert.Equal((200, "<b>Ada</b>"), ((int)response.StatusCode, await response.Content.ReadAsStringAsync()));
        Assert.Equal("text/html; charset=utf-8", response.Content.Headers.ContentType?.ToString());
        var policy = Assert.Single(response.Headers.GetValues("Content-Security-Policy"));
        Assert.Contains("default-src 'none'", policy, StringComparison.Ordinal);
        Assert.Contains("sandbox", policy, StringComparison.Ordinal);
        Assert.DoesNotContain("allow-scripts", policy, StringComparison.Ordinal);
        Assert.Equal("nosniff", Assert.Single(response.Headers.GetValues("X-Content-Type-Options")));
        Assert.Equal(new SlotRequest("hero", "ada@example.com", SlotForm.Html, 0), Assert.Single(server.Grains.Content("default").Asked));
        Assert.Empty(await (await mail.SendAsync(new HttpRequestMessage(HttpMethod.Head, await LinkAsync("html")))).Content.ReadAsByteArrayAsync());
    }

    [Fact]
    public async Task A_link_leads_to_an_image_or_to_the_fallbacks()
    {
        var link = await LinkAsync("image");
        Shows(new(Terms, default, "https://img.example/gold.png", null));
        var live = await mail.GetAsync(link);
        Shows(new(null, default, null, SlotReason.Stale));
        var stale = await mail.GetAsync(link);

        Assert.Equal((HttpStatusCode.Redirect, "https://img.example/gold.png"), (live.StatusCode, live.Headers.Location?.OriginalString));
        Assert.Equal("max-age=300, private", live.Headers.CacheControl?.ToString());
        Assert.Equal((HttpStatusCode.Redirect, "https://img.example/all.png"), (stale.StatusCode, stale.Headers.Location?.OriginalString));
        Assert.Equal("no-store", stale.Headers.CacheControl?.ToString());
    }

    [Theory]
    [InlineData("html", "text/html; charset=utf-8", 0)]
    [InlineData("image", "image/gif", 42)]
    public async Task Where_there_is_nothing_to_show_a_link_shows_nothing(string form, string type, int length)
    {
        var response = await mail.GetAsync(await LinkAsync(form));

        Assert.Equal((200, type), ((int)response.StatusCode, response.Content.Headers.ContentType?.ToString()));
        Assert.Equal(length, (await response.Content.ReadAsByteArrayAsync()).Length);
    }

    [Fact]
    public async Task A_link_answers_json_like_the_api()
    {
        Shows(new(Terms, JsonText.FromString("[1]"), null, null, 7));

        var content = await ReadAsync(await mail.GetAsync(await LinkAsync("json")));

        Assert.Equal(("[1]", "live"), (content.GetProperty("content").GetRawText(), content.GetProperty("used").GetString()));
    }

    [Fact]
    public async Task A_link_that_was_altered_or_made_for_something_else_shows_nothing_of_anybody()
    {
        Shows(new(Terms, default, "<b>Ada</b>", null));
        var links = server.Services.GetRequiredService<SignedLinks>();
        var good = links.Content("default", "ada", "hero").AbsolutePath;

        foreach (var path in (string[])[good[..^1] + (good[^1] == 'A' ? 'B' : 'A'), good + ".exe", "/c/", "/c/.png", $"/c/{links.Preferences("default", "ada").Segments[^1]}"])
            Assert.Equal(404, (int)(await mail.GetAsync(path)).StatusCode);
        Assert.Empty(server.Grains.Content("default").Asked);
    }

    private void Shows(SlotContent content) => server.Grains.Content("default").OnRender = _ => Task.FromResult(content);

    private async Task<string> LinkAsync(string form) => new Uri(
        (await ReadAsync(await server.Admin.GetAsync("/v1/content/hero/links?customer=ada%40example.com"))).GetProperty(form).GetString()!).AbsolutePath;
}
