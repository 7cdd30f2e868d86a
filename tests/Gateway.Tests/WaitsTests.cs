using static Orleans.Personalize.Tests.GatewayServer;

namespace Orleans.Personalize.Tests;

public sealed class WaitsTests : IAsyncLifetime
{
    private GatewayServer server = null!;

    public async Task InitializeAsync() => server = await StartAsync();

    public async Task DisposeAsync() => await server.DisposeAsync();

    [Fact]
    public async Task An_operation_reaches_the_customer_with_who_and_why()
    {
        var seen = new List<WaitOperation>();
        server.Grains.Customer("default/a/b").OnOperate = operation =>
        {
            seen.Add(operation);
            return null;
        };
        var (id, _, client) = await server.CreateKeyAsync("operate");

        foreach (var (verb, body) in ((string, string?)[])[
            ("fire", """{"key":"cart/7","reason":"they called"}"""), ("cancel", null), ("shift", """{"by":"-P1DT30M"}"""), ("shift", """{"to":"2026-05-01T02:00:00+02:00"}""")])
        {
            var response = await client.PostAsync($"/v1/customers/a%2Fb/waits/cart-abandoned/{verb}", body is null ? null : Json(body));
            Assert.Equal(204, (int)response.StatusCode);
        }

        Assert.Equal(
            [
                new(WaitVerb.Fire, "cart-abandoned", "cart/7", null, null, id, "they called"),
                new(WaitVerb.Cancel, "cart-abandoned", null, null, null, id, null),
                new(WaitVerb.Shift, "cart-abandoned", null, null, -new TimeSpan(1, 0, 30, 0), id, null),
                new(WaitVerb.Shift, "cart-abandoned", null, new DateTimeOffset(2026, 5, 1, 0, 0, 0, TimeSpan.Zero), null, id, null),
            ],
            seen);
    }

    [Theory]
    [InlineData("shift", "{}", "")]
    [InlineData("shift", """{"by":"PT1H","to":"2026-05-01"}""", "")]
    [InlineData("shift", """{"by":"P1M"}""", "/by")]
    [InlineData("shift", """{"by":"PT"}""", "/by")]
    [InlineData("shift", """{"by":"P999999999D"}""", "/by")]
    [InlineData("shift", """{"by":"PTH1H"}""", "/by")]
    [InlineData("shift", """{"by":"an hour"}""", "/by")]
    [InlineData("shift", """{"to":"later"}""", "/to")]
    [InlineData("fire", """{"by":"PT1H"}""", "/by")]
    [InlineData("cancel", """{"key":7}""", "/key")]
    public async Task A_bad_request_names_the_field(string verb, string json, string pointer)
    {
        var problem = await ProblemAsync(400, await server.Admin.PostAsync($"/v1/customers/ann/waits/t/{verb}", Json(json)));
        Assert.Equal(pointer, problem.GetProperty("errors")[0].GetProperty("pointer").GetString());
    }

    [Theory]
    [InlineData("""{"by":"-PT5H"}""", WaitRefusal.Past, "/by")]
    [InlineData("""{"to":"2020-01-01"}""", WaitRefusal.Past, "/to")]
    [InlineData("""{"by":"P500D"}""", WaitRefusal.TooFar, "/by")]
    public async Task A_shift_out_of_bounds_names_the_field(string json, string refusal, string pointer)
    {
        server.Grains.Customer("default/ann").OnOperate = _ => refusal;
        var problem = await ProblemAsync(400, await server.Admin.PostAsync("/v1/customers/ann/waits/t/shift", Json(json)));
        Assert.Equal(pointer, problem.GetProperty("errors")[0].GetProperty("pointer").GetString());
    }

    [Fact]
    public async Task A_wait_that_is_not_open_is_not_found() => await ProblemAsync(404, await server.Admin.PostAsync("/v1/customers/ann/waits/t/fire", null));
}
