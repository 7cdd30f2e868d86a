using System.Text.Json;
using static Orleans.Personalize.Tests.GatewayServer;

namespace Orleans.Personalize.Tests;

public sealed class TriggersTests : IAsyncLifetime
{
    private const string Document = """{"on":{"event":"Gekauft für 5 €"},"rollout":{"percent":10,"holdout":20},"send":{"sender":"mail"}}""";

    private GatewayServer server = null!;

    public async Task InitializeAsync()
    {
        server = await StartAsync();
        await server.Admin.PutAsync("/v1/triggers/seen", Json(Document));
    }

    public async Task DisposeAsync() => await server.DisposeAsync();

    [Fact]
    public async Task Pausing_and_resuming_change_enabled_and_nothing_else()
    {
        var paused = await server.Admin.PostAsync("/v1/triggers/seen/pause", Json("""{"reason":"too loud"}"""));
        Assert.Equal((200, "\"2\""), ((int)paused.StatusCode, paused.Headers.ETag?.Tag));
        Assert.Equal(Document[..^1] + ",\"enabled\":false}", await StoredAsync());

        var resumed = await ReadAsync(await server.Admin.PostAsync("/v1/triggers/seen/resume", null));
        Assert.Equal(3, resumed.GetProperty("version").GetInt32());
        Assert.Equal(Document[..^1] + ",\"enabled\":true}", await StoredAsync());
    }

    [Theory]
    [InlineData("""{"percent":50}""", """{"percent":50,"holdout":20}""")]
    [InlineData("""{"percent":12.5,"holdout":0,"mode":"shadow","reason":"look first"}""", """{"percent":12.5,"holdout":0,"mode":"shadow"}""")]
    [InlineData("""{"mode":"live"}""", """{"percent":10,"holdout":20,"mode":"live"}""")]
    public async Task A_ramp_changes_what_it_names(string ramp, string rollout)
    {
        Assert.Equal(200, (int)(await server.Admin.PostAsync("/v1/triggers/seen/ramp", Json(ramp))).StatusCode);

        Assert.Equal(Document.Replace("""{"percent":10,"holdout":20}""", rollout, StringComparison.Ordinal), await StoredAsync());
    }

    [Fact]
    public async Task What_was_stopped_starts_anew_only_by_a_new_document()
    {
        await server.Admin.PostAsync("/v1/triggers/seen/pause", null);
        await server.Admin.PostAsync("/v1/triggers/seen/stop", Json("""{"reason":"the campaign is over"}"""));
        await server.Admin.PostAsync("/v1/triggers/seen/ramp", Json("""{"percent":100}"""));
        await server.Admin.PostAsync("/v1/triggers/seen/pause", null);

        await ProblemAsync(409, await server.Admin.PostAsync("/v1/triggers/seen/resume", null));
        Assert.Contains("\"enabled\":false", await StoredAsync(), StringComparison.Ordinal);

        await server.Admin.PutAsync("/v1/triggers/seen", Json(Document));
        Assert.Equal(200, (int)(await server.Admin.PostAsync("/v1/triggers/seen/resume", null)).StatusCode);
    }

    [Fact]
    public async Task A_change_made_at_the_same_time_is_not_lost()
    {
        var registry = server.Grains.Registry("default");
        var others = 0;
        registry.BeforeEdit = () =>
        {
            if (others++ is 0 or 2)
                _ = registry.Put(RegistryKind.Trigger, "seen", JsonText.FromString(Document[..^1] + $",\"name\":\"{others}\"}}"));
        };

        var paused = await ReadAsync(await server.Admin.PostAsync("/v1/triggers/seen/pause", null));

        Assert.Equal(Document[..^1] + ",\"name\":\"3\",\"enabled\":false}", await StoredAsync());
        Assert.Equal(4, paused.GetProperty("version").GetInt32());
    }

    [Fact]
    public async Task Whoever_never_stops_changing_it_is_left_alone()
    {
        var registry = server.Grains.Registry("default");
        var (others, isInside) = (0, false);
        registry.BeforeEdit = () =>
        {
            if (isInside)
                return;
            isInside = true;
            _ = registry.Put(RegistryKind.Trigger, "seen", JsonText.FromString(Document + new string(' ', ++others)));
            isInside = false;
        };

        await ProblemAsync(503, await server.Admin.PostAsync("/v1/triggers/seen/pause", null));
    }

    [Theory]
    [InlineData("ramp", """{"percent":"10"}""", "/percent")]
    [InlineData("ramp", """{"mode":1}""", "/mode")]
    [InlineData("ramp", """{"reason":"why not"}""", "")]
    [InlineData("ramp", "{}", "")]
    [InlineData("ramp", """{"percentage":5}""", "/percentage")]
    [InlineData("pause", """{"percent":5}""", "/percent")]
    [InlineData("pause", """{"reason":5}""", "/reason")]
    [InlineData("stop", """{"reason":"\ud800"}""", "/reason")]
    public async Task A_bad_request_names_the_field(string action, string json, string pointer)
    {
        var problem = await ProblemAsync(400, await server.Admin.PostAsync($"/v1/triggers/seen/{action}", Json(json)));

        Assert.Equal(pointer, problem.GetProperty("errors")[0].GetProperty("pointer").GetString());
        Assert.Equal(Document, await StoredAsync());
    }

    [Fact]
    public async Task What_is_wrong_with_the_rollout_is_said_of_the_request()
    {
        server.Grains.Registry("default").Validate = static _ => [new("/rollout/percent", "must be from 0 to 100")];

        var problem = await ProblemAsync(400, await server.Admin.PostAsync("/v1/triggers/seen/ramp", Json("""{"percent":101}""")));

        Assert.Equal("/percent", problem.GetProperty("errors")[0].GetProperty("pointer").GetString());
    }

    [Theory]
    [InlineData("pause")]
    [InlineData("resume")]
    [InlineData("stop")]
    public async Task A_trigger_that_is_none_is_not_found(string action) =>
        await ProblemAsync(404, await server.Admin.PostAsync($"/v1/triggers/none/{action}", null));

    [Fact]
    public async Task The_history_names_the_key_the_action_and_the_reason()
    {
        var (id, _, client) = await server.CreateKeyAsync("operate");
        await client.PostAsync("/v1/triggers/seen/pause", Json("""{"reason":"too loud"}"""));
        await client.DeleteAsync("/v1/triggers/seen");

        var items = (await ReadAsync(await server.Admin.GetAsync("/v1/triggers/seen/history"))).GetProperty("items").EnumerateArray().ToArray();

        Assert.Equal(["delete", "pause", "put"], items.Select(item => item.GetProperty("action").GetString()));
        Assert.Equal([id, id, "configured"], items.Select(item => item.GetProperty("by").GetString()));
        Assert.Equal("too loud", items[1].GetProperty("reason").GetString());
        Assert.Equal(JsonValueKind.Null, items[0].GetProperty("document").ValueKind);
        Assert.Equal(Document, items[2].GetProperty("document").GetRawText());
        await ProblemAsync(404, await server.Admin.GetAsync("/v1/triggers/none/history"));
    }

    [Theory]
    [InlineData("\"1\"", 200)]
    [InlineData("\"7\", \"1\"", 200)]
    [InlineData("*", 200)]
    [InlineData("\"2\"", 412)]
    [InlineData("\"0\"", 412)]
    [InlineData("\"one\"", 412)]
    [InlineData("W/\"1\"", 412)]
    [InlineData("1", 400)]
    public async Task A_put_for_another_version_changes_nothing(string match, int status)
    {
        var response = await SendAsync(HttpMethod.Put, "/v1/triggers/seen", "If-Match", match);

        Assert.Equal(status, (int)response.StatusCode);
        Assert.Equal(status == 200 ? "{}" : Document, await StoredAsync());
    }

    [Fact]
    public async Task A_put_that_expects_none_or_any_is_held_to_it()
    {
        await ProblemAsync(412, await SendAsync(HttpMethod.Put, "/v1/triggers/seen", "If-None-Match", "*"));
        await ProblemAsync(412, await SendAsync(HttpMethod.Put, "/v1/templates/new", "If-Match", "*"));
        await ProblemAsync(400, await SendAsync(HttpMethod.Put, "/v1/senders/new", "If-None-Match", "\"1\""));
        Assert.Equal(201, (int)(await SendAsync(HttpMethod.Put, "/v1/senders/new", "If-None-Match", "*")).StatusCode);
    }

    [Fact]
    public async Task A_deletion_of_another_version_deletes_nothing()
    {
        await ProblemAsync(412, await SendAsync(HttpMethod.Delete, "/v1/triggers/seen", "If-Match", "\"2\""));
        Assert.Equal(204, (int)(await SendAsync(HttpMethod.Delete, "/v1/triggers/seen", "If-Match", "\"1\"")).StatusCode);
    }

    private async Task<string> StoredAsync() => (await server.Grains.Registry("default").Get(RegistryKind.Trigger, "seen"))!.Document.ToString();

    private async Task<HttpResponseMessage> SendAsync(HttpMethod method, string path, string header, string value)
    {
        using var request = new HttpRequestMessage(method, path) { Content = method == HttpMethod.Put ? Json("{}") : null };
        request.Headers.TryAddWithoutValidation(header, value);
        return await server.Admin.SendAsync(request);
    }
}
