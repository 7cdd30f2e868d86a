using System.Net;
using System.Net.Sockets;
using System.Text;
using Microsoft.AspNetCore.Http;
using Orleans.Personalize.Senders;
using Orleans.Personalize.Senders.Http;
using Orleans.Personalize.Sending;

namespace Orleans.Personalize.Silo.Tests.Senders;

/// <summary>The contract for senders that speak HTTP, against a real server.</summary>
public abstract class HttpSenderContract : SenderContract
{
    /// <summary>The last double.</summary>
    private protected Receiver Receiver { get; private set; } = null!;

    /// <summary>Checks a request against the provider's documents, and answers as they say.</summary>
    private protected abstract (int Status, string Body, (string Name, string Value)[] Headers) Answer(Received request);

    /// <summary>The provider's form of an error.</summary>
    protected abstract string Error(string message);

    private protected abstract ISenderFactory Factory(SenderHttp http);

    private protected override ISenderFactory Factory(bool allowPrivateTargets, Func<string, CancellationToken, Task<IPAddress[]>> resolve)
    {
        var http = new SenderHttp(new SenderOptions { AllowPrivateTargets = allowPrivateTargets }, Clock, resolve);
        Own(http);
        return Factory(http);
    }

    private protected override async Task<Double> StartAsync(Behaviour behaviour, Func<Task> silence)
    {
        if (behaviour == Behaviour.Babbles)
            return Babbling();
        Receiver = behaviour == Behaviour.IsNotTrusted
            ? await Receiver.Answering(_ => Task.CompletedTask, SelfSigned())
            : await Receiver.Answering(context => Behave(context, behaviour, silence));
        return new Double(
            new Uri($"{(behaviour == Behaviour.IsNotTrusted ? "https" : "http")}://127.0.0.1:{Receiver.Port}/"), () => Receiver.Requests.Count, Receiver);
    }

    /// <summary>Delivers to a double that answers this.</summary>
    private protected async Task<Delivery> AnsweredAsync(int status, string body = "", params (string Name, string Value)[] headers)
    {
        await using var receiver = await Receiver.Answering(context => Write(context, status, body, headers));
        return await DeliverAsync(Sender(new Uri($"http://127.0.0.1:{receiver.Port}/")));
    }

    /// <summary>The request that a message becomes, with a document of its own where one is given; the double has found it sound.</summary>
    private protected async Task<Received> RequestOf(SendMessage message, object? document = null)
    {
        await using var provider = await StartAsync(Behaviour.Takes);
        var delivery = await DeliverAsync(Sender(provider.Url, document: document is null ? null : Merge(Document(provider.Url), document)), message);
        Assert.True(delivery.Outcome == SendOutcome.Sent, delivery.Detail);
        return Receiver.Only;
    }

    [Theory]
    [InlineData(500, SendOutcome.Retry)]
    [InlineData(502, SendOutcome.Unknown)]
    [InlineData(503, SendOutcome.Retry)]
    [InlineData(504, SendOutcome.Unknown)]
    [InlineData(524, SendOutcome.Unknown)]
    [InlineData(302, SendOutcome.Failed)]
    [InlineData(404, SendOutcome.Failed)]
    [InlineData(413, SendOutcome.Failed)]
    [InlineData(408, SendOutcome.Retry)]
    public async Task A_status_says_the_same_everywhere(int status, SendOutcome outcome) =>
        Assert.Equal(outcome, (await AnsweredAsync(status, "<html>no JSON</html>")).Outcome);

    [Fact]
    public async Task A_wait_may_be_given_as_a_date() =>
        Assert.Equal(TimeSpan.FromMinutes(5), (await AnsweredAsync(429, "", ("Retry-After", "Sun, 01 Mar 2026 12:05:00 GMT"))).RetryAfter);

    [Fact]
    public async Task A_long_error_is_judged_by_its_status() =>
        Assert.Equal(SendOutcome.Failed, (await AnsweredAsync(400, Error(new string('x', 100_000)))).Outcome);

    private Task Behave(HttpContext context, Behaviour behaviour, Func<Task> silence)
    {
        var (status, body, headers) = Answer(Receiver.Requests.Last());
        return behaviour switch
        {
            Behaviour.Takes => Write(context, status, body, headers),
            Behaviour.Refuses => Write(context, 400, Error($"Not {Email}, not with {Secret}.")),
            Behaviour.IsBusy => Write(context, 429, Error("Slow down."), ("Retry-After", "120")),
            Behaviour.Fails => Write(context, 503, Error("We failed.")),
            Behaviour.KeepsSilent => Hang(context, silence),
            Behaviour.Resets => Abort(context),
            Behaviour.TalksWithoutEnd => Talk(context, status, headers),
            Behaviour.StopsTalking => Stop(context, status, body, headers, silence),
            _ => throw new ArgumentOutOfRangeException(nameof(behaviour)),
        };
    }

    private static Task Write(HttpContext context, int status, string body, params (string Name, string Value)[] headers)
    {
        context.Response.StatusCode = status;
        foreach (var (name, value) in headers)
            context.Response.Headers[name] = value;
        return body.Length == 0 ? Task.CompletedTask : context.Response.WriteAsync(body);
    }

    private static async Task Hang(HttpContext context, Func<Task> silence)
    {
        await silence();
        await Task.Delay(Timeout.Infinite, context.RequestAborted);
    }

    private static Task Abort(HttpContext context)
    {
        context.Abort();
        return Task.CompletedTask;
    }

    private static async Task Talk(HttpContext context, int status, (string Name, string Value)[] headers)
    {
        await Write(context, status, "[", headers);
        while (!context.RequestAborted.IsCancellationRequested)
            await context.Response.WriteAsync(new string(' ', 8192), CancellationToken.None);
    }

    private async Task Stop(HttpContext context, int status, string body, (string Name, string Value)[] headers, Func<Task> silence)
    {
        await Write(context, status, body.Length == 0 ? "x" : body[..^1], headers);
        await context.Response.Body.FlushAsync();
        // Who wants the body waits for it; who does not has gone by now.
        if (HalfAnswered != SendOutcome.Sent)
            await silence();
        await Task.Delay(Timeout.Infinite, context.RequestAborted);
    }

    private static Double Babbling()
    {
        var listener = new TcpListener(IPAddress.Loopback, 0);
        listener.Start();
        var serving = Serve();
        return new Double(new Uri($"http://{listener.LocalEndpoint}/"), () => 1, new Stopping(async () =>
        {
            listener.Stop();
            await serving;
        }));

        async Task Serve()
        {
            try
            {
                while (true)
                {
                    using var client = await listener.AcceptTcpClientAsync();
                    // What is left unread would turn the end of the connection into a reset.
                    var buffer = new byte[64 * 1024];
                    for (var (read, count) = (1, 0); read > 0 && !buffer.AsSpan(0, count).EndsWith("}"u8); count += read)
                        read = await client.GetStream().ReadAsync(buffer.AsMemory(count));
                    await client.GetStream().WriteAsync(Encoding.ASCII.GetBytes("220 smtp.example ESMTP\r\n\r\n"));
                }
            }
            catch (Exception fault) when (fault is SocketException or IOException or ObjectDisposedException)
            {
                // The test is over.
            }
        }
    }

    private static Dictionary<string, object?> Merge(object document, object more)
    {
        var merged = new Dictionary<string, object?>();
        foreach (var source in (object[])[document, more])
        {
            foreach (var property in System.Text.Json.JsonSerializer.SerializeToElement(source).EnumerateObject())
                merged[property.Name] = property.Value;
        }
        return merged;
    }

    private sealed class Stopping(Func<Task> stop) : IAsyncDisposable
    {
        public async ValueTask DisposeAsync() => await stop();
    }
}
