using System.Text;
using Orleans.Personalize.Senders.Http;
using Orleans.Personalize.Sending;

namespace Orleans.Personalize.Silo.Tests.Senders;

public sealed class KlaviyoSenderTests : HttpSenderContract
{
    private static readonly JsonShape Documented = new(
        """
        {
          "data!": {
            "type!": "string",
            "attributes!": {
              "properties!": { "*": "any" }, "time": "string", "value": "number", "value_currency": "string", "unique_id": "string",
              "metric!": { "data!": { "type!": "string", "attributes!": { "name!": "string", "service": "string" } } },
              "profile!": { "data!": { "type!": "string", "id": "string", "attributes!": { "email": "string", "phone_number": "string", "external_id": "string" } } }
            }
          }
        }
        """);

    protected override string Secret => "pk_secret_of_the_shop";

    protected override bool IsForMail => false;

    protected override object Document(Uri target) =>
        new { type = "klaviyo", apiKey = Secret, metric = "Cart abandoned", url = target.ToString(), timeout = "PT10S" };

    private protected override ISenderFactory Factory(SenderHttp http) => new KlaviyoSenderFactory(http);

    protected override string Error(string message) =>
        $$$"""{"errors":[{"id":"1","status":400,"code":"invalid","title":"Invalid input.","detail":"{{{message}}}","source":{"pointer":"/data"}}]}""";

    private protected override (int Status, string Body, (string Name, string Value)[] Headers) Answer(Received request)
    {
        var faults = Documented.Faults(request.Body);
        return (request.Method, request.Path, request.Headers.GetValueOrDefault("authorization")) != ("POST", "/api/events", $"Klaviyo-API-Key {Secret}")
            ? (401, Error("Incorrect authentication credentials."), [])
            : request.Headers["content-type"] != "application/json" || !DateOnly.TryParseExact(request.Headers.GetValueOrDefault("revision"), "yyyy-MM-dd", out _)
                ? (400, Error("Invalid revision"), [])
            : faults.Count > 0 ? (400, Error(string.Join(", ", faults)), [])
            : (202, "", []);
    }

    [Fact]
    public async Task A_send_is_an_event_of_its_own_id()
    {
        var request = await RequestOf(Sample.Mail());

        Assert.Equal(
            """{"data":{"type":"event","attributes":{"properties":{"trigger":"cart-abandoned","key":"c7","event":{"name":"Product Added","properties":{"price":19.90}},"cart":{"id":"c7","total":39.80,"items":[{"productId":"mug","name":"Mug","quantity":2,"price":19.90,"url":"https://shop.example/mug","imageUrl":null}]},"data":{ "campaign" : "spring" },"unsubscribe":"https://shop.example/u/c2lnbmVk","subject":"Your <cart>","$extra":{"html":"<p>Mug & more</p>","text":"Mug & more"}},"time":"2026-03-01T10:00:00.000Z","unique_id":"0123456789abcdef0123456789abcdef","metric":{"data":{"type":"metric","attributes":{"name":"Cart abandoned"}}},"profile":{"data":{"type":"profile","attributes":{"external_id":"ada/é","email":"ada@example.com"}}}}}}""",
            Encoding.UTF8.GetString(request.Body));
        Assert.Equal("2026-04-15", request.Headers["revision"]);
        Assert.Equal(["accept", "authorization", "content-length", "content-type", "host", "revision", "user-agent"], request.Headers.Keys.Order(StringComparer.Ordinal));
    }

    [Theory]
    [InlineData(null)]
    [InlineData("\"nonsense\"")]
    public async Task Without_an_email_the_customers_id_names_the_profile(string? email)
    {
        var request = await RequestOf(Sample.Mail(email) with { Content = null, Unsubscribe = null });
        Assert.EndsWith(""","profile":{"data":{"type":"profile","attributes":{"external_id":"ada/é"}}}}}}""", Encoding.UTF8.GetString(request.Body), StringComparison.Ordinal);
    }

    [Fact]
    public async Task What_Klaviyo_says_is_told() => Assert.Equal(
        new Delivery(SendOutcome.Failed, Detail: "Answered 400: Not a***@example.com."), await AnsweredAsync(400, Error($"Not {Email}.")));

    [Theory]
    [InlineData(401)]
    [InlineData(403)]
    public async Task A_refused_key_waits_for_the_operator(int status) =>
        Assert.Equal(SendOutcome.Retry, (await AnsweredAsync(status, Error("no"))).Outcome);

    [Fact]
    public void Klaviyo_drops_repetitions() => Assert.True(Factory(true, System.Net.Dns.GetHostAddressesAsync).Deduplicates);

    [Fact]
    public void Faults_of_a_document_are_pointed_at()
    {
        Assert.Equal("/apiKey", Assert.Single(Validate(With("apiKey", "a\nb"))).Pointer);
        Assert.Equal("/metric", Assert.Single(Validate(With("metric", null))).Pointer);
        Assert.Equal("/metric", Assert.Single(Validate(With("metric", new string('x', 128)))).Pointer);
    }
}
