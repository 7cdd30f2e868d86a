using System.Text;
using Orleans.Personalize.Gateway.Api;

namespace Orleans.Personalize.Gateway.Connectors;

/// <summary>Every way by which data comes in, and the page that lists them.</summary>
internal static class DataFlows
{
    /// <summary>The connectors of what comes over HTTP with a document of its own.</summary>
    public static readonly IConnector[] Connectors =
        [new CloudEvents(), new DebeziumWebhook(), new JsonWebhook(), new Klaviyo(), new Magento(), new SegmentWebhook(), new Shopify(), new StandardWebhooks(), new WooCommerce()];

    /// <summary>The doors that need no document.</summary>
    private static readonly DataFlow[] Doors =
    [
        new(
            "native API",
            "POST /v1/events",
            "an API key of the role `ingest`",
            $"[the native format](api.md#events): one event or `{{\"events\": […]}}`, up to {Limits.EventsMax:N0} events and {Limits.RequestBytesMax / 1024 / 1024} MB",
            "as it happens; the caller repeats what was not answered with 202",
            "none: the format is the engine's",
            ["what the events say"]),
        new(
            "tracking script",
            "POST /v1/events, from pages with `/track.js`",
            "an API key of the role `ingest`, as the body's `writeKey`",
            $"[the native format](api.md#events) as text/plain, up to {Limits.PageRequestBytesMax / 1024} KB; `sentAt` corrects the browser's clock",
            "a second after it happens, and as the page is left; the script keeps what was not answered with 202 for up to 72 hours",
            "none: the script writes the engine's format; see [tracking.md](tracking.md)",
            ["page", "identify", "what the page tells it: clicks, forms, calls"]),
        new(
            "Segment API",
            "POST /v1/{identify,track,page,screen,group,alias,batch}",
            "an API key of the role `ingest`, as Bearer, as the user of Basic, or as the body's `writeKey`",
            "[Segment's HTTP tracking API](https://segment.com/docs/connections/sources/catalog/libraries/server/http-api/)",
            "as it happens, in batches of the client's making; the libraries repeat",
            "built in: `userId`, else `anonymousId`, is the customer; see [api.md](api.md#segment)",
            ["what the calls say"]),
        new(
            "SendGrid",
            "POST /v1/webhooks/sendgrid/{workspace}/{sender}",
            "`X-Twilio-Email-Event-Webhook-Signature`: ECDSA P-256 of timestamp and body, at most 25 hours old, by the sender's `webhookKey`",
            "[SendGrid's event webhook](https://www.twilio.com/docs/sendgrid/for-developers/tracking-events/event), a JSON array",
            "some seconds after it happens, in batches; SendGrid repeats for 24 hours",
            "built in; only of mails that are ours, and of customers that there are",
            MailNames),
        new(
            "Mandrill",
            "POST /v1/webhooks/mandrill/{workspace}/{sender}",
            "`X-Mandrill-Signature`: base64 HMAC-SHA1 of the address and the form, by the sender's `webhookKey`",
            "[Mandrill's message webhooks](https://mailchimp.com/developer/transactional/docs/webhooks/), a form with a JSON array",
            "some seconds after it happens, up to 1,000 at once; Mandrill repeats",
            "built in; only of mails that are ours, and of customers that there are",
            MailNames),
    ];

    public static IEnumerable<DataFlow> All => [.. Doors, .. Connectors.Select(static connector => connector.Flow), FetchedFlows.RabbitMq, FetchedFlows.Poll];

    private static string[] MailNames =>
    [
        MailEvent.Delivered, MailEvent.Deferred, MailEvent.Dropped, MailEvent.Bounced, MailEvent.Opened, MailEvent.Clicked, MailEvent.MarkedAsSpam, MailEvent.Unsubscribed,
        MailEvent.GroupUnsubscribed, MailEvent.GroupResubscribed,
    ];

    /// <summary>docs/data-flows.md.</summary>
    public static string Page()
    {
        var page = new StringBuilder("""
            # Data flows
            Every way by which data about customers comes in. This page is made from the connectors themselves
            (`PERSONALIZE_UPDATE_DOCS=1 dotnet test tests/Gateway.Tests --filter DataFlows`), and a test sees to it that it is up to date.
            What a document of a source looks like is in [connectors.md](connectors.md).

            """);
        foreach (var flow in All)
        {
            page.Append($"""

                ## {flow.Type}
                | | |
                |---|---|
                | endpoint | {Cell(flow.Endpoint)} |
                | authentication | {Cell(flow.Authentication)} |
                | schema | {Cell(flow.Format)} |
                | mapping | {Cell(flow.Mapping)} |
                | frequency | {Cell(flow.Frequency)} |
                | makes | {Cell(string.Join(", ", flow.Events))} |

                """);
        }

        return page.ToString();
    }

    private static string Cell(string text) => text.Replace("|", "\\|");
}
