using Orleans.Concurrency;
using Orleans.Personalize.Engine;
using Orleans.Personalize.Journal;

namespace Orleans.Personalize.Customers;

/// <summary>Reads back the newest records of the latest active customers. Holds nothing, so every silo may have its own.</summary>
[StatelessWorker, Reentrant]
public sealed class EventSampleGrain(IJournal journal) : Grain, IEventSampleGrain
{
    private static readonly JsonText Nothing = JsonText.FromString("{}");

    public async Task<EventSample> Sample(EventType type, string? name)
    {
        var sample = new List<CustomerEvent>();
        var (customers, bytes) = (0, 0);
        foreach (var hit in await journal.SearchAsync(this.GetPrimaryKeyString(), "", IEventSampleGrain.CustomersMax, CancellationToken.None))
        {
            var found = sample.Count;
            foreach (var record in await journal.ReadBackAsync(hit.Customer, null, IEventSampleGrain.RecordsMax, CancellationToken.None))
            {
                foreach (var one in FactCodec.DecodeOnly(record.Payload, "eventApplied").OfType<Fact.EventApplied>().Select(static applied => applied.Event))
                {
                    if (one.Type != type || (name is not null && one.Name != name))
                        continue;
                    bytes += BodyOf(one).Span.Length;
                    if (bytes > IEventSampleGrain.BytesMax || sample.Count == IEventSampleGrain.EventsMax)
                        return Of(sample, customers + 1);
                    sample.Add(one);
                }
            }
            customers += sample.Count > found ? 1 : 0;
        }
        return Of(sample, customers);
    }

    private static JsonText BodyOf(CustomerEvent one) => one.Type == EventType.Identify ? one.Traits : one.Properties;

    private static EventSample Of(List<CustomerEvent> sample, int customers) => new(
        [.. sample.Select(static one => BodyOf(one) is { IsAbsent: false } body ? body : Nothing)],
        customers,
        sample.Count == 0 ? null : sample.Min(static one => one.OccurredAt),
        sample.Count == 0 ? null : sample.Max(static one => one.OccurredAt));
}
