using System.Text.Json;
using Orleans.Personalize.Engine;
using Orleans.Personalize.Sending;

namespace Orleans.Personalize.Senders.Http;

/// <param name="Url">The API's root.</param>
/// <param name="TemplateName">A template at Mandrill, in Handlebars; null: the rendered content goes along.</param>
internal sealed record MandrillSettings(
    Uri Url, string ApiKey, MailAddress From, MailAddress? ReplyTo, string? TemplateName, string? Subaccount, TimeSpan Timeout);

/// <summary>
/// Makes senders of documents like <c>{"type":"mandrill","apiKey":"md-…","from":{"email":"shop@example.com"},"templateName":"cart"}</c>. Mandrill
/// has no idempotency: the decision id travels in <c>metadata</c> and comes back with the events of its webhooks.
/// </summary>
internal sealed class MandrillSenderFactory(SenderHttp http)
    : DocumentFactory<MandrillSettings>("mandrill", deduplicates: false, "apiKey", "from", "replyTo", "templateName", "subaccount", "url", "timeout", "webhookKey")
{
    protected override MandrillSettings Read(DocumentReader document)
    {
        CheckWebhookKeys(document);
        return new(
            http.ReadUrl(document, "https://mandrillapp.com")!,
            Required(document, "apiKey"),
            MailAddress.Read(document, "from", required: true)!,
            MailAddress.Read(document, "replyTo"),
            Optional(document, "templateName"),
            Optional(document, "subaccount"),
            SenderHttp.ReadTimeout(document));
    }

    protected override ISender Create(MandrillSettings settings) => new MandrillSender(http, settings);
}

/// <summary>Mailchimp Transactional's messages/send and messages/send-template (https://mailchimp.com/developer/transactional/api/messages/).</summary>
internal sealed class MandrillSender(SenderHttp http, MandrillSettings settings) : ISender
{
    private readonly Uri url = new(settings.Url, settings.TemplateName is null ? "/api/1.0/messages/send" : "/api/1.0/messages/send-template");

    public async Task<Delivery> DeliverAsync(SendMessage message, CancellationToken cancellation)
    {
        var (to, fault) = Recipient.Of(message.Job);
        var mail = default(Mail);
        if (settings.TemplateName is null)
            (mail, fault) = Mail.Of(message);
        if ((fault ?? to!.AsciiFault) is { } refusal)
            return new Delivery(SendOutcome.Failed, Detail: refusal);
        using var request = new HttpRequestMessage(HttpMethod.Post, url) { Headers = { { "user-agent", SenderHttp.UserAgent } } };
        return await http.PostAsync(request, Body(message, to!, mail), settings.Timeout, Judge, cancellation);
    }

    private async Task<Delivery> Judge(Answer answer)
    {
        var body = await answer.ReadAsync();
        return answer.IsSuccess ? JudgeResult(body) : JudgeError(answer, body);
    }

    /// <summary>One recipient, one result. Without one nothing says whether the message was taken.</summary>
    private static Delivery JudgeResult(DocumentReader body)
    {
        var result = body.Kind == JsonValueKind.Array ? body.Items().FirstOrDefault() : null;
        return result?.Text("status") switch
        {
            "sent" or "queued" or "scheduled" => new Delivery(SendOutcome.Sent, ProviderText.Quote(result.Text("_id"))),
            "rejected" => new Delivery(SendOutcome.Failed, ProviderText.Quote(result.Text("_id")), $"Rejected: {ProviderText.Quote(result.Text("reject_reason")) ?? "no reason given"}."),
            "invalid" => new Delivery(SendOutcome.Failed, Detail: "Mandrill finds the recipient or the message invalid."),
            _ => new Delivery(SendOutcome.Unknown, Detail: "Answered 200 without a result."),
        };
    }

    /// <summary>Errors come with nearly any status; their name says what they are.</summary>
    private Delivery JudgeError(Answer answer, DocumentReader body)
    {
        var why = ProviderText.Quote(body.Text("message"), settings.ApiKey);
        return body.Text("name") switch
        {
            _ when answer.Status is 429 or 503 => answer.Judge(why),
            // Nothing of this message: it waits, within its expiry, for the operator.
            "Invalid_Key" or "PaymentRequired" or "Unknown_Subaccount" or "Unknown_Template" or "Invalid_Template" or "ServiceUnavailable" =>
                new Delivery(SendOutcome.Retry, Detail: $"Answered {body.Text("name")}: {why}", RetryAfter: answer.RetryAfter),
            "ValidationError" => new Delivery(SendOutcome.Failed, Detail: $"Answered ValidationError: {why}"),
            // "An unexpected error occurred processing the request": perhaps after the message was queued.
            "GeneralError" => new Delivery(SendOutcome.Unknown, Detail: $"Answered GeneralError: {why}"),
            _ => answer.JudgeAccount(why),
        };
    }

    private ReadOnlyMemory<byte> Body(SendMessage message, MailAddress to, Mail? mail) => SenderJson.Object(json =>
    {
        json.WriteString("key", settings.ApiKey);
        if (mail is null)
        {
            json.WriteString("template_name", settings.TemplateName);
            json.WriteStartArray("template_content");
            json.WriteEndArray();
        }
        json.WriteStartObject("message");
        WriteMessage(json, message, to, mail);
        json.WriteEndObject();
        // Else the answer would be "queued" before anything was looked at.
        json.WriteBoolean("async", false);
    });

    private void WriteMessage(Utf8JsonWriter json, SendMessage message, MailAddress to, Mail? mail)
    {
        if (mail is not null)
        {
            json.WriteString("subject", mail.Subject);
            json.WriteString("text", mail.Text);
            if (mail.Html is not null)
                json.WriteString("html", mail.Html);
        }
        json.WriteString("from_email", settings.From.Email);
        if (settings.From.Name is not null)
            json.WriteString("from_name", settings.From.Name);
        json.WriteStartArray("to");
        json.WriteStartObject();
        json.WriteAddressMembers(to);
        json.WriteString("type", "to");
        json.WriteEndObject();
        json.WriteEndArray();
        json.WriteStartObject("headers");
        if (settings.ReplyTo is { } replyTo)
            json.WriteString("Reply-To", replyTo.Email);
        foreach (var (name, value) in Mail.UnsubscribeHeaders(message.Unsubscribe))
            json.WriteString(name, value);
        json.WriteEndObject();
        json.WriteIds("metadata", message);
        if (settings.Subaccount is not null)
            json.WriteString("subaccount", settings.Subaccount);
        if (mail is null)
            WriteVariables(json, message);
    }

    private static void WriteVariables(Utf8JsonWriter json, SendMessage message)
    {
        json.WriteString("merge_language", "handlebars");
        json.WriteStartArray("global_merge_vars");
        foreach (var (name, write) in SenderJson.Model(message))
        {
            json.WriteStartObject();
            json.WriteString("name", name);
            json.WritePropertyName("content");
            write(json);
            json.WriteEndObject();
        }
        json.WriteEndArray();
    }
}
