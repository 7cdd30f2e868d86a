using System.Text.Json;
using Microsoft.AspNetCore.Http;
using Orleans.Personalize.Gateway.Connectors;
using Orleans.Personalize.Gateway.Quality;

namespace Orleans.Personalize.Gateway.Brokers;

/// <param name="IsDurable">Whether every event is in or refused for good; else all of them are to be offered again.</param>
/// <param name="Refused">Events of which nothing could be made: in quarantine, but for those whose id another event has.</param>
/// <param name="Reason">Why the first of those was refused, or why nothing could be read at all; null where nothing is wrong.</param>
public sealed record SourceTaken(bool IsDurable, int Events, int Refused, string? Reason);

/// <summary>The door for what the host itself fetches from a source.</summary>
public sealed class SourceIntake
{
    private readonly Intake intake;
    private readonly WorkspaceRules rules;
    private readonly TimeProvider time;

    internal SourceIntake(Intake intake, WorkspaceRules rules, TimeProvider time) => (this.intake, this.rules, this.time) = (intake, rules, time);

    /// <summary>The source as its document says now; null where there is none, or it is switched off.</summary>
    public async Task<Source?> FindAsync(string workspace, string id) =>
        (await rules.GetAsync(workspace)).Sources.TryGetValue(id, out var source) && source.IsEnabled ? source : null;

    /// <summary>Answers when the events of the items are durable.</summary>
    /// <param name="items">An array.</param>
    /// <param name="pointer">Where it was found.</param>
    public async Task<SourceTaken> TakeAsync(string workspace, Source source, JsonElement items, string pointer)
    {
        List<ParsedEvent> events;
        try
        {
            events = ItemFormats.ReadItems(source, items, pointer, time.GetUtcNow());
        }
        catch (Exception invalid) when (invalid is JsonException or BadHttpRequestException)
        {
            return new(false, 0, 0, invalid.Message);
        }
        var taken = await intake.TakeAsync(workspace, events, Door.Of(source));
        GatewayInstruments.OnEventsTaken(source.Type, taken);
        if (taken.Any(static one => one.Fate != Fate.Answered))
            return new(false, events.Count, 0, "Not all events found room; they are offered again.");
        var refused = taken.Where(static one => one.Receipt!.Status is ReceiptStatus.Rejected or ReceiptStatus.Conflict).ToArray();
        return new(true, events.Count, refused.Length, refused is [var first, ..] ? first.Receipt!.Detail ?? "refused" : null);
    }
}
