using System.Buffers;
using System.Net;
using System.Net.Http.Headers;
using System.Text.Json;
using System.Xml;
using Orleans.Personalize.Sending;

namespace Orleans.Personalize.Senders;

/// <summary>
/// Posts each send to one URL as a Standard Webhook, signed. The decision id is the <c>webhook-id</c>, the same on every retry. Only the
/// status and <c>Retry-After</c> of the answer are looked at.
/// </summary>
internal sealed class WebhookSender(HttpMessageInvoker http, TimeProvider clock, Uri url, IReadOnlyList<byte[]> keys, TimeSpan timeout)
    : ISender
{
    /// <summary>A longer wait that a receiver asks for is cut to this.</summary>
    public static readonly TimeSpan RetryAfterMax = TimeSpan.FromDays(1);

    public async Task<Delivery> DeliverAsync(SendMessage message, CancellationToken cancellation)
    {
        using var request = Request(message);
        using var deadline = new CancellationTokenSource(timeout, clock);
        using var either = CancellationTokenSource.CreateLinkedTokenSource(deadline.Token, cancellation);
        try
        {
            // The body of the answer is not read: disposing drains a short one, to keep the connection, and cuts off a long one.
            using var response = await http.SendAsync(request, either.Token);
            return Judge((int)response.StatusCode, RetryAfter(response.Headers.RetryAfter));
        }
        catch (HttpRequestException fault) when (fault.GetBaseException() is TargetRefusedException refusal)
        {
            return new Delivery(SendOutcome.Failed, Detail: refusal.Message);
        }
        catch (HttpRequestException fault)
        {
            return new Delivery(SendOutcome.Retry, Detail: $"No answer: {Explain(fault.HttpRequestError)}.");
        }
        catch (OperationCanceledException) when (!cancellation.IsCancellationRequested)
        {
            return new Delivery(SendOutcome.Retry, Detail: $"No answer within {XmlConvert.ToString(timeout)}.");
        }
    }

    private static Delivery Judge(int status, TimeSpan? retryAfter) => status switch
    {
        >= 200 and < 300 => new Delivery(SendOutcome.Sent),
        >= 300 and < 400 => new Delivery(SendOutcome.Failed, Detail: $"Answered {status}; redirects are not followed."),
        410 => new Delivery(SendOutcome.Failed, Detail: "Answered 410: the receiver wants no more webhooks."),
        // 409 is how a receiver that keeps webhook ids says that an earlier attempt is still under way.
        408 or 409 or 425 or 429 or >= 500 => new Delivery(SendOutcome.Retry, Detail: $"Answered {status}.", RetryAfter: retryAfter),
        _ => new Delivery(SendOutcome.Failed, Detail: $"Answered {status}."),
    };

    private static string Explain(HttpRequestError error) => error switch
    {
        HttpRequestError.NameResolutionError => "the host's name was not found",
        HttpRequestError.ConnectionError => "no connection",
        HttpRequestError.SecureConnectionError => "no secure connection; check the certificate",
        HttpRequestError.ResponseEnded => "the connection ended early",
        HttpRequestError.InvalidResponse => "the response is not HTTP",
        HttpRequestError.ConfigurationLimitExceeded => "the response's headers are too long",
        _ => "the connection broke",
    };

    /// <summary>Seconds or an HTTP date (RFC 9110, section 10.2.3), from now; null where there is none, or it has passed.</summary>
    private TimeSpan? RetryAfter(RetryConditionHeaderValue? header)
    {
        var wait = header?.Delta ?? header?.Date - clock.GetUtcNow();
        return wait > RetryAfterMax ? RetryAfterMax : wait > TimeSpan.Zero ? wait : null;
    }

    private HttpRequestMessage Request(SendMessage message)
    {
        var body = Body(message);
        var timestamp = clock.GetUtcNow().ToUnixTimeSeconds();
        var id = message.Job.DecisionId;
        return new HttpRequestMessage(HttpMethod.Post, url)
        {
            Headers =
            {
                { "webhook-id", id },
                { "webhook-timestamp", timestamp.ToString() },
                { "webhook-signature", StandardWebhook.Sign(id, timestamp, body.Span, keys) },
                { "user-agent", "Orleans.Personalize" },
            },
            Content = new ReadOnlyMemoryContent(body) { Headers = { ContentType = new MediaTypeHeaderValue("application/json") } },
        };
    }

    private static ReadOnlyMemory<byte> Body(SendMessage message)
    {
        var job = message.Job;
        var buffer = new ArrayBufferWriter<byte>();
        using var json = new Utf8JsonWriter(buffer, SenderJson.Options);
        json.WriteStartObject();
        json.WriteString("type", "send");
        json.WriteInstant("timestamp", job.DecidedAt);
        json.WriteStartObject("data");
        json.WriteString("decisionId", job.DecisionId);
        json.WriteNumber("attempt", job.Attempt);
        json.WriteString("workspace", message.Workspace);
        json.WriteString("customer", message.CustomerId);
        json.WriteString("trigger", job.Trigger);
        json.WriteString("key", job.Key);
        json.WriteString("template", job.Template);
        WriteContent(json, message.Content);
        json.WriteStartObject("event");
        json.WriteString("name", job.EventName);
        json.WriteRaw("properties", job.EventProperties);
        json.WriteEndObject();
        json.WriteRaw("data", job.Data);
        json.WriteStartObject("traits");
        foreach (var trait in job.Profile.Traits)
            json.WriteRaw(trait.Name, trait.Value);
        json.WriteEndObject();
        json.WriteEndObject();
        json.WriteEndObject();
        json.Flush();
        return buffer.WrittenMemory;
    }

    private static void WriteContent(Utf8JsonWriter json, RenderedContent? content)
    {
        if (content is null)
        {
            json.WriteNull("content");
            return;
        }
        json.WriteStartObject("content");
        json.WriteString("subject", content.Subject);
        json.WriteString("html", content.Html);
        json.WriteString("text", content.Text);
        json.WriteEndObject();
    }
}
