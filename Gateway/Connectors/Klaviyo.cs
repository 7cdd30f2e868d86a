using System.Runtime.InteropServices;
using System.Security.Cryptography;
using System.Text;
using System.Text.Json;
using Microsoft.AspNetCore.Http;
using Orleans.Personalize.Gateway.Api;

namespace Orleans.Personalize.Gateway.Connectors;

/// <summary>Klaviyo's system webhooks (https://developers.klaviyo.com/en/docs/working_with_system_webhooks).</summary>
/// <remarks>
/// How old a request is, is read from the body's <c>meta.timestamp</c>: that is signed as well, and has an offset, while the header is a date whose zone
/// is not to be relied on.
/// </remarks>
internal sealed class Klaviyo : IConnector
{
    public const string SignatureHeader = "Klaviyo-Signature", TimestampHeader = "Klaviyo-Timestamp", IdHeader = "Klaviyo-Webhook-Id";

    private const string TopicPrefix = "event:klaviyo.";

    private static readonly Dictionary<string, (string Name, string? Consent)> Names = new(StringComparer.Ordinal)
    {
        ["email_delivered"] = (MailEvent.Delivered, null),
        ["received_email"] = (MailEvent.Delivered, null),
        ["bounced_email"] = (MailEvent.Bounced, null),
        ["dropped_email"] = (MailEvent.Dropped, null),
        ["opened_email"] = (MailEvent.Opened, null),
        ["clicked_email"] = (MailEvent.Clicked, null),
        ["marked_email_as_spam"] = (MailEvent.MarkedAsSpam, """{"email":false}"""),
        ["unsubscribed_from_email_marketing"] = (MailEvent.Unsubscribed, """{"email":false}"""),
        ["subscribed_to_email_marketing"] = ("Subscribed", """{"email":true}"""),
        ["unsubscribed_from_sms_marketing"] = ("SMS Unsubscribed", """{"sms":false}"""),
        ["subscribed_to_sms_marketing"] = ("SMS Subscribed", """{"sms":true}"""),
    };

    public DataFlow Flow { get; } = new(
        "klaviyo",
        "POST /v1/webhooks/{workspace}/{source}",
        "`Klaviyo-Signature`: hex HMAC-SHA256 of the body and the header `Klaviyo-Timestamp`; `meta.timestamp` at most 5 minutes old",
        "[Klaviyo's system webhooks](https://developers.klaviyo.com/en/docs/working_with_system_webhooks), JSON",
        "as it happens, some events at once",
        "built in, by the topic: names as in Segment's email spec, anything else under the metric's own name; subscriptions change consent",
        [
            .. Names.Values.Select(static one => one.Name).Distinct(StringComparer.Ordinal).Order(StringComparer.Ordinal), "the metric's name",
        ]);

    public IReadOnlyCollection<string> Members => [];

    public void Validate(Source source, DocumentFields document)
    {
        Signatures.RequireSecret(source, document);
        if (source.Mapping is not null)
            document.Fail("/mapping", "is not used here: the topics say what an event is");
    }

    public Proof Verify(Delivery delivery, Source source)
    {
        if (delivery.Header(SignatureHeader) is not { } signature || delivery.Header(TimestampHeader) is not { } timestamp)
            return Proof.Missing;
        byte[] signed = [.. delivery.Body.Span, .. Encoding.UTF8.GetBytes(timestamp)];
        if (!Signatures.IsHmac(HashAlgorithmName.SHA256, Signatures.Keys(source), signed, Signatures.Hex(signature)))
            return Proof.Wrong;
        try
        {
            var sentAt = EventFields.TimeOrNull(JsonObjects.Member(JsonObjects.Member(delivery.Body.Span.TrimStart(" \t\r\n"u8), "meta"), "timestamp"));
            // What cannot be read is for the parser to refuse.
            return sentAt is null || Signatures.IsFresh(sentAt, delivery.ReceivedAt, IConnector.Tolerance) ? Proof.Valid : Proof.Stale;
        }
        catch (JsonException)
        {
            return Proof.Valid;
        }
    }

    public Inflow Parse(Delivery delivery, Source source)
    {
        RequestBody.RequireObject(delivery.Body.Span);
        using var document = delivery.Parse();
        if (!document.RootElement.TryGetProperty("meta", out var meta) || MailEvent.Text(meta, "timestamp") is null)
            throw new BadHttpRequestException("/meta/timestamp is missing.");
        if (delivery.Header(IdHeader) is { } id && MailEvent.Text(meta, "klaviyo_webhook_id") is { } own && own != id)
            throw new BadHttpRequestException($"/meta/klaviyo_webhook_id is not that of the header {IdHeader}.");
        if (!document.RootElement.TryGetProperty("data", out var data) || data.ValueKind != JsonValueKind.Array)
            throw new BadHttpRequestException("/data must be an array.");
        if (data.GetArrayLength() > Limits.EventsMax)
            throw new BadHttpRequestException($"/data holds more than {Limits.EventsMax} elements.", StatusCodes.Status413PayloadTooLarge);
        return new([.. data.EnumerateArray().Select(one => ReadOne(one, source.OriginAt(delivery.ReceivedAt)))]);
    }

    public List<ParsedEvent> Read(JsonElement item, Origin origin, Source source) => [ReadOne(item, origin)];

    private static ParsedEvent ReadOne(JsonElement json, Origin origin)
    {
        if (json.ValueKind != JsonValueKind.Object)
            return Mapping.Refused(new("", "must be an object"), json, origin);
        if (JsonDefects.FindInObject(JsonMarshal.GetRawUtf8Value(json)) is { } defect)
            return Mapping.Refused(defect, json, origin);
        var payload = Member(Member(json, "payload"), "data");
        var attributes = Member(payload, "attributes");
        var included = Member(Member(json, "payload"), "included");
        var profile = Included(included, "profile");
        var profileId = MailEvent.Text(Member(Member(Member(payload, "relationships"), "profile"), "data"), "id");
        var email = MailEvent.Text(profile, "email");
        var externalId = MailEvent.Text(profile, "external_id");
        string? customer = new[] { externalId, profileId, Identities.Email(email) }.FirstOrDefault(Identities.IsId);
        if (customer is null)
            return Mapping.Refused(new("/payload/data/relationships/profile/data/id", "is missing"), json, origin);
        var id = MailEvent.Text(json, "external_id") ?? MailEvent.Text(payload, "id");
        if (!Identities.IsId(id))
            return Mapping.Refused(new("/external_id", "must be a text of 1 to 256 characters"), json, origin);
        var topic = MailEvent.Text(json, "topic") ?? "";
        var key = topic.StartsWith(TopicPrefix, StringComparison.Ordinal) ? topic[TopicPrefix.Length..] : topic;
        var (name, consent) = Names.TryGetValue(key, out var known) ? known : (MailEvent.Text(Included(included, "metric"), "name") ?? topic, null);
        if (!Identities.IsId(name))
            return Mapping.Refused(new("/topic", "must be a text of 1 to 256 characters"), json, origin);
        var properties = Member(attributes, "event_properties");
        if (properties.ValueKind == JsonValueKind.Object && JsonMarshal.GetRawUtf8Value(properties).Length > Limits.EventBytesMax)
            return Mapping.Refused(new("/payload/data/attributes/event_properties", $"is larger than {Limits.EventBytesMax} bytes"), json, origin);
        var fields = new EventFields();
        var datetime = Member(attributes, "datetime");
        var at = fields.Time(datetime.ValueKind == JsonValueKind.Undefined ? default : JsonMarshal.GetRawUtf8Value(datetime), "/payload/data/attributes/datetime");
        if (fields.Error is { } error)
            return Mapping.Refused(error, json, origin);
        var happened = new CustomerEvent
        {
            MessageId = Identities.IsId($"klaviyo:{id}") ? $"klaviyo:{id}" : id!,
            Type = EventType.Track,
            Name = name,
            OccurredAt = at ?? MailEvent.Time(attributes, "timestamp") ?? origin.ReceivedAt,
            ReceivedAt = origin.ReceivedAt,
            Source = origin.Source,
            Properties = properties.ValueKind == JsonValueKind.Object ? new(JsonMarshal.GetRawUtf8Value(properties).ToArray()) : default,
            Consent = consent is null ? default : JsonText.FromString(consent),
            Identities = Identities.Of(customer, [Identities.Email(email), Identities.Phone(MailEvent.Text(profile, "phone_number")), profileId]),
            // Klaviyo's own number is nobody's in the shop.
            IsProvisional = customer != externalId,
            // Of the id alone, as of all events of providers.
            Fingerprint = new Fingerprint().Add(Encoding.UTF8.GetBytes(id!)).Value,
        };
        return new(happened.MessageId, customer, origin.Mark(happened), null);
    }

    /// <summary>The attributes of the first resource of that type (https://jsonapi.org/format/#document-compound-documents).</summary>
    private static JsonElement Included(JsonElement included, string type) => included.ValueKind == JsonValueKind.Array
        ? Member(included.EnumerateArray().FirstOrDefault(one => MailEvent.Text(one, "type") == type), "attributes")
        : default;

    private static JsonElement Member(JsonElement json, string name) => json.ValueKind == JsonValueKind.Object && json.TryGetProperty(name, out var value) ? value : default;
}
