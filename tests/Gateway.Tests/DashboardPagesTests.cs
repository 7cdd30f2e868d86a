using System.Net;
using System.Text.RegularExpressions;
using static Orleans.Personalize.Tests.GatewayServer;

namespace Orleans.Personalize.Tests;

public sealed class DashboardPagesTests : IAsyncLifetime
{
    private GatewayServer server = null!;

    public async Task InitializeAsync() => server = await StartAsync();

    public async Task DisposeAsync() => await server.DisposeAsync();

    [Theory]
    [InlineData("/")]
    [InlineData("/customers")]
    [InlineData("/data/quarantine/7")]
    [InlineData("/customers/a%2Fb")]
    [InlineData("/triggers/cart-abandoned")]
    [InlineData("/suppressions")]
    public async Task A_page_comes_without_a_key_and_may_talk_to_its_own_server_only(string path)
    {
        using var response = await server.Anonymous.GetAsync(path);
        Assert.Equal(HttpStatusCode.OK, response.StatusCode);
        Assert.Equal("text/html", response.Content.Headers.ContentType?.MediaType);
        var html = await response.Content.ReadAsStringAsync();
        Assert.Contains("<title>Orleans.Personalize</title>", html);
        var policy = Assert.Single(response.Headers.GetValues("Content-Security-Policy"));
        foreach (var part in (string[])["default-src 'none'", "script-src 'self'", "style-src 'self'", "connect-src 'self'", "frame-ancestors 'none'"])
            Assert.Contains(part, policy);
        Assert.DoesNotContain("unsafe", policy);
        Assert.DoesNotMatch(@"<script(?![^>]* src=)|\son\w+=|style=|https?://", html);
    }

    [Fact]
    public async Task All_that_a_page_names_is_there_and_is_sent_once()
    {
        var html = await server.Anonymous.GetStringAsync("/");
        var files = Regex.Matches(html, "\"(?<file>/ui/[^\"]+)\"", RegexOptions.ExplicitCapture).Select(static match => match.Groups["file"].Value).Distinct().ToArray();
        Assert.Contains("/ui/app.js", files);
        foreach (var file in files)
        {
            using var first = await server.Anonymous.GetAsync(file);
            Assert.Equal(HttpStatusCode.OK, first.StatusCode);
            using var again = new HttpRequestMessage(HttpMethod.Get, file);
            again.Headers.IfNoneMatch.Add(first.Headers.ETag!);
            using var second = await server.Anonymous.SendAsync(again);
            Assert.Equal(HttpStatusCode.NotModified, second.StatusCode);
        }
    }

    [Fact]
    public async Task What_shows_mails_has_no_origin_and_runs_only_its_own_script()
    {
        using var response = await server.Anonymous.GetAsync("/ui/preview.html");
        var policy = Assert.Single(response.Headers.GetValues("Content-Security-Policy"));
        Assert.Contains("sandbox allow-scripts;", policy);
        Assert.Contains("script-src 'self'", policy);
        Assert.DoesNotContain("allow-same-origin", policy);
        Assert.DoesNotContain("connect-src", policy);
    }

    [Theory]
    [InlineData("/ui/no.js")]
    [InlineData("/ui/..%2fapp.js")]
    [InlineData("/elsewhere")]
    public async Task Nothing_else_is_served(string path)
    {
        using var response = await server.Anonymous.GetAsync(path);
        Assert.Equal(HttpStatusCode.NotFound, response.StatusCode);
    }

    [Theory]
    [InlineData("ingest")]
    [InlineData("read")]
    [InlineData("admin")]
    public async Task A_key_learns_what_it_may_do(string role)
    {
        var (id, _, client) = await server.CreateKeyAsync(role);
        var caller = await ReadAsync(await client.GetAsync("/v1/keys/current"));
        Assert.Equal((id, role, "default"), (caller.GetProperty("id").GetString(), caller.GetProperty("role").GetString(), caller.GetProperty("workspace").GetString()));
    }

    [Fact]
    public async Task A_draft_is_checked_and_not_stored()
    {
        server.Grains.Registry("default").Validate = static document => document.Document.ToString().Contains("wrong") ? [new("/on", "is wrong")] : [];
        Assert.Equal(204, (int)(await server.Admin.PostAsync("/v1/triggers/t/check", Json("""{"on":"right"}"""))).StatusCode);
        var problem = await ProblemAsync(400, await server.Admin.PostAsync("/v1/triggers/t/check", Json("""{"on":"wrong"}""")));
        Assert.Equal("/on", problem.GetProperty("errors")[0].GetProperty("pointer").GetString());
        Assert.Equal(400, (int)(await server.Admin.PostAsync("/v1/triggers/t/check", Json("""{"on":1,"on":2}"""))).StatusCode);
        Assert.Equal(404, (int)(await server.Admin.GetAsync("/v1/triggers/t")).StatusCode);
    }
}
