using System.Net;
using System.Text.Json;
using Microsoft.Extensions.DependencyInjection;
using Orleans.Personalize.Gateway.Connectors;
using Orleans.Personalize.Testing;
using static Orleans.Personalize.Tests.GatewayServer;

namespace Orleans.Personalize.Tests.Sources;

/// <summary>The route by which sources come in, with every recorded request.</summary>
public sealed class SourceWebhookTests : IAsyncLifetime
{
    private readonly Clock clock = new();
    private GatewayServer server = null!;

    public static IEnumerable<object[]> Requests => Recorded.All.Select(static one => (object[])[one.Type, one.Name]);

    public static TheoryData<string> Types => [.. Recorded.Types];

    public async Task InitializeAsync()
    {
        server = await StartAsync(configure: builder => builder.Services.AddSingleton<TimeProvider>(clock));
        var rules = server.Services.GetServices<IDocumentRule>().ToArray();
        server.Grains.Registry("default").Validate = document =>
        {
            using var json = JsonDocument.Parse(document.Document.Utf8);
            return [.. rules.Where(rule => rule.Kind == document.Kind).SelectMany(rule => rule.Validate(document.Id, json.RootElement))];
        };
        foreach (var type in Recorded.Types)
            await PutAsync(type, Recorded.Document(type));
    }

    public async Task DisposeAsync() => await server.DisposeAsync();

    [Theory]
    [MemberData(nameof(Requests))]
    public async Task A_recorded_request_is_taken_and_taken_again_changes_nothing(string type, string name)
    {
        var request = Recorded.Of(type, name).Sign();
        var first = await ReadAsync(await PostAsync(request, 200));
        var events = server.Grains.Customers.ToDictionary(static one => one.Key, static one => one.Value.Applied.Length);

        var again = await ReadAsync(await PostAsync(request, 200));

        Assert.Equal(events, server.Grains.Customers.ToDictionary(static one => one.Key, static one => one.Value.Applied.Length));
        Assert.Equal(request.Parse().Events.Count(static one => one.Event is not null), events.Values.Sum());
        if (first.TryGetProperty("results", out var results))
        {
            Assert.Equal(
                results.EnumerateArray().Select(static one => one.Text("status")?.Replace("accepted", "duplicate", StringComparison.Ordinal)),
                again.GetProperty("results").EnumerateArray().Select(static one => one.Text("status")));
        }
    }

    [Theory]
    [MemberData(nameof(Types))]
    public async Task Without_its_signature_a_request_is_401_and_with_a_wrong_one_403(string type)
    {
        var recorded = Recorded.All.First(one => one.Type == type && one.Name != "ping");
        await ProblemAsync(401, await PostAsync(recorded));

        await ProblemAsync(403, await PostAsync(type == "magento" ? Forge(recorded.Sign()) : recorded.Sign(secret: type == "standard-webhooks" ? "whsec_" + Convert.ToBase64String(new byte[24]) : "another secret")));
        // Where the secret stands in the request itself there is nothing of the body to prove.
        if (type != "cloudevents")
            await ProblemAsync(403, await PostAsync(recorded.Sign() with { Body = [.. recorded.Body, (byte)' '] }));
        Assert.Empty(server.Grains.Customers);

        static Recorded Forge(Recorded signed) => signed.Headers.Where(static header => header.Name.Contains("signature", StringComparison.Ordinal))
            .Aggregate(signed, static (one, header) => one.With(header.Name, Convert.ToBase64String(new byte[256])));
    }

    [Theory]
    [InlineData("json", "bookings", 301)]
    [InlineData("json", "bookings", -301)]
    [InlineData("standard-webhooks", "contact", 301)]
    [InlineData("standard-webhooks", "contact", -301)]
    [InlineData("klaviyo", "events", 301)]
    [InlineData("klaviyo", "events", -301)]
    public async Task A_request_that_was_recorded_and_is_repeated_later_is_403(string type, string name, int seconds)
    {
        var request = Recorded.Of(type, name).Sign();
        await PostAsync(request, 200);
        clock.Now = Recorded.Noon.AddSeconds(seconds);

        var problem = await ProblemAsync(403, await PostAsync(request));

        Assert.Contains("another time", problem.GetProperty("detail").GetString(), StringComparison.Ordinal);
    }

    [Theory]
    [MemberData(nameof(Types))]
    public async Task A_body_that_is_none_of_the_sources_is_400(string type)
    {
        var recorded = Recorded.All.First(one => one.Type == type && one.Name != "ping");

        foreach (var body in (string[])["", "{", "7", "{\"a\":\ud83d\ude00}", "[{}", new string('[', 200), """{"a":1}x"""])
            await ProblemAsync(400, await PostAsync(recorded.With(body).Sign()));
        Assert.Empty(server.Grains.Customers);
    }

    [Theory]
    [MemberData(nameof(Types))]
    public async Task A_body_of_another_type_or_packed_is_415_and_a_huge_one_413(string type)
    {
        var recorded = Recorded.All.First(one => one.Type == type && one.Name != "ping");

        await ProblemAsync(415, await PostAsync(recorded.With("Content-Type", "text/xml").Sign()));
        await ProblemAsync(415, await PostAsync(recorded.With("Content-Type", "application/json; charset=utf-16").Sign()));
        await ProblemAsync(415, await PostAsync(recorded.With("Content-Encoding", "gzip").Sign()));
        await ProblemAsync(413, await PostAsync(recorded.With($$"""{"a":"{{new string('a', 4 * 1024 * 1024)}}"}""").Sign()));
    }

    [Theory]
    [MemberData(nameof(Types))]
    public async Task While_a_secret_changes_the_old_and_the_new_one_are_good(string type)
    {
        if (type == "magento")
            return; // Its keys are public ones, in an array of their own.
        var recorded = Recorded.All.First(one => one.Type == type && one.Name != "ping");
        string[] secrets = type == "standard-webhooks"
            ? [.. Enumerable.Range(1, 3).Select(static number => "whsec_" + Convert.ToBase64String(Enumerable.Repeat((byte)number, 24).ToArray()))]
            : ["new", "old", "gone"];
        await PutAsync("rotating", Recorded.Document(type, secrets[..2]));

        await PostAsync(recorded.Sign(secret: secrets[0]), 200, "rotating");
        await PostAsync(recorded.Sign(secret: secrets[1]), 200, "rotating");
        await ProblemAsync(403, await PostAsync(recorded.Sign(secret: secrets[2]), source: "rotating"));
    }

    [Fact]
    public async Task A_source_that_is_not_there_or_switched_off_is_404_and_leaves_nothing_behind()
    {
        var request = Recorded.Of("shopify", "orders-create").Sign();
        await PutAsync("off", """{"type":"shopify","secret":"s","enabled":false}""");

        await ProblemAsync(404, await PostAsync(request, source: "off"));
        await ProblemAsync(404, await PostAsync(request, source: "nothing"));
        await ProblemAsync(404, await server.Anonymous.SendAsync(request.Request("/v1/webhooks/nowhere/shopify")));
        await ProblemAsync(404, await server.Anonymous.GetAsync("/v1/webhooks/nowhere/shopify"));
        Assert.False(server.Services.GetRequiredService<WorkspaceRules>().AreFollowed("nowhere"));
    }

    [Fact]
    public async Task A_changed_source_is_followed()
    {
        var request = Recorded.Of("shopify", "orders-create");
        await PostAsync(request.Sign(), 200);

        await PutAsync("shopify", Recorded.Document("shopify", "a newer secret"));

        await Eventually.TrueAsync(async () => (await PostAsync(request.Sign(secret: "a newer secret"))).StatusCode == HttpStatusCode.OK, static () => "the new secret");
        await ProblemAsync(403, await PostAsync(request.Sign()));
    }

    [Theory]
    [InlineData(true, 429)]
    [InlineData(false, 503)]
    public async Task What_is_not_durable_is_asked_for_again(bool isBusy, int status)
    {
        var customer = server.Grains.Customer("default/115310627314723954");
        customer.OnApply = _ => throw (isBusy ? new JournalBusyException() : new JournalException("unknown"));

        var response = await PostAsync(Recorded.Of("shopify", "orders-create").Sign());

        await ProblemAsync(status, response);
        Assert.Equal(TimeSpan.FromSeconds(1), response.Headers.RetryAfter?.Delta);
        customer.OnApply = null;
        await PostAsync(Recorded.Of("shopify", "orders-create").Sign(), 200);
        Assert.Single(customer.Applied);
    }

    [Fact]
    public async Task Shopifys_redaction_erases_the_customer()
    {
        await PostAsync(Recorded.Of("shopify", "customers-redact").Sign(), 200);

        Assert.True(server.Grains.Customer("default/115310627314723954").IsErased);
        Assert.True(server.Grains.Customer("default/email:ada@example.org").IsErased);
        Assert.Contains("default/115310627314723954", server.Grains.Outcomes.Forgotten);
        Assert.DoesNotContain(server.Log.Lines, static line => line.Text.Contains("ada@", StringComparison.Ordinal));
    }

    [Fact]
    public async Task Senders_of_cloud_events_and_Adobe_may_ask_first()
    {
        using var ask = new HttpRequestMessage(HttpMethod.Options, "/v1/webhooks/default/cloudevents");
        ask.Headers.Add("WebHook-Request-Origin", "eventemitter.example.com");
        ask.Headers.Add("WebHook-Request-Rate", "120");
        var may = await server.Anonymous.SendAsync(ask);
        Assert.Equal((200, "eventemitter.example.com", "*"), ((int)may.StatusCode, may.Headers.GetValues("WebHook-Allowed-Origin").Single(), may.Headers.GetValues("WebHook-Allowed-Rate").Single()));
        await PutAsync("picky", """{"type":"cloudevents","secret":"s","origins":["other.example.com"]}""");
        // The rules of the workspace are followed already, so that a new source is known a moment later.
        await Eventually.TrueAsync(async () => (await StrangerAsync()).StatusCode == HttpStatusCode.Forbidden, static () => "the picky source");
        await ProblemAsync(400, await server.Anonymous.SendAsync(new HttpRequestMessage(HttpMethod.Options, "/v1/webhooks/default/cloudevents")));

        var challenge = await server.Anonymous.GetAsync("/v1/webhooks/default/magento?challenge=8ec8d794-e0ab-42df-9017-e3dada8e84f7");
        Assert.Equal(("text/plain", "8ec8d794-e0ab-42df-9017-e3dada8e84f7"), (challenge.Content.Headers.ContentType?.MediaType, await challenge.Content.ReadAsStringAsync()));
        await ProblemAsync(400, await server.Anonymous.GetAsync("/v1/webhooks/default/magento?challenge=%3Cscript%3E"));
        await ProblemAsync(405, await server.Anonymous.GetAsync("/v1/webhooks/default/shopify"));
        Assert.Equal(200, (int)(await server.Anonymous.SendAsync(new HttpRequestMessage(HttpMethod.Head, "/v1/webhooks/default/shopify"))).StatusCode);
    }

    private async Task<HttpResponseMessage> StrangerAsync()
    {
        using var ask = new HttpRequestMessage(HttpMethod.Options, "/v1/webhooks/default/picky");
        ask.Headers.Add("WebHook-Request-Origin", "eventemitter.example.com");
        return await server.Anonymous.SendAsync(ask);
    }

    [Theory]
    [InlineData("""{"type":"shopify"}""", "/secret")]
    [InlineData("""{"type":"shopify","secret":""}""", "/secret")]
    [InlineData("""{"type":"shopify","secrets":["a",7]}""", "/secrets/1")]
    [InlineData("""{"type":"shopify","secret":"a","secrets":["b"]}""", "/secrets")]
    [InlineData("""{"type":"shopify","secret":"a","priority":-1}""", "/priority")]
    [InlineData("""{"type":"shopify","secret":"a","enabled":"yes"}""", "/enabled")]
    [InlineData("""{"type":"shopify","secret":"a","topic":"x"}""", "/topic")]
    [InlineData("""{"type":"shopify","secret":"a","mapping":{"customer":"/a","name":"/b"}}""", "/mapping")]
    [InlineData("""{"type":"shop"}""", "/type")]
    [InlineData("{}", "/type")]
    [InlineData("""{"type":"json","secret":"a"}""", "/mapping")]
    [InlineData("""{"type":"json","secret":"a","mapping":{"customer":"/a"}}""", "/mapping/name")]
    [InlineData("""{"type":"json","secret":"a","mapping":{"customer":"/a","name":"/b"},"signature":{"algorithm":"md5"}}""", "/signature/algorithm")]
    [InlineData("""{"type":"json","secret":"a","mapping":{"customer":"/a","name":"/b"},"signature":{"header":"X-S","timestampHeader":"X-T","signed":"{body}"}}""", "/signature/signed")]
    [InlineData("""{"type":"json","secret":"a","mapping":{"customer":"/a","name":"/b"},"signature":{"header":"no header"}}""", "/signature/header")]
    [InlineData("""{"type":"standard-webhooks","secret":"plain"}""", "/secret")]
    [InlineData("""{"type":"magento"}""", "/publicKeys")]
    [InlineData("""{"type":"magento","publicKeys":["no key"]}""", "/publicKeys/0")]
    [InlineData("""{"type":"cloudevents","secret":"s","origins":[7]}""", "/origins")]
    [InlineData("""{"type":"cloudevents","secret":"s","header":"a b"}""", "/header")]
    public async Task A_document_that_makes_no_sense_is_refused_with_the_place(string document, string pointer)
    {
        var problem = await ProblemAsync(400, await server.Admin.PutAsync("/v1/sources/s", Json(document)));

        Assert.Contains(pointer, problem.GetProperty("errors").EnumerateArray().Select(static one => one.GetProperty("pointer").GetString()));
    }

    [Fact]
    public async Task A_sources_secrets_are_not_shown_and_its_mapping_is()
    {
        await PutAsync("shown", """{"type":"json","secrets":["tell-nobody"],"mapping":{"customer":"/cart_token","name":{"value":"x"},"properties":{"cart_token":"/cart_token"}}}""");

        var shown = await server.Admin.GetStringAsync("/v1/sources/shown");

        Assert.DoesNotContain("tell-nobody", shown, StringComparison.Ordinal);
        Assert.Contains("\"cart_token\":\"/cart_token\"", shown, StringComparison.Ordinal);
        Assert.DoesNotContain(server.Log.Lines, static line => line.Text.Contains("tell-nobody", StringComparison.Ordinal));
    }

    private async Task PutAsync(string id, string document)
    {
        var response = await server.Admin.PutAsync($"/v1/sources/{id}", Json(document));
        Assert.True(response.IsSuccessStatusCode, await response.Content.ReadAsStringAsync());
    }

    private async Task<HttpResponseMessage> PostAsync(Recorded request, int status = 0, string? source = null)
    {
        var response = await server.Anonymous.SendAsync(request.Request($"/v1/webhooks/default/{source ?? request.Type}"));
        Assert.True(status is 0 || status == (int)response.StatusCode, $"{request}: {(int)response.StatusCode} {await response.Content.ReadAsStringAsync()}");
        return response;
    }

    /// <summary>Only what it tells is made up; its timers are real.</summary>
    private sealed class Clock : TimeProvider
    {
        public DateTimeOffset Now { get; set; } = Recorded.Noon;

        public override DateTimeOffset GetUtcNow() => Now;
    }
}
