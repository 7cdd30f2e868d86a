using System.Net.Http.Headers;
using System.Text;
using Microsoft.AspNetCore.Builder;
using Microsoft.Extensions.Configuration;
using Microsoft.Extensions.Logging;
using Orleans.Personalize.Silo;
using Orleans.Personalize.Testing;

namespace Orleans.Personalize.Journal;

/// <summary>The whole silo over PostgreSQL.</summary>
public sealed class PostgresSiloTests
{
    private const string Key = "the-admin-key-of-the-tests";

    [PostgresFact]
    public async Task Events_and_triggers_are_there_when_the_silo_starts_again()
    {
        await using var sandbox = await PostgresSandbox.CreateAsync();
        using var directory = new TemporaryDirectory();
        const string trigger = """{"id":"hello","on":{"event":"Signed Up"},"wait":{"for":"PT1H"},"send":{"sender":"log","template":"hello"}}""";
        await using (var silo = await StartAsync(sandbox, directory))
        {
            using var http = ClientOf(silo);
            using var accepted = await http.PostAsync("/v1/events", Json("""{"messageId":"m1","customer":"ada","name":"Signed Up"}"""));
            Assert.Equal(202, (int)accepted.StatusCode);
            using var put = await http.PutAsync("/v1/triggers/hello", Json(trigger));
            Assert.True(put.IsSuccessStatusCode, await put.Content.ReadAsStringAsync());
            using var ready = await http.GetAsync("/health/ready");
            Assert.Equal(200, (int)ready.StatusCode);
            await silo.StopAsync();
        }
        await using (var silo = await StartAsync(sandbox, directory))
        {
            using var http = ClientOf(silo);
            Assert.Contains("Signed Up", await http.GetStringAsync("/v1/customers/ada/timeline"), StringComparison.Ordinal);
            Assert.Contains("ada", await http.GetStringAsync("/v1/customers?search=AD"), StringComparison.Ordinal);
            Assert.Contains("Signed Up", await http.GetStringAsync("/v1/triggers/hello"), StringComparison.Ordinal);
            await silo.StopAsync();
        }
    }

    private static async Task<WebApplication> StartAsync(PostgresSandbox sandbox, TemporaryDirectory directory)
    {
        var silo = SiloHost.Build(["--urls", "http://127.0.0.1:0"], builder =>
        {
            builder.Configuration.AddInMemoryCollection(
            [
                new("Personalize:Journal", "postgres"),
                new("Personalize:LinkKeys:0", SiloProcess.LinkKey),
                new("ConnectionStrings:Personalize", sandbox.ConnectionString()),
                new("Personalize:DataDirectory", directory.Path),
                new("Personalize:AdminKey", Key),
            ]);
            builder.Logging.ClearProviders();
        });
        await silo.StartAsync();
        return silo;
    }

    private static HttpClient ClientOf(WebApplication silo)
    {
        var http = new HttpClient { BaseAddress = new Uri(silo.Urls.Single()) };
        http.DefaultRequestHeaders.Authorization = new AuthenticationHeaderValue("Bearer", Key);
        return http;
    }

    private static StringContent Json(string json) => new(json, Encoding.UTF8, "application/json");
}
