using System.Text.Json;
using Microsoft.AspNetCore.Http;
using Orleans.Personalize.Gateway.Connectors;

namespace Orleans.Personalize.Gateway.Quality;

/// <summary>An item of a source, read as the source's document says now: after its mapping was mended, all that it refused can be replayed as it came.</summary>
internal sealed class SourceFormat(WorkspaceRules rules, IEnumerable<IConnector> connectors) : IQuarantinedFormat
{
    public const string FormatName = "source";

    public string Name => FormatName;

    public async Task<List<ParsedEvent>> ReadAsync(string workspace, QuarantineEntry entry, string fallbackId)
    {
        if (OriginOf(entry) is not { } kept)
            return [ParsedEvent.Refused("", "came otherwise than from a source: mend it as native")];
        if (!(await rules.GetAsync(workspace)).Sources.TryGetValue(kept.Source, out var source))
            return [ParsedEvent.Refused("", $"came from the source '{kept.Source}', which is gone: mend it as native")];
        try
        {
            using var item = ItemFormats.Parse(entry.Body);
            var origin = kept with { Priority = source.Priority };
            return connectors.FirstOrDefault(one => one.Flow.Type == source.Type) is { } connector
                ? connector.Read(item.RootElement, origin, source)
                : ItemFormats.Read(source, item.RootElement, origin);
        }
        catch (BadHttpRequestException invalid)
        {
            return [ParsedEvent.Refused("", invalid.Message)];
        }
    }

    /// <summary>What is kept of an origin; the rest is said by the source's document when the item is read again.</summary>
    public static JsonText Write(Origin origin) => JsonObjects.Of(
        ("source", JsonObjects.String(origin.Source)),
        ("topic", JsonObjects.String(origin.Topic)),
        ("messageId", JsonObjects.String(origin.MessageId)),
        ("name", JsonObjects.String(origin.Name)),
        ("customer", JsonObjects.String(origin.Customer)),
        ("occurredAt", JsonObjects.String(origin.OccurredAt?.ToString("O"))));

    private static Origin? OriginOf(QuarantineEntry entry)
    {
        if (entry.Context.IsAbsent)
            return null;
        var kept = JsonElement.Parse(entry.Context.Span);
        return Text("source") is not { } source ? null : new(source, entry.ReceivedAt)
        {
            Topic = Text("topic"),
            MessageId = Text("messageId"),
            Name = Text("name"),
            Customer = Text("customer"),
            OccurredAt = kept.TryGetProperty("occurredAt", out var at) ? at.GetDateTimeOffset() : null,
        };

        string? Text(string name) => MailEvent.Text(kept, name);
    }
}
