using static Orleans.Personalize.Tests.GatewayServer;

namespace Orleans.Personalize.Tests;

public sealed class OutcomesTests : IAsyncLifetime
{
    private static readonly DateTimeOffset Noon = new(2026, 1, 31, 12, 0, 0, TimeSpan.Zero);

    private GatewayServer server = null!;

    public async Task InitializeAsync() => server = await StartAsync();

    public async Task DisposeAsync() => await server.DisposeAsync();

    [Fact]
    public async Task Counts_are_shown_in_total_by_hour_and_by_version()
    {
        var counts = new OutcomeCounts(new() { ["send"] = 3, ["holdout"] = 1 }, new() { ["sent"] = 2, ["suppressed"] = 1 }, new() { ["unless"] = 1 });
        var hour = Noon.ToUnixTimeSeconds() / 3600;
        server.Grains.Outcomes.OnCount = (workspace, trigger) => new(Noon, workspace == "default" && trigger is null or "seen"
            ? [new("seen", counts, new() { [hour] = counts, [hour - 2] = counts }, new() { [2] = counts, [1] = counts }, Noon)]
            : []);

        var one = await ReadAsync(await server.Admin.GetAsync("/v1/triggers/seen/counts"));
        var all = await ReadAsync(await server.Admin.GetAsync("/v1/triggers/counts"));

        Assert.Equal(
            """{"decisions":{"send":3,"holdout":1},"sends":{"sent":2,"suppressed":1},"suppressed":{"unless":1}}""", one.GetProperty("total").GetRawText());
        Assert.Equal([Noon.AddHours(-2), Noon], one.GetProperty("hours").EnumerateArray().Select(item => item.GetProperty("hour").GetDateTimeOffset()));
        Assert.Equal([1, 2], one.GetProperty("versions").EnumerateArray().Select(item => item.GetProperty("version").GetInt32()));
        Assert.Equal(Noon, all.GetProperty("asOf").GetDateTimeOffset());
        Assert.Equal(one.GetRawText(), Assert.Single(all.GetProperty("items").EnumerateArray()).GetRawText());
    }

    [Fact]
    public async Task A_trigger_that_has_decided_nothing_has_no_counts_and_one_that_is_none_is_not_found()
    {
        await server.Admin.PutAsync("/v1/triggers/quiet", Json("{}"));

        var quiet = await ReadAsync(await server.Admin.GetAsync("/v1/triggers/quiet/counts"));

        Assert.Equal("""{"decisions":{},"sends":{},"suppressed":{}}""", quiet.GetProperty("total").GetRawText());
        await ProblemAsync(404, await server.Admin.GetAsync("/v1/triggers/none/counts"));
    }

    [Fact]
    public async Task A_trigger_cannot_take_the_place_of_the_counts() =>
        await ProblemAsync(400, await server.Admin.PutAsync("/v1/triggers/counts", Json("{}")));

    [Fact]
    public async Task What_needs_attention_is_read_page_by_page()
    {
        for (var number = 3; number > 0; number--)
            server.Grains.Outcomes.Entries.Add(new(number, $"customer-{number}", $"d{number}", "seen", null, "failed", "provider", "no such address", Noon));

        var first = await ReadAsync(await server.Admin.GetAsync("/v1/senders/mail/attention?state=failed&limit=2"));
        var second = await ReadAsync(await server.Admin.GetAsync($"/v1/senders/mail/attention?state=failed&limit=2&after={first.GetProperty("next")}"));

        Assert.Equal(("default", "mail", "failed", 2, 2L), server.Grains.Outcomes.Asked);
        Assert.Equal(2, first.GetProperty("items").GetArrayLength());
        Assert.Equal(
            """{"customer":"customer-1","decisionId":"d1","trigger":"seen","template":null,"state":"failed","reason":"provider","detail":"no such address","at":"2026-01-31T12:00:00+00:00"}""",
            Assert.Single(second.GetProperty("items").EnumerateArray()).GetRawText());
    }

    [Theory]
    [InlineData("state=lost")]
    [InlineData("limit=0")]
    [InlineData("limit=1001")]
    [InlineData("after=x")]
    public async Task A_bad_question_for_attention_is_a_problem(string query) =>
        await ProblemAsync(400, await server.Admin.GetAsync($"/v1/senders/mail/attention?{query}"));
}
