using System.Text.Json;
using static Orleans.Personalize.Tests.GatewayServer;

namespace Orleans.Personalize.Tests;

public sealed class TestSendTests : IAsyncLifetime
{
    private GatewayServer server = null!;

    public async Task InitializeAsync()
    {
        server = await StartAsync();
        await server.Admin.PutAsync("/v1/senders/mail", Json("""{"type":"log"}"""));
        await server.Admin.PutAsync("/v1/templates/hello", Json("""{"text":"Hello"}"""));
    }

    public async Task DisposeAsync() => await server.DisposeAsync();

    [Fact]
    public async Task The_providers_answer_is_passed_on()
    {
        TestMessage? asked = null;
        server.Grains.Sender("default/mail").OnTest = message =>
        {
            asked = message;
            return new(SendOutcome.Failed, "p-1", "no such mailbox", "[Test] Hello", TimeSpan.FromMilliseconds(1234.4));
        };

        var answer = await server.Admin.PostAsync(
            "/v1/senders/mail/test", Json("""{"to":"ann@example.com","template":"hello","event":{"name":"Viewed","properties":{"a":1}}}"""));

        Assert.Equal(
            """{"outcome":"failed","providerId":"p-1","detail":"no such mailbox","subject":"[Test] Hello","seconds":1.234}""", (await ReadAsync(answer)).GetRawText());
        Assert.Equal(("ann@example.com", "hello", null, "Viewed", """{"a":1}"""), (asked!.To, asked.Template, asked.Text, asked.EventName, asked.EventProperties.ToString()));
        Assert.Equal("configured", asked.By);
    }

    [Theory]
    [InlineData("""{"text":"Hello"}""", "/to")]
    [InlineData("""{"to":"nowhere","text":"Hello"}""", "/to")]
    [InlineData("""{"to":7,"text":"Hello"}""", "/to")]
    [InlineData("""{"to":"a@b.c"}""", "/text")]
    [InlineData("""{"to":"a@b.c","text":"Hello","template":"hello"}""", "/text")]
    [InlineData("""{"to":"a@b.c","text":""}""", "/text")]
    [InlineData("""{"to":"a@b.c","template":"nothing"}""", "/template")]
    [InlineData("""{"to":"a@b.c","template":"hello","customer":"nobody"}""", "/customer")]
    [InlineData("""{"to":"a@b.c","template":"hello","customer":""}""", "/customer")]
    [InlineData("""{"to":"a@b.c","template":"hello","event":{"name":7}}""", "/event/name")]
    [InlineData("""{"to":"a@b.c","template":"hello","event":{"properties":[]}}""", "/event/properties")]
    [InlineData("""{"to":"a@b.c","text":"Hello","subject":"x"}""", "/subject")]
    public async Task A_bad_request_names_the_field_and_sends_nothing(string json, string pointer)
    {
        var isSent = false;
        server.Grains.Sender("default/mail").OnTest = _ =>
        {
            isSent = true;
            return null;
        };
        var problem = await ProblemAsync(400, await server.Admin.PostAsync("/v1/senders/mail/test", Json(json)));
        Assert.Equal(pointer, problem.GetProperty("errors")[0].GetProperty("pointer").GetString());
        Assert.False(isSent);
    }

    [Fact]
    public async Task Whoever_is_suppressed_gets_no_test_and_nobody_is_asked_of_a_sender_that_is_none()
    {
        await server.Grains.Suppressions("default", "ann@example.com").Add([new("ann@example.com", "complaint", null, default, "api")]);
        var problem = await ProblemAsync(409, await server.Admin.PostAsync("/v1/senders/mail/test", Json("""{"to":"Ann@Example.com","text":"Hello"}""")));
        Assert.Contains("complaint", problem.GetProperty("detail").GetString());
        await ProblemAsync(404, await server.Admin.PostAsync("/v1/senders/none/test", Json("""{"to":"bob@example.com","text":"Hello"}""")));
        await ProblemAsync(503, await server.Admin.PostAsync("/v1/senders/mail/test", Json("""{"to":"bob@example.com","text":"Hello"}""")));
    }

    [Fact]
    public async Task The_customers_own_profile_is_what_a_template_is_rendered_with()
    {
        CustomerView? profile = null;
        server.Grains.Customer("default/ann").View = Testing.FakeViews.Of("ann");
        server.Grains.Sender("default/mail").OnTest = message =>
        {
            profile = message.Profile;
            return new(SendOutcome.Sent, null, null, null, default);
        };
        var answer = await server.Admin.PostAsync("/v1/senders/mail/test", Json("""{"to":"a@b.c","template":"hello","customer":"ann"}"""));
        Assert.Equal(JsonValueKind.Null, (await ReadAsync(answer)).GetProperty("detail").ValueKind);
        Assert.Equal("ann", profile?.Customer);
    }
}
