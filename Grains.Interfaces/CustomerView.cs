namespace Orleans.Personalize;

/// <summary>A customer's durable profile as others see it: what a reader, a template or a sender may use.</summary>
[GenerateSerializer, Immutable, Alias("CustomerView")]
public sealed record CustomerView
{
    [Id(0)] public required string Customer { get; init; }
    [Id(1)] public required long Version { get; init; }
    [Id(2)] public required DateTimeOffset? FirstSeenAt { get; init; }
    [Id(3)] public required DateTimeOffset? LastSeenAt { get; init; }
    [Id(4)] public required TraitView[] Traits { get; init; }
    [Id(5)] public required TraitView[] Consent { get; init; }
    [Id(6)] public required CounterView[] Counters { get; init; }
    [Id(7)] public required CartView Cart { get; init; }
    [Id(8)] public required OrderView[] Orders { get; init; }
    [Id(9)] public required WaitView[] Waits { get; init; }
    [Id(10)] public required SendView[] Sends { get; init; }
    [Id(11)] public required DecisionView[] Decisions { get; init; }
    /// <summary>The latest events, newest first.</summary>
    [Id(12)] public required ActivityView[] Recent { get; init; }

    /// <summary>Other ids of the same customer, and those that were said to be.</summary>
    [Id(13)] public IdentityView[] Identities { get; init; } = [];

    /// <summary>Only in the past of an id that is another customer's now: that customer's id.</summary>
    [Id(14)] public string? MergedInto { get; init; }
}

/// <param name="State">claimed, linked, refused, parting or parted.</param>
/// <param name="Through">The id with which it came, where that had been merged with it before.</param>
/// <param name="Other">Where it was refused: the customer it belongs to.</param>
[GenerateSerializer, Immutable, Alias("IdentityView")]
public sealed record IdentityView(
    [property: Id(0)] string Id,
    [property: Id(1)] string State,
    [property: Id(2)] DateTimeOffset At,
    [property: Id(3)] string? By,
    [property: Id(4)] string? Through,
    [property: Id(5)] string? Other);

/// <summary>One field with where its value came from.</summary>
[GenerateSerializer, Immutable, Alias("TraitView")]
public sealed record TraitView(
    [property: Id(0)] string Name,
    [property: Id(1)] JsonText Value,
    [property: Id(2)] DateTimeOffset At,
    [property: Id(3)] string Source,
    [property: Id(4)] string MessageId);

[GenerateSerializer, Immutable, Alias("CounterView")]
public sealed record CounterView(
    [property: Id(0)] string Name,
    [property: Id(1)] long Count,
    [property: Id(2)] DateTimeOffset FirstAt,
    [property: Id(3)] DateTimeOffset LastAt);

[GenerateSerializer, Immutable, Alias("CartView")]
public sealed record CartView(
    [property: Id(0)] string? CartId,
    [property: Id(1)] decimal Total,
    [property: Id(2)] CartLineView[] Lines,
    [property: Id(3)] DateTimeOffset? UpdatedAt);

[GenerateSerializer, Immutable, Alias("CartLineView")]
public sealed record CartLineView(
    [property: Id(0)] string ProductId,
    [property: Id(1)] string? Name,
    [property: Id(2)] decimal Quantity,
    [property: Id(3)] decimal? Price,
    [property: Id(4)] string? Url,
    [property: Id(5)] string? ImageUrl);

[GenerateSerializer, Immutable, Alias("OrderView")]
public sealed record OrderView(
    [property: Id(0)] string OrderId,
    [property: Id(1)] string Status,
    [property: Id(2)] decimal? Total,
    [property: Id(3)] string? Currency,
    [property: Id(4)] DateTimeOffset At);

/// <param name="ArmedAt">When the first event that keeps the wait open occurred.</param>
[GenerateSerializer, Immutable, Alias("WaitView")]
public sealed record WaitView(
    [property: Id(0)] string Trigger,
    [property: Id(1)] string? Key,
    [property: Id(2)] DateTimeOffset ArmedAt,
    [property: Id(3)] DateTimeOffset Deadline,
    [property: Id(4)] int Arms);

/// <param name="Content">Which of its template's contents went out.</param>
[GenerateSerializer, Immutable, Alias("SendView")]
public sealed record SendView(
    [property: Id(0)] string DecisionId,
    [property: Id(1)] string Trigger,
    [property: Id(2)] string? Key,
    [property: Id(3)] string Sender,
    [property: Id(4)] string? Template,
    [property: Id(5)] string State,
    [property: Id(6)] string? Reason,
    [property: Id(7)] int Attempts,
    [property: Id(8)] DateTimeOffset CreatedAt,
    [property: Id(9)] DateTimeOffset? NextAttemptAt,
    [property: Id(10)] DateTimeOffset? ExpiresAt,
    [property: Id(11)] string? Content = null,
    [property: Id(12)] EngagementView? Engagement = null);

/// <summary>When a provider first reported each; a machine's open is kept apart, for it says nothing of the person.</summary>
[GenerateSerializer, Immutable, Alias("EngagementView")]
public sealed record EngagementView(
    [property: Id(0)] DateTimeOffset? DeliveredAt,
    [property: Id(1)] DateTimeOffset? OpenedAt,
    [property: Id(2)] DateTimeOffset? MachineOpenedAt,
    [property: Id(3)] DateTimeOffset? ClickedAt,
    [property: Id(4)] DateTimeOffset? BouncedAt,
    [property: Id(5)] DateTimeOffset? ComplainedAt,
    [property: Id(6)] DateTimeOffset? UnsubscribedAt);

/// <param name="Reason">Why it is no live send, as a code; null for one.</param>
/// <param name="Detail">More on the reason, for people.</param>
[GenerateSerializer, Immutable, Alias("DecisionView")]
public sealed record DecisionView(
    [property: Id(0)] string DecisionId,
    [property: Id(1)] string Trigger,
    [property: Id(2)] long TriggerVersion,
    [property: Id(3)] string? Key,
    [property: Id(4)] DateTimeOffset At,
    [property: Id(5)] string Outcome,
    [property: Id(6)] string? Reason,
    [property: Id(7)] string? Detail);

[GenerateSerializer, Immutable, Alias("ActivityView")]
public sealed record ActivityView(
    [property: Id(0)] string MessageId,
    [property: Id(1)] EventType Type,
    [property: Id(2)] string? Name,
    [property: Id(3)] DateTimeOffset OccurredAt,
    [property: Id(4)] string Source);

/// <param name="Next">The <c>before</c> of the next page; null at the end.</param>
[GenerateSerializer, Immutable, Alias("TimelinePage")]
public sealed record TimelinePage(
    [property: Id(0)] TimelineItem[] Items,
    [property: Id(1)] long? Next);

/// <param name="Fact">The fact as stored, a JSON object with its <c>type</c>.</param>
[GenerateSerializer, Immutable, Alias("TimelineItem")]
public sealed record TimelineItem(
    [property: Id(0)] long Version,
    [property: Id(1)] DateTimeOffset RecordedAt,
    [property: Id(2)] string Type,
    [property: Id(3)] JsonText Fact);
