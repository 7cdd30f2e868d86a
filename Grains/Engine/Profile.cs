using System.Collections.Immutable;
using System.Text.Json.Serialization;

namespace Orleans.Personalize.Engine;

/// <summary>
/// The live state of one customer: the fold of its facts. Immutable. Lists are sorted and bounded (<see cref="Limits"/>), so that the same
/// events give the same profile whatever order they arrive in.
/// </summary>
public sealed record Profile
{
    public required CustomerKey Key { get; init; }

    /// <summary>How many facts it was folded from.</summary>
    public long Version { get; init; }

    public DateTimeOffset? FirstSeenAt { get; init; }
    public DateTimeOffset? LastSeenAt { get; init; }

    /// <summary>By name.</summary>
    public ImmutableArray<Trait> Traits { get; init; } = [];

    /// <summary>By channel; the values are JSON booleans.</summary>
    public ImmutableArray<Trait> Consents { get; init; } = [];

    /// <summary>By event name.</summary>
    public ImmutableArray<Counter> Counters { get; init; } = [];

    /// <summary>The latest events, by when they occurred.</summary>
    public Tail<Activity> Recent { get; init; } = [];

    public Cart Cart { get; init; } = Cart.Empty;

    /// <summary>By order id.</summary>
    public ImmutableArray<Order> Orders { get; init; } = [];

    /// <summary>By (trigger, key).</summary>
    public ImmutableArray<Wait> Waits { get; init; } = [];

    /// <summary>By (trigger, key).</summary>
    public ImmutableArray<Mark> Marks { get; init; } = [];

    /// <summary>By trigger.</summary>
    public ImmutableArray<Tally> Tallies { get; init; } = [];

    /// <summary>By channel.</summary>
    public ImmutableArray<Tally> ChannelTallies { get; init; } = [];

    /// <summary>By when they were decided.</summary>
    public ImmutableArray<Send> Sends { get; init; } = [];

    /// <summary>The latest decisions, by when they were made.</summary>
    public ImmutableArray<DecisionNote> Decisions { get; init; } = [];

    /// <summary>Other ids of the same customer, by id.</summary>
    public ImmutableArray<Identity> Identities { get; init; } = [];

    /// <summary>Set where this customer turned out to be another one.</summary>
    public Merge? Merge { get; init; }

    /// <summary>The shop itself has used this id for a customer: it is neither anonymous nor an address.</summary>
    public bool IsKnown { get; init; }

    public DedupeWindow Window { get; init; } = DedupeWindow.Empty;

    /// <summary>The event that the facts before the next event are about; not part of what is kept.</summary>
    [JsonIgnore]
    public CustomerEvent? Latest { get; init; }

    /// <summary>The key of this customer's hashes.</summary>
    [JsonIgnore]
    public SipHash Hash { get; init; }

    public static Profile New(CustomerKey key) => new() { Key = key, Hash = SipHash.KeyedBy(key.ToString()) };

    public Trait? FindTrait(string name) => Traits.Find(name, static t => t.Name) is >= 0 and var at ? Traits[at] : null;

    public Identity? FindIdentity(string id) => Identities.Find(id, static identity => identity.Id) is >= 0 and var at ? Identities[at] : null;

    /// <summary>The ids that are one with an id that was merged into this customer, not those that it had once parted from.</summary>
    public IEnumerable<string> IdsWith(string id) =>
        Identities.Where(identity => identity.Through == id && identity.State == IdentityState.Linked).Select(static identity => identity.Id);

    /// <summary>The address in the trait <c>email</c>; null where it is missing or no text, and where the customer is another one.</summary>
    [JsonIgnore]
    public string? Email => Merge is null && FindTrait("email") is { } trait && Json.Find(trait.Value, []) is { Kind: ScalarKind.Text } email ? email.Text : null;

    public Counter? FindCounter(string name) => Counters.Find(name, static c => c.Name) is >= 0 and var at ? Counters[at] : null;

    public Wait? FindWait(string trigger, string? key)
    {
        foreach (var wait in Waits)
        {
            if (wait.Trigger == trigger && wait.Key == key)
                return wait;
        }
        return null;
    }

    public Mark? FindMark(string trigger, string? key)
    {
        foreach (var mark in Marks)
        {
            if (mark.Trigger == trigger && mark.Key == key)
                return mark;
        }
        return null;
    }

    public Send? FindSend(string decisionId)
    {
        foreach (var send in Sends)
        {
            if (send.DecisionId == decisionId)
                return send;
        }
        return null;
    }

    /// <summary>What the customer has said of a channel; null when nothing.</summary>
    public bool? Allows(string channel) => Consents.Find(channel, static c => c.Name) is >= 0 and var at
        ? Consents[at].Value.Span switch { [(byte)'t', ..] => true, [(byte)'f', ..] => false, _ => null }
        : null;
}

/// <summary>A field with its provenance. The value <c>null</c> is a removal and is kept, so that an older write cannot come back.</summary>
public sealed record Trait(string Name, JsonText Value, Stamp Stamp, string Source, int Priority)
{
    [JsonIgnore]
    public bool IsRemoved => Value.Span.SequenceEqual("null"u8);

    /// <summary>Of a consent: the customer does not want it.</summary>
    [JsonIgnore]
    public bool IsRefusal => Value.Span.SequenceEqual("false"u8);

    /// <summary>The order of writes: last writer wins by (occurredAt, source priority, messageId).</summary>
    public static int CompareWrites(Trait left, Trait right) => (left, right) switch
    {
        _ when left.Stamp.At.CompareTo(right.Stamp.At) is not 0 and var byTime => byTime,
        _ when left.Priority.CompareTo(right.Priority) is not 0 and var byPriority => byPriority,
        _ => string.CompareOrdinal(left.Stamp.MessageId, right.Stamp.MessageId),
    };
}

/// <param name="Times">The newest occurrences, oldest first.</param>
public sealed record Counter(string Name, long Count, DateTimeOffset FirstAt, DateTimeOffset LastAt, Tail<DateTimeOffset> Times);

public sealed record Activity(Stamp Stamp, EventType Type, string? Name, string Source);

/// <summary>A wait: what keeps it open and when it runs out. Its key is null for "one per customer".</summary>
/// <param name="Event">The newest of those events.</param>
/// <param name="IsMoved">Somebody has moved its end by hand.</param>
public sealed record Wait(
    string Trigger,
    long TriggerVersion,
    string? Key,
    Arms Arms,
    DateTimeOffset Deadline,
    KeptEvent Event,
    [property: JsonIgnore(Condition = JsonIgnoreCondition.WhenWritingDefault)] bool IsMoved = false)
{
    /// <summary>When it runs out once another event keeps it open. What was moved by hand is not moved back, but prolonged as any other.</summary>
    public DateTimeOffset DeadlineWith(Stamp arm, WaitRule? rule)
    {
        if (!IsMoved)
            return Arms.With(arm).Deadline(rule);
        if (rule is not { Restarts: true })
            return Deadline;
        var prolonged = arm.At + rule.For;
        if (Arms.First.At + rule.AtMost is { } latest && latest < prolonged)
            prolonged = latest;
        return prolonged > Deadline ? prolonged : Deadline;
    }
}

/// <summary>An event as a trigger's conditions and templates see it.</summary>
public sealed record KeptEvent(
    EventType Type,
    string? Name,
    string Source,
    Stamp Stamp,
    [property: JsonIgnore(Condition = JsonIgnoreCondition.WhenWritingDefault)] JsonText Properties)
{
    public static KeptEvent Of(CustomerEvent happened) =>
        new(happened.Type, happened.Name, happened.Source, Stamp.Of(happened), happened.Properties);

    /// <summary>As a wait or a send keeps it: without properties that are too large.</summary>
    public KeptEvent Trimmed() => Properties.Span.Length <= Limits.KeptPropertiesBytesMax ? this : this with { Properties = default };
}

/// <summary>What events that arrive late must know of a trigger and key.</summary>
/// <param name="UnlessThrough">The newest event that closed it.</param>
/// <param name="DecidedThrough">The newest deadline that was reached.</param>
public sealed record Mark(string Trigger, string? Key, Stamp? UnlessThrough, DateTimeOffset? DecidedThrough)
{
    /// <summary>The order in which marks are forgotten.</summary>
    public DateTimeOffset LastAt => (UnlessThrough?.At, DecidedThrough) switch
    {
        (null, null) => DateTimeOffset.MinValue,
        ({ } unless, null) => unless,
        (null, { } decided) => decided,
        ({ } unless, { } decided) => unless > decided ? unless : decided,
    };
}

/// <summary>The recent sends of a trigger or a channel, for its limits; oldest first.</summary>
public sealed record Tally(string Name, ImmutableArray<TallyEntry> Entries);

public sealed record TallyEntry(string DecisionId, DateTimeOffset At);

/// <summary>An item of the outbox.</summary>
/// <param name="NextAttemptAt">
/// While pending or parked: not before this. While authorized: when the attempt counts as lost. While held: when it is given up.
/// </param>
/// <param name="Holds">The attempt under way must not be repeated if its outcome stays unknown.</param>
/// <param name="Content">Which of its template's contents went out.</param>
public sealed record Send(
    string DecisionId,
    string Trigger,
    string? Key,
    SendOrder Order,
    DateTimeOffset DecidedAt,
    Stamp ArmedThrough,
    KeptEvent Event,
    SendState State,
    int Attempts,
    DateTimeOffset NextAttemptAt,
    string? Reason = null,
    string? ProviderId = null,
    [property: JsonIgnore(Condition = JsonIgnoreCondition.WhenWritingDefault)] bool Holds = false,
    string? Content = null,
    Engagement? Engagement = null)
{
    [JsonIgnore]
    public bool IsOpen => State is SendState.Pending or SendState.Parked or SendState.Authorized or SendState.Held;

    /// <summary>It waits for its next attempt.</summary>
    [JsonIgnore]
    public bool IsWaiting => State is SendState.Pending or SendState.Parked;
}

public sealed record DecisionNote(
    string DecisionId, string Trigger, long TriggerVersion, string? Key, DateTimeOffset At, bool IsSend, string? Reason, string? Detail);
