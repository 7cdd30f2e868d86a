using System.Text.Json;
using Orleans.Personalize.Gateway.Connectors;
using Orleans.Personalize.Engine;
using Orleans.Personalize.Sending;

namespace Orleans.Personalize.Senders.Http;

/// <summary>
/// Makes senders of documents like <c>{"type":"webhook","channel":"email","url":"https://…","secret":"whsec_…","timeout":"PT15S"}</c>. The
/// secret may be an array, newest first, while it is being changed. Receivers drop repetitions by the <c>webhook-id</c>, as Standard Webhooks asks.
/// </summary>
internal sealed class WebhookSenderFactory(SenderHttp http)
    : DocumentFactory<WebhookSettings>("webhook", deduplicates: true, "url", "secret", "timeout")
{
    private const int SecretsMax = 4;

    protected override WebhookSettings Read(DocumentReader document) =>
        new(http.ReadUrl(document)!, ReadKeys(document), SenderHttp.ReadTimeout(document));

    protected override ISender Create(WebhookSettings settings) => new WebhookSender(http, settings);

    private static List<byte[]> ReadKeys(DocumentReader document)
    {
        var keys = new List<byte[]>();
        var secret = document.Member("secret");
        DocumentReader[] secrets = secret?.Kind == JsonValueKind.Array ? [.. secret.Items()] : secret is null ? [] : [secret];
        if (secrets.Length is 0 or > SecretsMax)
            document.Fail("/secret", $"must be a secret, or an array of 1 to {SecretsMax} while it is being changed");
        foreach (var each in secrets)
        {
            if (StandardWebhook.Key(each.AsText()) is { } key)
                keys.Add(key);
            else
                each.Fail("", StandardWebhook.SecretForm);
        }
        return keys;
    }
}
