using System.Text.RegularExpressions;
using Microsoft.Extensions.DependencyInjection;
using Microsoft.Extensions.Options;
using Orleans.Personalize.Gateway.Security;
using Orleans.Personalize.Testing;
using static Orleans.Personalize.Tests.GatewayServer;

namespace Orleans.Personalize.Tests;

public sealed class AdminKeyTests
{
    [Fact]
    public async Task The_first_start_makes_a_key_that_only_its_user_can_read_and_says_where()
    {
        await using var server = await StartAsync(adminKey: null);
        var line = await LoginLineAsync(server);
        var path = Path.Combine(server.DataDirectory, "admin-key");
        var key = await File.ReadAllTextAsync(path);

        if (!OperatingSystem.IsWindows())
            Assert.Equal(UnixFileMode.UserRead | UnixFileMode.UserWrite, File.GetUnixFileMode(path));
        Assert.Equal(200, (int)(await server.ClientOf(key).GetAsync("/v1/keys")).StatusCode);
        Assert.Contains($"curl -H \"Authorization: Bearer $(cat '{path}')\" {server.Address.ToString().TrimEnd('/')}/v1/customers", line, StringComparison.Ordinal);
        Assert.DoesNotContain(server.Log.Lines, text => text.Text.Contains(key.Split('_')[2], StringComparison.Ordinal));
    }

    [Fact]
    public async Task The_second_start_makes_none()
    {
        await using var first = await StartAsync(adminKey: null);
        await LoginLineAsync(first);
        var key = await File.ReadAllTextAsync(Path.Combine(first.DataDirectory, "admin-key"));

        await using var second = await StartAsync(first.Grains, adminKey: null);

        await ReadyAsync(second);
        Assert.Equal(200, (int)(await second.ClientOf(key).GetAsync("/v1/keys")).StatusCode);
        Assert.False(Directory.Exists(second.DataDirectory));
    }

    [Fact]
    public async Task A_configured_key_is_enough_and_is_stored_nowhere()
    {
        await using var server = await StartAsync();
        await ReadyAsync(server);

        Assert.Equal(200, (int)(await server.Admin.GetAsync("/v1/keys")).StatusCode);
        Assert.Empty(await server.Grains.Registry(IRegistryGrain.Installation).List(RegistryKind.Key));
        Assert.False(Directory.Exists(server.DataDirectory));
    }

    [Theory]
    [InlineData("short")]
    [InlineData("sixteen with spaces")]
    [InlineData("ümlautümlautümlaut")]
    public async Task A_configured_key_that_cannot_serve_stops_the_start(string key)
    {
        var failure = await Assert.ThrowsAsync<OptionsValidationException>(() => StartAsync(adminKey: key));

        Assert.DoesNotContain(key, failure.Message, StringComparison.Ordinal);
    }

    [Fact]
    public async Task Until_the_keys_are_known_the_answer_is_to_try_later()
    {
        var grains = new Testing.FakeGrains();
        grains.Registry(IRegistryGrain.Installation).Fault = new TimeoutException();
        await using var server = await StartAsync(grains, adminKey: null);

        var response = await server.ClientOf("pk_0_0").GetAsync("/v1/keys");

        Assert.True(response.Headers.Contains("Retry-After"));
        await ProblemAsync(503, response);
        Assert.Equal(503, (int)(await server.Anonymous.GetAsync("/health/ready")).StatusCode);
        Assert.Equal(200, (int)(await server.Anonymous.GetAsync("/health/live")).StatusCode);

        grains.Registry(IRegistryGrain.Installation).Fault = null;
        await ReadyAsync(server);
    }

    [Fact]
    public async Task The_link_of_the_first_start_opens_once()
    {
        var console = new StringWriter();
        await using var server = await StartAsync(adminKey: null, configure: builder => builder.Services.AddSingleton(new LoginConsole(console)));
        await LoginLineAsync(server);
        var link = Regex.Match(console.ToString(), $"{Regex.Escape(server.Address.ToString().TrimEnd('/'))}/#login=([0-9a-f]{{64}})", RegexOptions.None, TimeSpan.FromSeconds(1));
        Assert.True(link.Success, console.ToString());
        var token = link.Groups[1].Value;
        Assert.DoesNotContain(server.Log.Lines, line => line.Text.Contains(token, StringComparison.Ordinal));
        Assert.DoesNotContain((await File.ReadAllTextAsync(Path.Combine(server.DataDirectory, "admin-key"))).Split('_')[2], console.ToString(), StringComparison.Ordinal);

        await ProblemAsync(410, await LoginAsync(server, token[..^1] + (token[^1] == '0' ? '1' : '0')));
        var first = await LoginAsync(server, token);
        Assert.True(first.Headers.CacheControl!.NoStore);
        var key = (await ReadAsync(first)).GetProperty("key").GetString()!;
        Assert.Equal(200, (int)(await server.ClientOf(key).GetAsync("/v1/keys")).StatusCode);
        var problem = await ProblemAsync(410, await LoginAsync(server, token));
        Assert.Contains("has been used", problem.GetProperty("detail").GetString());
    }

    [Fact]
    public async Task Of_many_who_come_with_the_link_at_once_one_gets_in()
    {
        var console = new StringWriter();
        using var link = new LoginLink(new(console), new VirtualTime());
        link.Print("http://127.0.0.1:5080", "the key");
        var token = console.ToString().Split('=')[1].Trim();
        var taken = await Task.WhenAll(Enumerable.Range(0, 64).Select(_ => Task.Run(() => link.Take(token))));
        Assert.Equal("the key", Assert.Single(taken, static key => key is not null));
    }

    [Theory]
    [InlineData(899, true)]
    [InlineData(900, false)]
    public async Task The_link_opens_within_a_quarter_of_an_hour(int seconds, bool opens)
    {
        var (console, time) = (new StringWriter(), new VirtualTime());
        using var link = new LoginLink(new(console), time);
        link.Print("http://127.0.0.1:5080", "the key");
        await time.AdvanceAsync(TimeSpan.FromSeconds(seconds));
        Assert.Equal(opens ? "the key" : null, link.Take(console.ToString().Split('=')[1].Trim()));
    }

    [Theory]
    [InlineData("""{}""")]
    [InlineData("""{"token":""}""")]
    [InlineData("""{"token":7}""")]
    public async Task A_log_in_without_a_token_names_it(string json)
    {
        await using var server = await StartAsync();
        var problem = await ProblemAsync(400, await server.Anonymous.PostAsync("/v1/login", Json(json)));
        Assert.Equal("/token", problem.GetProperty("errors")[0].GetProperty("pointer").GetString());
        await ProblemAsync(410, await LoginAsync(server, "none was printed"));
    }

    private static Task<HttpResponseMessage> LoginAsync(GatewayServer server, string token) =>
        server.Anonymous.PostAsync("/v1/login", Json($$"""{"token":"{{token}}"}"""));

    private static async Task<string> LoginLineAsync(GatewayServer server)
    {
        var deadline = DateTime.UtcNow.AddSeconds(30);
        string? line;
        while ((line = server.Log.Lines.Select(text => text.Text).FirstOrDefault(text => text.Contains("first start", StringComparison.Ordinal))) is null)
        {
            Assert.True(DateTime.UtcNow < deadline, "No line about the admin key in 30 s.");
            await Task.Yield();
        }

        await ReadyAsync(server);
        return line;
    }

    private static async Task ReadyAsync(GatewayServer server)
    {
        var deadline = DateTime.UtcNow.AddSeconds(30);
        while ((int)(await server.Anonymous.GetAsync("/health/ready")).StatusCode != 200)
            Assert.True(DateTime.UtcNow < deadline, "Not ready in 30 s.");
    }
}
