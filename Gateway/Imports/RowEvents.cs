using System.Text.Json;
using Orleans.Personalize.Gateway.Connectors;

namespace Orleans.Personalize.Gateway.Imports;

/// <summary>
/// Makes events of rows. The same row makes the same event, in this job and in any other with its source and mapping: a row that names no message id gets
/// one made of its text, and the instant of a row that names none is the job's.
/// </summary>
internal sealed class RowEvents
{
    private static readonly JsonDocumentOptions Strict = new() { MaxDepth = Api.Limits.DepthMax };

    private readonly ImportJob job;
    private readonly Mapping? mapping;
    private readonly TimeProvider time;

    public RowEvents(ImportJob job, TimeProvider time)
    {
        (this.job, this.time) = (job, time);
        if (!job.Mapping.IsAbsent)
            mapping = Mapping.Parse(new DocumentFields(JsonElement.Parse(job.Mapping.Span), "", []));
    }

    /// <summary>One event a row; the wrong ones among them with the reason.</summary>
    public ParsedEvent[] Of(IReadOnlyList<ImportRow> rows)
    {
        var origin = new Origin(job.Source, time.GetUtcNow()) { Priority = job.Priority, IsHistory = job.IsHistory, OccurredAt = job.At };
        return [.. rows.Select(row => Of(row, origin))];
    }

    private ParsedEvent Of(ImportRow row, Origin origin)
    {
        var parsed = row.Error is not null ? new ParsedEvent(null, null, null, row.Error)
            : mapping is not null ? Mapped(mapping, row.Json, origin)
            : job.Rows == RowKind.Segment ? SegmentConnector.Parse(row.Json, SegmentEnvelope.Replay)
            : NativeEvents.ParseOne(row.Json, job.At);
        if (parsed.Event is not { } happened)
            return parsed.Raw.IsEmpty ? parsed with { Raw = row.Raw } : parsed;
        if (mapping is not null)
            return parsed;
        var id = HasId(row.Json) ? happened.MessageId : $"{job.Source}-{Mapping.Hash(row.Json)}";
        var marked = happened with { MessageId = id, SourcePriority = job.Priority, IsHistory = job.IsHistory, ReceivedAt = origin.ReceivedAt };
        return parsed with { MessageId = id, Event = marked };
    }

    private static ParsedEvent Mapped(Mapping mapping, byte[] json, Origin origin)
    {
        try
        {
            // Before it is parsed: a parser lets such texts pass until somebody decodes them.
            if (JsonDefects.FindInObject(json) is { } defect)
                return new(null, null, null, defect);
            using var item = JsonDocument.Parse(json, Strict);
            return mapping.ApplyTo(item.RootElement, origin);
        }
        catch (JsonException exception)
        {
            return ParsedEvent.Refused("", JsonDefects.Describe(exception));
        }
    }

    private static bool HasId(byte[] json) => !EventFields.IsAbsent(JsonObjects.Member(json, "messageId"));
}

/// <summary>What makes an event of a row.</summary>
internal static class RowKind
{
    public const string Mapping = "mapping";
    /// <summary>The row is an event as <c>POST /v1/events</c> takes it.</summary>
    public const string Native = "native";
    /// <summary>The row is an event of Segment's.</summary>
    public const string Segment = "segment";

    public static readonly string[] All = [Mapping, Native, Segment];
}
