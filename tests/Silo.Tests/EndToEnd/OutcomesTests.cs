using System.Text.Json;
using Orleans.Personalize.Journal;
using Orleans.Personalize.Testing;

namespace Orleans.Personalize.Silo.Tests.EndToEnd;

/// <summary>What operators see, of a process that is killed: counts, and content by link.</summary>
public sealed class OutcomesTests
{
    private const int Rounds = 4;
    private const int EventsPerRound = 20;

    [Fact]
    public async Task What_is_counted_is_counted_once_though_the_process_is_killed()
    {
        using var directory = new TemporaryDirectory();
        for (var round = 1; round <= Rounds; round++)
        {
            await using var silo = SiloProcess.Serve(directory.Path);
            var client = await silo.ReadyAsync();
            if (round == 1)
            {
                await client.PutAsync("senders/mail", """{"type":"log","path":"mail.ndjson"}""");
                await client.PutAsync("triggers/seen", """{"on":{"event":"Viewed"},"send":{"sender":"mail"}}""");
            }
            for (var i = 0; i < EventsPerRound; i++)
                await client.PostAsync(Api.Event($"customer-{i}", "Viewed"));
            // The kill hits before they are counted, or after.
            if (round % 2 == 0)
                await CountedAsync(silo, client);
            await silo.KillAsync();
        }

        await using var last = SiloProcess.Serve(directory.Path);
        var counts = await CountedAsync(last, await last.ReadyAsync());
        Assert.Equal(Rounds * EventsPerRound, counts.GetProperty("total").GetProperty("decisions").GetProperty("send").GetInt32());
    }

    [Fact]
    public async Task Content_is_shown_from_the_live_profile_with_and_without_a_key()
    {
        using var directory = new TemporaryDirectory();
        await using var silo = SiloProcess.Serve(directory.Path);
        var client = await silo.ReadyAsync();
        await client.PutAsync("slots/hello", """{"json":{"title":"Hello {{traits.name}}"},"html":"<b>{{traits.name}}</b>","budget":"PT1S"}""");
        await client.PostAsync(new { customer = "ada", name = "Signed In", traits = new { name = "Ada <3" } });
        // A new slot is followed within a second.
        await Eventually.TrueAsync(
            async () => (await client.GetAsync("/v1/content/hello?customer=ada")).IsSuccessStatusCode, () => silo.Output);

        var content = await ReadAsync(client, "/v1/content/hello?customer=ada");
        var link = new Uri((await ReadAsync(client, "/v1/content/hello/links?customer=ada")).GetProperty("html").GetString()!);
        using var anonymous = new HttpClient();

        Assert.Equal("Hello Ada <3", content.GetProperty("content").GetProperty("title").GetString());
        Assert.Equal("live", content.GetProperty("used").GetString());
        Assert.Equal("<b>Ada &lt;3</b>", await anonymous.GetStringAsync(new Uri(client.BaseAddress!, link.AbsolutePath)));
    }

    /// <summary>The counts once they hold all that was acknowledged before.</summary>
    private static async Task<JsonElement> CountedAsync(SiloProcess silo, HttpClient client)
    {
        var (now, counts) = (DateTimeOffset.UtcNow, default(JsonElement));
        await Eventually.TrueAsync(
            async () => (counts = await ReadAsync(client, "/v1/triggers/seen/counts")).GetProperty("asOf").GetDateTimeOffset() >= now, () => silo.Output);
        return counts;
    }

    private static async Task<JsonElement> ReadAsync(HttpClient client, string path) => Api.Parse(await client.GetStringAsync(path));
}
