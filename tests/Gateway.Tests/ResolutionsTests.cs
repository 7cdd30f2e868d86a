using System.Text.Json;
using static Orleans.Personalize.Tests.GatewayServer;

namespace Orleans.Personalize.Tests;

public sealed class ResolutionsTests : IAsyncLifetime
{
    private GatewayServer server = null!;

    public async Task InitializeAsync() => server = await StartAsync();

    public async Task DisposeAsync() => await server.DisposeAsync();

    [Theory]
    [InlineData("retry", SendVerdict.Retry)]
    [InlineData("drop", SendVerdict.Drop)]
    [InlineData("delivered", SendVerdict.Delivered)]
    public async Task A_verdict_reaches_the_customer_with_who_and_why(string path, SendVerdict verdict)
    {
        var customer = server.Grains.Customer("default/a/b");
        customer.OnResolve = static _ => null;
        var (id, _, client) = await server.CreateKeyAsync("operate");

        var response = await client.PostAsync($"/v1/customers/a%2Fb/sends/d1/{path}", Json("""{"reason":"the provider says so"}"""));

        Assert.Equal(204, (int)response.StatusCode);
        Assert.Equal(("d1", verdict, id, "the provider says so"), Assert.Single(customer.Resolved));
    }

    [Fact]
    public async Task A_verdict_that_cannot_be_is_a_problem_that_says_why()
    {
        await ProblemAsync(404, await server.Admin.PostAsync("/v1/customers/ann/sends/d1/retry", null));
        server.Grains.Customer("default/ann").OnResolve = static _ => "in-flight";
        var problem = await ProblemAsync(409, await server.Admin.PostAsync("/v1/customers/ann/sends/d1/retry", null));
        Assert.Contains("in-flight", problem.GetProperty("detail").GetString(), StringComparison.Ordinal);
        server.Grains.Customer("default/ann").OnResolve = static _ => throw new JournalBusyException();
        await ProblemAsync(429, await server.Admin.PostAsync("/v1/customers/ann/sends/d1/retry", null));
        await ProblemAsync(400, await server.Admin.PostAsync("/v1/customers/ann/sends/d1/retry", Json("""{"why":"?"}""")));
    }

    [Fact]
    public async Task Many_are_resolved_at_once_and_what_came_of_them_is_counted()
    {
        for (var number = 9; number > 0; number--)
            server.Grains.Outcomes.Entries.Add(new(number, $"c{number}", $"d{number}", "seen", null, number > 6 ? "held" : "failed", "provider", null, DateTimeOffset.UnixEpoch));
        for (var number = 1; number <= 4; number++)
            server.Grains.Customer($"default/c{number}").OnResolve = static _ => null;
        server.Grains.Customer("default/c5").OnResolve = static _ => throw new TimeoutException();

        var answer = await server.Admin.PostAsync("/v1/senders/mail/attention/retry", Json("""{"state":"failed","reason":"they are back"}"""));

        Assert.Equal("4 unavailable=1 unknown=1", Sorted(await ReadAsync(answer)));
        Assert.Equal(("default", "mail", "failed", 100, null), server.Grains.Outcomes.Asked);
        Assert.Equal(("d1", SendVerdict.Retry, "configured", "they are back"), Assert.Single(server.Grains.Customer("default/c1").Resolved));
        Assert.Empty(server.Grains.Customer("default/c9").Resolved);
    }

    [Theory]
    [InlineData("""{"state":"sent"}""", "/state")]
    [InlineData("""{"limit":0}""", "/limit")]
    [InlineData("""{"limit":1001}""", "/limit")]
    [InlineData("""{"limit":1.5}""", "/limit")]
    [InlineData("""{"limit":"all"}""", "/limit")]
    [InlineData("""{"sender":"mail"}""", "/sender")]
    public async Task A_bad_request_for_many_names_the_field(string json, string pointer)
    {
        var problem = await ProblemAsync(400, await server.Admin.PostAsync("/v1/senders/mail/attention/drop", Json(json)));

        Assert.Equal(pointer, problem.GetProperty("errors")[0].GetProperty("pointer").GetString());
    }

    private static string Sorted(JsonElement answer) =>
        $"{answer.GetProperty("done")} {string.Join(' ', answer.GetProperty("refused").EnumerateObject().Select(pair => $"{pair.Name}={pair.Value}").Order(StringComparer.Ordinal))}";
}
