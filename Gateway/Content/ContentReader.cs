using System.Collections.Concurrent;

namespace Orleans.Personalize.Gateway.Content;

/// <summary>What is shown.</summary>
/// <param name="Json">Absent where nothing is to be shown.</param>
/// <param name="Text">The html, or the address of an image; null where nothing is to be shown.</param>
/// <param name="Reason">One of <see cref="SlotReason"/> where it is the fallback; null for live content.</param>
internal sealed record Shown(JsonText Json, string? Text, string? Reason, TimeSpan CacheFor, long? ProfileVersion, DateTimeOffset? LastSeenAt)
{
    public bool IsLive => Reason is null;
}

/// <summary>Live content if it comes in time, and else the fallback: there is always an answer.</summary>
internal sealed class ContentReader(IGrainFactory grains, TimeProvider time)
{
    /// <summary>Past it all are forgotten and learned again, one call each.</summary>
    private const int KnownMax = 10_000;

    private readonly ConcurrentDictionary<(string Workspace, string Slot), SlotTerms> known = new();

    public async Task<Shown> ReadAsync(string workspace, string slot, string customer, SlotForm form)
    {
        var terms = known.GetValueOrDefault((workspace, slot));
        try
        {
            var content = await grains.GetGrain<IContentGrain>(workspace)
                .Render(new SlotRequest(slot, customer, form, terms?.Version ?? 0))
                .WaitAsync(terms?.Budget ?? SlotTerms.BudgetMax, time);
            terms = Learn(workspace, slot, terms, content);
            return content.Reason is null
                ? new Shown(content.Json, content.Text, null, terms?.CacheFor ?? TimeSpan.Zero, content.ProfileVersion, content.LastSeenAt)
                : Fallback(terms, form, content.Reason) with { ProfileVersion = content.ProfileVersion, LastSeenAt = content.LastSeenAt };
        }
        catch (Exception failure)
        {
            // Whatever it is: a reader of a mail can do nothing about it.
            return Fallback(terms, form, failure is TimeoutException ? SlotReason.Slow : SlotReason.Unavailable);
        }
    }

    private SlotTerms? Learn(string workspace, string slot, SlotTerms? terms, SlotContent content)
    {
        if (content.Reason == SlotReason.NoSlot)
        {
            known.TryRemove((workspace, slot), out _);
            return null;
        }
        if (content.Terms is null)
            return terms;
        if (known.Count >= KnownMax)
            known.Clear();
        return known[(workspace, slot)] = content.Terms;
    }

    private static Shown Fallback(SlotTerms? terms, SlotForm form, string reason) => new(
        form == SlotForm.Json ? terms?.FallbackJson ?? default : default,
        form switch { SlotForm.Html => terms?.FallbackHtml, SlotForm.Image => terms?.FallbackImage, _ => null },
        reason,
        TimeSpan.Zero,
        null,
        null);
}
