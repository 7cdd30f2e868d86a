using System.Text;
using System.Text.Json;
using Microsoft.AspNetCore.Http;
using Orleans.Personalize.Gateway.Api;

namespace Orleans.Personalize.Gateway.Connectors;

/// <summary>
/// Adobe Commerce, which was Magento: its own webhooks (https://developer.adobe.com/commerce/extensibility/webhooks/) and its events by way of Adobe I/O
/// Events (https://developer.adobe.com/events/docs/guides/).
/// </summary>
/// <remarks>
/// Commerce signs the base64 of the body with a key made in its admin pages, I/O Events the body itself with two keys of Adobe's. The keys are in the source's document: the
/// address of Adobe's that each request names is not followed, because it is the request's.
/// </remarks>
internal sealed class Magento : IConnector
{
    public const string SignatureHeader = "x-adobe-commerce-webhook-signature", SignatureHeader1 = "x-adobe-digital-signature-1", SignatureHeader2 = "x-adobe-digital-signature-2";

    private const string EventPrefix = "com.adobe.commerce.", Completed = "completed", Updated = "updated", Cancelled = "cancelled", Refunded = "refunded";
    private const string Registered = "customer", Deleted = "deleted", Cart = "cart";

    private const int ChallengeLengthMax = 128;

    private static readonly Topics Known = new(
        (Completed, Order("Order Completed", """{"from": "/increment_id", "prefix": "magento:order:"}""", "/created_at")),
        (Updated, Order("Order Updated", """{"join": ["/increment_id", "/updated_at"], "prefix": "magento:order:"}""", "/updated_at")),
        (Cancelled, Order("Order Cancelled", """{"from": "/increment_id", "prefix": "magento:cancelled:"}""", "/updated_at")),
        (Refunded, Order("Order Refunded", """{"from": "/increment_id", "prefix": "magento:refunded:"}""", "/updated_at")),
        (Cart, """
            {
              "customer": {"from": [{"from": "/customer_id", "map": {"0": null}}, {"from": "/entity_id", "prefix": "cart:"}]}, "messageId": {"join": ["/entity_id", "/updated_at"], "prefix": "magento:cart:"},
              "name": {"value": "Cart Updated"}, "occurredAt": "/updated_at",
              "properties": {
                "cart_id": {"from": "/entity_id", "type": "string"}, "total": {"from": "/grand_total", "type": "number"}, "coupon": "/coupon_code", "currency": ["/quote_currency_code", "/base_currency_code"],
                "products": {"each": "/items", "fields": {
                  "product_id": {"from": "/product_id", "type": "string"}, "sku": "/sku", "name": "/name", "price": {"from": "/price", "type": "number"}, "quantity": {"from": "/qty", "type": "number"}}}
              },
              "identities": {"email": "/customer_email", "ids": [{"from": "/entity_id", "prefix": "cart:"}]}
            }
            """),
        (Registered, """
            {
              "customer": ["/id", "/entity_id"], "messageId": {"join": [ "/email", "/updated_at"], "prefix": "magento:customer:"}, "type": {"value": "identify"}, "occurredAt": "/updated_at",
              "traits": {"email": "/email", "first_name": "/firstname", "last_name": "/lastname", "birthday": "/dob", "gender": {"from": "/gender", "type": "string"}},
              "identities": {"email": "/email"}
            }
            """),
        (Deleted, """
            {"customer": ["/id", "/entity_id"], "messageId": {"from": ["/id", "/entity_id"], "prefix": "magento:deleted:"}, "name": {"value": "Account Deleted"}}
            """));

    public DataFlow Flow { get; } = new(
        "magento",
        "POST /v1/webhooks/{workspace}/{source}; GET answers Adobe's challenge",
        "`x-adobe-commerce-webhook-signature` (RSA-SHA256 of the body's base64) or `x-adobe-digital-signature-1`/`-2` (RSA-SHA256 of the body), by one of `publicKeys`; or the secret as Bearer or in `header`",
        "Adobe Commerce's webhooks, or its events as CloudEvents of Adobe I/O Events; JSON",
        "as it happens; I/O Events repeats for 24 hours, Commerce does not",
        "built in, by the event's name: sales_order_place_after, sales_order_save_commit_after, sales_quote_save_after, customer_save_commit_after, customer_register_success, customer_delete_commit_after and their like",
        ["Order Completed", "Order Updated", "Order Cancelled", "Order Refunded", "Cart Updated", "identify", "Account Deleted"]);

    public IReadOnlyCollection<string> Members => ["publicKeys", "clientId", SharedSecret.HeaderMember];

    public void Validate(Source source, DocumentFields document)
    {
        SharedSecret.Validate(document);
        if (source.Mapping is not null)
            document.Fail("/mapping", "is not used here: the names say what an event is; a source of type json or cloudevents can read them otherwise");
        _ = document.Text("clientId");
        if (document.Member("publicKeys") is { } keys)
        {
            if (keys.Items().Count() is 0 or > 8)
                keys.Fail("", "must hold 1 to 8 keys");
            foreach (var key in keys.Items().Where(static key => !IsKey(key.Element)))
                key.Fail("", "must be a public RSA key in PEM");
        }
        else if (source.Secrets.Length == 0)
        {
            document.Fail("/publicKeys", "is missing, and secret too: what proves that requests are Adobe's");
        }
    }

    public Proof Verify(Delivery delivery, Source source)
    {
        string[] keys = source.Document.TryGetProperty("publicKeys", out var member)
            ? [.. (member.ValueKind == JsonValueKind.Array ? member.EnumerateArray() : Enumerable.Repeat(member, 1)).Select(static key => key.GetString()!)]
            : [];
        if (keys.Length == 0)
            return SharedSecret.Verify(delivery, source);
        if (delivery.Header(SignatureHeader) is { } signature)
            return Of(Signatures.IsRsa(keys, Encoding.ASCII.GetBytes(Convert.ToBase64String(delivery.Body.Span)), Signatures.Base64(signature)));
        string[] signatures = [.. new[] { delivery.Header(SignatureHeader1), delivery.Header(SignatureHeader2) }.OfType<string>()];
        if (signatures.Length > 0)
            return Of(signatures.Any(one => Signatures.IsRsa(keys, delivery.Body.Span, Signatures.Base64(one))));
        return source.Secrets.Length > 0 ? SharedSecret.Verify(delivery, source) : Proof.Missing;

        static Proof Of(bool isSigned) => isSigned ? Proof.Valid : Proof.Wrong;
    }

    public Inflow Parse(Delivery delivery, Source source)
    {
        using var document = delivery.ParseObject();
        var body = document.RootElement;
        var isCloud = body.TryGetProperty("specversion", out _);
        if (isCloud && MailEvent.Text(source.Document, "clientId") is { } client && MailEvent.Text(body, "recipient_client_id") != client)
            return new([Mapping.Refused(new("/recipient_client_id", "is not the clientId of the source's document"), body, source.OriginAt(delivery.ReceivedAt))]);
        var topic = NameOf((isCloud ? MailEvent.Text(body, "type") : MailEvent.Text(body, "eventName")) ?? "");
        var item = ItemOf(body, isCloud);
        var origin = source.OriginAt(delivery.ReceivedAt) with { OccurredAt = EventFields.TimeOrNull(JsonObjects.String(MailEvent.Text(body, "time")).Span), Topic = topic };
        List<ParsedEvent> events = item is { } found ? Read(found, origin, source) : [Mapping.Refused(new("/data", "holds no object that says what the event is about"), body, origin)];
        // Commerce waits for what it may do next; to I/O Events any answer is one.
        return new(events) { Answer = isCloud ? null : """{"op":"success"}""" };
    }

    public List<ParsedEvent> Read(JsonElement item, Origin origin, Source source)
    {
        var name = origin.Topic ?? "";
        if (item.ValueKind != JsonValueKind.Object)
            return [Mapping.Refused(new("", "must be an object"), item, origin)];
        if (name.StartsWith("sales_order_", StringComparison.Ordinal) && item.TryGetProperty("increment_id", out _))
        {
            var isPlaced = name.StartsWith("sales_order_place_after", StringComparison.Ordinal);
            string[] events = MailEvent.Text(item, "state") switch
            {
                "canceled" => [Cancelled],
                "closed" => [Refunded],
                "new" or "processing" or "complete" => isPlaced ? [Completed] : [Completed, Updated],
                _ => isPlaced ? [Completed] : [Updated],
            };
            return Known.ReadAll(events, item, origin);
        }

        var topic = name switch
        {
            "sales_quote_save_after" or "sales_quote_save_commit_after" or "checkout_cart_save_after" => Cart,
            "customer_save_after" or "customer_save_commit_after" or "customer_save_after_data_object" or "customer_register_success" => Registered,
            "customer_delete_after" or "customer_delete_commit_after" => Deleted,
            _ => null,
        };
        return topic is null ? [] : [Known.Read(topic, item, origin)];
    }

    public IResult? Greet(HttpRequest request, Source source)
    {
        if (!HttpMethods.IsGet(request.Method))
            return null;
        return request.Query["challenge"] is [{ Length: > 0 and <= ChallengeLengthMax } challenge] && challenge.All(static character => char.IsAsciiLetterOrDigit(character) || character is '-' or '_' or '.')
            ? Results.Text(challenge, "text/plain", Encoding.ASCII)
            : Problems.Of(400, $"challenge must have 1 to {ChallengeLengthMax} letters, digits and hyphens.");
    }

    /// <summary>Without where it came from: <c>com.adobe.commerce.observer.sales_order_place_after</c> is <c>sales_order_place_after</c>.</summary>
    private static string NameOf(string name)
    {
        name = name.StartsWith(EventPrefix, StringComparison.Ordinal) ? name[EventPrefix.Length..] : name;
        return name.StartsWith("observer.", StringComparison.Ordinal) ? name["observer.".Length..] : name;
    }

    private static JsonElement? ItemOf(JsonElement body, bool isCloud)
    {
        var data = body.TryGetProperty("data", out var member) ? member : body;
        if (data.ValueKind != JsonValueKind.Object)
            return null;
        foreach (var name in (ReadOnlySpan<string>)(isCloud ? ["value"] : ["order", "quote", "cart", "customer", "customer_data_object", "data_object"]))
        {
            if (data.TryGetProperty(name, out var item) && item.ValueKind == JsonValueKind.Object)
                return item;
        }

        return data;
    }

    private static bool IsKey(JsonElement key)
    {
        if (key.ValueKind != JsonValueKind.String)
            return false;
        using var rsa = Signatures.PublicKey(key.GetString()!);
        return rsa is not null;
    }

    private static string Order(string name, string id, string at) => $$"""
        {
          "customer": {"from": [{"from": "/customer_id", "map": {"0": null} }, {"from": "/customer_email", "type": "email", "prefix": "email:"}]},
          "messageId": {{id}}, "name": {"value": "{{name}}"}, "occurredAt": "{{at}}",
          "properties": {
            "order_id": {"from": "/increment_id", "type": "string"}, "cart_id": {"from": "/quote_id", "type": "string"}, "status": "/status", "total": {"from": "/grand_total", "type": "number"},
            "revenue": {"from": "/subtotal", "type": "number"}, "tax": {"from": "/tax_amount", "type": "number"}, "shipping": {"from": "/shipping_amount", "type": "number"},
            "discount": {"from": "/discount_amount", "type": "number"}, "coupon": "/coupon_code", "currency": ["/order_currency_code", "/base_currency_code"],
            "products": {"each": "/items", "fields": {
              "product_id": {"from": "/product_id", "type": "string"}, "sku": "/sku", "name": "/name", "price": {"from": "/price", "type": "number"}, "quantity": {"from": "/qty_ordered", "type": "number"}
            } }
          },
          "identities": {"email": "/customer_email", "ids": [{"from": "/quote_id", "prefix": "cart:"}]}
        }
        """;
}
