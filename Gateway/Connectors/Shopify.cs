using System.Security.Cryptography;
using System.Text.Json;
using Microsoft.AspNetCore.Http;

namespace Orleans.Personalize.Gateway.Connectors;

/// <summary>
/// Shopify's webhooks (https://shopify.dev/docs/api/webhooks, https://shopify.dev/docs/apps/build/webhooks/subscribe/https).
/// </summary>
/// <remarks>
/// The signature is of the body and not of the headers, so whoever has one signed body could send it under another topic or another id. Events are therefore
/// told apart by what the body says, and a topic is believed only of a body that has its shape.
/// </remarks>
internal sealed class Shopify : IConnector
{
    public const string SignatureHeader = "X-Shopify-Hmac-SHA256", TopicHeader = "X-Shopify-Topic", TriggeredAtHeader = "X-Shopify-Triggered-At";

    private const string Redact = "customers/redact", DataRequest = "customers/data_request";

    /// <summary>Guests have no id: theirs is the address, or at least the cart.</summary>
    private const string Customer = """
        "customer": {"from": ["/customer/id", {"from": ["/email", "/contact_email"], "type": "email", "prefix": "email:"}, {"from": "/cart_token", "prefix": "cart:"}]},
        "identities": {
          "email": ["/email", "/customer/email", "/contact_email"], "phone": ["/phone", "/customer/phone"],
          "ids": [{"from": "/cart_token", "prefix": "cart:"}]
        }
        """;

    private const string Products = """
        "products": {"each": "/line_items", "fields": {
          "product_id": {"from": ["/product_id", "/id"], "type": "string"}, "variant_id": {"from": "/variant_id", "type": "string"}, "sku": "/sku", "name": "/title",
          "variant": "/variant_title", "brand": "/vendor", "price": {"from": "/price", "type": "number"}, "quantity": {"from": "/quantity", "type": "integer"}
        }}
        """;

    private const string Money = """
        "total": {"from": "/total_price", "type": "number"}, "revenue": {"from": "/subtotal_price", "type": "number"}, "tax": {"from": "/total_tax", "type": "number"},
        "shipping": {"from": "/total_shipping_price_set/shop_money/amount", "type": "number"}, "discount": {"from": "/total_discounts", "type": "number"},
        "coupon": "/discount_codes/0/code", "currency": ["/currency", "/presentment_currency"]
        """;

    private const string Cart = $$"""
        {
          "customer": {"from": ["/customer/id", {"from": ["/token", "/id"], "prefix": "cart:"}]}, "messageId": {"join": ["/token", "/updated_at"], "prefix": "shopify:cart:"},
          "name": {"value": "Cart Updated"}, "occurredAt": "/updated_at",
          "properties": {"cart_id": {"from": ["/token", "/id"], "type": "string"}, "note": "/note", {{Products}}}
        }
        """;

    private const string CustomerTraits = """
        {
          "customer": "/id", "messageId": {"join": ["/id", "/updated_at"], "prefix": "shopify:customer:"}, "type": {"value": "identify"}, "occurredAt": "/updated_at",
          "traits": {
            "email": "/email", "first_name": "/first_name", "last_name": "/last_name", "phone": ["/phone", "/default_address/phone"], "locale": "/locale", "tags": "/tags",
            "city": "/default_address/city", "country": "/default_address/country_code", "orders_count": {"from": "/orders_count", "type": "integer"},
            "total_spent": {"from": "/total_spent", "type": "number"}, "currency": "/currency"
          },
          "consent": {
            "email": {"from": "/email_marketing_consent/state", "map": {"subscribed": true, "unsubscribed": false, "redacted": false, "invalid": false, "not_subscribed": null, "pending": null}},
            "sms": {"from": "/sms_marketing_consent/state", "map": {"subscribed": true, "unsubscribed": false, "redacted": false, "invalid": false, "not_subscribed": null, "pending": null}}
          },
          "identities": {"email": "/email", "phone": "/phone"}
        }
        """;

    private static readonly Topics Known = new(
        ("carts/create", Cart),
        ("carts/update", Cart),
        ("checkouts/create", Checkout("Checkout Started", """{"from": "/token", "prefix": "shopify:checkout:"}""", "/created_at")),
        ("checkouts/update", Checkout("Checkout Updated", """{"join": ["/token", "/updated_at"], "prefix": "shopify:checkout:"}""", "/updated_at")),
        ("orders/create", Order("Order Completed", """{"from": "/id", "prefix": "shopify:order:"}""", "/created_at")),
        ("orders/paid", Order("Order Updated", """{"from": "/id", "prefix": "shopify:paid:"}""", "/updated_at")),
        ("orders/updated", Order("Order Updated", """{"join": ["/id", "/updated_at"], "prefix": "shopify:order:"}""", "/updated_at")),
        ("orders/cancelled", Order("Order Cancelled", """{"from": "/id", "prefix": "shopify:cancelled:"}""", "/cancelled_at")),
        ("refunds/create", """
            {
              "customer": {"from": "/order_id", "prefix": "order:"}, "messageId": {"from": "/id", "prefix": "shopify:refund:"}, "name": {"value": "Order Refunded"}, "occurredAt": "/created_at",
              "properties": {
                "order_id": {"from": "/order_id", "type": "string"}, "refund_id": {"from": "/id", "type": "string"}, "note": "/note",
                "total": {"from": "/transactions/0/amount", "type": "number"}, "currency": "/transactions/0/currency",
                "products": {"each": "/refund_line_items", "fields": {
                  "product_id": {"from": "/line_item/product_id", "type": "string"}, "sku": "/line_item/sku", "name": "/line_item/title",
                  "price": {"from": "/line_item/price", "type": "number"}, "quantity": {"from": "/quantity", "type": "integer"}}}
              }
            }
            """),
        ("customers/create", CustomerTraits),
        ("customers/update", CustomerTraits),
        (DataRequest, """
            {
              "customer": {"from": ["/customer/id", {"from": "/customer/email", "type": "email", "prefix": "email:"}]}, "messageId": {"from": "/data_request/id", "prefix": "shopify:data-request:"},
              "name": {"value": "Data Export Requested"}, "properties": {"data_request_id": {"from": "/data_request/id", "type": "string"}, "shop": "/shop_domain"},
              "identities": {"email": "/customer/email", "phone": "/customer/phone"}
            }
            """));

    /// <summary>What a body must have for its topic to be believed.</summary>
    private static readonly Dictionary<string, string[]> Shapes = new(StringComparer.Ordinal)
    {
        ["carts/create"] = ["token", "line_items", "updated_at"],
        ["carts/update"] = ["token", "line_items", "updated_at"],
        ["checkouts/create"] = ["token", "line_items", "created_at"],
        ["checkouts/update"] = ["token", "line_items", "updated_at"],
        ["orders/create"] = ["id", "line_items", "financial_status", "created_at"],
        ["orders/paid"] = ["id", "line_items", "financial_status", "updated_at"],
        ["orders/updated"] = ["id", "line_items", "financial_status", "updated_at"],
        ["orders/cancelled"] = ["id", "line_items", "financial_status", "cancelled_at"],
        ["refunds/create"] = ["id", "order_id", "created_at"],
        ["customers/create"] = ["id", "updated_at"],
        ["customers/update"] = ["id", "updated_at"],
        [Redact] = ["shop_domain", "customer", "orders_to_redact"],
        [DataRequest] = ["shop_domain", "customer", "data_request"],
    };

    public DataFlow Flow { get; } = new(
        "shopify",
        "POST /v1/webhooks/{workspace}/{source}",
        "`X-Shopify-Hmac-SHA256`: base64 HMAC-SHA256 of the body with the app's client secret",
        "[Shopify's webhook topics](https://shopify.dev/docs/api/webhooks), JSON",
        "as it happens; Shopify repeats eight times over four hours what was not answered with 2xx within 5 seconds",
        "built in, by `X-Shopify-Topic`: " + string.Join(", ", Known.Names.Append(Redact).Order(StringComparer.Ordinal)),
        [
            "Cart Updated", "Checkout Started", "Checkout Updated", "Order Completed", "Order Updated", "Order Cancelled", "Order Refunded", "identify", "Data Export Requested",
            "the erasure of a customer",
        ]);

    public IReadOnlyCollection<string> Members => [];

    public void Validate(Source source, DocumentFields document)
    {
        Signatures.RequireSecret(source, document);
        if (source.Mapping is not null)
            document.Fail("/mapping", "is not used here: the topics say what an event is; a source of type json can read them otherwise");
    }

    public Proof Verify(Delivery delivery, Source source) => Signatures.OfBody(delivery, source, SignatureHeader, HashAlgorithmName.SHA256, Signatures.Base64);

    public Inflow Parse(Delivery delivery, Source source)
    {
        var topic = delivery.Header(TopicHeader) ?? throw new BadHttpRequestException($"The header {TopicHeader} is missing.");
        using var document = delivery.ParseObject();
        var body = document.RootElement;
        if (!Shapes.ContainsKey(topic))
            return Inflow.Nothing;
        var origin = source.OriginAt(delivery.ReceivedAt) with
        {
            Topic = topic, OccurredAt = EventFields.TimeOrNull(JsonObjects.String(delivery.Header(TriggeredAtHeader)).Span),
        };
        if (Defect(topic, body) is { } defect)
            return new([Mapping.Refused(defect, body, origin)]);
        return topic == Redact ? new([]) { Erasures = Erased(body.GetProperty("customer")) } : new(Read(body, origin, source));
    }

    public List<ParsedEvent> Read(JsonElement item, Origin origin, Source source)
    {
        if (Defect(origin.Topic ?? "", item) is { } defect)
            return [Mapping.Refused(defect, item, origin)];
        if (origin.Topic is not { } topic || !Known.Has(topic))
            return [];
        var parsed = Known.Read(topic, item, origin);
        // A refund names its order and not its customer, so an order is an id of whoever made it.
        return [topic == "orders/create" && parsed.Event is { } order
            ? parsed with { Event = order with { Identities = Identities.Of(parsed.Customer, [.. order.Identities ?? [], $"order:{MappedField.Text(item.GetProperty("id"))}"]) } }
            : parsed];
    }

    /// <summary>Why a body is not what its topic says; null where it is.</summary>
    private static DocumentError? Defect(string topic, JsonElement body)
    {
        if (body.ValueKind != JsonValueKind.Object)
            return new("", "must be an object");
        foreach (var member in Shapes.GetValueOrDefault(topic, []))
        {
            if (!body.TryGetProperty(member, out var value) || value.ValueKind == JsonValueKind.Null)
                return new($"/{member}", $"is missing, so this is no {topic}");
        }
        return topic == "orders/paid" && MailEvent.Text(body, "financial_status") != "paid" ? new("/financial_status", "must be paid, or this is no orders/paid") : null;
    }

    private static string[] Erased(JsonElement customer)
    {
        var id = customer.ValueKind == JsonValueKind.Object && customer.TryGetProperty("id", out var number) ? MappedField.Text(number) : null;
        return Identities.Of(null, [id, Identities.Email(MailEvent.Text(customer, "email")), Identities.Phone(MailEvent.Text(customer, "phone"))]) ?? [];
    }

    private static string Checkout(string name, string id, string at) => $$"""
        {
          {{Customer}}, "messageId": {{id}}, "name": {"value": "{{name}}"}, "occurredAt": "{{at}}",
          "properties": {
            "checkout_id": "/token", "cart_id": "/cart_token", "url": "/abandoned_checkout_url", "completed_at": "/completed_at", {{Money}}, {{Products}}
          }
        }
        """;

    private static string Order(string name, string id, string at) => $$"""
        {
          {{Customer}}, "messageId": {{id}}, "name": {"value": "{{name}}"}, "occurredAt": "{{at}}",
          "properties": {
            "order_id": {"from": "/id", "type": "string"}, "order_number": {"from": ["/name", "/order_number"], "type": "string"}, "checkout_id": "/checkout_token", "cart_id": "/cart_token",
            "status": "/financial_status", "fulfillment_status": "/fulfillment_status", "reason": "/cancel_reason", "url": "/order_status_url", {{Money}}, {{Products}}
          },
          "consent": {"email": {"from": "/buyer_accepts_marketing", "map": {"true": true, "false": null} } }
        }
        """;
}
