using Orleans.Personalize.Gateway.Connectors;

namespace Orleans.Personalize.Tests.Sources;

/// <summary>What becomes of the recorded requests.</summary>
public sealed class ConnectorEventsTests
{
    [Theory]
    // Whose, what, its id, when after 11:00 UTC of the day.
    [InlineData("shopify", "carts-update", "cart:eeafa272cebfd4b22385bc4b645e762c", "Cart Updated", "shopify:cart:eeafa272cebfd4b22385bc4b645e762c-2026-01-31T11:57:00.000Z", "00:57:00")]
    [InlineData("shopify", "checkouts-create", "115310627314723954", "Checkout Started", "shopify:checkout:123123123", "00:55:00")]
    [InlineData("shopify", "checkouts-update", "email:guest@example.org", "Checkout Updated", "shopify:checkout:123123123-2026-01-31T12:57:00+01:00", "00:57:00")]
    [InlineData("shopify", "orders-create", "115310627314723954", "Order Completed", "shopify:order:820982911946154508", "00:58:00")]
    [InlineData("shopify", "orders-paid", "115310627314723954", "Order Updated", "shopify:paid:820982911946154508", "00:59:00")]
    [InlineData("shopify", "orders-cancelled", "115310627314723954", "Order Cancelled", "shopify:cancelled:820982911946154508", "01:00:00")]
    [InlineData("shopify", "refunds-create", "order:820982911946154508", "Order Refunded", "shopify:refund:890088186047892319", "00:59:30")]
    [InlineData("shopify", "customers-update", "115310627314723954", null, "shopify:customer:115310627314723954-2026-01-31T12:20:00+01:00", "00:20:00")]
    [InlineData("shopify", "customers-data_request", "115310627314723954", "Data Export Requested", "shopify:data-request:9999", "00:58:02")]
    [InlineData("woocommerce", "order.created", "email:john.doe@example.com", "Order Completed", "woocommerce:order:727", "00:28:02")]
    [InlineData("woocommerce", "order.cancelled", "25", "Order Cancelled", "woocommerce:cancelled:727", "00:45:00")]
    [InlineData("woocommerce", "customer.created", "25", null, "woocommerce:customer:25-2026-01-31T11:10:00", "00:10:00")]
    [InlineData("woocommerce", "customer.deleted", "25", "Account Deleted", "woocommerce:deleted:25", "01:00:00")]
    [InlineData("magento", "webhook.sales_order_place_after", "42", "Order Completed", "magento:order:000000001", "00:30:00")]
    [InlineData("magento", "io.sales_quote_save_after", "cart:7", "Cart Updated", "magento:cart:7-2026-01-31 11:25:00", "00:25:00")]
    [InlineData("magento", "io.customer_save_commit_after", "42", null, "magento:customer:veronica@example.com-2026-01-31 11:00:00", "00:00:00")]
    [InlineData("segment", "track", "ada", "Product Added", "ajs-f8ca1e4de5024d9430b3928bd8ac6b96", "00:59:55.15")]
    [InlineData("segment", "identify", "ada", null, "ajs-1", "00:50:00")]
    [InlineData("cloudevents", "structured", "ada", "Order Completed", "https://erp.example/orders#A234-1234-1234", "00:31:00")]
    [InlineData("cloudevents", "binary", "Adéla", "Order Completed", "https://erp.example/orders#A234-1234-1234", "00:31:00")]
    [InlineData("standard-webhooks", "contact", "1f81eb52-5198-4599-803e-771906343485", "contact.created", "msg_2KWPBgLlAfxdpx2AI54pPJ85f4W", "00:59:00.3445220")]
    public void A_recorded_request_is_the_event_of_its_customer(string type, string name, string customer, string? happened, string messageId, string after)
    {
        var parsed = Assert.Single(Recorded.Of(type, name).Parse().Events);

        Assert.Null(parsed.Error);
        var made = parsed.Event!;
        Assert.Equal((customer, happened, messageId), (parsed.Customer, made.Name, made.MessageId));
        Assert.Equal((Recorded.Noon.AddHours(-1) + TimeSpan.Parse(after), Recorded.Noon), (made.OccurredAt, made.ReceivedAt));
        Assert.Equal((type, 10, false), (made.Source, made.SourcePriority, made.IsHistory));
    }

    [Theory]
    [InlineData("carts-update", """{"cart_id":"eeafa272cebfd4b22385bc4b645e762c","products":[{"product_id":"788032119674292922","variant_id":"49148385","sku":"SOCK-M","name":"Socks","brand":"Trailwear","price":19.99,"quantity":3}]}""")]
    [InlineData("orders-create", """{"order_id":"820982911946154508","order_number":"#1002","checkout_id":"123123123","cart_id":"eeafa272cebfd4b22385bc4b645e762c","status":"pending","url":"https://trail-shoes.myshopify.com/548380009/orders/b1/authenticate?key=x","total":259.80,"revenue":249.80,"tax":41.48,"shipping":10.00,"discount":10.00,"coupon":"WINTER","currency":"EUR","products":[{"product_id":"788032119674292922","variant_id":"49148385","sku":"SHOE-42","name":"Trail Shoe","variant":"42","brand":"Trailwear","price":129.90,"quantity":2}]}""")]
    [InlineData("refunds-create", """{"order_id":"820982911946154508","refund_id":"890088186047892319","note":"Things were damaged","total":129.90,"currency":"EUR","products":[{"product_id":"788032119674292922","sku":"SHOE-42","name":"Trail Shoe","price":129.90,"quantity":1}]}""")]
    public void Shopifys_bodies_become_properties_of_the_e_commerce_spec(string name, string properties) =>
        Assert.Equal(properties, Assert.Single(Recorded.Of("shopify", name).Parse().Events).Event!.Properties.ToString());

    [Fact]
    public void A_guest_of_Shopify_is_joined_by_cart_address_and_order()
    {
        Assert.Equal(
            ["email:ada@example.org", "phone:+4930123456", "cart:eeafa272cebfd4b22385bc4b645e762c", "order:820982911946154508"],
            Assert.Single(Recorded.Of("shopify", "orders-create").Parse().Events).Event!.Identities!);
        Assert.Equal(["cart:eeafa272cebfd4b22385bc4b645e762c"], Assert.Single(Recorded.Of("shopify", "checkouts-update").Parse().Events).Event!.Identities!);
    }

    [Theory]
    [InlineData("customers-create", """{"email":true}""")]
    [InlineData("customers-update", """{"email":false}""")]
    [InlineData("orders-create", """{"email":true}""")]
    public void Shopifys_marketing_consent_is_consent(string name, string consent) =>
        Assert.Equal(consent, Assert.Single(Recorded.Of("shopify", name).Parse().Events).Event!.Consent.ToString());

    [Fact]
    public void Shopifys_redaction_erases_every_id_it_names()
    {
        var inflow = Recorded.Of("shopify", "customers-redact").Parse();

        Assert.Empty(inflow.Events);
        Assert.Equal(["115310627314723954", "email:ada@example.org", "phone:+4930123456"], inflow.Erasures);
    }

    [Theory]
    // The signature is not of the topic: a body sent under another one must not pass for it.
    [InlineData("orders-create", "customers/redact", "/shop_domain")]
    [InlineData("orders-create", "orders/cancelled", "/cancelled_at")]
    [InlineData("orders-create", "orders/paid", "/financial_status")]
    [InlineData("customers-data_request", "customers/redact", "/orders_to_redact")]
    [InlineData("customers-update", "orders/create", "/line_items")]
    public void A_body_of_Shopify_under_another_topic_is_refused(string name, string topic, string pointer)
    {
        var inflow = Recorded.Of("shopify", name).With("X-Shopify-Topic", topic).Parse();

        Assert.Empty(inflow.Erasures);
        var refused = Assert.Single(inflow.Events);
        Assert.Equal((pointer, null), (refused.Error?.Pointer, refused.Event));
        Assert.Equal(Recorded.Of("shopify", name).Body, refused.Raw.ToArray());
    }

    [Fact]
    public void A_body_of_Shopify_sent_again_under_other_ids_is_the_same_event()
    {
        var first = Assert.Single(Recorded.Of("shopify", "orders-create").Parse().Events).Event!;
        var again = Assert.Single(Recorded.Of("shopify", "orders-create").With("X-Shopify-Webhook-Id", "other").With("X-Shopify-Event-Id", "another").Parse().Events).Event!;

        Assert.Equal((first.MessageId, first.Fingerprint), (again.MessageId, again.Fingerprint));
    }

    [Theory]
    [InlineData("shopify", "shop-redact")]
    [InlineData("woocommerce", "ping")]
    public void What_concerns_no_customer_is_nothing(string type, string name)
    {
        var inflow = Recorded.Of(type, name).Parse();

        Assert.Empty(inflow.Events);
        Assert.Empty(inflow.Erasures);
    }

    [Theory]
    [InlineData("woocommerce", "order.updated")]
    [InlineData("magento", "io.sales_order_save_commit_after")]
    public void An_order_that_changed_is_complete_once_and_updated(string type, string name)
    {
        var events = Recorded.Of(type, name).Parse().Events;

        Assert.Equal(["Order Completed", "Order Updated"], events.Select(static one => one.Event!.Name));
        var placed = Recorded.Of(type, type == "magento" ? "webhook.sales_order_place_after" : "order.created").Parse().Events[0].Event!;
        Assert.Equal((placed.MessageId, placed.Fingerprint, placed.OccurredAt), (events[0].Event!.MessageId, events[0].Event!.Fingerprint, events[0].Event!.OccurredAt));
    }

    [Fact]
    public void An_order_of_WooCommerce_has_the_properties_of_the_spec() => Assert.Equal(
        """{"order_id":"727","order_number":"727","status":"processing","total":29.35,"tax":1.35,"shipping":10.00,"discount":0.00,"currency":"USD","payment_method":"bacs","products":[{"product_id":"93","sku":"WOO-1","name":"Woo Single #1","price":3,"quantity":2,"image_url":"https://shop.example/woo.png"},{"product_id":"22","variant_id":"23","sku":"Bar3","name":"Ship Your Idea – Color: Black, Size: M Test","price":12.5,"quantity":1}]}""",
        Recorded.Of("woocommerce", "order.created").Parse().Events[0].Event!.Properties.ToString());

    [Fact]
    public void An_event_for_another_client_of_Adobes_is_refused()
    {
        var source = Recorded.Source("magento", Recorded.Document("magento")[..^1] + ""","clientId":"other"}""");

        var refused = Assert.Single(new Magento().Parse(Recorded.Of("magento", "io.sales_quote_save_after").Deliver(), source).Events);

        Assert.Equal("/recipient_client_id", refused.Error?.Pointer);
    }

    [Fact]
    public void Commerce_hears_that_it_may_go_on()
    {
        Assert.Equal("""{"op":"success"}""", Recorded.Of("magento", "webhook.sales_order_place_after").Parse().Answer);
        Assert.Null(Recorded.Of("magento", "io.sales_quote_save_after").Parse().Answer);
    }

    [Fact]
    public void Klaviyos_events_have_the_names_of_the_mail_providers()
    {
        var events = Recorded.Of("klaviyo", "events").Parse().Events;

        Assert.Equal(["Email Opened", "Unsubscribed", "Sent SMS"], events.Select(static one => one.Event?.Name));
        Assert.Equal(["ada", "01JK4FD0B0ZX4W9E2K3YV9C0QG", "ada"], events.Select(static one => one.Customer));
        Assert.Equal(["klaviyo:5fGhJk1", "klaviyo:5fGhJk2", "klaviyo:5fGhJk3"], events.Select(static one => one.Event!.MessageId));
        Assert.Equal(["", """{"email":false}""", ""], events.Select(static one => one.Event!.Consent.ToString()));
        Assert.Equal(["email:ada@example.org", "phone:+4930123456", "01JK4FD0B0ZX4W9E2K3YV9C0QG"], events[0].Event!.Identities!);
        Assert.All(events, static one => Assert.Equal(Recorded.Noon.AddMinutes(-5), one.Event!.OccurredAt));
    }

    [Fact]
    public void A_bad_event_of_a_batch_is_refused_alone_with_its_bytes()
    {
        var events = Recorded.Of("cloudevents", "batch").Parse().Events;

        Assert.Equal(["ada", "bob", null], events.Select(static one => one.Customer));
        Assert.Equal("/source", events[2].Error?.Pointer);
        Assert.Contains("\"id\": \"C\"", System.Text.Encoding.UTF8.GetString(events[2].Raw.Span), StringComparison.Ordinal);
    }

    [Fact]
    public void A_cloud_event_can_be_read_by_a_mapping()
    {
        var source = Recorded.Source("cloudevents", $$$"""{"type":"cloudevents","secret":"{{{Recorded.Secret}}}","mapping":{"customer":"/subject","properties":{"order":"/data/properties/order_id","from":"/source"} } }""");

        foreach (var name in (string[])["structured", "binary"])
        {
            var made = Assert.Single(new CloudEvents().Parse(Recorded.Of("cloudevents", name).Deliver(), source).Events).Event!;
            Assert.Equal(("Order Completed", """{"order":"o-1","from":"https://erp.example/orders"}"""), (made.Name, made.Properties.ToString()));
        }
    }

    [Fact]
    public void Json_is_read_as_the_mapping_says()
    {
        var events = Recorded.Of("json", "bookings").Parse().Events;

        Assert.Equal(["email:ada@example.org", null, "email:bob@example.org"], events.Select(static one => one.Customer));
        Assert.Equal(["Order Completed", null, "Order Updated"], events.Select(static one => one.Event?.Name));
        Assert.Equal(("/guest/mail", "B-2-CANCELLED"), (events[1].Error?.Pointer, events[1].MessageId));
        Assert.Equal(
            ("""{"order_id":"B-1","total":249.00,"nights":2}""", """{"email":true}""", "B-1-CONFIRMED"),
            (events[0].Event!.Properties.ToString(), events[0].Event!.Consent.ToString(), events[0].Event!.MessageId));
        Assert.Equal(["phone:+4930123456"], events[0].Event!.Identities!);
    }
}
