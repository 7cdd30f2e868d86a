using Microsoft.Extensions.Logging;
using Orleans.Personalize.Gateway.Connectors;

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
internal readonly record struct Taken(ParsedEvent Event, Fate Fate, Receipt? Receipt);

/// <summary>Hands parsed events to their customers: one call a customer, all customers at once, answers in the order of the events.</summary>
internal sealed class Intake(IGrainFactory grains, ILogger<Intake> logger)
{
    public async Task<Taken[]> TakeAsync(string workspace, IReadOnlyList<ParsedEvent> events)
    {
        var taken = new Taken[events.Count];
        var customers = new Dictionary<string, List<int>>(StringComparer.Ordinal);
        for (var index = 0; index < events.Count; index++)
        {
            var parsed = events[index];
            if (parsed.Event is null)
                taken[index] = new Taken(parsed, Fate.Answered, new Receipt(parsed.MessageId ?? "", ReceiptStatus.Rejected, null, parsed.Reason));
            else if (customers.TryGetValue(parsed.Customer!, out var indexes))
                indexes.Add(index);
            else
                customers.Add(parsed.Customer!, [index]);
        }

        var failures = await Task.WhenAll(customers.Select(pair => ApplyAsync(workspace, pair.Key, pair.Value, events, taken)));
        if (failures.FirstOrDefault(failure => failure is not null) is { } first)
            logger.OutcomeUnknown(first, failures.Count(failure => failure is not null));
        return taken;
    }

    /// <returns>Why the outcome is unknown, if it is.</returns>
    private async Task<Exception?> ApplyAsync(
        string workspace, string customer, List<int> indexes, IReadOnlyList<ParsedEvent> events, Taken[] taken)
    {
        var batch = indexes.Select(index => events[index].Event!).ToArray();
        try
        {
            var receipts = await grains.GetGrain<ICustomerGrain>(new CustomerKey(workspace, customer).ToString()).Apply(batch);
            if (receipts.Length != batch.Length)
                throw new InvalidOperationException($"{batch.Length} events got {receipts.Length} receipts.");
            for (var position = 0; position < indexes.Count; position++)
                taken[indexes[position]] = new Taken(events[indexes[position]], Fate.Answered, receipts[position]);
            return null;
        }
        catch (Exception exception)
        {
            // Whatever went wrong, the other customers' events are none the worse for it.
            var fate = exception is JournalBusyException ? Fate.Busy : Fate.Unknown;
            foreach (var index in indexes)
                taken[index] = new Taken(events[index], fate, null);
            return fate is Fate.Busy ? null : exception;
        }
    }
}
