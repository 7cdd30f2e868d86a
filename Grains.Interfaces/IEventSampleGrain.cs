namespace Orleans.Personalize;

/// <summary>Recorded events of one workspace, keyed by the workspace: a bounded sample, for whoever wants to know what they look like.</summary>
[Alias("IEventSampleGrain")]
public interface IEventSampleGrain : IGrainWithStringKey
{
    /// <summary>The customers that are looked at: the latest active.</summary>
    public const int CustomersMax = 200;

    /// <summary>The newest records of each that are looked at.</summary>
    public const int RecordsMax = 50;

    public const int EventsMax = 500;

    /// <summary>In all, in bytes.</summary>
    public const int BytesMax = 4 << 20;

    /// <summary>The properties (of identify events the traits) of events of a type and, unless it is null, a name.</summary>
    Task<EventSample> Sample(EventType type, string? name);
}

/// <param name="Bodies">JSON objects; <c>{}</c> for an event without.</param>
/// <param name="Customers">How many have such an event among those looked at.</param>
/// <param name="From">The earliest event among them; null where there is none.</param>
[GenerateSerializer, Immutable, Alias("EventSample")]
public sealed record EventSample(
    [property: Id(0)] JsonText[] Bodies,
    [property: Id(1)] int Customers,
    [property: Id(2)] DateTimeOffset? From,
    [property: Id(3)] DateTimeOffset? To);
