using static Orleans.Personalize.Tests.GatewayServer;

namespace Orleans.Personalize.Tests;

public sealed class ClusterTests
{
    [Fact]
    public async Task The_silos_are_shown_with_what_they_hold()
    {
        await using var server = await StartAsync(configure: static builder => builder.Configuration["Personalize:TracesUrl"] = "https://traces.example.com/search");

        var cluster = await ReadAsync(await server.Admin.GetAsync("/v1/cluster"));

        Assert.Equal("orleans", cluster.GetProperty("runtime").GetString());
        Assert.Equal(
            """
            [{"name":"silo-a","address":"10.0.0.1:11111","status":"active","since":"2026-01-31T12:00:00+00:00","aliveAt":"2026-01-31T13:00:00+00:00","activations":{"customer":7,"sender":1}},
            {"name":"silo-b","address":"10.0.0.2:11111","status":"dead","since":"2026-01-31T12:00:00+00:00","aliveAt":"2026-01-31T12:01:00+00:00","activations":{}}]
            """.ReplaceLineEndings(""),
            cluster.GetProperty("silos").GetRawText());
        Assert.Equal("""[{"shard":0,"silo":"silo-a"},{"shard":1,"silo":null}]""", cluster.GetProperty("deadlineShards").GetRawText());
        Assert.Equal("https://traces.example.com/search", cluster.GetProperty("tracesUrl").GetString());
        Assert.Equal("/cluster/orleans/", cluster.GetProperty("consoleUrl").GetString());
    }

    [Theory]
    [InlineData("traces.example.com")]
    [InlineData("javascript:alert(1)")]
    [InlineData("https://user:secret@traces.example.com")]
    public async Task A_traces_address_that_is_none_stops_the_start(string url)
    {
        var failure = await Assert.ThrowsAsync<Microsoft.Extensions.Options.OptionsValidationException>(
            () => StartAsync(configure: builder => builder.Configuration["Personalize:TracesUrl"] = url));
        Assert.Contains("Personalize:TracesUrl", failure.Message, StringComparison.Ordinal);
        Assert.DoesNotContain("secret", failure.Message, StringComparison.Ordinal);
    }
}
