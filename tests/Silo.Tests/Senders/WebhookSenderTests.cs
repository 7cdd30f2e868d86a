using System.Collections.Concurrent;
using System.Diagnostics;
using System.Globalization;
using System.Net;
using System.Net.Sockets;
using System.Security.Cryptography;
using System.Security.Cryptography.X509Certificates;
using System.Text;
using System.Text.Json;
using Microsoft.AspNetCore.Http;
using Orleans.Personalize.Gateway.Connectors;
using Orleans.Personalize.Sending;
using Orleans.Personalize.Senders;
using Orleans.Personalize.Senders.Http;

namespace Orleans.Personalize.Silo.Tests.Senders;

public sealed class WebhookSenderTests : IDisposable
{
    private const string Secret = "whsec_MfKQ9r8GKYqrTwjUPD8ILPZIo2LaLaSw";
    private const string OtherSecret = "whsec_AAECAwQFBgcICQoLDA0ODxAREhMUFRYXGBkaGxwdHh8=";

    private readonly ManualClock clock = new(new DateTimeOffset(2026, 3, 1, 10, 5, 0, 999, TimeSpan.Zero));
    private readonly List<SenderHttp> ways = [];

    public void Dispose() => ways.ForEach(http => http.Dispose());

    [Fact]
    public async Task The_request_is_a_standard_webhook()
    {
        await using var receiver = await Receiver.Answering(204);
        var delivery = await Deliver(receiver.Url);

        Assert.Equal(new Delivery(SendOutcome.Sent), delivery);
        var request = receiver.Only;
        Assert.Equal(("POST", "/hook?shop=1"), (request.Method, request.Path));
        Assert.Equal("application/json", request.Headers["content-type"]);
        Assert.Equal(Sample.DecisionId, request.Headers["webhook-id"]);
        Assert.Equal("1772359500", request.Headers["webhook-timestamp"]);
        Assert.Equal(Signature(request, Secret), request.Headers["webhook-signature"]);
        Assert.Equal(
            """{"type":"send","timestamp":"2026-03-01T10:00:00.000Z","data":{"decisionId":"0123456789abcdef0123456789abcdef","attempt":1,"workspace":"shop","customer":"ada/é","trigger":"cart-abandoned","key":"c7","template":"cart","content":{"subject":"Your <cart>","html":"<p>Mug & more</p>","text":"Mug & more"},"event":{"name":"Product Added","properties":{"price":19.90}},"data":{ "campaign" : "spring" },"traits":{"first name":"Ada","age":36}}}""",
            Encoding.UTF8.GetString(request.Body));
    }

    [Fact]
    public async Task What_a_send_does_not_have_is_null()
    {
        await using var receiver = await Receiver.Answering(200);
        var job = Sample.Job() with { Key = null, Template = null, Data = default, EventName = null, EventProperties = default };
        await Deliver(receiver.Url, message: Sample.Message(job) with { Content = null });

        using var body = JsonDocument.Parse(receiver.Only.Body);
        var data = body.RootElement.GetProperty("data");
        foreach (var name in (string[])["key", "template", "content", "data"])
            Assert.Equal(JsonValueKind.Null, data.GetProperty(name).ValueKind);
        Assert.Equal("""{"name":null,"properties":null}""", data.GetProperty("event").GetRawText());
    }

    /// <summary>The example of the specification's reference libraries.</summary>
    [Fact]
    public void A_signature_is_the_published_one() => Assert.Equal(
        "v1,g0hM9SsE+OTPJTGt/tmIKtSyZlE3uFJELVlNIOLJ1OE=",
        StandardWebhook.Sign("msg_p5jXN8AQM9LWM0D4loKWxJek", 1614265330, """{"test": 2432232314}"""u8, [StandardWebhook.Key(Secret)!]));

    [Fact]
    public async Task Every_attempt_has_the_same_id_and_its_own_time()
    {
        await using var receiver = await Receiver.Answering(503);
        var sender = Sender(receiver.Url);
        await sender.DeliverAsync(Sample.Message(), CancellationToken.None);
        clock.Now += TimeSpan.FromMinutes(5);
        await sender.DeliverAsync(Sample.Message(Sample.Job() with { Attempt = 2 }), CancellationToken.None);

        Assert.Equal([Sample.DecisionId, Sample.DecisionId], receiver.Requests.Select(request => request.Headers["webhook-id"]));
        Assert.Equal(["1772359500", "1772359800"], receiver.Requests.Select(request => request.Headers["webhook-timestamp"]));
        Assert.All(receiver.Requests, request => Assert.Equal(Signature(request, Secret), request.Headers["webhook-signature"]));
    }

    [Fact]
    public async Task While_the_secret_changes_each_one_signs()
    {
        await using var receiver = await Receiver.Answering(200);
        await Deliver(receiver.Url, secret: $"""["{OtherSecret}","{Secret}"]""");

        var request = receiver.Only;
        Assert.Equal($"{Signature(request, OtherSecret)} {Signature(request, Secret)}", request.Headers["webhook-signature"]);
    }

    [Theory]
    [InlineData(200, SendOutcome.Sent)]
    [InlineData(202, SendOutcome.Sent)]
    [InlineData(299, SendOutcome.Sent)]
    [InlineData(300, SendOutcome.Failed)]
    [InlineData(304, SendOutcome.Failed)]
    [InlineData(400, SendOutcome.Failed)]
    [InlineData(401, SendOutcome.Failed)]
    [InlineData(404, SendOutcome.Failed)]
    [InlineData(408, SendOutcome.Retry)]
    [InlineData(409, SendOutcome.Retry)]
    [InlineData(410, SendOutcome.Failed)]
    [InlineData(413, SendOutcome.Failed)]
    [InlineData(422, SendOutcome.Failed)]
    [InlineData(425, SendOutcome.Retry)]
    [InlineData(429, SendOutcome.Retry)]
    [InlineData(499, SendOutcome.Failed)]
    [InlineData(500, SendOutcome.Retry)]
    [InlineData(502, SendOutcome.Unknown)]
    [InlineData(504, SendOutcome.Unknown)]
    [InlineData(503, SendOutcome.Retry)]
    [InlineData(599, SendOutcome.Unknown)]
    public async Task The_status_decides(int status, SendOutcome outcome)
    {
        await using var receiver = await Receiver.Answering(status);
        var delivery = await Deliver(receiver.Url);

        Assert.Equal(outcome, delivery.Outcome);
        Assert.Equal(outcome != SendOutcome.Sent, delivery.Detail?.Contains(status.ToString(CultureInfo.InvariantCulture), StringComparison.Ordinal) is true);
        Assert.Null(delivery.RetryAfter);
    }

    [Theory]
    [InlineData("120", 120.0)]
    [InlineData("0", null)]
    [InlineData("-5", null)]
    [InlineData("soon", null)]
    [InlineData("1.5", null)]
    [InlineData("99999999999999999999", null)]
    [InlineData("2000000", 86_400.0)]
    [InlineData("Sun, 01 Mar 2026 10:06:00 GMT", 59.001)]
    [InlineData("Sunday, 01-Mar-26 10:06:00 GMT", 59.001)]
    [InlineData("Sun Mar  1 10:06:00 2026", 59.001)]
    [InlineData("Sun, 01 Mar 2026 09:00:00 GMT", null)]
    [InlineData("Fri, 31 Dec 9999 23:59:59 GMT", 86_400.0)]
    public async Task Retry_after_is_honoured_within_a_day(string header, double? seconds)
    {
        await using var receiver = await Receiver.Answering(429, ("Retry-After", header));
        var delivery = await Deliver(receiver.Url);

        Assert.Equal(SendOutcome.Retry, delivery.Outcome);
        Assert.Equal(seconds, delivery.RetryAfter?.TotalSeconds);
    }

    [Fact]
    public async Task A_redirect_is_not_followed()
    {
        await using var elsewhere = await Receiver.Answering(200);
        await using var receiver = await Receiver.Answering(307, ("Location", elsewhere.Url));
        var delivery = await Deliver(receiver.Url);

        Assert.Equal(new Delivery(SendOutcome.Failed, Detail: "Answered 307; redirects are not followed."), delivery);
        Assert.Empty(elsewhere.Requests);
    }

    [Fact]
    public async Task The_timeout_is_the_documents()
    {
        await using var receiver = await Receiver.Answering(async context =>
        {
            clock.Expire();
            await Task.Delay(Timeout.Infinite, context.RequestAborted);
        });
        var delivery = await Deliver(receiver.Url, more: ""","timeout":"PT20S" """);

        Assert.Equal(new Delivery(SendOutcome.Unknown, Detail: "No answer within PT20S."), delivery);
        Assert.Contains(TimeSpan.FromSeconds(20), clock.Waits);
    }

    [Fact]
    public async Task An_answers_endless_body_is_cut_off()
    {
        var cutOff = new TaskCompletionSource();
        await using var receiver = await Receiver.Answering(async context =>
        {
            context.RequestAborted.Register(cutOff.SetResult);
            var block = new byte[16 * 1024];
            while (!context.RequestAborted.IsCancellationRequested)
                await context.Response.Body.WriteAsync(block, CancellationToken.None);
        });
        Assert.Equal(SendOutcome.Sent, (await Deliver(receiver.Url)).Outcome);

        await cutOff.Task.WaitAsync(TimeSpan.FromSeconds(30));
    }

    [Fact]
    public async Task A_connection_is_used_again()
    {
        var connections = new ConcurrentBag<string>();
        await using var receiver = await Receiver.Answering(context =>
        {
            connections.Add(context.Connection.Id);
            return Task.CompletedTask;
        });
        var factory = Factory();
        for (var number = 0; number < 5; number++)
            await Sender(receiver.Url, factory: factory).DeliverAsync(Sample.Message(), CancellationToken.None);

        Assert.Equal(5, connections.Count);
        Assert.Single(connections.Distinct());
    }

    [Fact]
    public async Task No_cookie_is_kept_and_no_trace_is_told()
    {
        using var listener = new ActivityListener { ShouldListenTo = _ => true, Sample = (ref ActivityCreationOptions<ActivityContext> _) => ActivitySamplingResult.AllData };
        ActivitySource.AddActivityListener(listener);
        using var activity = new Activity("test").AddBaggage("customer", "ada").Start();
        await using var receiver = await Receiver.Answering(200, ("Set-Cookie", "a=b"));
        var sender = Sender(receiver.Url);
        await sender.DeliverAsync(Sample.Message(), CancellationToken.None);
        await sender.DeliverAsync(Sample.Message(), CancellationToken.None);

        string[] expected = ["content-length", "content-type", "host", "user-agent", "webhook-id", "webhook-signature", "webhook-timestamp"];
        Assert.All(receiver.Requests, request => Assert.Equal(expected, request.Headers.Keys.Order(StringComparer.Ordinal)));
    }

    [Theory]
    [InlineData("", "the connection ended early")]
    [InlineData("HTTP/1.1 ", "the connection ended early")]
    [InlineData("220 smtp.example ESMTP\r\n\r\n", "the response is not HTTP")]
    public async Task After_a_broken_answer_the_outcome_is_unknown(string answer, string detail)
    {
        using var listener = new TcpListener(IPAddress.Loopback, 0);
        listener.Start();
        var serving = Serve(listener, answer);
        var delivery = await Deliver($"http://127.0.0.1:{((IPEndPoint)listener.LocalEndpoint).Port}/");
        listener.Stop();

        Assert.Equal(new Delivery(SendOutcome.Unknown, Detail: $"No answer: {detail}."), delivery);
        await serving;
    }

    [Theory]
    [InlineData("127.0.0.1")]
    [InlineData("10.0.0.1")]
    [InlineData("169.254.169.254")]
    [InlineData("::1")]
    [InlineData("::ffff:127.0.0.1")]
    [InlineData("64:ff9b::7f00:1")]
    public async Task A_public_name_with_a_private_address_is_refused(string address)
    {
        await using var receiver = await Receiver.Answering(200);
        var factory = Factory(allowPrivateTargets: false, (_, _) => Task.FromResult<IPAddress[]>([IPAddress.Parse(address)]));
        var delivery = await Deliver($"https://shop.example:{receiver.Port}/", factory: factory);

        Assert.Equal(new Delivery(SendOutcome.Failed, Detail: "The target's address is not public."), delivery);
        Assert.Empty(receiver.Requests);
    }

    /// <summary>A name that answers with a public address to a check and with a private one to the connection has no second look-up to abuse.</summary>
    [Fact]
    public async Task The_address_that_was_looked_up_once_is_the_one_connected_to()
    {
        await using var receiver = await Receiver.Answering(200);
        var lookups = new ConcurrentQueue<string>();
        var factory = Factory(resolve: (host, _) =>
        {
            lookups.Enqueue(host);
            return Task.FromResult<IPAddress[]>([IPAddress.Loopback]);
        });
        Assert.Equal(SendOutcome.Sent, (await Deliver($"http://shop.example:{receiver.Port}/", factory: factory)).Outcome);

        Assert.Equal("shop.example", Assert.Single(lookups));
        Assert.Equal($"shop.example:{receiver.Port}", receiver.Only.Headers["host"]);
    }

    [Fact]
    public async Task The_next_address_is_tried_where_one_does_not_answer()
    {
        await using var receiver = await Receiver.Answering(200);
        var factory = Factory(resolve: (_, _) => Task.FromResult<IPAddress[]>([IPAddress.Parse("127.0.0.2"), IPAddress.Loopback]));
        Assert.Equal(SendOutcome.Sent, (await Deliver($"http://shop.example:{receiver.Port}/", factory: factory)).Outcome);
    }

    private static async Task Serve(TcpListener listener, string answer)
    {
        // The client may try once more on a new connection; the listener's end ends the loop.
        for (var connection = 0; connection < 10; connection++)
        {
            try
            {
                using var client = await listener.AcceptTcpClientAsync();
                // What is left unread would turn the end of the connection into a reset.
                var buffer = new byte[64 * 1024];
                for (var (read, count) = (1, 0); read > 0 && !buffer.AsSpan(0, count).EndsWith("}}}"u8); count += read)
                    read = await client.GetStream().ReadAsync(buffer.AsMemory(count));
                await client.GetStream().WriteAsync(Encoding.ASCII.GetBytes(answer));
            }
            catch (SocketException)
            {
                return;
            }
            catch (IOException)
            {
                continue;
            }
        }
    }

    private WebhookSenderFactory Factory(bool allowPrivateTargets = true, Func<string, CancellationToken, Task<IPAddress[]>>? resolve = null)
    {
        var http = new SenderHttp(new SenderOptions { AllowPrivateTargets = allowPrivateTargets }, clock, resolve);
        ways.Add(http);
        return new WebhookSenderFactory(http);
    }

    private ISender Sender(string url, string secret = $"\"{Secret}\"", string more = "", WebhookSenderFactory? factory = null)
    {
        using var document = JsonDocument.Parse($$"""{"type":"webhook","channel":"email","url":"{{url}}","secret":{{secret}}{{more}}}""");
        factory ??= Factory();
        Assert.Empty(factory.Validate(document.RootElement));
        return factory.Create("shop", "hook", document.RootElement);
    }

    private Task<Delivery> Deliver(string url, string secret = $"\"{Secret}\"", string more = "", SendMessage? message = null, WebhookSenderFactory? factory = null) =>
        Sender(url, secret, more, factory).DeliverAsync(message ?? Sample.Message(), CancellationToken.None);

    /// <summary>Calculated by the words of the specification and by nothing of ours.</summary>
    private static string Signature(Received request, string secret)
    {
        using var hmac = new HMACSHA256(Convert.FromBase64String(secret["whsec_".Length..]));
        var signed = Encoding.UTF8.GetBytes($"{request.Headers["webhook-id"]}.{request.Headers["webhook-timestamp"]}.{Encoding.UTF8.GetString(request.Body)}");
        return "v1," + Convert.ToBase64String(hmac.ComputeHash(signed));
    }
}
