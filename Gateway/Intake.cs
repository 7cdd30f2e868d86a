using Microsoft.Extensions.Logging;
using Microsoft.Extensions.Options;
using Orleans.Personalize.Gateway.Connectors;
using Orleans.Personalize.Gateway.Quality;

namespace Orleans.Personalize.Gateway;

/// <summary>What is known of one event after it was offered to its customer.</summary>
internal enum Fate
{
    /// <summary>There is a receipt.</summary>
    Answered = 0,
    /// <summary>The customer had no room; nothing was applied.</summary>
    Busy = 1,
    /// <summary>It may or may not have been applied.</summary>
    Unknown = 2,
}

/// <param name="Receipt">Present when answered.</param>
/// <param name="Quarantined">Why it is in quarantine, durably, instead of being applied; then it is answered, and the receipt says that it was rejected.</param>
/// <param name="QuarantineId">Of the item in quarantine.</param>
internal readonly record struct Taken(ParsedEvent Event, Fate Fate, Receipt? Receipt, QuarantineEntry? Quarantined = null, long QuarantineId = 0);

/// <summary>
/// Hands parsed events to their customers: one call a customer, all customers at once, answers in the order of the events. On the way they are
/// normalized and held against the schemas of the workspace; what is not let in is put in quarantine, in one call.
/// </summary>
internal sealed class Intake(
    IGrainFactory grains, WorkspaceRules rules, WarningSamples samples, SourceNumbers numbers, TimeProvider time, IOptions<GatewayOptions> options, ILogger<Intake> logger)
{
    private int underWay;

    /// <summary>
    /// Fewer events are under way than may be. Past it everything waits for the processors in front of the grains, where nothing else would turn it away:
    /// each accepted event would take longer, and memory grow, with every one that comes.
    /// </summary>
    public bool HasRoom => Volatile.Read(ref underWay) < options.Value.EventsUnderWayMax;

    /// <summary>All of them are busy where there is no room; a request that finds some is taken whole, however large.</summary>
    /// <param name="door">Null: one whose caller is told what was refused.</param>
    public async Task<Taken[]> TakeAsync(string workspace, IReadOnlyList<ParsedEvent> events, Door? door = null)
    {
        door ??= Door.Native;
        var taken = new Taken[events.Count];
        if (!HasRoom)
            Mark(taken, events, Fate.Busy);
        else
        {
            Count(events.Count);
            try
            {
                await TakeAsync(workspace, events, door, taken);
            }
            finally
            {
                Count(-events.Count);
            }
        }
        GatewayInstruments.OnEventsQuarantined(door.Name, taken);
        numbers.OnTaken(workspace, door.Source, taken);
        return taken;
    }

    private void Count(int events)
    {
        Interlocked.Add(ref underWay, events);
        GatewayInstruments.OnUnderWay(events);
    }

    private async Task TakeAsync(string workspace, IReadOnlyList<ParsedEvent> events, Door door, Taken[] taken)
    {
        EventSchemas schemas;
        try
        {
            schemas = (await rules.GetAsync(workspace)).Schemas;
        }
        catch (Exception unreachable)
        {
            // Nobody can say what is let in, so nobody is let in; the sender repeats it.
            logger.RulesUnknown(unreachable, workspace);
            Mark(taken, events, Fate.Unknown);
            return;
        }
        // One event that no schema is about, as most requests are, needs none of the lists that the others do.
        if (door.TellsEach && events is [{ Event: { } only }] && schemas.Find(only) is null)
        {
            if (await ApplyAsync(workspace, events[0].Customer!, new([0], [only]), events, taken) is { } failure)
                logger.OutcomeUnknown(failure, 1);
        }
        else
            await TakeAsync(workspace, events, door, schemas, taken);
    }

    private static void Mark(Taken[] taken, IReadOnlyList<ParsedEvent> events, Fate fate)
    {
        for (var index = 0; index < taken.Length; index++)
            taken[index] = new Taken(events[index], fate, null);
    }

    private async Task TakeAsync(string workspace, IReadOnlyList<ParsedEvent> events, Door door, EventSchemas schemas, Taken[] taken)
    {
        var now = time.GetUtcNow();
        var customers = new Dictionary<string, Batch>(StringComparer.Ordinal);
        var refused = new List<(int Index, QuarantineEntry Entry)>();
        for (var index = 0; index < events.Count; index++)
        {
            var parsed = events[index];
            if (parsed.Event is null)
            {
                if (door.TellsEach || parsed.Raw.IsEmpty)
                    taken[index] = new Taken(parsed, Fate.Answered, Rejected(parsed, parsed.Reason));
                else
                    refused.Add((index, Quarantining.OfUnread(parsed, door, now)));
            }
            else if (Admit(workspace, door, parsed, schemas, refused, index, now) is { } admitted)
            {
                if (!customers.TryGetValue(parsed.Customer!, out var batch))
                    customers.Add(parsed.Customer!, batch = new([], []));
                batch.Indexes.Add(index);
                batch.Events.Add(admitted);
            }
        }

        var keeping = refused.Count == 0 ? Task.FromResult<Exception?>(null) : KeepAsync(workspace, refused, events, taken);
        var failures = await Task.WhenAll(customers.Select(pair => ApplyAsync(workspace, pair.Key, pair.Value, events, taken)).Prepend(keeping));
        // Whoever is not told that a customer refused an event would never know.
        (int Index, QuarantineEntry Entry)[] turnedAway = door.TellsEach ? [] :
        [
            .. taken.Index().Where(static one => one.Item is { Quarantined: null, Event.Event: not null, Receipt.Status: ReceiptStatus.Rejected })
                .Select(static one => (one.Index, Quarantining.OfRefused(one.Item.Event.Customer!, one.Item.Event.Event!, one.Item.Receipt!.Detail))),
        ];
        if (turnedAway.Length > 0)
            failures = [.. failures, await KeepAsync(workspace, [.. turnedAway], events, taken)];
        if (failures.FirstOrDefault(failure => failure is not null) is { } first)
            logger.OutcomeUnknown(first, failures.Count(failure => failure is not null));
    }

    /// <summary>Takes in the events of an item from quarantine, by the same rules: none of them where one is still refused.</summary>
    /// <returns>What is still wrong with them, or else what became of each.</returns>
    /// <exception cref="Exception">The rules could not be read.</exception>
    public async Task<(List<SchemaFailure> Failures, Taken[] Taken)> RetakeAsync(string workspace, List<ParsedEvent> events)
    {
        var schemas = (await rules.GetAsync(workspace)).Schemas;
        var judged = events.ConvertAll(one => Judge(one.Event!, schemas));
        if (judged.Find(static one => one.IsRefused) is { IsRefused: true } refused)
            return (refused.Failures, []);
        var taken = new Taken[events.Count];
        for (var index = 0; index < events.Count; index++)
        {
            if (await ApplyAsync(workspace, events[index].Customer!, new([index], [judged[index].Event]), events, taken) is { } failure)
                logger.OutcomeUnknown(failure, 1);
        }
        return ([], taken);
    }

    /// <summary>What an enforced schema has against an event now; empty where it would be let in.</summary>
    public async Task<List<SchemaFailure>> CheckAsync(string workspace, CustomerEvent one) =>
        Judge(one, (await rules.GetAsync(workspace)).Schemas) is { IsRefused: true } judged ? judged.Failures : [];

    private static Judged Judge(CustomerEvent one, EventSchemas schemas) =>
        schemas.Find(one) is { } found ? EventSchemas.Judge(one, found) : new Judged(one, null, []);

    /// <returns>The event, normalized; null where a schema refuses it.</returns>
    private CustomerEvent? Admit(
        string workspace, Door door, ParsedEvent parsed, EventSchemas schemas, List<(int Index, QuarantineEntry Entry)> refused, int index, DateTimeOffset now)
    {
        var one = parsed.Event!;
        if (schemas.Find(one) is not { } found)
            return one;
        var judged = EventSchemas.Judge(one, found);
        if (judged.Schema is not { } schema)
            return judged.Event;
        if (judged.IsRefused)
        {
            refused.Add((index, Quarantining.OfFailed(parsed.Customer!, one, schema, judged.Failures[0])));
            return null;
        }
        GatewayInstruments.OnEventWarned(door.Name, schema.Id, judged.Failures[0].Keyword);
        samples.Offer(workspace, parsed.Customer!, one, schema, judged.Failures[0], now);
        return judged.Event;
    }

    private static Receipt Rejected(ParsedEvent parsed, string? detail) => new(parsed.MessageId ?? "", ReceiptStatus.Rejected, null, detail);

    /// <summary>Quarantines events, all or none.</summary>
    /// <returns>Why the outcome is unknown, if it is.</returns>
    private async Task<Exception?> KeepAsync(
        string workspace, List<(int Index, QuarantineEntry Entry)> refused, IReadOnlyList<ParsedEvent> events, Taken[] taken)
    {
        try
        {
            var ids = await grains.GetGrain<IQuarantineGrain>(workspace).Add([.. refused.Select(static one => one.Entry)]);
            if (ids is null)
                logger.QuarantineFull(workspace, refused.Count);
            for (var position = 0; position < refused.Count; position++)
            {
                var (index, entry) = refused[position];
                var parsed = events[index];
                taken[index] = ids is null
                    ? new Taken(parsed, Fate.Busy, null)
                    : new Taken(parsed, Fate.Answered, Rejected(parsed, Quarantining.Sentence(entry)), entry, ids[position]);
            }
            return null;
        }
        catch (Exception exception)
        {
            var fate = exception is JournalBusyException ? Fate.Busy : Fate.Unknown;
            foreach (var (index, _) in refused)
                taken[index] = new Taken(events[index], fate, null);
            return fate is Fate.Busy ? null : exception;
        }
    }

    /// <returns>Why the outcome is unknown, if it is.</returns>
    private async Task<Exception?> ApplyAsync(string workspace, string customer, Batch batch, IReadOnlyList<ParsedEvent> events, Taken[] taken)
    {
        try
        {
            var receipts = await grains.GetGrain<ICustomerGrain>(new CustomerKey(workspace, customer).ToString())
                .Apply(ToEvents(customer, batch.Events));
            if (receipts.Length != batch.Events.Count)
                throw new InvalidOperationException($"{batch.Events.Count} events got {receipts.Length} receipts.");
            for (var position = 0; position < receipts.Length; position++)
                taken[batch.Indexes[position]] = new Taken(events[batch.Indexes[position]], Fate.Answered, receipts[position]);
            return null;
        }
        catch (Exception exception)
        {
            // Whatever went wrong, the other customers' events are none the worse for it.
            var fate = exception is JournalBusyException ? Fate.Busy : Fate.Unknown;
            foreach (var index in batch.Indexes)
                taken[index] = new Taken(events[index], fate, null);
            return fate is Fate.Busy ? null : exception;
        }
    }

    private static CustomerEvent[] ToEvents(string customer, List<CustomerEvent> events)
    {
        var array = new CustomerEvent[events.Count];
        for (var index = 0; index < array.Length; index++)
            array[index] = events[index] is var one && one.IsProvisional == Identities.IsProvisional(customer, one) ? one : one with { IsProvisional = true };
        return array;
    }

    /// <param name="Indexes">Where the events stand in the request.</param>
    private sealed record Batch(List<int> Indexes, List<CustomerEvent> Events);
}
