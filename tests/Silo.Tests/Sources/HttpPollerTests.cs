using System.Net;
using System.Text.Json.Nodes;
using Microsoft.AspNetCore.Builder;
using Microsoft.AspNetCore.Http;
using Microsoft.Extensions.Configuration;
using Microsoft.Extensions.DependencyInjection;
using Orleans.Personalize.Journal;
using Orleans.Personalize.Silo.Tests.Senders;
using Orleans.Personalize.Sources;
using Orleans.Personalize.Testing;

namespace Orleans.Personalize.Silo.Tests.Sources;

public sealed class HttpPollerTests : IAsyncLifetime
{
    private const string Page = """{"data":[{"id":1,"buyer":"ada"},{"id":2,"buyer":"bob"}],"next":"p2"}""";

    private readonly TemporaryDirectory directory = new();
    private WebApplication app = null!;
    private HttpClient silo = null!;
    private RequestDelegate answer = static _ => Task.CompletedTask;
    private Receiver erp = null!;

    public async Task InitializeAsync()
    {
        erp = await Receiver.Answering(context => answer(context));
        (app, silo) = await ServeAsync(allowsPrivateTargets: true);
        await PutAsync();
    }

    public async Task DisposeAsync()
    {
        silo.Dispose();
        await app.StopAsync();
        await app.DisposeAsync();
        await erp.DisposeAsync();
        directory.Dispose();
    }

    [Fact]
    public async Task A_page_is_taken_in_and_the_next_is_asked_for_by_the_cursor()
    {
        answer = static context => context.Response.WriteAsync(Page);
        var first = await PollAsync(new(null, null));
        Assert.Equal(("p2", true, 2, null), (first.Position.Cursor, first.HasMore, first.Events, first.Error));
        Assert.Equal("1", await CountAsync("ada"));
        answer = static context => context.Response.WriteAsync("""{"data":[],"next":null}""");
        var second = await PollAsync(first.Position);
        Assert.Equal(("p2", false), (second.Position.Cursor, second.HasMore));
        Assert.EndsWith("/hook?shop=1&after=p2", erp.Requests.Last().Path, StringComparison.Ordinal);
        Assert.Equal("Bearer word", erp.Requests.Last().Headers["authorization"]);
        Assert.Equal("***", Api.Parse(await silo.GetStringAsync("/v1/sources/erp")).Text("document.authorization"));
    }

    [Fact]
    public async Task The_same_page_again_as_after_a_crash_before_the_cursor_was_saved_changes_nothing()
    {
        answer = static context => context.Response.WriteAsync(Page);
        await PollAsync(new(null, null));
        var again = await PollAsync(new(null, null));
        Assert.Null(again.Error);
        Assert.Equal(("1", "1"), (await CountAsync("ada"), await CountAsync("bob")));
    }

    [Fact]
    public async Task What_has_not_changed_is_not_sent_again()
    {
        answer = static context =>
        {
            if (context.Request.Headers.IfNoneMatch == "\"v1\"")
            {
                context.Response.StatusCode = 304;
                return Task.CompletedTask;
            }
            context.Response.Headers.ETag = "\"v1\"";
            return context.Response.WriteAsync("""{"data":[{"id":1,"buyer":"ada"}]}""");
        };
        var first = await PollAsync(new(null, null));
        Assert.Equal("\"v1\"", first.Position.ETag);
        var second = await PollAsync(first.Position);
        Assert.Equal((first.Position, 0, null), (second.Position, second.Events, second.Error));
    }

    [Fact]
    public async Task Whatever_is_wrong_with_an_answer_leaves_the_position_and_is_told()
    {
        var position = new PollPosition("p7", "\"t\"");
        foreach (var (status, body, error) in ((int, string, string)[])
            [(500, "", "Answered 500."), (302, "", "Answered 302."), (200, "<html>", "The answer is of no use"), (200, """{"data":1}""", "no array"), (200, new string(' ', 5 << 20), "longer than")])
        {
            answer = context =>
            {
                context.Response.StatusCode = status;
                context.Response.Headers.RetryAfter = "60";
                return context.Response.WriteAsync(body);
            };
            var outcome = await PollAsync(position);
            Assert.Equal(position, outcome.Position);
            Assert.Contains(error, outcome.Error, StringComparison.Ordinal);
            Assert.Equal(status == 200 ? null : TimeSpan.FromMinutes(1), outcome.RetryAfter);
        }
    }

    [Fact]
    public async Task An_item_of_no_use_is_counted_and_holds_up_nobody()
    {
        answer = static context => context.Response.WriteAsync("""{"data":[{"id":1},{"id":2,"buyer":"bob"}],"next":"p2"}""");
        var outcome = await PollAsync(new(null, null));
        Assert.Equal((2, 1, "p2"), (outcome.Events, outcome.Refused, outcome.Position.Cursor));
        Assert.Contains("/buyer", outcome.Refusal, StringComparison.Ordinal);
        Assert.Equal("1", await CountAsync("bob"));
    }

    [Fact]
    public async Task The_inside_of_the_network_is_out_of_reach_unless_the_operator_allows_it()
    {
        using var other = new TemporaryDirectory();
        var (strict, client) = await ServeAsync(allowsPrivateTargets: false, other);
        await using (strict)
        using (client)
        {
            foreach (var url in (string[])["http://example.org/", "https://127.0.0.1/x", "https://169.254.169.254/latest"])
            {
                using var response = await client.PutAsync("/v1/sources/erp", Api.Json(Document(url).ToJsonString()));
                Assert.Equal(HttpStatusCode.BadRequest, response.StatusCode);
                Assert.Contains("\"/url\"", await response.Content.ReadAsStringAsync(), StringComparison.Ordinal);
            }
            // A name says nothing; the address that it leads to is looked at.
            using var accepted = await client.PutAsync("/v1/sources/erp", Api.Json(Document($"https://localhost:{erp.Port}/x").ToJsonString()));
            Assert.Equal(HttpStatusCode.Created, accepted.StatusCode);
            await KnownAsync(strict);
            var outcome = await strict.Services.GetRequiredService<IPoller>().PollAsync("default", "erp", new(null, null), CancellationToken.None);
            Assert.Equal("The target's address is not public.", outcome.Error);
            await strict.StopAsync();
        }
        Assert.Empty(erp.Requests);
    }

    private JsonObject Document(string url) => new()
    {
        // Not due again within the test, which asks by itself.
        ["type"] = "poll", ["url"] = url, ["interval"] = "P7D", ["authorization"] = "Bearer word", ["items"] = "/data",
        ["cursor"] = new JsonObject { ["from"] = "/next", ["parameter"] = "after" },
        ["mapping"] = JsonNode.Parse("""{"customer":"/buyer","messageId":{"join":["/id"],"prefix":"erp:"},"name":{"value":"Order Completed"},"properties":{"order_id":{"from":"/id","type":"string"}}}"""),
    };

    /// <summary>The silo asks once by itself, of which the test waits for the end.</summary>
    private async Task PutAsync()
    {
        answer = static context => context.Response.WriteAsync("""{"data":[]}""");
        await silo.PutAsync("sources/erp", Document(erp.Url).ToJsonString());
        await KnownAsync(app);
        await Eventually.TrueAsync(
            async () => Api.Parse(await silo.GetStringAsync("/v1/sources/erp/status")).Text("lastAt") is not null, static () => "the silo has asked");
        erp.Requests.Clear();
    }

    private static Task KnownAsync(WebApplication app) => Eventually.TrueAsync(
        async () => await app.Services.GetRequiredService<IPoller>().PlanAsync("default", "erp") is not null, static () => "the source is known");

    private Task<PollOutcome> PollAsync(PollPosition position) =>
        app.Services.GetRequiredService<IPoller>().PollAsync("default", "erp", position, CancellationToken.None);

    private async Task<string?> CountAsync(string customer) => (await silo.CustomerAsync(customer)).Text("counters.Order Completed.count");

    private async Task<(WebApplication App, HttpClient Client)> ServeAsync(bool allowsPrivateTargets, TemporaryDirectory? place = null)
    {
        var host = SiloHost.Build(["--urls", "http://127.0.0.1:0"], builder => builder.Configuration.AddInMemoryCollection(
        [
            new("Personalize:DataDirectory", (place ?? directory).Path),
            new("Personalize:AdminKey", SiloProcess.AdminKey),
            new("Personalize:Sources:AllowPrivateTargets", allowsPrivateTargets ? "true" : "false"),
            new("Logging:LogLevel:Default", "None"),
        ]));
        await host.StartAsync();
        var client = new HttpClient { BaseAddress = new Uri(host.Urls.Single()) };
        client.DefaultRequestHeaders.Authorization = new("Bearer", SiloProcess.AdminKey);
        return (host, client);
    }
}
