using System.Buffers;
using System.Text.Json;
using Orleans.Personalize.Gateway.Api;

namespace Orleans.Personalize.Gateway.Connectors;

/// <summary>What a Segment event's surroundings say about it.</summary>
public sealed record SegmentEnvelope
{
    /// <summary>
    /// A recorded event: its <c>timestamp</c> is taken as it is (Segment corrects it before it hands events on), it counts as received when it
    /// occurred, and an id it lacks is made from its text, so that two replays of a line are the same event.
    /// </summary>
    public static readonly SegmentEnvelope Replay = new();

    /// <summary>When the request arrived, in UTC; null for a replay.</summary>
    public DateTimeOffset? ReceivedAt { get; init; }

    /// <summary>When the batch was sent by the client's clock, for events that do not say so themselves.</summary>
    public DateTimeOffset? SentAt { get; init; }

    /// <summary>The call that the path names; null where the event says so itself.</summary>
    public EventType? Type { get; init; }

    /// <summary>The batch's context, for events without one.</summary>
    public JsonText Context { get; init; }
}

/// <summary>
/// Segment's HTTP tracking API (https://segment.com/docs/connections/sources/catalog/libraries/server/http-api/) and event format
/// (https://segment.com/docs/connections/spec/common/).
/// </summary>
/// <remarks>
/// The customer is <c>userId</c>, else <c>anonymousId</c>. The traits of a group call are the group's, so they go into the properties, next to
/// <c>groupId</c>; an alias call has <c>previousId</c> there. Consent comes from <c>context.consent.categoryPreferences</c>
/// (https://segment.com/docs/privacy/consent-management/), its names in lower case, and from an identify call's <c>traits.consent</c>.
/// Other ids of the customer are <c>anonymousId</c> beside a <c>userId</c>, an alias call's <c>previousId</c>, and <c>context.externalIds</c>
/// (https://segment.com/docs/unify/identity-resolution/externalids/) as <c>type:id</c>.
/// An identify call also sets the traits <c>timezone</c> and <c>locale</c> from its context where it has none of its own.
/// </remarks>
public static class SegmentConnector
{
    /// <summary>Reads one event of Segment's format.</summary>
    public static ParsedEvent Parse(ReadOnlySpan<byte> json, SegmentEnvelope envelope)
    {
        json = json.Trim(" \t\r\n"u8);
        if (json.Length > Limits.EventBytesMax)
            return ParsedEvent.Refused("", $"is larger than {Limits.EventBytesMax} bytes");
        if (json is not [(byte)'{', ..])
            return ParsedEvent.Refused("", "must be an object");
        try
        {
            return JsonDefects.FindInObject(json) is { } defect
                ? new ParsedEvent(null, null, null, defect)
                : Read(json, envelope);
        }
        catch (JsonException exception)
        {
            return ParsedEvent.Refused("", JsonDefects.Describe(exception));
        }
    }

    private static ParsedEvent Read(ReadOnlySpan<byte> json, SegmentEnvelope envelope)
    {
        var call = SegmentCall.Read(json);
        var fields = new EventFields();
        var id = fields.Id(call.MessageId, "/messageId");
        if (id is null && EventFields.IsAbsent(call.MessageId))
            id = envelope.ReceivedAt is { } now ? Guid.CreateVersion7(now).ToString() : $"line-{Fingerprint.Hash(json):x16}";
        var user = fields.Id(call.UserId, "/userId");
        var anonymous = fields.Id(call.AnonymousId, "/anonymousId");
        var customer = user ?? anonymous;
        if (customer is null)
            fields.Refuse("/userId", "is missing, and anonymousId too");
        var type = envelope.Type ?? EventTypes.Parse(call.Type);
        if (type is null)
            fields.Refuse("/type", "must be track, identify, page, screen, group or alias");
        var name = type switch
        {
            EventType.Track => fields.Text(call.Event, "/event"),
            EventType.Page or EventType.Screen => fields.Text(call.Name, "/name"),
            _ => null,
        };
        if (name is null && type is EventType.Track)
            fields.Refuse("/event", "is missing: a track call says what happened");

        var occurredAt = OccurredAt(ref fields, call, envelope);
        var properties = Properties(ref fields, call, type);
        var context = EventFields.IsAbsent(call.Context) ? envelope.Context.Span : call.Context;
        var traits = type is EventType.Identify ? Traits(fields.Object(call.Traits, "/traits"), context) : default;
        var consent = Consent(context, traits.Span);
        var previous = type is EventType.Alias ? fields.Id(call.PreviousId, "/previousId") : null;
        if (fields.Error is not null)
            return new ParsedEvent(id, customer, null, fields.Error);

        var parsed = new CustomerEvent
        {
            MessageId = id!,
            Type = type!.Value,
            Name = name,
            OccurredAt = occurredAt,
            ReceivedAt = envelope.ReceivedAt ?? occurredAt,
            Source = "segment",
            Properties = properties,
            Traits = traits,
            Consent = consent,
            Identities = Identities.Of(customer!, [anonymous, previous, .. Identities.External(context)]),
            IsProvisional = user is null,
            Fingerprint = new Fingerprint()
                .Add([(byte)type]).Add(call.Event).Add(call.Name).Add(call.SourceTime).Add(properties.Span).Add(traits.Span).Add(consent.Span).Value,
        };
        return new ParsedEvent(id, customer, parsed, null);
    }

    /// <summary>
    /// The client's timestamp corrected by how far its clock is off: <c>receivedAt − (sentAt − timestamp)</c>. An event that has both
    /// <c>originalTimestamp</c> and <c>receivedAt</c> went through Segment, which has done that.
    /// </summary>
    private static DateTimeOffset OccurredAt(ref EventFields fields, in SegmentCall call, SegmentEnvelope envelope)
    {
        var timestamp = fields.Time(call.Timestamp, "/timestamp");
        var original = fields.Time(call.OriginalTimestamp, "/originalTimestamp");
        if (envelope.ReceivedAt is not { } receivedAt)
        {
            if (timestamp is null && original is null)
                fields.Refuse("/timestamp", "is missing");
            return timestamp ?? original ?? default;
        }

        if (timestamp is { } corrected && original is not null && !EventFields.IsAbsent(call.ReceivedAt))
            return corrected;
        if ((original ?? timestamp) is not { } occurredAt)
            return receivedAt;
        if ((EventFields.TimeOrNull(call.SentAt) ?? envelope.SentAt) is not { } sentAt)
            return occurredAt;

        return fields.Corrected(occurredAt, sentAt, receivedAt);
    }

    private static JsonText Properties(ref EventFields fields, in SegmentCall call, EventType? type)
    {
        switch (type)
        {
            case EventType.Group:
                var groupId = fields.Id(call.GroupId, "/groupId");
                if (groupId is null)
                    fields.Refuse("/groupId", "is missing");
                return JsonObjects.Of(("groupId", JsonObjects.String(groupId)), ("traits", fields.Object(call.Traits, "/traits").Utf8));
            case EventType.Alias:
                var previousId = fields.Id(call.PreviousId, "/previousId");
                if (previousId is null)
                    fields.Refuse("/previousId", "is missing");
                return JsonObjects.Of(("previousId", JsonObjects.String(previousId)));
            case EventType.Identify:
                return default;
            default:
                return fields.Object(call.Properties, "/properties");
        }
    }

    private static JsonText Traits(JsonText traits, ReadOnlySpan<byte> context)
    {
        foreach (var name in (ReadOnlySpan<string>)["timezone", "locale"])
        {
            var value = JsonObjects.Member(context, name);
            if (value is [(byte)'"', _, _, ..] && JsonObjects.Member(traits.Span, name).IsEmpty)
                traits = JsonObjects.With(traits, name, value);
        }

        return traits;
    }

    private static JsonText Consent(ReadOnlySpan<byte> context, ReadOnlySpan<byte> traits)
    {
        var preferences = JsonObjects.Member(JsonObjects.Member(context, "consent"), "categoryPreferences");
        var own = JsonObjects.Member(traits, "consent");
        if (preferences.IsEmpty && own.IsEmpty)
            return default;

        var buffer = new ArrayBufferWriter<byte>();
        using var writer = new Utf8JsonWriter(buffer);
        writer.WriteStartObject();
        var written = WriteBooleans(writer, preferences) + WriteBooleans(writer, own);
        writer.WriteEndObject();
        writer.Flush();
        return written == 0 ? default : new JsonText(buffer.WrittenSpan.ToArray());
    }

    private static int WriteBooleans(Utf8JsonWriter writer, ReadOnlySpan<byte> json)
    {
        var written = 0;
        for (var members = new JsonMembers(json); members.MoveNext();)
        {
            if (members.Name.IsEmpty || !EventFields.IsBoolean(members.Value))
                continue;
            writer.WriteBoolean(members.Name.ToString().ToLowerInvariant(), members.Value[0] == 't');
            written++;
        }

        return written;
    }
}
