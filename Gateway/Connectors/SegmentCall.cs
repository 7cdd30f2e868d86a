using System.Text.Json;
using Microsoft.AspNetCore.Http;
using Orleans.Personalize.Gateway.Api;

namespace Orleans.Personalize.Gateway.Connectors;

/// <summary>The raw members of one Segment call, each empty where absent; of a repeated one the last.</summary>
internal ref struct SegmentCall
{
    public ReadOnlySpan<byte> MessageId, Type, UserId, AnonymousId, Event, Name, Properties, Traits, Context;
    public ReadOnlySpan<byte> Timestamp, OriginalTimestamp, SentAt, ReceivedAt, GroupId, PreviousId;

    /// <summary>The time as the source wrote it.</summary>
    public readonly ReadOnlySpan<byte> SourceTime => EventFields.IsAbsent(OriginalTimestamp) ? Timestamp : OriginalTimestamp;

    /// <exception cref="JsonException">The text is no JSON or nests too deep.</exception>
    public static SegmentCall Read(ReadOnlySpan<byte> json)
    {
        var call = default(SegmentCall);
        for (var members = new JsonMembers(json, Limits.DepthMax); members.MoveNext();)
        {
            switch (members.Name)
            {
                case "messageId": call.MessageId = members.Value; break;
                case "type": call.Type = members.Value; break;
                case "userId": call.UserId = members.Value; break;
                case "anonymousId": call.AnonymousId = members.Value; break;
                case "event": call.Event = members.Value; break;
                case "name": call.Name = members.Value; break;
                case "properties": call.Properties = members.Value; break;
                case "traits": call.Traits = members.Value; break;
                case "context": call.Context = members.Value; break;
                case "timestamp": call.Timestamp = members.Value; break;
                case "originalTimestamp": call.OriginalTimestamp = members.Value; break;
                case "sentAt": call.SentAt = members.Value; break;
                case "receivedAt": call.ReceivedAt = members.Value; break;
                case "groupId": call.GroupId = members.Value; break;
                case "previousId": call.PreviousId = members.Value; break;
            }
        }

        return call;
    }
}

/// <summary>A request to one of Segment's endpoints.</summary>
/// <param name="WriteKey">The key in the body; null where there is none.</param>
internal sealed record SegmentRequest(string? WriteKey, List<ParsedEvent> Events)
{
    /// <param name="body">The body.</param>
    /// <param name="type">The call that the path names; null for a batch.</param>
    /// <param name="receivedAt">When the request arrived.</param>
    /// <exception cref="JsonException">The body is no JSON.</exception>
    /// <exception cref="BadHttpRequestException">It is no object, or too large, or has no batch where it should.</exception>
    public static SegmentRequest Parse(ReadOnlySpan<byte> body, EventType? type, DateTimeOffset receivedAt)
    {
        RequestBody.RequireObject(body);
        ReadOnlySpan<byte> writeKey = default, batch = default, sentAt = default, context = default;
        for (var members = new JsonMembers(body); members.MoveNext();)
        {
            switch (members.Name)
            {
                case "writeKey": writeKey = members.Value; break;
                case "batch": batch = members.Value; break;
                case "sentAt": sentAt = members.Value; break;
                case "context": context = members.Value; break;
            }
        }

        var key = writeKey is [(byte)'"', ..] && JsonDefects.Find(writeKey) is null ? EventFields.Decode(writeKey) : null;
        var envelope = new SegmentEnvelope { ReceivedAt = receivedAt, Type = type };
        if (type is not null)
        {
            if (body.Length > Limits.EventBytesMax)
                throw new BadHttpRequestException($"The event is larger than {Limits.EventBytesMax} bytes.");
            return new SegmentRequest(key, [SegmentConnector.Parse(body, envelope)]);
        }

        envelope = envelope with { SentAt = EventFields.TimeOrNull(sentAt), Context = SharedContext(context) };
        var events = new List<ParsedEvent>();
        for (var elements = new JsonElements(batch, "/batch", Limits.SegmentEventsMax); elements.MoveNext();)
            events.Add(SegmentConnector.Parse(elements.Current, envelope));
        return new SegmentRequest(key, events);
    }

    /// <summary>A context that is unusable is no reason to lose its events.</summary>
    private static JsonText SharedContext(ReadOnlySpan<byte> context) =>
        context.Length <= Limits.EventBytesMax && context is [(byte)'{', ..] && JsonDefects.Find(context) is null
            ? new JsonText(context.ToArray())
            : default;
}
