using static Orleans.Personalize.Tests.GatewayServer;

namespace Orleans.Personalize.Tests;

public sealed class BacktestsTests : IAsyncLifetime
{
    private static readonly DateTimeOffset Noon = new(2026, 1, 31, 12, 0, 0, TimeSpan.Zero);
    private const string Id = "0123456789abcdef0123456789abcdef";

    private GatewayServer server = null!;

    public async Task InitializeAsync() => server = await StartAsync();

    public async Task DisposeAsync() => await server.DisposeAsync();

    [Fact]
    public async Task A_backtest_is_begun_and_can_be_followed()
    {
        var answer = await server.Admin.PostAsync(
            "/v1/triggers/seen/backtest", Json("""{"document":{"on":{"event":"Viewed"}},"from":"2026-01-31T13:00:00+01:00","to":"2026-02-01","limit":7}"""));

        Assert.Equal(202, (int)answer.StatusCode);
        Assert.Matches("^/v1/backtests/[0-9a-f]{32}$", answer.Headers.Location?.OriginalString);
        Assert.Equal(
            new BacktestRequest("seen", JsonText.FromString("""{"on":{"event":"Viewed"}}"""), Noon, Noon.AddHours(12), 7), server.Grains.Backtest.Asked);
        server.Grains.Backtest.View = new("seen", "replaying", 41, 12, null);
        var view = await ReadAsync(await server.Admin.GetAsync(answer.Headers.Location));
        Assert.Equal(("replaying", 41, 12), (view.GetProperty("state").GetString(), view.GetProperty("eventsRead").GetInt32(), view.GetProperty("percent").GetInt32()));
        Assert.Equal(204, (int)(await server.Admin.DeleteAsync(answer.Headers.Location)).StatusCode);

        await server.Admin.PostAsync("/v1/triggers/seen/backtest", null);
        Assert.Equal(new BacktestRequest("seen", default, null, null, 1_000_000), server.Grains.Backtest.Asked);
    }

    [Fact]
    public async Task What_was_found_is_shown()
    {
        server.Grains.Backtest.View = new("seen", "done", 41, 100, new(
            2, 1, 3, 0, new() { ["send"] = 2, ["cap"] = 1 }, new() { [20485] = new(1, 0), [20484] = new(1, 1) }, new() { ["b"] = 1, ["a"] = 1, ["c"] = 9 },
            [new(Noon, "ann", null, "d1", "cap", "1 within 1.00:00:00")]));

        var result = (await ReadAsync(await server.Admin.GetAsync($"/v1/backtests/{Id}"))).GetProperty("result");

        Assert.Equal(
            """
            {"sends":2,"customers":1,"replayed":3,"leftOut":0,"byReason":{"send":2,"cap":1},
            "perDay":[{"day":"2026-01-31","sends":1,"suppressed":1},{"day":"2026-02-01","sends":1,"suppressed":0}],
            "overlap":[{"trigger":"c","customersInBoth":9},{"trigger":"a","customersInBoth":1},{"trigger":"b","customersInBoth":1}],
            "sample":[{"at":"2026-01-31T12:00:00+00:00","customer":"ann","key":null,"decision":"suppressed","reason":"cap","decisionId":"d1","detail":"1 within 1.00:00:00"}]}
            """.ReplaceLineEndings(""),
            result.GetRawText());
    }

    [Theory]
    [InlineData("""{"document":[]}""", "/document")]
    [InlineData("""{"from":"then"}""", "/from")]
    [InlineData("""{"to":7}""", "/to")]
    [InlineData("""{"limit":0}""", "/limit")]
    [InlineData("""{"limit":10000001}""", "/limit")]
    [InlineData("""{"events":7}""", "/events")]
    public async Task A_bad_request_names_the_field(string json, string pointer)
    {
        var problem = await ProblemAsync(400, await server.Admin.PostAsync("/v1/triggers/seen/backtest", Json(json)));
        Assert.Equal(pointer, problem.GetProperty("errors")[0].GetProperty("pointer").GetString());
    }

    [Fact]
    public async Task What_cannot_be_begun_is_a_problem()
    {
        server.Grains.Backtest.Answer = new(BacktestStart.Unknown, []);
        await ProblemAsync(404, await server.Admin.PostAsync("/v1/triggers/seen/backtest", null));
        server.Grains.Backtest.Answer = new(BacktestStart.Busy, []);
        await ProblemAsync(429, await server.Admin.PostAsync("/v1/triggers/seen/backtest", null));
        server.Grains.Backtest.Answer = new(BacktestStart.Invalid, [new("/on", "is missing")]);
        var problem = await ProblemAsync(400, await server.Admin.PostAsync("/v1/triggers/seen/backtest", Json("""{"document":{}}""")));
        Assert.Equal("/document/on", problem.GetProperty("errors")[0].GetProperty("pointer").GetString());
    }

    [Theory]
    [InlineData("/v1/backtests/" + Id)]
    [InlineData("/v1/backtests/other")]
    public async Task A_backtest_that_is_not_known_is_not_found(string path)
    {
        await ProblemAsync(404, await server.Admin.GetAsync(path));
        await ProblemAsync(404, await server.Admin.DeleteAsync(path));
    }
}
