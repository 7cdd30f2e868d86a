using System.Security.Cryptography;
using System.Text.Json;
using Microsoft.AspNetCore.Http;

namespace Orleans.Personalize.Gateway.Connectors;

/// <summary>WooCommerce's webhooks (https://woocommerce.github.io/woocommerce-rest-api-docs/#webhooks); the bodies are those of its REST API.</summary>
/// <remarks>An order is complete as soon as its status says that the shop owes it, with its creation or a later change: both make the same event.</remarks>
internal sealed class WooCommerce : IConnector
{
    public const string SignatureHeader = "X-WC-Webhook-Signature", TopicHeader = "X-WC-Webhook-Topic";

    private const string Form = "application/x-www-form-urlencoded";

    private const string Completed = "completed", Updated = "updated", Cancelled = "cancelled", Refunded = "refunded", Registered = "customer", Deleted = "customer.deleted";

    private static readonly Topics Known = new(
        (Completed, Order("Order Completed", """{"from": "/id", "prefix": "woocommerce:order:"}""", """["/date_created_gmt", "/date_modified_gmt"]""")),
        (Updated, Order("Order Updated", """{"join": ["/id", "/date_modified_gmt"], "prefix": "woocommerce:order:"}""", "\"/date_modified_gmt\"")),
        (Cancelled, Order("Order Cancelled", """{"from": "/id", "prefix": "woocommerce:cancelled:"}""", "\"/date_modified_gmt\"")),
        (Refunded, Order("Order Refunded", """{"from": "/id", "prefix": "woocommerce:refunded:"}""", "\"/date_modified_gmt\"")),
        (Registered, """
            {
              "customer": "/id", "messageId": {"join": ["/id", "/date_modified_gmt"], "prefix": "woocommerce:customer:"}, "type": {"value": "identify"},
              "occurredAt": ["/date_modified_gmt", "/date_created_gmt"],
              "traits": {
                "email": "/email", "first_name": ["/first_name", "/billing/first_name"], "last_name": ["/last_name", "/billing/last_name"], "username": "/username",
                "phone": ["/billing/phone", "/shipping/phone"], "city": ["/billing/city", "/shipping/city"], "country": ["/billing/country", "/shipping/country"], "role": "/role"
              },
              "identities": {"email": ["/email", "/billing/email"], "phone": "/billing/phone"}
            }
            """),
        (Deleted, """
            {"customer": "/id", "messageId": {"from": "/id", "prefix": "woocommerce:deleted:"}, "name": {"value": "Account Deleted"}}
            """));

    public DataFlow Flow { get; } = new(
        "woocommerce",
        "POST /v1/webhooks/{workspace}/{source}",
        "`X-WC-Webhook-Signature`: base64 HMAC-SHA256 of the body with the webhook's secret",
        "[WooCommerce's REST API](https://woocommerce.github.io/woocommerce-rest-api-docs/), JSON",
        "as it happens; WooCommerce does not repeat, and after five failures in a row stops",
        "built in, by `X-WC-Webhook-Topic`: order.created, order.updated, customer.created, customer.updated, customer.deleted",
        ["Order Completed", "Order Updated", "Order Cancelled", "Order Refunded", "identify", "Account Deleted"]);

    public IReadOnlyCollection<string> Members => [];

    public void Validate(Source source, DocumentFields document)
    {
        Signatures.RequireSecret(source, document);
        if (source.Mapping is not null)
            document.Fail("/mapping", "is not used here: the topics say what an event is; a source of type json can read them otherwise");
    }

    /// <summary>A form is the request by which a new webhook is tried out.</summary>
    public bool Takes(string mediaType) => IConnector.IsJson(mediaType) || mediaType == Form;

    public Proof Verify(Delivery delivery, Source source) =>
        // The trial holds nothing but the webhook's number, and is not signed.
        IsTrial(delivery) ? Proof.Valid : Signatures.OfBody(delivery, source, SignatureHeader, HashAlgorithmName.SHA256, Signatures.Base64);

    public Inflow Parse(Delivery delivery, Source source)
    {
        if (IsTrial(delivery))
            return Inflow.Nothing;
        if (delivery.MediaType == Form)
            throw new BadHttpRequestException("A form is taken only to try a webhook out, with webhook_id.");
        var topic = delivery.Header(TopicHeader) ?? throw new BadHttpRequestException($"The header {TopicHeader} is missing.");
        using var document = delivery.ParseObject();
        return new(Read(document.RootElement, source.OriginAt(delivery.ReceivedAt) with { Topic = topic }, source));
    }

    public List<ParsedEvent> Read(JsonElement item, Origin origin, Source source) => origin.Topic switch
    {
        "order.created" or "order.updated" => ReadOrder(item, origin, isNew: origin.Topic == "order.created"),
        "customer.created" or "customer.updated" => [Known.Read(Registered, item, origin)],
        Deleted => [Known.Read(Deleted, item, origin)],
        _ => [],
    };

    private static List<ParsedEvent> ReadOrder(JsonElement order, Origin origin, bool isNew)
    {
        if (MailEvent.Text(order, "status") is not { } status || !order.TryGetProperty("line_items", out _))
            return [Mapping.Refused(new("/status", "is missing, so this is no order"), order, origin)];
        List<string> events = status switch
        {
            "processing" or "on-hold" or "completed" => isNew ? [Completed] : [Completed, Updated],
            "cancelled" => [Cancelled],
            "refunded" => [Refunded],
            // Not paid yet, or not at all.
            _ => [Updated],
        };
        return Known.ReadAll(events, order, origin);
    }

    private static bool IsTrial(Delivery delivery) =>
        delivery.MediaType == Form && delivery.Body.Span.StartsWith("webhook_id="u8) && delivery.Body.Length <= 64 && delivery.Header(TopicHeader) is null;

    private static string Order(string name, string id, string at) => $$"""
        {
          "customer": {"from": [{"from": "/customer_id", "map": {"0": null} }, {"from": "/billing/email", "type": "email", "prefix": "email:"}]},
          "messageId": {{id}}, "name": {"value": "{{name}}"}, "occurredAt": {"from": {{at}}, "type": "time"},
          "properties": {
            "order_id": {"from": "/id", "type": "string"}, "order_number": {"from": "/number", "type": "string"}, "status": "/status",
            "total": {"from": "/total", "type": "number"}, "tax": {"from": "/total_tax", "type": "number"}, "shipping": {"from": "/shipping_total", "type": "number"},
            "discount": {"from": "/discount_total", "type": "number"}, "coupon": "/coupon_lines/0/code", "currency": "/currency", "payment_method": "/payment_method",
            "products": {"each": "/line_items", "fields": {
              "product_id": {"from": "/product_id", "type": "string"}, "variant_id": {"from": "/variation_id", "map": {"0": null}, "type": "string"}, "sku": "/sku", "name": "/name",
              "price": {"from": "/price", "type": "number"}, "quantity": {"from": "/quantity", "type": "integer"}, "image_url": "/image/src"
            } }
          },
          "identities": {"email": "/billing/email", "phone": "/billing/phone"}
        }
        """;
}
