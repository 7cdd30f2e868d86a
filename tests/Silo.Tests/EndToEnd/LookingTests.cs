using System.Diagnostics;
using Orleans.Personalize.Journal;
using Orleans.Personalize.Testing;
using Xunit.Abstractions;

namespace Orleans.Personalize.Silo.Tests.EndToEnd;

/// <summary>Looking into a customer of a silo in its own process: why, what was, what is, and waits by hand.</summary>
public sealed class LookingTests(ITestOutputHelper output) : IAsyncLifetime
{
    private const string Abandoned = """
        {"on":{"event":"Product Added"},"wait":{"for":"PT1H"},"if":{"field":"profile.cart.total","op":"gte","value":20},"send":{"sender":"mail"}}
        """;

    private readonly TemporaryDirectory directory = new();
    private SiloProcess process = null!;
    private HttpClient silo = null!;

    public async Task InitializeAsync()
    {
        process = SiloProcess.Serve(directory.Path);
        silo = await process.ReadyAsync();
        await silo.PutAsync("senders/mail", """{"type":"log","path":"mail.ndjson"}""");
        await silo.PutAsync("triggers/abandoned", Abandoned);
        // A new trigger is followed within a second.
        await Eventually.TrueAsync(
            async () =>
            {
                await silo.PostAsync(Api.Event("probe", "Product Added"));
                return (await silo.CustomerAsync("probe")).GetProperty("waits").GetArrayLength() == 1;
            },
            () => process.Output);
    }

    public async Task DisposeAsync()
    {
        await process.DisposeAsync();
        directory.Dispose();
    }

    private static object Added(string id, int price) => Api.Event("ada", "Product Added", id, properties: new { product_id = id, price });

    [Fact]
    public async Task Why_not_becomes_why_and_a_wait_ends_by_hand()
    {
        await silo.PostAsync(Added("m1", 12));
        var why = Api.Parse(await silo.GetStringAsync("/v1/customers/ada/explain?trigger=abandoned"));
        Assert.Equal(("condition", "profile.cart.total gte 20", "12"), (why.Text("would"), why.Text("condition.text"), why.Text("condition.actual")));
        await silo.PostAsync(Added("m2", 9));
        Assert.Equal("send", Api.Parse(await silo.GetStringAsync("/v1/customers/ada/explain?trigger=abandoned")).Text("would"));

        using var shifted = await silo.PostAsync("/v1/customers/ada/waits/abandoned/shift", Api.Json("""{"by":"PT2H"}"""));
        using var fired = await silo.PostAsync("/v1/customers/ada/waits/abandoned/fire", Api.Json("""{"reason":"they called"}"""));
        using var again = await silo.PostAsync("/v1/customers/ada/waits/abandoned/fire", null);
        Assert.Equal((204, 204, 404), ((int)shifted.StatusCode, (int)fired.StatusCode, (int)again.StatusCode));
        await Eventually.TrueAsync(
            async () => (await silo.CustomerAsync("ada")).GetProperty("sends").EnumerateArray().Any(static send => send.Text("state") == "sent"), () => process.Output);
        Assert.Contains((await silo.TimelineAsync("ada")).Where(static fact => fact.Type == "waitMoved"), static fact => fact.Data.Text("by")!.EndsWith(": they called", StringComparison.Ordinal));
    }

    [Fact]
    public async Task A_customer_is_shown_as_it_was_and_what_has_changed()
    {
        await silo.PostAsync(Added("m1", 12));
        var before = await silo.CustomerAsync("ada");
        var version = before.GetProperty("version").GetInt64();
        await silo.PostAsync(Added("m2", 9));
        Assert.Equal(before.GetRawText(), (await silo.CustomerAsync($"ada?version={version}")).GetRawText());
        var diff = Api.Parse(await silo.GetStringAsync($"/v1/customers/ada/diff?from={version}&to={version + 1}"));
        var total = Assert.Single(diff.GetProperty("items").EnumerateArray(), static item => item.Text("path") == "/cart/total");
        Assert.Equal(("12", "21"), (total.Text("before"), total.Text("after")));
    }

    [Fact]
    public async Task A_posted_event_is_seen_live()
    {
        await silo.PostAsync(Added("m0", 1));
        using var response = await silo.GetAsync("/v1/customers/ada/live", HttpCompletionOption.ResponseHeadersRead);
        using var reader = new StreamReader(await response.Content.ReadAsStreamAsync());
        await ReadUntilAsync(reader, "m0");
        for (var round = 1; round <= 5; round++)
        {
            var since = Stopwatch.StartNew();
            await silo.PostAsync(Added($"m{round}", 1));
            await ReadUntilAsync(reader, $"\"messageId\":\"m{round}\"");
            output.WriteLine($"round {round}: seen {since.Elapsed.TotalMilliseconds:0.0} ms after the event was sent");
        }
    }

    private static async Task ReadUntilAsync(StreamReader reader, string text)
    {
        while (await reader.ReadLineAsync().WaitAsync(Eventually.Patience) is { } line)
        {
            if (line.StartsWith("data: ", StringComparison.Ordinal) && line.Contains(text, StringComparison.Ordinal))
                return;
        }
        throw new EndOfStreamException();
    }
}
