using System.Text;
using Orleans.Personalize.Senders.Http;
using Orleans.Personalize.Sending;

namespace Orleans.Personalize.Silo.Tests.Senders;

public sealed class SendGridSenderTests : HttpSenderContract
{
    /// <summary>The members of the documented request body that a sender may use.</summary>
    private static readonly JsonShape Documented = new(
        """
        {
          "personalizations!": [{
            "to!": [{ "email!": "string", "name": "string" }], "subject": "string", "headers": { "*": "string" },
            "dynamic_template_data": { "*": "any" }, "custom_args": { "*": "string" }, "send_at": "number"
          }],
          "from!": { "email!": "string", "name": "string" }, "reply_to": { "email!": "string", "name": "string" },
          "subject": "string", "content": [{ "type!": "string", "value!": "string" }], "template_id": "string",
          "headers": { "*": "string" }, "categories": ["string"], "custom_args": { "*": "string" },
          "mail_settings": { "sandbox_mode": { "enable": "boolean" } }
        }
        """);

    protected override string Secret => "SG.secret-of-the-shop";

    protected override object Document(Uri target) =>
        new { type = "sendgrid", apiKey = Secret, from = new { email = "shop@example.com", name = "The shop" }, url = target.ToString(), timeout = "PT10S" };

    private protected override ISenderFactory Factory(SenderHttp http) => new SendGridSenderFactory(http);

    protected override string Error(string message) => $$"""{"errors":[{"message":"{{message}}","field":null,"help":null}]}""";

    private protected override (int Status, string Body, (string Name, string Value)[] Headers) Answer(Received request)
    {
        var faults = Documented.Faults(request.Body);
        return (request.Method, request.Path, request.Headers.GetValueOrDefault("authorization")) != ("POST", "/v3/mail/send", $"Bearer {Secret}")
            ? (401, Error("The provided authorization grant is invalid, expired, or revoked"), [])
            : request.Headers["content-type"] != "application/json" ? (415, Error("The Content-Type should be application/json."), [])
            : faults.Count > 0 ? (400, Error(string.Join(", ", faults)), [])
            : (202, "", [("X-Message-Id", "14c5d75ce93.dfd.64b469")]);
    }

    [Fact]
    public async Task Rendered_content_goes_along()
    {
        var request = await RequestOf(Sample.Mail());

        Assert.Equal(
            """{"personalizations":[{"to":[{"email":"ada@example.com","name":"Ada Lovelace"}],"custom_args":{"decision_id":"0123456789abcdef0123456789abcdef","workspace":"shop","trigger":"cart-abandoned","attempt":"1","ref":"b3BhcXVl"}}],"from":{"email":"shop@example.com","name":"The shop"},"headers":{"List-Unsubscribe":"<https://shop.example/u/c2lnbmVk>","List-Unsubscribe-Post":"List-Unsubscribe=One-Click"},"subject":"Your <cart>","content":[{"type":"text/plain","value":"Mug & more"},{"type":"text/html","value":"<p>Mug & more</p>"}]}""",
            Encoding.UTF8.GetString(request.Body));
        Assert.Equal(["authorization", "content-length", "content-type", "host", "user-agent"], request.Headers.Keys.Order(StringComparer.Ordinal));
    }

    [Fact]
    public async Task A_dynamic_template_gets_what_ours_would_see()
    {
        var message = Sample.Mail() with { Content = null };
        var request = await RequestOf(message, new { templateId = "d-1", sandbox = true, replyTo = new { email = "help@example.com" } });

        Assert.Equal(
            """{"personalizations":[{"to":[{"email":"ada@example.com","name":"Ada Lovelace"}],"custom_args":{"decision_id":"0123456789abcdef0123456789abcdef","workspace":"shop","trigger":"cart-abandoned","attempt":"1","ref":"b3BhcXVl"},"dynamic_template_data":{"customer":"ada/é","traits":{"name":"Ada Lovelace","email":"ada@example.com"},"cart":{"id":"c7","total":39.80,"items":[{"productId":"mug","name":"Mug","quantity":2,"price":19.90,"url":"https://shop.example/mug","imageUrl":null}]},"event":{"name":"Product Added","properties":{"price":19.90}},"data":{ "campaign" : "spring" },"trigger":"cart-abandoned","key":"c7","unsubscribe":"https://shop.example/u/c2lnbmVk"}}],"from":{"email":"shop@example.com","name":"The shop"},"reply_to":{"email":"help@example.com"},"headers":{"List-Unsubscribe":"<https://shop.example/u/c2lnbmVk>","List-Unsubscribe-Post":"List-Unsubscribe=One-Click"},"template_id":"d-1","mail_settings":{"sandbox_mode":{"enable":true}}}""",
            Encoding.UTF8.GetString(request.Body));
    }

    [Fact]
    public async Task A_text_that_is_empty_is_left_out()
    {
        var request = await RequestOf(Sample.Mail(content: new RenderedContent("Hi", "<img>", "")));
        Assert.Contains(""","content":[{"type":"text/html","value":"<img>"}]""", Encoding.UTF8.GetString(request.Body), StringComparison.Ordinal);
    }

    [Fact]
    public async Task The_message_id_is_kept() =>
        Assert.Equal(new Delivery(SendOutcome.Sent, "14c5d75ce93.dfd.64b469"), await AnsweredAsync(202, "", ("X-Message-Id", "14c5d75ce93.dfd.64b469")));

    [Fact]
    public async Task What_SendGrid_says_is_told_without_secrets_and_addresses() => Assert.Equal(
        new Delivery(SendOutcome.Failed, Detail: "Answered 400: Not a***@example.com with ***."),
        await AnsweredAsync(400, Error($"Not {Email} with {Secret}.")));

    [Theory]
    [InlineData(401)]
    [InlineData(403)]
    public async Task A_refused_key_waits_for_the_operator(int status) =>
        Assert.Equal(SendOutcome.Retry, (await AnsweredAsync(status, Error("no"))).Outcome);

    [Fact]
    public async Task The_end_of_a_rate_limit_is_heeded()
    {
        var reset = Clock.Now.AddSeconds(42).ToUnixTimeSeconds().ToString(System.Globalization.CultureInfo.InvariantCulture);
        Assert.Equal(TimeSpan.FromSeconds(42), (await AnsweredAsync(429, Error("too many requests"), ("X-RateLimit-Reset", reset))).RetryAfter);
    }

    [Fact]
    public async Task A_send_needs_content_or_a_template_of_SendGrid()
    {
        await using var provider = await StartAsync(Behaviour.Takes);
        var delivery = await DeliverAsync(Sender(provider.Url), Sample.Mail() with { Content = null });
        Assert.Equal((SendOutcome.Failed, "A mail needs a template, and the send names none."), (delivery.Outcome, delivery.Detail));
    }

    [Fact]
    public async Task Letters_beyond_ASCII_are_for_the_domain_only()
    {
        await using var provider = await StartAsync(Behaviour.Takes);
        var delivery = await DeliverAsync(Sender(provider.Url), Sample.Mail("\"zoë@example.com\""));
        Assert.Equal(SendOutcome.Failed, delivery.Outcome);
        Assert.Equal(0, provider.Taken());
        Assert.Contains("\"ada@xn--bcher-kva.example\"", Encoding.UTF8.GetString((await RequestOf(Sample.Mail("\"ada@BÜCHER.example\""))).Body), StringComparison.Ordinal);
    }

    [Fact]
    public void Faults_of_a_document_are_pointed_at()
    {
        Assert.Equal("/apiKey", Assert.Single(Validate(With("apiKey", null))).Pointer);
        Assert.Equal("/from", Assert.Single(Validate(With("from", null))).Pointer);
        Assert.Equal("/from/email", Assert.Single(Validate(With("from", new { email = "shop" }))).Pointer);
        Assert.Equal("/replyTo/email", Assert.Single(Validate(With("replyTo", new { name = "x" }))).Pointer);
        Assert.Equal("/url", Assert.Single(Validate(With("url", "http://api.sendgrid.com"))).Pointer);
        Assert.Empty(Validate(With("url", null)));
    }
}
