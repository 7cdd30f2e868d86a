using System.Text.Json;
using Orleans.Personalize.Gateway.Connectors;

namespace Orleans.Personalize.Tests.Sources;

public sealed class MappingTests
{
    private static readonly DateTimeOffset Noon = new(2026, 1, 31, 12, 0, 0, TimeSpan.Zero);

    [Fact]
    public void A_nested_object_becomes_an_event()
    {
        var mapping = Compile("""
            {
              "customer": {"from": ["/buyer/id", "/buyer/email"]},
              "messageId": {"join": ["/no", "/rev"], "prefix": "erp:"},
              "name": {"from": "/state", "map": {"paid": "Order Completed"}, "default": "Order Updated"},
              "occurredAt": "/at",
              "properties": {
                "order_id": {"from": "/no", "type": "string"},
                "total": {"from": "/sum", "type": "number"},
                "currency": {"value": "EUR"},
                "products": {"each": "/lines", "fields": {"sku": "/article", "quantity": {"from": "/qty", "type": "integer", "default": 1}}},
                "ship_to": {"fields": {"city": "/address/city"}}
              },
              "traits": {"vip": {"from": "/buyer/vip", "type": "boolean"}},
              "consent": {"email": "/buyer/optin"},
              "identities": {"email": "/buyer/email", "phone": "/buyer/tel", "ids": ["/visitor", "/nothing"]}
            }
            """);

        var parsed = Apply(mapping, """
            {"no": 71, "rev": 2, "state": "paid", "at": "2026-01-31 11:30:00", "sum": " 12.50 ", "visitor": "v-1",
             "buyer": {"id": null, "email": "Ada@Example.org", "tel": "+49 (30) 123456", "vip": "yes", "optin": 1},
             "lines": [{"article": "a", "qty": "2"}, {"article": "b"}], "address": {"city": "Köln"}}
            """);

        Assert.Null(parsed.Error);
        var made = parsed.Event!;
        Assert.Equal(("Ada@Example.org", "erp:71-2", "Order Completed", "erp", 7), (parsed.Customer, made.MessageId, made.Name, made.Source, made.SourcePriority));
        Assert.Equal((EventType.Track, Noon.AddMinutes(-30), Noon), (made.Type, made.OccurredAt, made.ReceivedAt));
        Assert.Equal(
            """{"order_id":"71","total":12.50,"currency":"EUR","products":[{"sku":"a","quantity":2},{"sku":"b","quantity":1}],"ship_to":{"city":"Köln"}}""",
            made.Properties.ToString());
        Assert.Equal(("""{"vip":true}""", """{"email":true}"""), (made.Traits.ToString(), made.Consent.ToString()));
        Assert.Equal(["email:ada@example.org", "phone:+4930123456", "v-1"], made.Identities!);
    }

    [Theory]
    [InlineData("""{"n":"12"}""", "number", "12")]
    [InlineData("""{"n":-1.5e3}""", "number", "-1.5e3")]
    [InlineData("""{"n":"1,5"}""", "number", null)]
    [InlineData("""{"n":"3.0"}""", "integer", null)]
    [InlineData("""{"n":3}""", "integer", "3")]
    [InlineData("""{"n":true}""", "string", "\"true\"")]
    [InlineData("""{"n":[1]}""", "string", null)]
    [InlineData("""{"n":"No"}""", "boolean", "false")]
    [InlineData("""{"n":"maybe"}""", "boolean", null)]
    [InlineData("""{"n":"2026-01-31"}""", "time", "\"2026-01-31T00:00:00Z\"")]
    [InlineData("""{"n":"2026-01-31T01:00:00+01:00"}""", "time", "\"2026-01-31T00:00:00Z\"")]
    [InlineData("""{"n":1769817600}""", "time", null)]
    [InlineData("""{"n":1769817600.25}""", "unix", "\"2026-01-31T00:00:00.25Z\"")]
    [InlineData("""{"n":"1769817600000"}""", "unixMillis", "\"2026-01-31T00:00:00Z\"")]
    [InlineData("""{"n":1e40}""", "unix", null)]
    [InlineData("""{"n":{"a":[1,2]}}""", "any", """{"a":[1,2]}""")]
    public void A_value_is_of_its_type_or_a_defect_that_points_at_it(string item, string type, string? expected)
    {
        var parsed = Apply(Compile($$"""{"customer":{"value":"c"},"name":{"value":"e"},"properties":{"p":{"from":"/n","type":"{{type}}"} } }"""), item);

        Assert.Equal(expected is null ? "/n" : null, parsed.Error?.Pointer);
        Assert.Equal(expected is null ? null : $$"""{"p":{{expected}}}""", parsed.Event?.Properties.ToString());
        Assert.Equal(expected is null ? item : "", System.Text.Encoding.UTF8.GetString(parsed.Raw.Span));
    }

    [Theory]
    [InlineData("""{"n":""}""")]
    [InlineData("""{"n":null}""")]
    [InlineData("{}")]
    public void What_is_not_there_takes_the_default(string item)
    {
        var mapping = Compile("""{"customer":{"value":"c"},"name":{"value":"e"},"properties":{"p":{"from":"/n","type":"number","default":7},"q":{"from":"/n","type":"time"}}}""");

        Assert.Equal("""{"p":7}""", Apply(mapping, item).Event!.Properties.ToString());
    }

    [Fact]
    public void An_array_makes_an_event_an_element_and_a_bad_one_is_refused_alone()
    {
        var mapping = Compile("""{"each":"/rows","customer":"/id","name":{"value":"Seen"}}""");
        using var payload = JsonDocument.Parse("""{"rows":[{"id":1},{"name":"x"},7,{"id":"b"}]}""");

        var parsed = mapping.Apply(payload.RootElement, Origin with { MessageId = "d" });

        Assert.Equal(["d-0", null, null, "d-3"], parsed.Select(one => one.Event?.MessageId));
        Assert.Equal([null, "/id", "", null], parsed.Select(one => one.Error?.Pointer));
        Assert.Equal("""{"name":"x"}""", System.Text.Encoding.UTF8.GetString(parsed[1].Raw.Span));
    }

    [Fact]
    public void An_item_without_an_id_is_recognised_by_its_text()
    {
        var mapping = Compile("""{"customer":"/id","name":{"value":"Seen"}}""");

        var (first, again, other) = (Apply(mapping, """{"id":1}"""), Apply(mapping, """{"id":1}"""), Apply(mapping, """{"id":1,"x":0}"""));

        Assert.Equal((first.MessageId, first.Event!.Fingerprint), (again.MessageId, again.Event!.Fingerprint));
        Assert.NotEqual(first.MessageId, other.MessageId);
        Assert.StartsWith("erp-", first.MessageId, StringComparison.Ordinal);
    }

    [Theory]
    [InlineData("""{"name":{"value":"e"}}""", "/mapping/customer")]
    [InlineData("""{"customer":"/id"}""", "/mapping/name")]
    [InlineData("""{"customer":"id","name":"/n"}""", "/mapping/customer")]
    [InlineData("""{"customer":"/a~2","name":"/n"}""", "/mapping/customer")]
    [InlineData("""{"customer":{"from":"/a","value":1},"name":"/n"}""", "/mapping/customer")]
    [InlineData("""{"customer":{},"name":"/n"}""", "/mapping/customer")]
    [InlineData("""{"customer":{"from":"/a","type":"decimal"},"name":"/n"}""", "/mapping/customer/type")]
    [InlineData("""{"customer":{"from":"/a","typ":"number"},"name":"/n"}""", "/mapping/customer/typ")]
    [InlineData("""{"customer":{"from":[]},"name":"/n"}""", "/mapping/customer/from")]
    [InlineData("""{"customer":"/a","name":"/n","properties":["/b"]}""", "/mapping/properties")]
    [InlineData("""{"customer":"/a","name":"/n","properties":{"x/y":{"each":"/b"}}}""", "/mapping/properties/x~1y")]
    [InlineData("""{"customer":"/a","name":"/n","identities":{"mail":"/b"}}""", "/mapping/identities/mail")]
    [InlineData("[]", "/mapping")]
    public void A_mapping_that_makes_no_sense_is_refused_with_the_place(string mapping, string pointer)
    {
        var errors = new List<DocumentError>();
        using var document = JsonDocument.Parse(mapping);
        _ = Mapping.Parse(new DocumentFields(document.RootElement, "/mapping", errors));

        Assert.Contains(pointer, errors.Select(error => error.Pointer));
    }

    [Theory]
    [InlineData("{\"id\":\"a\\u0000\"}", "/id")]
    [InlineData("{\"id\":\"a\\ud800\"}", "/id")]
    [InlineData("{\"id\":\"a\\n\"}", "/id")]
    [InlineData("{\"id\":[]}", "/id")]
    public void What_no_profile_may_hold_is_refused(string item, string pointer) =>
        Assert.Equal(pointer, Apply(Compile("""{"customer":"/id","name":{"value":"e"}}"""), item).Error!.Pointer);

    private static Origin Origin => new("erp", Noon) { Priority = 7 };

    private static Mapping Compile(string json)
    {
        var errors = new List<DocumentError>();
        using var document = JsonDocument.Parse(json);
        var mapping = Mapping.Parse(new DocumentFields(document.RootElement.Clone(), "", errors));
        Assert.Empty(errors);
        return mapping;
    }

    private static ParsedEvent Apply(Mapping mapping, string item)
    {
        using var document = JsonDocument.Parse(item);
        return Assert.Single(mapping.Apply(document.RootElement, Origin));
    }
}
