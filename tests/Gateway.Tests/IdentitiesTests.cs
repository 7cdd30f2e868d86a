using static Orleans.Personalize.Tests.GatewayServer;

namespace Orleans.Personalize.Tests;

public sealed class IdentitiesTests : IAsyncLifetime
{
    private GatewayServer server = null!;

    public async Task InitializeAsync() => server = await StartAsync();

    public async Task DisposeAsync() => await server.DisposeAsync();

    private async Task<CustomerEvent> Sent(string path, string body, string customer)
    {
        await ReadAsync(await server.Admin.PostAsync(path, Json(body)));
        return Assert.Single(server.Grains.Customer($"default/{customer}").Applied);
    }

    [Fact]
    public async Task A_native_event_names_other_ids_of_its_customer()
    {
        var happened = await Sent(
            "/v1/events",
            """{"name":"Signed In","customer":"ada","anonymousId":"visitor-1","identities":["email:ada@example.org","ada","visitor-1"]}""",
            "ada");
        Assert.Equal(["visitor-1", "email:ada@example.org"], happened.Identities!);
        Assert.False(happened.IsProvisional);
    }

    [Fact]
    public async Task An_event_of_an_anonymous_visitor_is_provisional()
    {
        Assert.True((await Sent("/v1/events", """{"name":"Viewed","anonymousId":"visitor-2"}""", "visitor-2")).IsProvisional);
        var call = await Sent("/v1/track", """{"event":"Viewed","anonymousId":"visitor-3"}""", "visitor-3");
        Assert.True(call.IsProvisional);
        Assert.Null(call.Identities);
    }

    [Theory]
    [InlineData("identify", """{"userId":"u1","anonymousId":"a1"}""", "u1", "a1")]
    [InlineData("alias", """{"userId":"u2","previousId":"a2"}""", "u2", "a2")]
    [InlineData("track", """{"userId":"u3","event":"Viewed","context":{"externalIds":[{"id":"Ada@Example.ORG","type":"email","collection":"users","encoding":"none"},{"id":"+49 30 123456","type":"phone"},{"id":"77","type":"crm"},{"id":7},null]}}""", "u3", "email:ada@example.org phone:+4930123456 crm:77")]
    public async Task A_segment_call_names_other_ids_of_its_customer(string call, string body, string customer, string identities)
    {
        var happened = await Sent($"/v1/{call}", body, customer);
        Assert.Equal(identities.Split(' '), happened.Identities!);
    }

    [Theory]
    [InlineData("""{"name":"x","customer":"c","identities":"a"}""", "/identities")]
    [InlineData("""{"name":"x","customer":"c","identities":["a",7]}""", "/identities/1")]
    [InlineData("""{"name":"x","customer":"c","identities":[""]}""", "/identities/0")]
    [InlineData("""{"name":"x","customer":"c","identities":[null]}""", "/identities/0")]
    [InlineData("""{"name":"x","customer":"c","identities":["1","2","3","4","5","6","7","8","9","10","11","12","13","14","15","16","17"]}""", "/identities")]
    public async Task Bad_identities_are_refused_with_the_field(string body, string pointer)
    {
        var results = await ReadAsync(await server.Admin.PostAsync("/v1/events", Json(body)));
        var result = results.GetProperty("results")[0];
        Assert.Equal("rejected", result.GetProperty("status").GetString());
        Assert.StartsWith(pointer + " ", result.GetProperty("detail").GetString(), StringComparison.Ordinal);
    }

    [Fact]
    public async Task Merging_and_its_undoing_reach_the_customer_with_who_and_why()
    {
        var seen = new List<(string, string)>();
        server.Grains.Customer("default/a/b").OnMerge = (other, by) =>
        {
            seen.Add((other, by));
            return null;
        };
        var (id, _, client) = await server.CreateKeyAsync("operate");
        foreach (var path in (string[])["merge", "unmerge"])
            Assert.Equal(202, (int)(await client.PostAsync($"/v1/customers/a%2Fb/{path}", Json("""{"other":"visitor/1","reason":"they called"}"""))).StatusCode);
        Assert.Equal([("visitor/1", $"{id}: they called"), ("visitor/1", $"{id}: they called")], seen);
    }

    [Theory]
    [InlineData("{}", "/other")]
    [InlineData("""{"other":""}""", "/other")]
    [InlineData("""{"other":7}""", "/other")]
    [InlineData("""{"other":"a\u0007"}""", "/other")]
    [InlineData("""{"from":"a"}""", "/from")]
    public async Task A_bad_merge_names_the_field(string body, string pointer)
    {
        var problem = await ProblemAsync(400, await server.Admin.PostAsync("/v1/customers/ada/merge", Json(body)));
        Assert.Equal(pointer, problem.GetProperty("errors")[0].GetProperty("pointer").GetString());
    }

    [Theory]
    [InlineData(MergeRefusal.Same, 400)]
    [InlineData(MergeRefusal.Unknown, 404)]
    [InlineData(MergeRefusal.TooMany, 409)]
    [InlineData(MergeRefusal.Parting, 409)]
    [InlineData(MergeRefusal.TooLong, 422)]
    public async Task What_cannot_be_merged_or_undone_is_said(string refusal, int status)
    {
        server.Grains.Customer("default/ada").OnMerge = (_, _) => refusal;
        await ProblemAsync(status, await server.Admin.PostAsync("/v1/customers/ada/unmerge", Json("""{"other":"eve"}""")));
    }
}
