using System.Text.Json;
using Orleans.Personalize.Gateway.Connectors;
using Orleans.Personalize.Sending;

namespace Orleans.Personalize.Senders.Http;

/// <param name="Keys">Each one signs.</param>
internal sealed record WebhookSettings(Uri Url, IReadOnlyList<byte[]> Keys, TimeSpan Timeout);

/// <summary>
/// Posts each send to one URL as a Standard Webhook, signed. The decision id is the <c>webhook-id</c>, the same on every retry. Only the
/// status and <c>Retry-After</c> of the answer are looked at.
/// </summary>
internal sealed class WebhookSender(SenderHttp http, WebhookSettings settings) : ISender
{
    public Task<Delivery> DeliverAsync(SendMessage message, CancellationToken cancellation)
    {
        var body = Body(message);
        return http.PostAsync(Request(message.Job.DecisionId, body), body, settings.Timeout, answer => Task.FromResult(Judge(answer)), cancellation);
    }

    private static Delivery Judge(Answer answer) => answer.Status switch
    {
        410 => new Delivery(SendOutcome.Failed, Detail: "Answered 410: the receiver wants no more webhooks."),
        // How a receiver that keeps webhook ids says that an earlier attempt is still under way.
        409 => new Delivery(SendOutcome.Retry, Detail: "Answered 409.", RetryAfter: answer.RetryAfter),
        _ => answer.Judge(),
    };

    private HttpRequestMessage Request(string id, ReadOnlyMemory<byte> body)
    {
        var timestamp = http.Clock.GetUtcNow().ToUnixTimeSeconds();
        return new HttpRequestMessage(HttpMethod.Post, settings.Url)
        {
            Headers =
            {
                { "webhook-id", id },
                { "webhook-timestamp", timestamp.ToString() },
                { "webhook-signature", StandardWebhook.Sign(id, timestamp, body.Span, settings.Keys) },
                { "user-agent", SenderHttp.UserAgent },
            },
        };
    }

    private static ReadOnlyMemory<byte> Body(SendMessage message) => SenderJson.Object(json =>
    {
        var job = message.Job;
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
        json.WritePropertyName("event");
        SenderJson.WriteEvent(json, job);
        json.WriteRaw("data", job.Data);
        json.WritePropertyName("traits");
        SenderJson.WriteTraits(json, job.Profile.Traits);
        if (message.Unsubscribe is { } unsubscribe)
            json.WriteString("unsubscribe", unsubscribe.AbsoluteUri);
        json.WriteEndObject();
    });

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
