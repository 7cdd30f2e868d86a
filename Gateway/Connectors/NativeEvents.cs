using System.Text.Json;
using Orleans.Personalize.Gateway.Api;

namespace Orleans.Personalize.Gateway.Connectors;

/// <summary>
/// The project's own event format: the body of <c>POST /v1/events</c> is one event or <c>{"events":[…]}</c>. Members it does not know are
/// ignored; of a repeated member the last one wins.
/// </summary>
internal static class NativeEvents
{
    /// <summary>The events of a body, in order; those that are wrong are among them with the reason.</summary>
    /// <exception cref="JsonException">The body is no JSON.</exception>
    /// <exception cref="BadHttpRequestException">It is no object, or holds too many events.</exception>
    public static List<ParsedEvent> Parse(ReadOnlySpan<byte> body, DateTimeOffset receivedAt)
    {
        RequestBody.RequireObject(body);
        // Most requests are one event: it is read once. What is wrong with one is told by the way that looks at all of the body first.
        if (!MayBeBatch(body) && ParseOne(body, receivedAt) is { Event: not null } only)
            return [only];
        Range? batch = null;
        DateTimeOffset? sentAt = null;
        for (var members = new JsonMembers(body); members.MoveNext();)
        {
            if (members.Name is "events")
                batch = members.Range;
            else if (members.Name is "sentAt")
                sentAt = EventFields.TimeOrNull(members.Value);
        }

        if (batch is null)
            return [ParseOne(body, receivedAt)];

        var parsed = new List<ParsedEvent>();
        for (var events = new JsonElements(body[batch.Value], "/events", Limits.EventsMax); events.MoveNext();)
            parsed.Add(ParseOne(events.Current, receivedAt, sentAt));
        return parsed;
    }

    /// <summary>Whether a member could be called <c>events</c>; with an escape in it a name may be any.</summary>
    private static bool MayBeBatch(ReadOnlySpan<byte> body) => body.IndexOf("\"events\""u8) >= 0 || body.Contains((byte)'\\');

    /// <param name="json">The event.</param>
    /// <param name="receivedAt">When the request arrived.</param>
    /// <param name="sentAt">When it was sent by the sender's clock, which corrects what that clock says of the event; null where the clocks are taken to agree.</param>
    public static ParsedEvent ParseOne(ReadOnlySpan<byte> json, DateTimeOffset receivedAt, DateTimeOffset? sentAt = null)
    {
        if (json.Length > Limits.EventBytesMax)
            return ParsedEvent.Refused("", $"is larger than {Limits.EventBytesMax} bytes");
        if (json[0] != '{')
            return ParsedEvent.Refused("", "must be an object");
        try
        {
            return JsonDefects.FindInObject(json) is { } defect
                ? new ParsedEvent(null, null, null, defect)
                : Read(json, receivedAt, sentAt);
        }
        catch (JsonException exception)
        {
            return ParsedEvent.Refused("", JsonDefects.Describe(exception));
        }
    }

    private static ParsedEvent Read(ReadOnlySpan<byte> json, DateTimeOffset receivedAt, DateTimeOffset? sentAt)
    {
        ReadOnlySpan<byte> messageId = default, type = default, name = default, eventName = default, customer = default, userId = default;
        ReadOnlySpan<byte> anonymousId = default, occurredAt = default, timestamp = default, source = default;
        ReadOnlySpan<byte> properties = default, traits = default, consent = default, identities = default;
        for (var members = new JsonMembers(json, Limits.DepthMax); members.MoveNext();)
        {
            switch (members.Name)
            {
                case "messageId": messageId = members.Value; break;
                case "type": type = members.Value; break;
                case "name": name = members.Value; break;
                case "event": eventName = members.Value; break;
                case "customer": customer = members.Value; break;
                case "userId": userId = members.Value; break;
                case "anonymousId": anonymousId = members.Value; break;
                case "occurredAt": occurredAt = members.Value; break;
                case "timestamp": timestamp = members.Value; break;
                case "source": source = members.Value; break;
                case "properties": properties = members.Value; break;
                case "traits": traits = members.Value; break;
                case "consent": consent = members.Value; break;
                case "identities": identities = members.Value; break;
            }
        }

        var fields = new EventFields();
        var id = fields.Text(messageId, "/messageId");
        if (id is null && EventFields.IsAbsent(messageId))
            id = Guid.CreateVersion7(receivedAt).ToString();
        var known = fields.Text(customer, "/customer") ?? fields.Text(userId, "/userId");
        var anonymous = fields.Text(anonymousId, "/anonymousId");
        var who = known ?? anonymous;
        if (who is null)
            fields.Refuse("/customer", "is missing");
        var told = fields.Time(occurredAt, "/occurredAt") ?? fields.Time(timestamp, "/timestamp");
        var call = TypeOf(ref fields, type);
        var what = fields.Text(name, "/name") ?? fields.Text(eventName, "/event");
        if (what is null && call == EventType.Track)
            fields.Refuse("/name", "is missing: a track event says what happened");
        var parsed = new CustomerEvent
        {
            MessageId = id ?? "",
            Type = call,
            Name = what,
            OccurredAt = told is { } at && sentAt is { } sent ? fields.Corrected(at, sent, receivedAt) : told ?? receivedAt,
            ReceivedAt = receivedAt,
            Source = fields.Text(source, "/source") ?? "api",
            Properties = fields.Object(properties, "/properties"),
            Traits = fields.Object(traits, "/traits"),
            Consent = fields.Consent(consent, "/consent"),
            Identities = who is null ? null : Identities.Of(who, [anonymous, .. fields.Texts(identities, "/identities", Identities.CountMax)]),
            IsProvisional = known is null,
            Fingerprint = new Fingerprint()
                .Add(type).Add(name).Add(eventName).Add(occurredAt).Add(timestamp).Add(properties).Add(traits).Add(consent).Value,
        };
        return fields.Error is null ? new(id, who, parsed, null) : new(id, who, null, fields.Error);
    }

    private static EventType TypeOf(ref EventFields fields, ReadOnlySpan<byte> raw)
    {
        if (EventFields.IsAbsent(raw))
            return EventType.Track;
        if (EventTypes.Parse(raw) is { } type)
            return type;
        fields.Refuse("/type", "must be track, identify, page, screen, group or alias");
        return EventType.Track;
    }
}

internal static class EventTypes
{
    /// <summary>The type that a JSON string names; null for any other value.</summary>
    public static EventType? Parse(ReadOnlySpan<byte> raw) =>
        raw.SequenceEqual("\"track\""u8) ? EventType.Track
        : raw.SequenceEqual("\"identify\""u8) ? EventType.Identify
        : raw.SequenceEqual("\"page\""u8) ? EventType.Page
        : raw.SequenceEqual("\"screen\""u8) ? EventType.Screen
        : raw.SequenceEqual("\"group\""u8) ? EventType.Group
        : raw.SequenceEqual("\"alias\""u8) ? EventType.Alias
        : null;
}
