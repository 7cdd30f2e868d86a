using System.Collections.Immutable;

namespace Orleans.Personalize.Engine;

/// <summary>A trigger, compiled from its JSON document by <see cref="TriggerParser"/>.</summary>
public sealed record Trigger
{
    public required string Id { get; init; }
    /// <summary>The version of its registry document; facts carry it.</summary>
    public required long Version { get; init; }
    public required string Name { get; init; }
    public bool Enabled { get; init; } = true;
    /// <summary>Of triggers that are due at the same instant the higher one decides first.</summary>
    public int Priority { get; init; }
    public required EventPattern On { get; init; }
    /// <summary>Where in the event the key is; null for one wait per customer.</summary>
    public FieldPath? Key { get; init; }
    /// <summary>Null fires at once.</summary>
    public WaitRule? Wait { get; init; }
    public ImmutableArray<EventPattern> Unless { get; init; } = [];
    public Condition? If { get; init; }
    public TimeSpan? Freshness { get; init; }
    public LimitRule? Limits { get; init; }
    public QuietHours? QuietHours { get; init; }
    public RolloutRule Rollout { get; init; } = RolloutRule.Everyone;
    public required SendRule Send { get; init; }
}

/// <summary>Which events are meant: by name, by type, or both, and by a condition on the event.</summary>
public sealed record EventPattern(string? Event, EventType? Type, Condition? Where)
{
    public bool Matches(in Scope scope) =>
        scope.Event is { } happened
        && (Event is null || Event == happened.Name)
        && (Type is null || Type == happened.Type)
        && (Where is null || Where.Holds(scope));
}

/// <param name="Restarts">Each matching event starts the wait anew (debounce); otherwise it counts from the first (fixed).</param>
/// <param name="AtMost">How long restarts may go on.</param>
public sealed record WaitRule(TimeSpan For, bool Restarts, TimeSpan? AtMost);

/// <param name="Cooldown">The least time between two sends of the trigger to a customer.</param>
/// <param name="Max">The most sends within any <paramref name="Per"/>.</param>
public sealed record LimitRule(TimeSpan? Cooldown, int? Max, TimeSpan? Per);

/// <param name="Topic">Consent is asked for the channel and for this topic of it.</param>
/// <param name="IsTransactional">What the customer asked for, such as a receipt: neither consent nor the channel's cap stand in its way.</param>
public sealed record SendRule(
    string Sender, string? Template, string Channel, TimeSpan? Expires, JsonText Data, string? Topic = null, bool IsTransactional = false);

/// <summary>Who gets it. A customer's share is a hash of customer and trigger: it stays the same, and a larger percentage includes the smaller one.</summary>
/// <param name="Percent">0 to 100: the share of customers the trigger is open to.</param>
/// <param name="Holdout">0 to 100: the share of those that is the control group.</param>
/// <param name="IsShadow">It decides and does not send.</param>
public sealed record RolloutRule(decimal Percent, decimal Holdout, bool IsShadow)
{
    public static readonly RolloutRule Everyone = new(100, 0, false);

    public bool Includes(SipHash customer, string trigger) => Share(customer, trigger, "percent") < Percent;

    public bool HoldsOut(SipHash customer, string trigger) => Share(customer, trigger, "holdout") < Holdout;

    /// <summary>0 up to but not including 100, in steps of 0.01.</summary>
    private static decimal Share(SipHash customer, string trigger, string purpose) =>
        customer.Hash($"{purpose}:{trigger}") % 10_000 / 100m;
}
