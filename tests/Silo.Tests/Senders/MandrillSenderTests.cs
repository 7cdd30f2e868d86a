using System.Text;
using System.Text.Json;
using Orleans.Personalize.Senders.Http;
using Orleans.Personalize.Sending;

namespace Orleans.Personalize.Silo.Tests.Senders;

public sealed class MandrillSenderTests : HttpSenderContract
{
    private const string Message =
        """
        {
          "html": "string", "text": "string", "subject": "string", "from_email": "string", "from_name": "string",
          "to!": [{ "email!": "string", "name": "string", "type": "string" }], "headers": { "*": "string" }, "metadata": { "*": "string" },
          "subaccount": "string", "merge_language": "string", "global_merge_vars": [{ "name!": "string", "content!": "any" }]
        }
        """;

    private static readonly JsonShape Send = new($$"""{ "key!": "string", "message!": {{Message}}, "async": "boolean" }""");

    private static readonly JsonShape SendTemplate = new(
        $$"""{ "key!": "string", "template_name!": "string", "template_content!": [{ "name!": "string", "content!": "string" }], "message!": {{Message}}, "async": "boolean" }""");

    protected override string Secret => "md-secret-of-the-shop";

    /// <summary>Mandrill's 200 says nothing without its body.</summary>
    protected override SendOutcome HalfAnswered => SendOutcome.Unknown;

    protected override object Document(Uri target) =>
        new { type = "mandrill", apiKey = Secret, from = new { email = "shop@example.com", name = "The shop" }, url = target.ToString(), timeout = "PT10S" };

    private protected override ISenderFactory Factory(SenderHttp http) => new MandrillSenderFactory(http);

    protected override string Error(string message) => Error("ValidationError", message);

    private protected override (int Status, string Body, (string Name, string Value)[] Headers) Answer(Received request)
    {
        var shape = request.Path switch
        {
            "/api/1.0/messages/send" => Send,
            "/api/1.0/messages/send-template" => SendTemplate,
            _ => null,
        };
        if (request.Method != "POST" || shape is null || request.Headers["content-type"] != "application/json")
            return (404, "", []);
        if (shape.Faults(request.Body) is { Count: > 0 } faults)
            return (500, Error("ValidationError", string.Join(", ", faults)), []);
        return JsonSerializer.Deserialize<JsonElement>(request.Body).GetProperty("key").GetString() != Secret
            ? (500, Error("Invalid_Key", "Invalid API key"), [])
            : (200, Result("sent"), []);
    }

    [Fact]
    public async Task Rendered_content_goes_along()
    {
        var request = await RequestOf(Sample.Mail(), new { replyTo = new { email = "help@example.com" } });

        Assert.Equal(
            """{"key":"md-secret-of-the-shop","message":{"subject":"Your <cart>","text":"Mug & more","html":"<p>Mug & more</p>","from_email":"shop@example.com","from_name":"The shop","to":[{"email":"ada@example.com","name":"Ada Lovelace","type":"to"}],"headers":{"Reply-To":"help@example.com","List-Unsubscribe":"<https://shop.example/u/c2lnbmVk>","List-Unsubscribe-Post":"List-Unsubscribe=One-Click"},"metadata":{"decision_id":"0123456789abcdef0123456789abcdef","workspace":"shop","trigger":"cart-abandoned","attempt":"1","ref":"b3BhcXVl"}},"async":false}""",
            Encoding.UTF8.GetString(request.Body));
        Assert.Equal(["content-length", "content-type", "host", "user-agent"], request.Headers.Keys.Order(StringComparer.Ordinal));
    }

    [Fact]
    public async Task A_template_of_Mandrill_gets_what_ours_would_see()
    {
        var request = await RequestOf(Sample.Mail() with { Content = null, Unsubscribe = null }, new { templateName = "cart", subaccount = "eu" });

        Assert.Equal("/api/1.0/messages/send-template", request.Path);
        Assert.Equal(
            """{"key":"md-secret-of-the-shop","template_name":"cart","template_content":[],"message":{"from_email":"shop@example.com","from_name":"The shop","to":[{"email":"ada@example.com","name":"Ada Lovelace","type":"to"}],"headers":{},"metadata":{"decision_id":"0123456789abcdef0123456789abcdef","workspace":"shop","trigger":"cart-abandoned","attempt":"1","ref":"b3BhcXVl"},"subaccount":"eu","merge_language":"handlebars","global_merge_vars":[{"name":"customer","content":"ada/é"},{"name":"traits","content":{"name":"Ada Lovelace","email":"ada@example.com"}},{"name":"cart","content":{"id":"c7","total":39.80,"items":[{"productId":"mug","name":"Mug","quantity":2,"price":19.90,"url":"https://shop.example/mug","imageUrl":null}]}},{"name":"event","content":{"name":"Product Added","properties":{"price":19.90}}},{"name":"data","content":{ "campaign" : "spring" }},{"name":"trigger","content":"cart-abandoned"},{"name":"key","content":"c7"}]},"async":false}""",
            Encoding.UTF8.GetString(request.Body));
    }

    [Theory]
    [InlineData("sent", SendOutcome.Sent)]
    [InlineData("queued", SendOutcome.Sent)]
    [InlineData("scheduled", SendOutcome.Sent)]
    [InlineData("rejected", SendOutcome.Failed)]
    [InlineData("invalid", SendOutcome.Failed)]
    [InlineData("pondered", SendOutcome.Unknown)]
    public async Task The_result_decides(string status, SendOutcome outcome)
    {
        var delivery = await AnsweredAsync(200, Result(status));
        Assert.Equal(outcome, delivery.Outcome);
        Assert.Equal(outcome == SendOutcome.Sent ? "abc123" : null, outcome == SendOutcome.Sent ? delivery.ProviderId : null);
        Assert.Equal(status == "rejected", delivery.Detail == "Rejected: hard-bounce.");
    }

    [Theory]
    [InlineData("Invalid_Key", SendOutcome.Retry)]
    [InlineData("PaymentRequired", SendOutcome.Retry)]
    [InlineData("Unknown_Subaccount", SendOutcome.Retry)]
    [InlineData("Unknown_Template", SendOutcome.Retry)]
    [InlineData("ServiceUnavailable", SendOutcome.Retry)]
    [InlineData("ValidationError", SendOutcome.Failed)]
    [InlineData("GeneralError", SendOutcome.Unknown)]
    [InlineData("Unheard_Of", SendOutcome.Retry)]
    public async Task An_errors_name_decides_whatever_the_status(string name, SendOutcome outcome) =>
        Assert.Equal(outcome, (await AnsweredAsync(500, Error(name, "no"))).Outcome);

    [Theory]
    [InlineData("")]
    [InlineData("<html>")]
    [InlineData("[]")]
    [InlineData("{}")]
    [InlineData("[5]")]
    [InlineData("""[{"status":5}]""")]
    [InlineData("""[{"status":"\ud800"}]""")]
    public async Task Success_without_a_result_is_unknown(string body) =>
        Assert.Equal(SendOutcome.Unknown, (await AnsweredAsync(200, body)).Outcome);

    private static string Error(string name, string message) => $$"""{"status":"error","code":-2,"name":"{{name}}","message":"{{message}}"}""";

    private static string Result(string status) =>
        $$"""[{"email":"{{Email}}","status":"{{status}}","reject_reason":"hard-bounce","_id":"abc123"}]""";
}
