using System.Text.Json.Nodes;
using Orleans.Personalize.Gateway.Api;
using static Orleans.Personalize.Tests.GatewayServer;

namespace Orleans.Personalize.Tests;

public sealed class HistoryTests : IAsyncLifetime
{
    private static readonly DateTimeOffset Noon = new(2026, 1, 31, 12, 0, 0, TimeSpan.Zero);

    private GatewayServer server = null!;

    public async Task InitializeAsync() => server = await StartAsync();

    public async Task DisposeAsync() => await server.DisposeAsync();

    private static CustomerView View(long version) => new()
    {
        Customer = "ann",
        Version = version,
        FirstSeenAt = Noon,
        LastSeenAt = Noon.AddHours(version),
        Traits = version == 1 ? [] : [new TraitView("plan", JsonText.FromString("""{"name":"pro"}"""), Noon, "api", "m2")],
        Consent = [],
        Counters = [],
        Cart = new CartView(null, 0, [], null),
        Orders = version == 1 ? [new OrderView("o/1", "completed", 1, null, Noon)] : [new OrderView("o2", "completed", 2, null, Noon), new OrderView("o/1", "refunded", 1, null, Noon)],
        Waits = [],
        Sends = [],
        Decisions = [],
        Recent = [],
    };

    [Fact]
    public async Task A_profile_is_shown_as_it_was()
    {
        server.Grains.History("default/a/b").OnRead = (version, at) =>
            version is { } number ? new(View(number), null, 9) : at == Noon ? new(View(4), null, 9) : new(null, PastReason.Never, 9);

        Assert.Equal(3, (await ReadAsync(await server.Admin.GetAsync("/v1/customers/a%2Fb?version=3"))).GetProperty("version").GetInt64());
        Assert.Equal(4, (await ReadAsync(await server.Admin.GetAsync("/v1/customers/a%2Fb?at=2026-01-31T12:00:00Z"))).GetProperty("version").GetInt64());
        await ProblemAsync(404, await server.Admin.GetAsync("/v1/customers/a%2Fb?at=2026-01-30"));
    }

    [Theory]
    [InlineData("?version=0")]
    [InlineData("?version=x")]
    [InlineData("?at=yesterday")]
    [InlineData("?version=1&at=2026-01-31")]
    [InlineData("/diff")]
    [InlineData("/diff?from=2&to=1")]
    [InlineData("/diff?from=0&to=1")]
    public async Task A_question_out_of_bounds_is_a_problem(string query) => await ProblemAsync(400, await server.Admin.GetAsync($"/v1/customers/ann{query}"));

    [Theory]
    [InlineData(PastReason.Unknown, 404)]
    [InlineData(PastReason.Never, 404)]
    [InlineData(PastReason.Erased, 410)]
    [InlineData(PastReason.TooLong, 422)]
    public async Task A_past_that_is_not_there_is_a_problem_that_says_why(string reason, int status)
    {
        server.Grains.History("default/ann").OnRead = (_, _) => new(null, reason, 7);
        await ProblemAsync(status, await server.Admin.GetAsync("/v1/customers/ann?version=3"));
        await ProblemAsync(status, await server.Admin.GetAsync("/v1/customers/ann/diff?from=1&to=3"));
    }

    [Theory]
    [InlineData("?limit=0")]
    [InlineData("?limit=501")]
    [InlineData("?before=0")]
    public async Task Conflicts_out_of_bounds_are_a_problem(string query) => await ProblemAsync(400, await server.Admin.GetAsync($"/v1/customers/ann/conflicts{query}"));

    [Fact]
    public async Task Conflicts_are_those_of_whoever_an_id_is_now()
    {
        await ProblemAsync(404, await server.Admin.GetAsync("/v1/customers/visitor/conflicts"));
        server.Grains.Customer("default/visitor").View = View(2);
        await ProblemAsync(404, await server.Admin.GetAsync("/v1/customers/visitor/conflicts"));
        server.Grains.History("default/ann").OnConflicts = static (limit, before) => new(
            [new("plan", 7, "newer", new("plan", JsonText.FromString("2"), Noon, "web", "m2"), new("plan", JsonText.FromString("1"), Noon.AddHours(-1), "crm", "m1"))], limit + before, null, 9);

        var page = await ReadAsync(await server.Admin.GetAsync("/v1/customers/visitor/conflicts?limit=3&before=9"));

        Assert.Equal(
            """
            {"customer":"ann","items":[{"field":"plan","version":7,"won":"newer","winner":{"value":2,"at":"2026-01-31T12:00:00+00:00","source":"web","messageId":"m2"},"loser":{"value":1,"at":"2026-01-31T11:00:00+00:00","source":"crm","messageId":"m1"}}],"next":12}
            """,
            page.GetRawText());
        server.Grains.History("default/ann").OnConflicts = static (_, _) => new([], null, PastReason.TooLong, 60_000);
        await ProblemAsync(422, await server.Admin.GetAsync("/v1/customers/visitor/conflicts"));
    }

    [Fact]
    public async Task A_difference_names_entries_by_their_ids()
    {
        server.Grains.History("default/ann").OnRead = (version, _) => new(View(version!.Value), null, 9);

        var diff = await ReadAsync(await server.Admin.GetAsync("/v1/customers/ann/diff?from=1&to=2"));

        Assert.Equal(
            [
                """/lastSeenAt: "2026-01-31T13:00:00+00:00" -> "2026-01-31T14:00:00+00:00" """.Trim(),
                """/traits/plan: null -> {"value":{"name":"pro"},"at":"2026-01-31T12:00:00+00:00","source":"api","messageId":"m2"}""",
                """/orders/o~11/status: "completed" -> "refunded" """.Trim(),
                """/orders/o2: null -> {"orderId":"o2","status":"completed","total":2,"currency":null,"at":"2026-01-31T12:00:00+00:00"}""",
            ],
            diff.GetProperty("items").EnumerateArray().Select(static item =>
                $"{item.GetProperty("path").GetString()}: {item.GetProperty("before").GetRawText()} -> {item.GetProperty("after").GetRawText()}"));
        Assert.Empty((await ReadAsync(await server.Admin.GetAsync("/v1/customers/ann/diff?from=2&to=2"))).GetProperty("items").EnumerateArray());
    }

    [Theory]
    [InlineData("""{"waits":[{"trigger":"t","key":"a","arms":1},{"trigger":"t","key":null,"arms":1}]}""", """{"waits":[{"trigger":"t","key":"a","arms":2},{"trigger":"t","key":null,"arms":1}]}""", "/waits/t:a/arms")]
    [InlineData("""{"v":[1,2]}""", """{"v":[2,1]}""", "/v")]
    [InlineData("""{"v":[{"productId":"a"},{"productId":"a"}]}""", """{"v":[{"productId":"a"}]}""", "/v")]
    [InlineData("""{"v":{"a":1}}""", """{"v":7}""", "/v")]
    [InlineData("""{"v":1.0}""", """{"v":1.0}""", "")]
    public void What_has_no_id_is_compared_as_a_whole(string before, string after, string paths) =>
        Assert.Equal(paths, string.Join(' ', Differences.Between(JsonNode.Parse(before), JsonNode.Parse(after)).Select(static difference => difference.Path)));
}
