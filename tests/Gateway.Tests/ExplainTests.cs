using static Orleans.Personalize.Tests.GatewayServer;

namespace Orleans.Personalize.Tests;

public sealed class ExplainTests : IAsyncLifetime
{
    private static readonly DateTimeOffset Noon = new(2026, 1, 31, 12, 0, 0, TimeSpan.Zero);

    private GatewayServer server = null!;

    public async Task InitializeAsync() => server = await StartAsync();

    public async Task DisposeAsync() => await server.DisposeAsync();

    [Fact]
    public async Task An_explanation_is_shown_whole()
    {
        server.Grains.Customer("default/a/b").OnExplain = (trigger, key) => new(
            trigger, 3, true, 7, Noon, new("wait", key, "m1", "Product Added", Noon), [new("condition", false, "/if/all/0: x")],
            new("/if", "all of", null, false, [new("/if/all/0", "profile.cart.total gte 20", "12", false, [])]),
            [new WaitView(trigger, key, Noon, Noon.AddHours(1), 1)],
            [new DecisionView("d1", trigger, 3, key, Noon, "suppressed", "condition", "x")],
            "condition");

        var explained = await ReadAsync(await server.Admin.GetAsync("/v1/customers/a%2Fb/explain?trigger=seen&key=cart-7"));

        Assert.Equal(
            """
            {"trigger":"seen","version":3,"enabled":true,"profileVersion":7,"at":"2026-01-31T12:00:00+00:00",
            "about":{"keptBy":"wait","key":"cart-7","messageId":"m1","name":"Product Added","occurredAt":"2026-01-31T12:00:00+00:00"},
            "checks":[{"name":"condition","holds":false,"detail":"/if/all/0: x"}],
            "condition":{"pointer":"/if","text":"all of","actual":null,"holds":false,"children":[
            {"pointer":"/if/all/0","text":"profile.cart.total gte 20","actual":"12","holds":false,"children":[]}]},
            "waits":[{"key":"cart-7","armedAt":"2026-01-31T12:00:00+00:00","deadline":"2026-01-31T13:00:00+00:00"}],
            "lastDecisions":[{"decisionId":"d1","trigger":"seen","triggerVersion":3,"key":"cart-7","at":"2026-01-31T12:00:00+00:00",
            "outcome":"suppressed","reason":"condition","detail":"x"}],"would":"condition"}
            """.ReplaceLineEndings(""),
            explained.GetRawText());
    }

    [Fact]
    public async Task What_there_is_not_cannot_be_explained()
    {
        await ProblemAsync(400, await server.Admin.GetAsync("/v1/customers/ann/explain"));
        await ProblemAsync(404, await server.Admin.GetAsync("/v1/customers/ann/explain?trigger=seen"));
        server.Grains.Customer("default/ann").OnExplain = static (trigger, _) => new(trigger, 1, true, 0, Noon, null, [], null, [], [], "no-event");
        await ProblemAsync(404, await server.Admin.GetAsync("/v1/customers/ann/explain?trigger=seen"));
    }
}
