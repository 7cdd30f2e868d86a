namespace Orleans.Personalize;

/// <summary>The call of the Segment spec that an event came as (https://segment.com/docs/connections/spec/).</summary>
public enum EventType
{
    Track = 0,
    Identify = 1,
    Page = 2,
    Screen = 3,
    Group = 4,
    Alias = 5,
}

/// <summary>What arrived about one customer. Immutable; the grain key says whose it is.</summary>
[GenerateSerializer, Immutable, Alias("CustomerEvent")]
public sealed record CustomerEvent
{
    /// <summary>The sender's id of the event, 1 to 256 characters; repeated deliveries of one event share it.</summary>
    [Id(0)] public required string MessageId { get; init; }

    [Id(1)] public required EventType Type { get; init; }

    /// <summary>What happened, such as <c>Product Added</c>; for pages and screens their name; null where the type has none.</summary>
    [Id(2)] public string? Name { get; init; }

    /// <summary>When it happened at its source, in UTC, corrected for the source's clock skew where the format allows it.</summary>
    [Id(3)] public required DateTimeOffset OccurredAt { get; init; }

    /// <summary>When the gateway took it in, in UTC.</summary>
    [Id(4)] public required DateTimeOffset ReceivedAt { get; init; }

    /// <summary>Where it came from: <c>api</c>, <c>segment</c>, or the name a source gave itself.</summary>
    [Id(5)] public required string Source { get; init; }

    /// <summary>Of two writes to a field at the same instant the higher priority wins.</summary>
    [Id(6)] public int SourcePriority { get; init; }

    /// <summary>A JSON object, or absent.</summary>
    [Id(7)] public JsonText Properties { get; init; }

    /// <summary>A JSON object whose fields are set on the profile one by one (null removes), or absent.</summary>
    [Id(8)] public JsonText Traits { get; init; }

    /// <summary>A JSON object of channel → boolean, such as <c>{"email":true}</c>, or absent.</summary>
    [Id(9)] public JsonText Consent { get; init; }

    /// <summary>
    /// A 64-bit hash of the body as the source wrote it (its own timestamps, not the corrected ones, and no transport fields), so that
    /// a repeated delivery has the same fingerprint and another body under the same <see cref="MessageId"/> has not.
    /// </summary>
    [Id(10)] public ulong Fingerprint { get; init; }

    /// <summary>It is told afterwards, by an import or a snapshot: it sets what is known of the customer, closes waits, and fires nothing.</summary>
    [Id(11)] public bool IsHistory { get; init; }

    /// <summary>
    /// Other ids of which the source says in this event that they are the same customer's, such as the anonymous one before the log-in,
    /// <c>email:ada@example.org</c> or <c>phone:+4930123456</c>; null where there are none.
    /// </summary>
    [Id(12)] public string[]? Identities { get; init; }

    /// <summary>The customer's id in it is not the shop's own but an anonymous one or an address: it may turn out to be another customer's.</summary>
    [Id(13)] public bool IsProvisional { get; init; }

    /// <summary>The id it came under where that had been merged into this customer; null where it came under the customer's own.</summary>
    [Id(14)] public string? Via { get; init; }
}

public enum ReceiptStatus
{
    /// <summary>Applied and durable.</summary>
    Accepted = 0,
    /// <summary>The same event was applied before; nothing changed.</summary>
    Duplicate = 1,
    /// <summary>Older than the lateness window: durable, its traits were considered, it counts and triggers nothing.</summary>
    Late = 2,
    /// <summary>The message id was used before with another body; nothing changed.</summary>
    Conflict = 3,
    /// <summary>Refused; nothing changed; the detail says why.</summary>
    Rejected = 4,
}

/// <summary>The answer to one event. Whoever holds one that is not <see cref="ReceiptStatus.Rejected"/> may forget the event.</summary>
/// <param name="Version">The customer's version that holds the event (for a duplicate, the current one); null when rejected.</param>
[GenerateSerializer, Immutable, Alias("Receipt")]
public sealed record Receipt(
    [property: Id(0)] string MessageId,
    [property: Id(1)] ReceiptStatus Status,
    [property: Id(2)] long? Version,
    [property: Id(3)] string? Detail = null);
