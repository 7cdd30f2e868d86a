using System.Globalization;
using System.Net.Http.Headers;
using System.Text.Json;
using Orleans.Personalize.Engine;
using Orleans.Personalize.Sending;

namespace Orleans.Personalize.Senders.Http;

/// <param name="Url">The API's root, such as <c>https://api.eu.sendgrid.com</c>.</param>
/// <param name="TemplateId">A dynamic template at SendGrid; null: the rendered content goes along.</param>
/// <param name="Sandbox">SendGrid checks the request and delivers nothing.</param>
internal sealed record SendGridSettings(
    Uri Url, string ApiKey, MailAddress From, MailAddress? ReplyTo, string? TemplateId, bool Sandbox, TimeSpan Timeout);

/// <summary>
/// Makes senders of documents like <c>{"type":"sendgrid","apiKey":"SG.…","from":{"email":"shop@example.com"},"templateId":"d-…"}</c>. SendGrid has
/// no idempotency: the decision id travels in <c>custom_args</c> and comes back with the events of its Event Webhook.
/// </summary>
internal sealed class SendGridSenderFactory(SenderHttp http)
    : DocumentFactory<SendGridSettings>("sendgrid", deduplicates: false, "apiKey", "from", "replyTo", "templateId", "sandbox", "url", "timeout", "webhookKey")
{
    protected override SendGridSettings Read(DocumentReader document)
    {
        CheckWebhookKeys(document);
        return new(
            http.ReadUrl(document, "https://api.sendgrid.com")!,
            Required(document, "apiKey"),
            MailAddress.Read(document, "from", required: true)!,
            MailAddress.Read(document, "replyTo"),
            Optional(document, "templateId"),
            document.Flag("sandbox") ?? false,
            SenderHttp.ReadTimeout(document));
    }

    protected override ISender Create(SendGridSettings settings) => new SendGridSender(http, settings);
}

/// <summary>
/// SendGrid's v3 Mail Send (https://www.twilio.com/docs/sendgrid/api-reference/mail-send/mail-send): one request, one recipient.
/// </summary>
internal sealed class SendGridSender(SenderHttp http, SendGridSettings settings) : ISender
{
    private readonly Uri url = new(settings.Url, "/v3/mail/send");

    public async Task<Delivery> DeliverAsync(SendMessage message, CancellationToken cancellation)
    {
        var (to, fault) = Recipient.Of(message.Job);
        var mail = default(Mail);
        if (settings.TemplateId is null)
            (mail, fault) = Mail.Of(message);
        if ((fault ?? to!.AsciiFault) is { } refusal)
            return new Delivery(SendOutcome.Failed, Detail: refusal);
        var request = new HttpRequestMessage(HttpMethod.Post, url)
        {
            Headers = { { "user-agent", SenderHttp.UserAgent } },
        };
        request.Headers.Authorization = new AuthenticationHeaderValue("Bearer", settings.ApiKey);
        using (request)
            return await http.PostAsync(request, Body(message, to!, mail), settings.Timeout, Judge, cancellation);
    }

    private async Task<Delivery> Judge(Answer answer)
    {
        if (answer.IsSuccess)
            return new Delivery(SendOutcome.Sent, answer.Header("X-Message-Id"));
        var body = await answer.ReadAsync();
        var why = string.Join("; ", body.Elements("errors").Take(3).Select(error => error.Text("message")));
        var delivery = answer.JudgeAccount(ProviderText.Quote(why, settings.ApiKey));
        return answer.Status == 429 ? delivery with { RetryAfter = delivery.RetryAfter ?? Reset(answer) } : delivery;
    }

    /// <summary>When the rate limit begins anew, in Unix seconds (https://www.twilio.com/docs/sendgrid/api-reference/how-to-use-the-sendgrid-v3-api/rate-limits).</summary>
    private static TimeSpan? Reset(Answer answer) =>
        int.TryParse(answer.Header("X-RateLimit-Reset"), NumberStyles.None, CultureInfo.InvariantCulture, out var seconds)
            ? answer.Until(DateTimeOffset.FromUnixTimeSeconds(seconds))
            : null;

    private ReadOnlyMemory<byte> Body(SendMessage message, MailAddress to, Mail? mail) => SenderJson.Object(json =>
    {
        json.WriteStartArray("personalizations");
        json.WriteStartObject();
        json.WriteStartArray("to");
        json.WriteStartObject();
        json.WriteAddressMembers(to);
        json.WriteEndObject();
        json.WriteEndArray();
        json.WriteIds("custom_args", message);
        if (settings.TemplateId is not null)
        {
            json.WriteStartObject("dynamic_template_data");
            json.WriteModel(message);
            json.WriteEndObject();
        }
        json.WriteEndObject();
        json.WriteEndArray();
        json.WriteAddress("from", settings.From);
        if (settings.ReplyTo is { } replyTo)
            json.WriteAddress("reply_to", replyTo);
        if (message.Unsubscribe is { } unsubscribe)
        {
            json.WriteStartObject("headers");
            foreach (var (name, value) in Mail.UnsubscribeHeaders(unsubscribe))
                json.WriteString(name, value);
            json.WriteEndObject();
        }
        if (mail is null)
            json.WriteString("template_id", settings.TemplateId);
        else
            WriteContent(json, mail);
        if (settings.Sandbox)
            json.WriteRaw("mail_settings", JsonText.FromString("""{"sandbox_mode":{"enable":true}}"""));
    });

    private static void WriteContent(Utf8JsonWriter json, Mail mail)
    {
        json.WriteString("subject", mail.Subject);
        json.WriteStartArray("content");
        // The order is prescribed, and an empty value refused.
        foreach (var (type, value) in (ReadOnlySpan<(string, string?)>)[("text/plain", mail.Text), ("text/html", mail.Html)])
        {
            if (string.IsNullOrEmpty(value))
                continue;
            json.WriteStartObject();
            json.WriteString("type", type);
            json.WriteString("value", value);
            json.WriteEndObject();
        }
        json.WriteEndArray();
    }
}
