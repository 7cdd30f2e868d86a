using Orleans.Personalize.Journal;

namespace Orleans.Personalize.Customers;

/// <summary>Reads a customer's facts back from the journal.</summary>
internal static class Timeline
{
    public static async Task<TimelinePage> ReadAsync(IJournal journal, string customer, int limit, long? before)
    {
        var items = new List<TimelineItem>(limit);
        // A record holds at least one fact, so this many records are enough.
        foreach (var record in await journal.ReadBackAsync(customer, before, limit, CancellationToken.None))
        {
            var facts = FactCodec.Read(record.Payload).ToArray();
            for (var i = facts.Length - 1; i >= 0 && items.Count < limit; i--)
            {
                var version = record.Version - (facts.Length - 1 - i);
                if (version < (before ?? long.MaxValue))
                    items.Add(new(version, record.RecordedAt, facts[i].Type, facts[i].Data));
            }
        }
        return new([.. items], items is [.., { Version: > 1 } last] && items.Count == limit ? last.Version : null);
    }
}
