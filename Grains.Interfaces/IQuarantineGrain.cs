namespace Orleans.Personalize;

/// <summary>
/// The events of one workspace that were let in by nobody and lost by nobody, keyed by the workspace: what a connector could not read, and what an enforced
/// schema refused. All that it says is durable.
/// </summary>
[Alias("IQuarantineGrain")]
public interface IQuarantineGrain : IGrainWithStringKey
{
    /// <summary>Keeps events, all of them or none. One that is there already, by its key, is only counted once more.</summary>
    /// <returns>The id of each, in order; null where there is no room.</returns>
    /// <exception cref="JournalException">It is not known whether they were kept; repeating the call is safe.</exception>
    Task<long[]?> Add(QuarantineEntry[] entries);

    Task<QuarantineItem?> Find(long id);

    /// <summary>Newest first, without their bodies.</summary>
    /// <param name="limit">1 to 500.</param>
    /// <param name="before">Only lower ids; null starts at the newest.</param>
    Task<QuarantineItem[]> List(QuarantineFilter filter, int limit, long? before);

    /// <summary>Puts an entry in the place of the one that has this version, with a note of what was done. Its key and when it was received stay.</summary>
    /// <returns>Null where there is another version, or none.</returns>
    Task<QuarantineItem?> Change(long id, long version, QuarantineEntry entry, QuarantineNote note);

    Task<QuarantineCount[]> Count();

    /// <summary>Removes all of a customer's, as far as it is known whose they are.</summary>
    Task Forget(string customer);
}

/// <summary>Where a quarantined event is on its way.</summary>
public static class QuarantineState
{
    /// <summary>Waits for somebody to mend, replay or drop it.</summary>
    public const string Open = "open";
    /// <summary>A sample of what a schema only warns of: it was let in.</summary>
    public const string Warned = "warned";
    public const string Replayed = "replayed";
    public const string Dropped = "dropped";

    public static readonly string[] All = [Open, Warned, Replayed, Dropped];
}

/// <summary>An event in quarantine, and why.</summary>
[GenerateSerializer, Immutable, Alias("QuarantineEntry")]
public sealed record QuarantineEntry
{
    /// <summary>Tells it from every other of the workspace, and the same for a repeated delivery; 1 to 64 characters.</summary>
    [Id(0)] public required string Key { get; init; }

    /// <summary>One of <see cref="QuarantineState"/>.</summary>
    [Id(1)] public required string State { get; init; }

    /// <summary>The event's source; where that could not be read the door by which it came.</summary>
    [Id(2)] public required string Source { get; init; }

    /// <summary>The event's name, or its type where it has none; null where neither could be read.</summary>
    [Id(3)] public string? Event { get; init; }

    /// <summary>Null where it could not be read.</summary>
    [Id(4)] public string? Customer { get; init; }

    /// <summary>Null where the event has none that could be read.</summary>
    [Id(5)] public string? MessageId { get; init; }

    /// <summary>As a code: <c>parse</c>, <c>refused</c> by the customer, <c>too-large</c>, or the keyword of the schema that does not hold.</summary>
    [Id(6)] public required string Reason { get; init; }

    /// <summary>A JSON pointer into the event.</summary>
    [Id(7)] public required string Pointer { get; init; }

    /// <summary>Follows the pointer as a sentence.</summary>
    [Id(8)] public required string Detail { get; init; }

    /// <summary>The id of the schema that it failed; null where it failed none.</summary>
    [Id(9)] public string? Schema { get; init; }

    /// <summary>When the gateway took it in, in UTC.</summary>
    [Id(10)] public required DateTimeOffset ReceivedAt { get; init; }

    /// <summary>How the body is to be read: <c>native</c>, <c>segment</c> …</summary>
    [Id(11)] public required string Format { get; init; }

    /// <summary>What whoever reads the body needs besides it; a JSON object, or absent.</summary>
    [Id(12)] public JsonText Context { get; init; }

    /// <summary>The event before anything was made of it; not always JSON. Empty in lists.</summary>
    [Id(13)] public required byte[] Body { get; init; }
}

/// <param name="Id">Rises with each event that is new.</param>
/// <param name="Version">1 at first, one more with each change.</param>
/// <param name="Seen">How often it was delivered.</param>
/// <param name="Notes">What was done with it, oldest first; at the most the newest <see cref="QuarantineNote.KeptMax"/>.</param>
[GenerateSerializer, Immutable, Alias("QuarantineItem")]
public sealed record QuarantineItem(
    [property: Id(0)] long Id,
    [property: Id(1)] long Version,
    [property: Id(2)] int Seen,
    [property: Id(3)] QuarantineEntry Entry,
    [property: Id(4)] QuarantineNote[] Notes);

/// <param name="By">The id of the API key.</param>
/// <param name="Action">fix, replay or drop.</param>
/// <param name="Reason">Why, for people.</param>
[GenerateSerializer, Immutable, Alias("QuarantineNote")]
public sealed record QuarantineNote(
    [property: Id(0)] DateTimeOffset At,
    [property: Id(1)] string By,
    [property: Id(2)] string Action,
    [property: Id(3)] string? Reason)
{
    public const int KeptMax = 20;
}

/// <summary>Null stands for any.</summary>
/// <param name="From">Received at this instant or later.</param>
/// <param name="To">Received before this instant.</param>
[GenerateSerializer, Immutable, Alias("QuarantineFilter")]
public sealed record QuarantineFilter(
    [property: Id(0)] string? Source = null,
    [property: Id(1)] string? Event = null,
    [property: Id(2)] string? Reason = null,
    [property: Id(3)] string? State = null,
    [property: Id(4)] DateTimeOffset? From = null,
    [property: Id(5)] DateTimeOffset? To = null);

[GenerateSerializer, Immutable, Alias("QuarantineCount")]
public sealed record QuarantineCount(
    [property: Id(0)] string Source,
    [property: Id(1)] string Reason,
    [property: Id(2)] string State,
    [property: Id(3)] long Events);
