using System.Text.Json;
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
            // Some clients write an empty text for what they do not know, such as the user before the login.
            if (members.Value.SequenceEqual("\"\""u8))
                continue;
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
