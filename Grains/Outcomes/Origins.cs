using Orleans.Personalize.Engine;
using Orleans.Personalize.Journal;

namespace Orleans.Personalize.Outcomes;

/// <summary>
/// Knows of a send what it is of: the latest from memory, which nothing relies on, and any from the customer's own records.
/// </summary>
internal sealed class Origins(IJournal journal)
{
    /// <summary>Most sends are settled within seconds; these take about 8 MB.</summary>
    private const int KnownMax = 20_000;

    private const int PageSize = 100;

    private static readonly byte[] DecidedMark = FactCodec.MarkOf("decided");

    private readonly Dictionary<string, Origin> known = [];
    private readonly Queue<string> order = [];

    public void Note(Fact.Decided decided)
    {
        if (decided.Send is not { } send || !known.TryAdd(decided.DecisionId, new(decided.Trigger, decided.TriggerVersion, send.Sender, send.Template)))
            return;
        order.Enqueue(decided.DecisionId);
        if (order.Count > KnownMax)
            known.Remove(order.Dequeue());
    }

    /// <returns>Null where the customer was erased meanwhile.</returns>
    public async ValueTask<Origin?> FindAsync(string customer, string decisionId, long before, CancellationToken cancellation)
    {
        while (!known.ContainsKey(decisionId))
        {
            var page = await journal.ReadBackAsync(customer, before, PageSize, cancellation);
            if (page.Count == 0)
                return null;
            foreach (var record in page.Where(static record => record.Payload.Span.IndexOf(DecidedMark) >= 0))
            {
                if (FactCodec.Decode(record.Payload).OfType<Fact.Decided>().FirstOrDefault(decided => decided.DecisionId == decisionId) is { } found)
                    Note(found);
            }
            before = page[^1].Version - FactCodec.Decode(page[^1].Payload).Length + 1;
        }
        return known[decisionId];
    }
}
