using System.Text.Json;
using Microsoft.AspNetCore.Http;
using Orleans.Personalize.Gateway.Api;

namespace Orleans.Personalize.Gateway.Connectors;

/// <summary>The body of a request to one of Segment's endpoints: one call, or a batch of them with what they share.</summary>
internal static class SegmentRequest
{
    /// <summary>The key in the body; null where there is none.</summary>
    /// <exception cref="JsonException">The body is no JSON.</exception>
    /// <exception cref="BadHttpRequestException">It is no object.</exception>
    public static string? WriteKeyOf(ReadOnlySpan<byte> body)
    {
        RequestBody.RequireObject(body);
        var key = JsonObjects.Member(body.TrimStart(" \t\r\n"u8), "writeKey");
        return key is [(byte)'"', ..] && JsonDefects.Find(key) is null ? EventFields.Decode(key) : null;
    }

    /// <summary>The events of a body, in order; those that are wrong are among them with the reason.</summary>
    /// <param name="body">The body.</param>
    /// <param name="type">The call that the path names; null for a batch.</param>
    /// <param name="receivedAt">When the request arrived.</param>
    /// <exception cref="JsonException">The body is no JSON.</exception>
    /// <exception cref="BadHttpRequestException">It is no object, or too large, or has no batch where it should.</exception>
    public static List<ParsedEvent> Parse(ReadOnlySpan<byte> body, EventType? type, DateTimeOffset receivedAt)
    {
        RequestBody.RequireObject(body);
        ReadOnlySpan<byte> batch = default, sentAt = default, context = default;
        for (var members = new JsonMembers(body); members.MoveNext();)
        {
            switch (members.Name)
            {
                case "batch": batch = members.Value; break;
                case "sentAt": sentAt = members.Value; break;
                case "context": context = members.Value; break;
            }
        }

        var envelope = new SegmentEnvelope { ReceivedAt = receivedAt, Type = type };
        if (type is not null)
        {
            return body.Length <= Limits.EventBytesMax
                ? [Parse(body, envelope)]
                : throw new BadHttpRequestException($"The event is larger than {Limits.EventBytesMax} bytes.");
        }

        envelope = envelope with { SentAt = EventFields.TimeOrNull(sentAt), Context = SharedContext(context) };
        var events = new List<ParsedEvent>();
        for (var elements = new JsonElements(batch, "/batch", Limits.SegmentEventsMax); elements.MoveNext();)
            events.Add(Parse(elements.Current, envelope));
        return events;
    }

    private static ParsedEvent Parse(ReadOnlySpan<byte> call, SegmentEnvelope envelope)
    {
        var parsed = SegmentConnector.Parse(call, envelope);
        return parsed.Error is null ? parsed : parsed with { Raw = Whole(call.Trim(" \t\r\n"u8), envelope).Utf8 };
    }

    /// <summary>A call with what its path and its batch say about it, so that it can be read again by itself.</summary>
    internal static JsonText Whole(ReadOnlySpan<byte> call, SegmentEnvelope envelope)
    {
        var whole = new JsonText(call.ToArray());
        if (call is not [(byte)'{', ..])
            return whole;
        if (envelope.Type is { } type)
            whole = JsonObjects.With(whole, "type", JsonObjects.String(type.ToString().ToLowerInvariant()).Span);
        if (envelope.SentAt is { } sentAt && JsonObjects.Member(call, "sentAt").IsEmpty)
            whole = JsonObjects.With(whole, "sentAt", JsonObjects.String(sentAt.ToString("O")).Span);
        if (!envelope.Context.IsAbsent && JsonObjects.Member(call, "context").IsEmpty)
            whole = JsonObjects.With(whole, "context", envelope.Context.Span);
        return whole;
    }

    /// <summary>A context that is unusable is no reason to lose its events.</summary>
    private static JsonText SharedContext(ReadOnlySpan<byte> context) =>
        context.Length <= Limits.EventBytesMax && context is [(byte)'{', ..] && JsonDefects.Find(context) is null
            ? new JsonText(context.ToArray())
            : default;
}
