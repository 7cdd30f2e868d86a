using System.Runtime.InteropServices;
using System.Security.Cryptography;
using System.Text;
using System.Text.Json;
using Orleans.Personalize.Gateway.Api;

namespace Orleans.Personalize.Gateway.Connectors;

/// <summary>What is known of an item besides its text.</summary>
/// <param name="Source">The id of the source document: <see cref="CustomerEvent.Source"/>.</param>
/// <param name="ReceivedAt">When it was taken in.</param>
public sealed record Origin(string Source, DateTimeOffset ReceivedAt)
{
    public int Priority { get; init; }

    /// <summary>See <see cref="CustomerEvent.IsHistory"/>.</summary>
    public bool IsHistory { get; init; }

    /// <summary>The transport's id of the item, for one that names none itself.</summary>
    public string? MessageId { get; init; }

    public string? Name { get; init; }

    public string? Customer { get; init; }

    public DateTimeOffset? OccurredAt { get; init; }

    /// <summary>What kind of item it is, where its source tells kinds apart outside of the text.</summary>
    public string? Topic { get; init; }

    /// <summary>The same for events that follow another format: what the source's document says of all its events.</summary>
    public CustomerEvent Mark(CustomerEvent happened) => happened with { Source = Source, SourcePriority = Priority, IsHistory = IsHistory };
}

/// <summary>
/// Makes events of the JSON objects of a source, as a document says: pure, compiled once, safe to share. An item that names no id gets one
/// made from its text, so that the same item taken in twice is the same event.
/// </summary>
public sealed class Mapping
{
    private static readonly string[] Members =
        ["each", "customer", "messageId", "type", "name", "occurredAt", "properties", "traits", "consent", "identities"];

    private static readonly string[] IdentityMembers = ["email", "phone", "ids"];

    private JsonPath? each;
    private MappedField? customer, messageId, type, name, occurredAt, email, phone;
    private (string Name, MappedField Field)[] properties = [], traits = [], consent = [];
    private MappedField[] ids = [];

    private Mapping()
    {
    }

    /// <summary>Compiles a mapping; what is wrong with it is noted in the errors of the document, and then it must not be used.</summary>
    /// <param name="document">The member <c>mapping</c>.</param>
    /// <param name="given">Which of <c>customer</c> and <c>name</c> the transport knows without it.</param>
    public static Mapping Parse(DocumentFields document, params ReadOnlySpan<string> given)
    {
        var mapping = new Mapping();
        if (!document.IsObjectOf(Members))
            return mapping;
        mapping.each = document.Member("each") is { } array ? MappedField.Path(array) : null;
        mapping.customer = Field(document, "customer");
        mapping.messageId = Field(document, "messageId");
        mapping.type = Field(document, "type");
        mapping.name = Field(document, "name");
        mapping.occurredAt = Field(document, "occurredAt", "time");
        mapping.properties = Object(document, "properties");
        mapping.traits = Object(document, "traits");
        mapping.consent = Object(document, "consent", "boolean");
        if (document.Member("identities") is { } identities && identities.IsObjectOf(IdentityMembers))
        {
            mapping.email = Field(identities, "email");
            mapping.phone = Field(identities, "phone");
            mapping.ids = identities.Member("ids") is { } others ? [.. others.Items().Select(static other => MappedField.Parse(other))] : [];
        }

        if (mapping.customer is null && !given.Contains("customer"))
            document.Fail("/customer", "is missing: whose event it is");
        if (mapping.name is null && mapping.type is null && !given.Contains("name"))
            document.Fail("/name", "is missing: what happened; or say with type that it is another than track");
        return mapping;
    }

    /// <summary>The events of a payload: one, or with <c>each</c> one an element.</summary>
    public List<ParsedEvent> Apply(JsonElement payload, Origin origin)
    {
        if (each is null)
            return [ApplyTo(payload, origin)];
        if (each.Find(payload) is not { ValueKind: JsonValueKind.Array } items)
            return [Refused(new DocumentError(each.Text, "must be an array"), payload, origin)];
        return [.. items.EnumerateArray().Select((item, index) => ApplyTo(item, origin.MessageId is null ? origin : origin with { MessageId = $"{origin.MessageId}-{index}" }))];
    }

    /// <summary>The event of one item; refused with a pointer into the item, and with the item, where it makes none.</summary>
    public ParsedEvent ApplyTo(JsonElement item, Origin origin)
    {
        if (item.ValueKind != JsonValueKind.Object)
            return Refused(new DocumentError("", "must be an object"), item, origin);
        var raw = JsonMarshal.GetRawUtf8Value(item);
        if (JsonDefects.FindInObject(raw) is { } defect)
            return Refused(defect, item, origin);

        var fields = new EventFields();
        var who = Id(customer, item, ref fields) ?? origin.Customer;
        if (who is null)
            fields.Refuse(customer?.Pointer ?? "", customer is null ? "names no customer" : "is missing");
        var id = Id(messageId, item, ref fields) ?? origin.MessageId ?? $"{origin.Source}-{Hash(raw)}";
        var call = Call(item, ref fields);
        var what = Id(name, item, ref fields) ?? origin.Name;
        if (what is null && call == EventType.Track)
            fields.Refuse(name?.Pointer ?? "", "is missing: a track event says what happened");
        var when = occurredAt?.Read(item, ref fields);
        var at = fields.Time(when, occurredAt?.Pointer ?? "") ?? origin.OccurredAt ?? origin.ReceivedAt;
        if (at < DateTimeOffset.UnixEpoch)
            fields.Refuse("", "must not have occurred before 1970");
        var happened = new CustomerEvent
        {
            MessageId = id,
            Type = call,
            Name = what,
            OccurredAt = at,
            ReceivedAt = origin.ReceivedAt,
            Source = origin.Source,
            SourcePriority = origin.Priority,
            IsHistory = origin.IsHistory,
            Properties = new(MappedField.ReadObject(properties, item, ref fields)),
            Traits = new(MappedField.ReadObject(traits, item, ref fields)),
            Consent = fields.Consent(MappedField.ReadObject(consent, item, ref fields), ""),
            Identities = Known(item, who),
        };
        if (happened.Properties.Span.Length + happened.Traits.Span.Length + happened.Consent.Span.Length > Limits.EventBytesMax)
            fields.Refuse("", $"makes an event of more than {Limits.EventBytesMax} bytes");
        if (fields.Error is { } error)
            return Refused(error, item, origin) with { MessageId = Identities.IsId(id) ? id : null, Customer = who };
        return new(id, who, happened with { Fingerprint = FingerprintOf(happened, when) }, null);
    }

    /// <summary>Of what the source says, not of when it was received.</summary>
    private static ulong FingerprintOf(CustomerEvent happened, byte[]? when) => new Fingerprint()
        .Add([(byte)happened.Type]).Add(Encoding.UTF8.GetBytes(happened.Name ?? "")).Add(when)
        .Add(happened.Properties.Span).Add(happened.Traits.Span).Add(happened.Consent.Span).Value;

    private EventType Call(JsonElement item, ref EventFields fields)
    {
        if (type?.Read(item, ref fields) is not { } raw)
            return EventType.Track;
        if (EventTypes.Parse(raw) is { } call)
            return call;
        fields.Refuse(type.Pointer, "must be track, identify, page, screen, group or alias");
        return EventType.Track;
    }

    /// <summary>An id of the source that is unusable is no reason to lose the event.</summary>
    private string[]? Known(JsonElement item, string? who)
    {
        var ignored = new EventFields();
        string?[] known = [Text(email), Text(phone), .. ids.Select(Text)];
        return Identities.Of(who, [Identities.Email(known[0]), Identities.Phone(known[1]), .. known[2..]]);

        string? Text(MappedField? field) => field?.Read(item, ref ignored) is { } raw ? ignored.Id(raw, "") : null;
    }

    private static string? Id(MappedField? field, JsonElement item, ref EventFields fields) => field?.Read(item, ref fields) switch
    {
        null or [(byte)'"', (byte)'"'] => null,
        var raw => fields.Id(raw, field.Pointer),
    };

    /// <param name="item">What its source reads again, once it was mended.</param>
    internal static ParsedEvent Refused(DocumentError error, JsonElement item, Origin origin) =>
        new(null, null, null, error, JsonMarshal.GetRawUtf8Value(item).ToArray(), origin);

    /// <summary>128 bits of the text, which tell two items apart for good.</summary>
    internal static string Hash(ReadOnlySpan<byte> raw) => Convert.ToHexStringLower(SHA256.HashData(raw).AsSpan(0, 16));

    private static MappedField? Field(DocumentFields document, string member, string type = "any") =>
        document.Member(member) is { } field ? MappedField.Parse(field, type) : null;

    private static (string Name, MappedField Field)[] Object(DocumentFields document, string member, string type = "any") =>
        document.Member(member) is { } fields ? MappedField.ParseObject(fields, type) : [];
}
