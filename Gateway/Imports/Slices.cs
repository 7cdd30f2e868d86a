using Orleans.Personalize.Gateway.Api;
using Orleans.Personalize.Gateway.Connectors;
using Orleans.Personalize.Gateway.Quality;

namespace Orleans.Personalize.Gateway.Imports;

/// <summary>Hands the events of a block to their customers, some slices at a time, until each has its receipt.</summary>
internal sealed class Slices(Intake intake, string workspace, TimeProvider time)
{
    /// <summary>How long a slice may find no room, or no answer, before its sender is told to come again.</summary>
    private static readonly TimeSpan Patience = TimeSpan.FromSeconds(30);

    private static readonly TimeSpan PauseMin = TimeSpan.FromMilliseconds(20), PauseMax = TimeSpan.FromSeconds(1);

    /// <returns>The receipts, in the order of the events.</returns>
    /// <exception cref="JournalBusyException">There was no room for long.</exception>
    /// <exception cref="JournalException">The outcome of some is unknown.</exception>
    public async Task<Receipt[]> TakeAsync(IReadOnlyList<ParsedEvent> events, Door door)
    {
        var receipts = new Receipt[events.Count];
        // The events of a customer side by side, so that they go in one call.
        var slices = Enumerable.Range(0, events.Count).OrderBy(index => events[index].Customer, StringComparer.Ordinal).Chunk(Limits.ImportSliceRows);
        await Parallel.ForEachAsync(
            slices,
            new ParallelOptions { MaxDegreeOfParallelism = Limits.ImportSlicesMax },
            async (slice, _) => await TakeAsync(events, slice, receipts, door));
        return receipts;
    }

    private async Task TakeAsync(IReadOnlyList<ParsedEvent> events, int[] slice, Receipt[] receipts, Door door)
    {
        var since = time.GetTimestamp();
        for (var pause = PauseMin; ; pause = pause * 2 < PauseMax ? pause * 2 : PauseMax)
        {
            var taken = await intake.TakeAsync(workspace, [.. slice.Select(index => events[index])], door);
            foreach (var (position, one) in taken.Index())
            {
                if (one.Receipt is { } receipt)
                    receipts[slice[position]] = receipt;
            }
            GatewayInstruments.OnEventsTaken(door.Name, taken);
            slice = [.. slice.Where((_, position) => taken[position].Fate != Fate.Answered)];
            if (slice.Length == 0)
                return;
            if (time.GetElapsedTime(since) > Patience)
                throw taken.Any(static one => one.Fate == Fate.Unknown) ? new JournalException("The outcome of some rows is unknown.") : new JournalBusyException();
            await Task.Delay(pause, time);
        }
    }
}
