using System.Diagnostics.CodeAnalysis;
using System.Security.Cryptography;
using System.Text;
using System.Text.Json;
using Microsoft.Extensions.DependencyInjection;
using Orleans.Personalize.Gateway.Connectors;
using Orleans.Personalize.Testing;
using static Orleans.Personalize.Tests.GatewayServer;

namespace Orleans.Personalize.Tests;

public sealed class MailWebhookTests : IAsyncLifetime
{
    private const string SendGrid = "/v1/webhooks/sendgrid/shop/mail";
    private const string Mandrill = "/v1/webhooks/mandrill/shop/drill";
    private const string MandrillKey = "mandrill-key-of-the-tests";
    private static readonly DateTimeOffset Now = DateTimeOffset.FromUnixTimeSeconds(DateTimeOffset.UtcNow.ToUnixTimeSeconds());

    private readonly ECDsa pair = ECDsa.Create(ECCurve.NamedCurves.nistP256);
    private GatewayServer server = null!;
    private string reference = null!;

    public async Task InitializeAsync()
    {
        server = await StartAsync(configure: static builder => builder.Configuration["Personalize:PublicUrl"] = "https://mail.example.com/mails");
        reference = server.Services.GetRequiredService<SignedLinks>().Reference("shop", "ada", "d1");
        await PutSenderAsync("mail", $$"""{"type":"sendgrid","apiKey":"k","webhookKey":"{{PublicKey(pair)}}"}""");
        await PutSenderAsync("drill", $$"""{"type":"mandrill","apiKey":"k","webhookKey":["an older key","{{MandrillKey}}"]}""");
        server.Grains.Customer("shop/ada").View = View();
    }

    public async Task DisposeAsync()
    {
        pair.Dispose();
        await server.DisposeAsync();
    }

    /// <summary>The shapes are those of https://www.twilio.com/docs/sendgrid/for-developers/tracking-events/event.</summary>
    [Theory]
    [InlineData("""{"event":"delivered","response":"250 OK"}""", "Email Delivered", "\"reason\":\"250 OK\"", null)]
    [InlineData("""{"event":"deferred","response":"400 try again later","attempt":"5"}""", "Email Deferred", "\"reason\":\"400 try again later\"", null)]
    [InlineData("""{"event":"bounce","type":"bounce","status":"5.0.0","reason":"500 unknown recipient"}""", "Email Bounced", "\"reason\":\"500 unknown recipient\",\"bounce\":\"hard\"", "bounce")]
    [InlineData("""{"event":"bounce","type":"blocked","status":"4.0.0","reason":"452 too many"}""", "Email Bounced", "\"reason\":\"452 too many\",\"bounce\":\"soft\"", null)]
    [InlineData("""{"event":"dropped","reason":"Bounced Address","status":"5.0.0"}""", "Email Dropped", "\"reason\":\"Bounced Address\"", "bounce")]
    [InlineData("""{"event":"dropped","reason":"Spam Reporting Address"}""", "Email Dropped", "\"reason\":\"Spam Reporting Address\"", "complaint")]
    [InlineData("""{"event":"dropped","reason":"Unsubscribed Address"}""", "Email Dropped", "\"reason\":\"Unsubscribed Address\"", "unsubscribe")]
    [InlineData("""{"event":"dropped","reason":"Spam Content (if spam checker app enabled)"}""", "Email Dropped", "\"reason\":\"Spam Content (if spam checker app enabled)\"", null)]
    [InlineData("""{"event":"open","useragent":"Mozilla/4.0","ip":"255.255.255.255","sg_machine_open":false}""", "Email Opened", "", null)]
    [InlineData("""{"event":"open","useragent":"Mozilla/5.0","sg_machine_open":true}""", "Email Opened", "\"machine\":true", null)]
    [InlineData("""{"event":"click","url":"https://shop.example/p/1?a=1","url_offset":{"index":0,"type":"html"}}""", "Email Link Clicked", "\"url\":\"https://shop.example/p/1?a=1\"", null)]
    [InlineData("""{"event":"spamreport"}""", "Email Marked as Spam", "", "complaint")]
    [InlineData("""{"event":"unsubscribe"}""", "Unsubscribed", "", "unsubscribe")]
    [InlineData("""{"event":"group_unsubscribe","asm_group_id":10}""", "Email Group Unsubscribed", "", null)]
    [InlineData("""{"event":"group_resubscribe","asm_group_id":10}""", "Email Group Resubscribed", "", null)]
    public async Task Each_event_of_SendGrid_is_the_customers(string json, string name, string properties, string? suppression)
    {
        var id = "Y2xpY2stMTA1";
        Assert.Equal(200, await PostSendGridAsync($"[{SendGridEvent(json, id)}]"));

        var applied = Assert.Single(server.Grains.Customer("shop/ada").Applied);
        Assert.Equal((name, $"sendgrid-{id}", "sendgrid", Now), (applied.Name, applied.MessageId, applied.Source, applied.OccurredAt));
        AssertSame($$"""{"decision_id":"d1","provider":"sendgrid","provider_id":"14c5.filter0001"{{(properties is "" ? "" : ",")}}{{properties}}}""", applied.Properties);
        Assert.Equal(name == "Unsubscribed" ? """{"email":false}""" : "", applied.Consent.ToString());
        var entry = await server.Grains.Suppressions("shop", "ada@example.com").Find("ada@example.com");
        Assert.Equal((suppression, suppression is null ? null : "sendgrid", suppression is null ? null : "d1"), (entry?.Reason, entry?.Source, entry?.DecisionId));
    }

    /// <summary>The shapes are those of https://mailchimp.com/developer/transactional/docs/webhooks/.</summary>
    [Theory]
    [InlineData("""{"event":"delivered"}""", "{}", "Email Delivered", "", null)]
    [InlineData("""{"event":"deferral"}""", """{"state":"deferred","diag":"451 4.3.5 Temporarily unavailable"}""", "Email Deferred", "\"reason\":\"451 4.3.5 Temporarily unavailable\"", null)]
    [InlineData("""{"event":"hard_bounce"}""", """{"bounce_description":"bad_mailbox","diag":"smtp;550 5.1.1"}""", "Email Bounced", "\"reason\":\"smtp;550 5.1.1\",\"bounce\":\"hard\"", "bounce")]
    [InlineData("""{"event":"soft_bounce"}""", """{"bounce_description":"mailbox_full"}""", "Email Bounced", "\"reason\":\"mailbox_full\",\"bounce\":\"soft\"", null)]
    [InlineData("""{"event":"open","user_agent":"Mozilla/5.0 (X11; Linux x86_64)"}""", "{}", "Email Opened", "", null)]
    [InlineData("""{"event":"open","user_agent":"Mozilla/5.0"}""", "{}", "Email Opened", "\"machine\":true", null)]
    [InlineData("""{"event":"click","url":"http://mandrill.com"}""", "{}", "Email Link Clicked", "\"url\":\"http://mandrill.com\"", null)]
    [InlineData("""{"event":"spam"}""", "{}", "Email Marked as Spam", "", "complaint")]
    [InlineData("""{"event":"unsub"}""", "{}", "Unsubscribed", "", "unsubscribe")]
    [InlineData("""{"event":"reject"}""", """{"reject":{"reason":"hard-bounce"}}""", "Email Dropped", "\"reason\":\"hard-bounce\"", "bounce")]
    [InlineData("""{"event":"reject"}""", """{"reject":{"reason":"rule"}}""", "Email Dropped", "\"reason\":\"rule\"", null)]
    [InlineData("""{"event":"reject"}""", """{"reject":null}""", "Email Dropped", "", null)]
    public async Task Each_event_of_Mandrill_is_the_customers(string json, string message, string name, string properties, string? suppression)
    {
        Assert.Equal(200, await PostMandrillAsync($"[{MandrillEvent(json, message)}]"));

        var applied = Assert.Single(server.Grains.Customer("shop/ada").Applied);
        Assert.Equal((name, "mandrill", Now), (applied.Name, applied.Source, applied.OccurredAt));
        AssertSame($$"""{"decision_id":"d1","provider":"mandrill","provider_id":"exampleaaa"{{(properties is "" ? "" : ",")}}{{properties}}}""", applied.Properties);
        Assert.Equal(name == "Unsubscribed" ? """{"email":false}""" : "", applied.Consent.ToString());
        Assert.Equal(suppression, (await server.Grains.Suppressions("shop", "ada@example.com").Find("ada@example.com"))?.Reason);
    }

    [Fact]
    public async Task What_tells_nothing_of_a_send_is_dropped()
    {
        string[] events =
        [
            SendGridEvent("""{"event":"processed"}""", "1"),
            SendGridEvent("""{"event":"account_status_change"}""", "2"),
            """{"event":"open","sg_event_id":"3","timestamp":1}""",
            """{"event":"bounce","email":"eve@example.com","ref":"forged"}""",
            $$"""{"event":"bounce","email":"eve@example.com","ref":"{{server.Services.GetRequiredService<SignedLinks>().Reference("elsewhere", "ada", "d1")}}"}""",
            $$"""{"event":"bounce","email":"eve@example.com","ref":7}""",
            "7", "{}", "null",
        ];
        Assert.Equal(200, await PostSendGridAsync($"[{string.Join(',', events)}]"));
        Assert.Equal(200, await PostMandrillAsync($"[{MandrillEvent("""{"event":"send"}""", "{}")},{{\"event\":\"open\",\"msg\":7}},7]"));

        Assert.Empty(server.Grains.Customer("shop/ada").Applied);
        Assert.Null(await server.Grains.Suppressions("shop", "eve@example.com").Find("eve@example.com"));
    }

    [Fact]
    public async Task An_event_that_is_delivered_twice_is_one()
    {
        var open = SendGridEvent("""{"event":"open"}""", "1");
        Assert.Equal(200, await PostSendGridAsync($"[{open},{open}]"));
        Assert.Equal(200, await PostSendGridAsync($"[{open}]"));
        Assert.Single(server.Grains.Customer("shop/ada").Applied);

        // Mandrill tells with each event all that is known of the mail by then.
        Assert.Equal(200, await PostMandrillAsync($"[{MandrillEvent("""{"event":"open"}""", """{"opens":[]}""")}]"));
        Assert.Equal(200, await PostMandrillAsync($"[{MandrillEvent("""{"event":"open"}""", """{"opens":[{"ts":1}]}""")},{MandrillEvent("""{"event":"click"}""", "{}")}]"));
        Assert.Equal(3, server.Grains.Customer("shop/ada").Applied.Length);
    }

    [Fact]
    public async Task Somebody_who_was_erased_does_not_come_back_and_stays_suppressed()
    {
        server.Grains.Customer("shop/ada").View = null;
        Assert.Equal(200, await PostSendGridAsync($"[{SendGridEvent("""{"event":"bounce"}""", "1")}]"));

        Assert.Empty(server.Grains.Customer("shop/ada").Applied);
        Assert.NotNull(await server.Grains.Suppressions("shop", "ada@example.com").Find("ada@example.com"));
    }

    [Fact]
    public async Task What_is_not_durable_is_asked_for_again()
    {
        var events = $"[{SendGridEvent("""{"event":"bounce"}""", "1")}]";
        server.Grains.Suppressions("shop", "ada@example.com").Fault = new TimeoutException();
        Assert.Equal(503, await PostSendGridAsync(events));
        server.Grains.Suppressions("shop", "ada@example.com").Fault = null;
        foreach (var fault in (Exception[])[new JournalException("No answer."), new JournalBusyException()])
        {
            server.Grains.Customer("shop/ada").OnApply = _ => throw fault;
            Assert.Equal(503, await PostSendGridAsync(events));
        }
        server.Grains.Customer("shop/ada").OnApply = null;
        Assert.Equal(200, await PostSendGridAsync(events));
        Assert.Single(server.Grains.Customer("shop/ada").Applied);
    }

    [Fact]
    public async Task A_request_without_the_right_signature_of_SendGrid_changes_nothing()
    {
        var body = $"[{SendGridEvent("""{"event":"unsubscribe"}""", "1")}]";
        using var other = ECDsa.Create(ECCurve.NamedCurves.nistP256);
        Assert.Equal(401, await PostSendGridAsync(body, signature: ""));
        Assert.Equal(401, await PostSendGridAsync(body, timestamp: ""));
        Assert.Equal(403, await PostSendGridAsync(body, signature: Sign(other, Timestamp(Now), body)));
        Assert.Equal(403, await PostSendGridAsync(body, signature: "not base64"));
        Assert.Equal(403, await PostSendGridAsync(body, signature: Sign(pair, Timestamp(Now), body + " ")));
        Assert.Equal(403, await PostSendGridAsync(body, timestamp: Timestamp(Now.AddSeconds(1)), signature: Sign(pair, Timestamp(Now), body)));
        Assert.Equal(403, await PostSendGridAsync(body, timestamp: "soon", signature: Sign(pair, "soon", body)));
        foreach (var time in (DateTimeOffset[])[Now.AddHours(-26), Now.AddMinutes(10)])
            Assert.Equal(403, await PostSendGridAsync(body, timestamp: Timestamp(time), signature: Sign(pair, Timestamp(time), body)));
        Assert.Equal(403, await PostSendGridAsync("no JSON", signature: Sign(other, Timestamp(Now), "no JSON")));
        Assert.Empty(server.Grains.Customer("shop/ada").Applied);

        Assert.Equal(200, await PostSendGridAsync(body, timestamp: Timestamp(Now.AddHours(-24)), signature: Sign(pair, Timestamp(Now.AddHours(-24)), body)));
        Assert.Equal(400, await PostSendGridAsync("no JSON"));
        Assert.Equal(400, await PostSendGridAsync("{}"));
    }

    [Fact]
    public async Task A_request_without_the_right_signature_of_Mandrill_changes_nothing()
    {
        var events = $"[{MandrillEvent("""{"event":"unsub"}""", "{}")}]";
        var url = $"https://mail.example.com/mails{Mandrill}";
        Assert.Equal(401, await PostMandrillAsync(events, signature: ""));
        Assert.Equal(403, await PostMandrillAsync(events, signature: Sign("another key", url, events)));
        Assert.Equal(403, await PostMandrillAsync(events, signature: Sign(MandrillKey, url + "/", events)));
        Assert.Equal(403, await PostMandrillAsync(events, signature: Sign(MandrillKey, url, events + " ")));
        Assert.Equal(403, await PostMandrillAsync(events, signature: "AAAA"));
        Assert.Equal(403, await PostMandrillAsync(events, signature: "not base64"));
        Assert.Empty(server.Grains.Customer("shop/ada").Applied);

        Assert.Equal(200, await PostMandrillAsync(events, signature: Sign("an older key", url, events)));
        Assert.Equal(400, await PostMandrillAsync("no JSON"));
    }

    [Fact]
    public async Task Mandrill_may_try_an_address_before_there_is_a_key()
    {
        using var head = await server.Anonymous.SendAsync(new HttpRequestMessage(HttpMethod.Head, Mandrill));
        Assert.Equal(200, (int)head.StatusCode);
        using var empty = await server.Anonymous.PostAsync(Mandrill, new FormUrlEncodedContent([new("mandrill_events", "[]")]));
        Assert.Equal(200, (int)empty.StatusCode);
    }

    [Theory]
    [InlineData("/v1/webhooks/sendgrid/shop/nobody")]
    [InlineData("/v1/webhooks/sendgrid/elsewhere/mail")]
    [InlineData("/v1/webhooks/sendgrid/shop/drill")]
    [InlineData("/v1/webhooks/sendgrid/shop/keyless")]
    public async Task Only_a_sender_of_that_provider_with_a_key_has_a_webhook(string path)
    {
        await PutSenderAsync("keyless", """{"type":"sendgrid","apiKey":"k"}""");
        Assert.Equal(404, await PostSendGridAsync("[]", path: path));
    }

    /// <summary>The example in the tests of SendGrid's own libraries (https://github.com/sendgrid/sendgrid-python, test/unit/test_eventwebhook.py).</summary>
    [Fact]
    public void The_providers_own_example_of_a_signature_holds()
    {
        const string key = "MFkwEwYHKoZIzj0CAQYIKoZIzj0DAQcDQgAE83T4O/n84iotIvIW4mdBgQ/7dAfSmpqIM8kF9mN1flpVKS3GRqe62gw+2fNNRaINXvVpiglSI8eNEc6wEA3F+g==";
        const string signature = "MEUCIGHQVtGj+Y3LkG9fLcxf3qfI10QysgDWmMOVmxG0u6ZUAiEAyBiXDWzM+uOe5W0JuG+luQAbPIqHh89M15TluLtEZtM=";
        const string body = """[{"email":"hello@world.com","event":"dropped","reason":"Bounced Address","sg_event_id":"ZHJvcC0xMDk5NDkxOS1MUnpYbF9OSFN0T0doUTRrb2ZTbV9BLTA","sg_message_id":"LRzXl_NHStOGhQ4kofSm_A.filterdrecv-p3mdw1-756b745b58-kmzbl-18-5F5FC76C-9.0","smtp-id":"<LRzXl_NHStOGhQ4kofSm_A@ismtpd0039p1iad1.sendgrid.net>","timestamp":1600112492}]""";
        var sentAt = DateTimeOffset.FromUnixTimeSeconds(1600112502);
        bool IsSigned(string text) => SendGridEvents.IsSigned(Encoding.UTF8.GetBytes(text), signature, "1600112502", ["no key", PublicKey(pair), key], sentAt);

        Assert.True(IsSigned(body + "\r\n"));
        Assert.False(IsSigned(body));
    }

    private Task<RegistryPut> PutSenderAsync(string id, string document) => server.Grains.Registry("shop").Put(RegistryKind.Sender, id, JsonText.FromString(document));

    private string SendGridEvent(string json, string id) => Merge(
        json,
        $$"""
        {"email":"Ada@example.com","timestamp":{{Now.ToUnixTimeSeconds()}},"smtp-id":"<14c5@ismtpd-555>","category":["cat facts"],
        "sg_event_id":"{{id}}","sg_message_id":"14c5.filter0001","decision_id":"another","ref":"{{reference}}"}
        """);

    private string MandrillEvent(string json, string message) => Merge(
        json,
        $$"""
        {"_id":"exampleaaa","ts":{{Now.ToUnixTimeSeconds()}},"msg":{{Merge(message, $$$"""
        {"_id":"exampleaaa","ts":{{{Now.ToUnixTimeSeconds()}}},"email":"ada@example.com","sender":"shop@example.com","subject":"Hello","tags":["a"],"metadata":{"ref":"{{{reference}}}"}}
        """)}}}
        """);

    private static string Merge(string one, string other)
    {
        var merged = JsonSerializer.Deserialize<Dictionary<string, JsonElement>>(one)!;
        foreach (var (name, value) in JsonSerializer.Deserialize<Dictionary<string, JsonElement>>(other)!)
            merged.TryAdd(name, value);
        return JsonSerializer.Serialize(merged);
    }

    private async Task<int> PostSendGridAsync(string body, string? signature = null, string? timestamp = null, string path = SendGrid)
    {
        timestamp ??= Timestamp(Now);
        using var request = new HttpRequestMessage(HttpMethod.Post, path) { Content = Json(body) };
        request.Headers.TryAddWithoutValidation(SendGridEvents.SignatureHeader, signature ?? Sign(pair, timestamp, body));
        request.Headers.TryAddWithoutValidation(SendGridEvents.TimestampHeader, timestamp);
        using var response = await server.Anonymous.SendAsync(request);
        if (!response.IsSuccessStatusCode)
            await ProblemAsync((int)response.StatusCode, response);
        return (int)response.StatusCode;
    }

    private async Task<int> PostMandrillAsync(string events, string? signature = null)
    {
        using var request = new HttpRequestMessage(HttpMethod.Post, Mandrill) { Content = new FormUrlEncodedContent([new("mandrill_events", events)]) };
        request.Headers.TryAddWithoutValidation(MandrillEvents.SignatureHeader, signature ?? Sign(MandrillKey, $"https://mail.example.com/mails{Mandrill}", events));
        using var response = await server.Anonymous.SendAsync(request);
        if (!response.IsSuccessStatusCode)
            await ProblemAsync((int)response.StatusCode, response);
        return (int)response.StatusCode;
    }

    private static string Timestamp(DateTimeOffset time) => $"{time.ToUnixTimeSeconds()}";

    private static string Sign(ECDsa pair, string timestamp, string body) => Convert.ToBase64String(
        pair.SignData(Encoding.UTF8.GetBytes(timestamp + body), HashAlgorithmName.SHA256, DSASignatureFormat.Rfc3279DerSequence));

    [SuppressMessage("Security", "CA5350", Justification = "The provider's format.")]
    private static string Sign(string key, string url, string events) =>
        Convert.ToBase64String(HMACSHA1.HashData(Encoding.UTF8.GetBytes(key), Encoding.UTF8.GetBytes($"{url}mandrill_events{events}")));

    private static string PublicKey(ECDsa pair) => Convert.ToBase64String(pair.ExportSubjectPublicKeyInfo());

    private static void AssertSame(string expected, JsonText actual) =>
        Assert.True(JsonElement.DeepEquals(JsonElement.Parse(expected), JsonElement.Parse(actual.Utf8.Span)), $"{expected}\n{actual}");

    private static CustomerView View() => FakeViews.Of("ada") with { FirstSeenAt = Now, LastSeenAt = Now };
}
