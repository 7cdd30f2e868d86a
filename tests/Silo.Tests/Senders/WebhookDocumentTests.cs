using System.Text.Json;
using Microsoft.Extensions.Configuration;
using Microsoft.Extensions.DependencyInjection;
using Orleans.Personalize.Sending;
using Orleans.Personalize.Senders;
using Orleans.Personalize.Senders.Http;

namespace Orleans.Personalize.Silo.Tests.Senders;

public sealed class WebhookDocumentTests
{
    private const string Good = "whsec_MfKQ9r8GKYqrTwjUPD8ILPZIo2LaLaSw";

    [Theory]
    [InlineData("https://shop.example/hook")]
    [InlineData("https://shop.example:8443/hook?a=b")]
    [InlineData("https://8.8.8.8/")]
    [InlineData("https://[2606:4700:4700::1111]/")]
    [InlineData("https://bücher.example/")]
    public void A_public_url_is_sound(string url) => Assert.Empty(Validate(new { type = "webhook", channel = "email", url, secret = Good }));

    [Theory]
    [InlineData("")]
    [InlineData("hook")]
    [InlineData("/hook")]
    [InlineData("//shop.example/hook")]
    [InlineData("https://")]
    [InlineData("http://shop.example/")]
    [InlineData("ftp://shop.example/")]
    [InlineData("file:///etc/passwd")]
    [InlineData("javascript:alert(1)")]
    [InlineData("https://user:word@shop.example/")]
    [InlineData("https://127.0.0.1/")]
    [InlineData("https://2130706433/")]
    [InlineData("https://0x7f.1/")]
    [InlineData("https://[::1]/")]
    [InlineData("https://[::ffff:10.0.0.1]/")]
    [InlineData("https://169.254.169.254/latest/meta-data")]
    [InlineData(null)]
    [InlineData(5)]
    public void An_unsound_url_is_pointed_at(object? url) =>
        Assert.Equal("/url", Assert.Single(Validate(new { type = "webhook", url, secret = Good })).Pointer);

    [Theory]
    [InlineData("http://shop.example/")]
    [InlineData("http://127.0.0.1:8080/hook")]
    [InlineData("https://localhost/")]
    public void The_operator_may_allow_private_targets(string url)
    {
        Assert.Empty(Validate(new { type = "webhook", url, secret = Good }, allowPrivateTargets: true));
        Assert.Equal("/url", Assert.Single(Validate(new { type = "webhook", url = "ftp://127.0.0.1/", secret = Good }, allowPrivateTargets: true)).Pointer);
    }

    public static TheoryData<object?, string?> Secrets => new()
    {
        { Good, null },
        { Bytes(24), null },
        { Bytes(64), null },
        { new[] { Good, Bytes(32) }, null },
        { null, "/secret" },
        { 5, "/secret" },
        { "", "/secret" },
        { "whsec_", "/secret" },
        { Bytes(23), "/secret" },
        { Bytes(65), "/secret" },
        { Bytes(200), "/secret" },
        { Good["whsec_".Length..], "/secret" },
        { "whsec_not base64 at all, is it?!", "/secret" },
        { Array.Empty<string>(), "/secret" },
        { Enumerable.Repeat(Good, 5).ToArray(), "/secret" },
        { new object[] { Good, 7 }, "/secret/1" },
        { new[] { Bytes(5), Good }, "/secret/0" },
    };

    [Theory]
    [MemberData(nameof(Secrets))]
    public void A_secret_is_checked_and_never_repeated(object? secret, string? pointer)
    {
        var errors = Validate(new { type = "webhook", url = "https://shop.example/", secret });
        Assert.Equal(pointer, errors.SingleOrDefault()?.Pointer);
        Assert.All(errors, error => Assert.DoesNotContain("base64 at all", error.Detail, StringComparison.Ordinal));
    }

    [Theory]
    [InlineData("PT1S", true)]
    [InlineData("PT0.5M", false)]
    [InlineData("PT30S", true)]
    [InlineData("PT0.999S", false)]
    [InlineData("PT31S", false)]
    [InlineData("P1D", false)]
    [InlineData("-PT5S", false)]
    [InlineData("P99999999999999999D", false)]
    [InlineData("15", false)]
    [InlineData(15, false)]
    [InlineData(null, true)]
    public void A_timeout_is_1_to_30_seconds(object? timeout, bool sound) =>
        Assert.Equal(sound ? [] : ["/timeout"], Validate(new { type = "webhook", url = "https://shop.example/", secret = Good, timeout }).Select(error => error.Pointer));

    [Fact]
    public void Every_fault_is_listed()
    {
        Assert.Equal(["/type", "/channel", "/url", "/secret", "/timeout"], Validate(new { type = "log", channel = "", timeout = "" }).Select(error => error.Pointer));
        Assert.Equal("", Assert.Single(Validate(Array.Empty<int>())).Pointer);
    }

    [Fact]
    public void A_document_that_is_no_longer_allowed_makes_no_sender()
    {
        using var http = new SenderHttp(new SenderOptions(), TimeProvider.System);
        var factory = new WebhookSenderFactory(http);
        var document = JsonSerializer.SerializeToElement(new { type = "webhook", url = "http://127.0.0.1/", secret = Good });
        Assert.DoesNotContain(Good, Assert.Throws<ArgumentException>(() => factory.Create("shop", "hook", document)).Message, StringComparison.Ordinal);
    }

    [Theory]
    [InlineData("true", 0)]
    [InlineData("false", 1)]
    [InlineData(null, 1)]
    public void Registration_brings_all_types_and_reads_the_configuration(string? allowPrivateTargets, int errors)
    {
        var configuration = new ConfigurationBuilder().AddInMemoryCollection(new Dictionary<string, string?>
        {
            ["Personalize:DataDirectory"] = Path.GetTempPath(),
            ["Personalize:Senders:AllowPrivateTargets"] = allowPrivateTargets,
        }).Build();
        using var services = new ServiceCollection().AddSenders(configuration).BuildServiceProvider();
        var factories = services.GetServices<ISenderFactory>().ToDictionary(factory => factory.Type);

        Assert.Equal(["klaviyo", "log", "mandrill", "sendgrid", "smtp", "webhook"], factories.Keys.Order());
        Assert.Equal(errors, factories["webhook"].Validate(JsonSerializer.SerializeToElement(new { type = "webhook", url = "http://127.0.0.1/", secret = Good })).Count);
    }

    private static string Bytes(int count) => "whsec_" + Convert.ToBase64String(new byte[count]);

    private static IReadOnlyList<DocumentError> Validate(object document, bool allowPrivateTargets = false)
    {
        using var http = new SenderHttp(new SenderOptions { AllowPrivateTargets = allowPrivateTargets }, TimeProvider.System);
        return new WebhookSenderFactory(http).Validate(JsonSerializer.SerializeToElement(document));
    }
}
