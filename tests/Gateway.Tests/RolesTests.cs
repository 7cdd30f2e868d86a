using System.Net.Http.Headers;
using System.Text;
using System.Text.Json;
using static Orleans.Personalize.Tests.GatewayServer;

namespace Orleans.Personalize.Tests;

public sealed class RolesTests : IAsyncLifetime
{
    private GatewayServer server = null!;

    public async Task InitializeAsync() => server = await StartAsync();

    public async Task DisposeAsync() => await server.DisposeAsync();

    /// <summary>Each request with the roles that may make it; null for everybody.</summary>
    public static TheoryData<string, string, string?> Requests => new()
    {
        { "POST", "/v1/events", "ingest operate admin" },
        { "POST", "/v1/batch", "ingest operate admin" },
        { "POST", "/v1/track", "ingest operate admin" },
        { "POST", "/v1/t", "ingest operate admin" },
        { "GET", "/v1/customers", "read operate admin" },
        { "GET", "/v1/customers/c", "read operate admin" },
        { "GET", "/v1/customers/c/latest-activity", "read operate admin" },
        { "GET", "/v1/customers/c/timeline", "read operate admin" },
        { "GET", "/v1/customers/c/explain?trigger=t", "read operate admin" },
        { "GET", "/v1/customers/c/diff?from=1&to=2", "read operate admin" },
        { "GET", "/v1/customers/c/conflicts", "read operate admin" },
        { "GET", "/v1/customers/c/live", "read operate admin" },
        { "GET", "/v1/customers/c/live/ws", "read operate admin" },
        { "POST", "/v1/customers/c/waits/t/fire", "operate admin" },
        { "POST", "/v1/customers/c/waits/t/shift", "operate admin" },
        { "POST", "/v1/customers/c/waits/t/cancel", "operate admin" },
        { "POST", "/v1/customers/c/merge", "operate admin" },
        { "POST", "/v1/customers/c/unmerge", "operate admin" },
        { "DELETE", "/v1/customers/c", "admin" },
        { "GET", "/v1/triggers", "read operate admin" },
        { "GET", "/v1/triggers/t", "read operate admin" },
        { "PUT", "/v1/triggers/t", "operate admin" },
        { "DELETE", "/v1/triggers/t", "operate admin" },
        { "POST", "/v1/customers/c/sends/d/retry", "operate admin" },
        { "POST", "/v1/senders/s/attention/drop", "operate admin" },
        { "GET", "/v1/content/s?customer=c", "read operate admin" },
        { "GET", "/v1/content/s/links?customer=c", "read operate admin" },
        { "PUT", "/v1/slots/s", "operate admin" },
        { "GET", "/v1/triggers/t/history", "read operate admin" },
        { "POST", "/v1/triggers/t/pause", "operate admin" },
        { "POST", "/v1/triggers/t/resume", "operate admin" },
        { "POST", "/v1/triggers/t/stop", "operate admin" },
        { "POST", "/v1/triggers/t/ramp", "operate admin" },
        { "POST", "/v1/triggers/t/backtest", "operate admin" },
        { "GET", "/v1/backtests/b", "read operate admin" },
        { "DELETE", "/v1/backtests/b", "operate admin" },
        { "GET", "/v1/imports", "read operate admin" },
        { "POST", "/v1/imports", "operate admin" },
        { "GET", "/v1/imports/i", "read operate admin" },
        { "PATCH", "/v1/imports/i", "operate admin" },
        { "GET", "/v1/imports/i/errors", "read operate admin" },
        { "DELETE", "/v1/imports/i", "operate admin" },
        { "GET", "/v1/reconciliations", "read operate admin" },
        { "POST", "/v1/reconciliations", "operate admin" },
        { "GET", "/v1/reconciliations/i", "read operate admin" },
        { "PATCH", "/v1/reconciliations/i", "operate admin" },
        { "DELETE", "/v1/reconciliations/i", "operate admin" },
        { "GET", "/v1/overview", "read operate admin" },
        { "GET", "/v1/decisions/recent", "read operate admin" },
        { "GET", "/v1/cluster", "read operate admin" },
        { "GET", "/v1/customers/c/sends/d", "read operate admin" },
        { "POST", "/v1/senders/s/test", "operate admin" },
        { "GET", "/v1/triggers/counts", "read operate admin" },
        { "GET", "/v1/triggers/t/counts", "read operate admin" },
        { "GET", "/v1/senders/t/attention", "read operate admin" },
        { "GET", "/v1/senders/t/status", "read operate admin" },
        { "GET", "/v1/sources/t/status", "read operate admin" },
        { "GET", "/v1/templates/t", "read operate admin" },
        { "PUT", "/v1/templates/t", "operate admin" },
        { "POST", "/v1/templates/t/preview", "read operate admin" },
        { "GET", "/v1/senders/t", "read operate admin" },
        { "PUT", "/v1/senders/t", "operate admin" },
        { "DELETE", "/v1/senders/t", "operate admin" },
        { "GET", "/v1/topics/t", "read operate admin" },
        { "PUT", "/v1/topics/t", "operate admin" },
        { "GET", "/v1/quarantine", "read operate admin" },
        { "GET", "/v1/quarantine/counts", "read operate admin" },
        { "GET", "/v1/quarantine/1", "read operate admin" },
        { "PUT", "/v1/quarantine/1", "operate admin" },
        { "POST", "/v1/quarantine/1/replay", "operate admin" },
        { "POST", "/v1/quarantine/1/drop", "operate admin" },
        { "POST", "/v1/quarantine/replay", "operate admin" },
        { "POST", "/v1/quarantine/drop", "operate admin" },
        { "GET", "/v1/schemas/draft?event=x", "read operate admin" },
        { "PUT", "/v1/schemas/s", "operate admin" },
        { "GET", "/v1/sources/stats", "read operate admin" },
        { "GET", "/v1/suppressions", "read operate admin" },
        { "GET", "/v1/suppressions/export", "read operate admin" },
        { "PUT", "/v1/suppressions/a@b.c", "operate admin" },
        { "DELETE", "/v1/suppressions/a@b.c", "operate admin" },
        { "POST", "/v1/suppressions/import", "operate admin" },
        { "GET", "/v1/keys", "admin" },
        { "POST", "/v1/keys", "admin" },
        { "DELETE", "/v1/keys/k", "admin" },
        { "GET", "/health/live", null },
        { "GET", "/health/ready", null },
        { "GET", "/openapi/v1.json", null },
        { "GET", "/", null },
        { "GET", "/customers/c", null },
        { "GET", "/cluster", null },
        { "GET", "/ui/app.js", null },
        { "GET", "/track.js", null },
        { "GET", "/v1/keys/current", "ingest read operate admin" },
        { "POST", "/v1/triggers/t/check", "read operate admin" },
    };

    [Theory]
    [MemberData(nameof(Requests))]
    public async Task A_role_may_do_what_it_is_for_and_nothing_else(string method, string path, string? allowed)
    {
        foreach (var role in (string[])["ingest", "read", "operate", "admin"])
        {
            var (_, _, client) = await server.CreateKeyAsync(role);
            var response = await SendAsync(client, method, path);
            if (allowed is null || allowed.Split(' ').Contains(role))
            {
                Assert.False((int)response.StatusCode is 401 or 403 or >= 500, $"{role} {method} {path}: {response.StatusCode}");
            }
            else
            {
                var problem = await ProblemAsync(403, response);
                Assert.Contains($"the role {allowed.Replace(" ", " or ", StringComparison.Ordinal)}", problem.GetProperty("detail").GetString());
            }
        }

        var anonymous = await SendAsync(server.Anonymous, method, path);
        if (allowed is null)
        {
            Assert.True(anonymous.IsSuccessStatusCode);
            return;
        }

        await ProblemAsync(401, anonymous);
        Assert.Equal("Bearer", Assert.Single(anonymous.Headers.WwwAuthenticate).Scheme);
    }

    [Theory]
    [InlineData("Bearer nonsense")]
    [InlineData("Bearer pk_0123456789abcdef_0123456789abcdef")]
    [InlineData("Bearer ")]
    [InlineData("Bearer")]
    [InlineData("Basic !!!")]
    [InlineData("Basic OjpwYXNzd29yZA==")]
    [InlineData("Digest username=admin")]
    [InlineData("pk_")]
    public async Task A_key_that_is_none_is_refused(string authorization)
    {
        using var request = new HttpRequestMessage(HttpMethod.Get, "/v1/customers");
        request.Headers.TryAddWithoutValidation("Authorization", authorization);

        await ProblemAsync(401, await server.Anonymous.SendAsync(request));
    }

    [Fact]
    public async Task A_key_with_one_character_changed_is_refused()
    {
        var (_, key, _) = await server.CreateKeyAsync("read");
        Assert.Equal(200, (int)(await server.ClientOf(key).GetAsync("/v1/customers")).StatusCode);

        await ProblemAsync(401, await server.ClientOf(key[..^1] + (key[^1] == '0' ? '1' : '0')).GetAsync("/v1/customers"));
        await ProblemAsync(401, await server.ClientOf(key + "0").GetAsync("/v1/customers"));
        await ProblemAsync(401, await server.ClientOf(AdminKey[..^1]).GetAsync("/v1/customers"));
    }

    [Fact]
    public async Task A_key_works_as_the_user_of_basic_authentication()
    {
        var (_, key, _) = await server.CreateKeyAsync("read");
        using var request = new HttpRequestMessage(HttpMethod.Get, "/v1/customers");
        request.Headers.Authorization = new AuthenticationHeaderValue("Basic", Convert.ToBase64String(Encoding.UTF8.GetBytes($"{key}:")));

        Assert.Equal(200, (int)(await server.Anonymous.SendAsync(request)).StatusCode);
    }

    [Fact]
    public async Task A_key_is_shown_once_and_stored_hashed()
    {
        var (id, key, _) = await server.CreateKeyAsync("operate");

        var list = await (await server.Admin.GetAsync("/v1/keys")).Content.ReadAsStringAsync();
        var secret = key.Split('_')[2];
        Assert.Equal(64, secret.Length);
        Assert.DoesNotContain(secret, list, StringComparison.Ordinal);
        using var document = JsonDocument.Parse(list);
        var item = Assert.Single(document.RootElement.GetProperty("items").EnumerateArray());
        Assert.Equal((id, "operate key", "operate"), (Text(item, "id"), Text(item, "name"), Text(item, "role")));
        var stored = (await server.Grains.Registry(IRegistryGrain.Installation).Get(RegistryKind.Key, id))!.Document.ToString();
        Assert.DoesNotContain(secret, stored, StringComparison.Ordinal);
        Assert.Contains("\"workspace\":\"default\"", stored, StringComparison.Ordinal);
        Assert.DoesNotContain(server.Log.Lines, line => line.Text.Contains(secret, StringComparison.Ordinal));
    }

    [Fact]
    public async Task A_revoked_key_is_refused_at_once_and_cannot_be_revoked_twice()
    {
        var (id, _, client) = await server.CreateKeyAsync("read");
        Assert.Equal(204, (int)(await server.Admin.DeleteAsync($"/v1/keys/{id}")).StatusCode);

        await ProblemAsync(401, await client.GetAsync("/v1/customers"));
        await ProblemAsync(404, await server.Admin.DeleteAsync($"/v1/keys/{id}"));
    }

    [Fact]
    public async Task A_key_revoked_elsewhere_is_refused_soon()
    {
        var (id, _, client) = await server.CreateKeyAsync("read");
        await server.Grains.Registry(IRegistryGrain.Installation).Delete(RegistryKind.Key, id);

        await UntilAsync(async () => (int)(await client.GetAsync("/v1/customers")).StatusCode == 401);
    }

    [Fact]
    public async Task Keys_stay_valid_while_the_registry_fails_and_follow_it_afterwards()
    {
        var (id, _, client) = await server.CreateKeyAsync("read");
        var registry = server.Grains.Registry(IRegistryGrain.Installation);
        await server.Grains.Registry(IRegistryGrain.Installation).Put(RegistryKind.Key, "unreadable", JsonText.FromString("""{"hash":7}"""));
        registry.Fault = new TimeoutException();
        Assert.Equal(200, (int)(await client.GetAsync("/v1/customers")).StatusCode);
        await ProblemAsync(503, await server.Admin.GetAsync("/v1/keys"));

        registry.Fault = null;
        await registry.Delete(RegistryKind.Key, id);
        await UntilAsync(async () => (int)(await client.GetAsync("/v1/customers")).StatusCode == 401);
    }

    [Fact]
    public async Task Keys_of_another_workspace_are_neither_shown_nor_revoked()
    {
        var registry = server.Grains.Registry(IRegistryGrain.Installation);
        var hash = new string('0', 64);
        await registry.Put(RegistryKind.Key, "theirs", JsonText.FromString(
            $$"""{"name":"n","role":"admin","workspace":"other","hash":"{{hash}}","createdAt":"2026-01-01T00:00:00Z"}"""));

        Assert.Equal(0, (await ReadAsync(await server.Admin.GetAsync("/v1/keys"))).GetProperty("items").GetArrayLength());
        await ProblemAsync(404, await server.Admin.DeleteAsync("/v1/keys/theirs"));
        Assert.NotNull(await registry.Get(RegistryKind.Key, "theirs"));
    }

    [Theory]
    [InlineData("""{"role":"read"}""", "/name")]
    [InlineData("""{"name":"n"}""", "/role")]
    [InlineData("""{"name":"n","role":"root"}""", "/role")]
    [InlineData("""{"name":7,"role":"read"}""", "/name")]
    [InlineData("""{"name":"\ud800","role":"read"}""", "/name")]
    public async Task A_bad_request_for_a_key_names_the_field(string json, string pointer)
    {
        var problem = await ProblemAsync(400, await server.Admin.PostAsync("/v1/keys", Json(json)));

        Assert.Equal(pointer, problem.GetProperty("errors")[0].GetProperty("pointer").GetString());
    }

    private static string? Text(JsonElement item, string name) => item.GetProperty(name).GetString();

    private static Task<HttpResponseMessage> SendAsync(HttpClient client, string method, string path) => client.SendAsync(
        new HttpRequestMessage(new HttpMethod(method), path) { Content = method is "POST" or "PUT" ? Json("{}") : null });

    private static async Task UntilAsync(Func<Task<bool>> condition)
    {
        var deadline = DateTime.UtcNow.AddSeconds(30);
        while (!await condition())
        {
            Assert.True(DateTime.UtcNow < deadline, "It did not come to pass in 30 s.");
            await Task.Yield();
        }
    }
}
