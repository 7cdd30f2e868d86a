using System.Text.Json;
using Orleans.Personalize.Gateway.Connectors;

namespace Orleans.Personalize.Gateway.Quality;

/// <summary>What came of something that was to be done with a quarantined event.</summary>
internal enum Mended
{
    Done = 0,
    Missing = 1,
    /// <summary>It was replayed or dropped before, or only is a sample.</summary>
    Settled = 2,
    /// <summary>Something is still wrong with it.</summary>
    Invalid = 3,
    /// <summary>Somebody else did something with it in the meantime.</summary>
    Changed = 4,
    /// <summary>There was no room; nothing was done.</summary>
    Busy = 5,
    /// <summary>It is not known whether the event was applied; doing it again is safe.</summary>
    Unknown = 6,
}

/// <param name="Status">Of a replay: what the customer made of the event, in the words of the API.</param>
internal sealed record MendResult(Mended Outcome, QuarantineItem? Item = null, string? Status = null, long? Version = null, params DocumentError[] Errors);

/// <summary>Edits, replays and drops quarantined events.</summary>
internal sealed class Mending(IGrainFactory grains, Intake intake, IEnumerable<IQuarantinedFormat> formats, TimeProvider time)
{
    /// <summary>What a replay of an item as it is now would find wrong with it.</summary>
    public async Task<DocumentError[]> CheckAsync(string workspace, QuarantineItem item)
    {
        var events = await ReadAsync(workspace, item, item.Entry);
        return Unread(events) is { } error ? [error] : await CheckAsync(workspace, events);
    }

    /// <summary>Puts another body in the place of the one that came. It must be readable and about the same message; what schemas say of it is for the replay.</summary>
    /// <param name="format">Null: the one it has.</param>
    public async Task<MendResult> FixAsync(string workspace, long id, byte[] body, string? format, string by, string? reason)
    {
        var found = await FindOpenAsync(workspace, id);
        if (found.Outcome != Mended.Done)
            return found;
        var item = found.Item!;
        var entry = item.Entry with { Body = body, Format = format ?? item.Entry.Format };
        if (formats.All(known => known.Name != entry.Format))
            return new(Mended.Invalid, item, Errors: [new("/format", $"must be one of {string.Join(", ", formats.Select(static known => known.Name))}")]);
        var events = await ReadAsync(workspace, item, entry);
        if (Unread(events) is { } error)
            return new(Mended.Invalid, item, Errors: [error with { Pointer = "/body" + error.Pointer }]);
        if (item.Entry.MessageId is { } messageId && events.TrueForAll(one => one.MessageId != messageId))
            return new(Mended.Invalid, item, Errors: [new("/body/messageId", $"must stay '{messageId}': by it the event is recognised when its source repeats it")]);
        var errors = await CheckAsync(workspace, events);
        entry = entry with
        {
            Customer = events[0].Customer,
            Event = Quarantining.NameOf(events[0].Event!),
            Pointer = errors is [var first, ..] ? first.Pointer : entry.Pointer,
            Detail = errors is [var why, ..] ? why.Detail : entry.Detail,
        };
        var changed = await ChangeAsync(workspace, item, entry, "fix", by, reason);
        return changed.Outcome == Mended.Done ? changed with { Errors = errors } : changed;
    }

    /// <summary>
    /// Offers the event to its customer, and then notes that it was. Should the process end in between, the item stays open, and the next replay finds out by the message
    /// id that the event was applied.
    /// </summary>
    public async Task<MendResult> ReplayAsync(string workspace, long id, string by, string? reason)
    {
        var found = await FindOpenAsync(workspace, id);
        if (found.Outcome != Mended.Done)
            return found;
        var item = found.Item!;
        var events = await ReadAsync(workspace, item, item.Entry);
        if (Unread(events) is { } error)
            return new(Mended.Invalid, item, Errors: [error]);
        var (failures, taken) = await intake.RetakeAsync(workspace, events);
        if (failures.Count > 0)
            return new(Mended.Invalid, item, Errors: ToErrors(failures));
        if (taken.Any(static one => one.Fate != Fate.Answered))
            return new(taken.Any(static one => one.Fate == Fate.Unknown) ? Mended.Unknown : Mended.Busy, item);
        if (taken.FirstOrDefault(static one => one.Receipt!.Status is ReceiptStatus.Rejected or ReceiptStatus.Conflict).Receipt is { } refusal)
            return new(Mended.Invalid, item, Errors: [new("", refusal.Detail ?? "was refused by the customer")]);
        // Of several events the one that is new says most.
        var receipt = taken.MinBy(static one => one.Receipt!.Status).Receipt!;
        var status = receipt.Status.ToString().ToLowerInvariant();
        var entry = item.Entry with { State = QuarantineState.Replayed, Customer = events[0].Customer, Event = Quarantining.NameOf(events[0].Event!) };
        var changed = await ChangeAsync(workspace, item, entry, $"replay: {status}", by, reason);
        return changed with { Status = status, Version = receipt.Version };
    }

    public async Task<MendResult> DropAsync(string workspace, long id, string by, string reason)
    {
        var found = await FindOpenAsync(workspace, id);
        if (found.Outcome != Mended.Done)
            return found;
        return await ChangeAsync(workspace, found.Item!, found.Item!.Entry with { State = QuarantineState.Dropped }, "drop", by, reason);
    }

    private async Task<List<ParsedEvent>> ReadAsync(string workspace, QuarantineItem item, QuarantineEntry entry)
    {
        if (formats.FirstOrDefault(known => known.Name == entry.Format) is not { } format)
            return [ParsedEvent.Refused("", $"came as '{entry.Format}', which this process cannot read: mend it as native")];
        try
        {
            return await format.ReadAsync(workspace, entry, $"quarantine-{item.Id}");
        }
        catch (JsonException broken)
        {
            return [ParsedEvent.Refused("", JsonDefects.Describe(broken))];
        }
    }

    /// <summary>Why a body makes no event; null where it does.</summary>
    private static DocumentError? Unread(List<ParsedEvent> events) =>
        events.Count == 0 ? new("", "makes no event") : events.Find(static one => one.Event is null)?.Error;

    private async Task<DocumentError[]> CheckAsync(string workspace, List<ParsedEvent> events)
    {
        foreach (var one in events)
        {
            if (await intake.CheckAsync(workspace, one.Event!) is { Count: > 0 } failures)
                return ToErrors(failures);
        }
        return [];
    }

    private async Task<MendResult> FindOpenAsync(string workspace, long id) => await grains.GetGrain<IQuarantineGrain>(workspace).Find(id) switch
    {
        null => new(Mended.Missing),
        { Entry.State: QuarantineState.Open } open => new(Mended.Done, open),
        var settled => new(Mended.Settled, settled),
    };

    private async Task<MendResult> ChangeAsync(string workspace, QuarantineItem item, QuarantineEntry entry, string action, string by, string? reason) =>
        await grains.GetGrain<IQuarantineGrain>(workspace).Change(item.Id, item.Version, entry, new QuarantineNote(time.GetUtcNow(), by, action, reason)) is { } changed
            ? new(Mended.Done, changed)
            : new(Mended.Changed, item);

    private static DocumentError[] ToErrors(List<SchemaFailure> failures) => [.. failures.Select(static failure => new DocumentError(failure.Pointer, failure.Detail))];
}
