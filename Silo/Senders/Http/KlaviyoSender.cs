using System.Net.Http.Headers;
using System.Text.Json;
using Orleans.Personalize.Engine;
using Orleans.Personalize.Sending;

namespace Orleans.Personalize.Senders.Http;

/// <param name="Url">The API's root.</param>
/// <param name="Metric">The name of the event, on which a flow starts.</param>
internal sealed record KlaviyoSettings(Uri Url, string ApiKey, string Metric, TimeSpan Timeout);

/// <summary>
/// Makes senders of documents like <c>{"type":"klaviyo","apiKey":"pk_…","metric":"Cart abandoned"}</c>. Klaviyo keeps only the first event of the
/// same <c>unique_id</c>, which is the decision id, for a profile and metric.
/// </summary>
internal sealed class KlaviyoSenderFactory(SenderHttp http)
    : DocumentFactory<KlaviyoSettings>("klaviyo", deduplicates: true, "apiKey", "metric", "url", "timeout")
{
    /// <summary>Klaviyo wants fewer than 128 characters.</summary>
    private const int MetricLengthMax = 127;

    protected override KlaviyoSettings Read(DocumentReader document)
    {
        var metric = document.Text("metric");
        if (metric is not { Length: > 0 and <= MetricLengthMax })
            document.Fail("/metric", $"must have 1 to {MetricLengthMax} characters");
        return new(http.ReadUrl(document, "https://a.klaviyo.com")!, Required(document, "apiKey"), metric!, SenderHttp.ReadTimeout(document));
    }

    protected override ISender Create(KlaviyoSettings settings) => new KlaviyoSender(http, settings);
}

/// <summary>Klaviyo's Create Event (https://developers.klaviyo.com/en/reference/create_event): the flow that it starts sends the mail.</summary>
internal sealed class KlaviyoSender(SenderHttp http, KlaviyoSettings settings) : ISender
{
    /// <summary>The API's version that the request is written for.</summary>
    private const string Revision = "2026-04-15";

    private readonly Uri url = new(settings.Url, "/api/events");

    public async Task<Delivery> DeliverAsync(SendMessage message, CancellationToken cancellation)
    {
        // Without an email Klaviyo knows the customer by the id alone; a wrong one would make a profile that cannot be reached.
        var (to, _) = Recipient.Of(message.Job);
        using var request = new HttpRequestMessage(HttpMethod.Post, url)
        {
            Headers = { { "user-agent", SenderHttp.UserAgent }, { "revision", Revision }, { "accept", "application/vnd.api+json" } },
        };
        request.Headers.Authorization = new AuthenticationHeaderValue("Klaviyo-API-Key", settings.ApiKey);
        return await http.PostAsync(request, Body(message, to), settings.Timeout, Judge, cancellation);
    }

    private async Task<Delivery> Judge(Answer answer)
    {
        if (answer.IsSuccess)
            return new Delivery(SendOutcome.Sent);
        var body = await answer.ReadAsync();
        var why = string.Join("; ", body.Elements("errors").Take(3).Select(error => error.Text("detail") ?? error.Text("title")));
        return answer.JudgeAccount(ProviderText.Quote(why, settings.ApiKey));
    }

    private ReadOnlyMemory<byte> Body(SendMessage message, MailAddress? to) => SenderJson.Object(json =>
    {
        json.WriteStartObject("data");
        json.WriteString("type", "event");
        json.WriteStartObject("attributes");
        json.WriteStartObject("properties");
        WriteProperties(json, message);
        json.WriteEndObject();
        json.WriteInstant("time", message.Job.DecidedAt);
        json.WriteString("unique_id", message.Job.DecisionId);
        WriteResource(json, "metric", attributes => attributes.WriteString("name", settings.Metric));
        WriteResource(json, "profile", attributes =>
        {
            attributes.WriteString("external_id", message.CustomerId);
            if (to is not null)
                attributes.WriteString("email", to.Email);
        });
        json.WriteEndObject();
        json.WriteEndObject();
    });

    private static void WriteProperties(Utf8JsonWriter json, SendMessage message)
    {
        var job = message.Job;
        json.WriteString("trigger", job.Trigger);
        json.WriteString("key", job.Key);
        json.WritePropertyName("event");
        SenderJson.WriteEvent(json, job);
        json.WritePropertyName("cart");
        SenderJson.WriteCart(json, job.Profile.Cart);
        json.WriteRaw("data", job.Data);
        if (message.Unsubscribe is { } unsubscribe)
            json.WriteString("unsubscribe", unsubscribe.AbsoluteUri);
        if (message.Content is not { } content)
            return;
        json.WriteString("subject", content.Subject);
        // What no segment is made of has its place here, by Klaviyo's documents.
        json.WriteStartObject("$extra");
        json.WriteString("html", content.Html);
        json.WriteString("text", content.Text);
        json.WriteEndObject();
    }

    private static void WriteResource(Utf8JsonWriter json, string type, Action<Utf8JsonWriter> attributes)
    {
        json.WriteStartObject(type);
        json.WriteStartObject("data");
        json.WriteString("type", type);
        json.WriteStartObject("attributes");
        attributes(json);
        json.WriteEndObject();
        json.WriteEndObject();
        json.WriteEndObject();
    }
}
