using System.Collections.Immutable;
using System.Text.Json.Serialization;

namespace Orleans.Personalize.Engine;

/// <summary>
/// What the journal stores of a customer; folding a customer's facts gives its profile. A closed union. The names and members here are the
/// storage format (see <see cref="Journal.FactCodec"/>): members may be added with a default, anything else needs a new version and an upcaster.
/// Facts hold all that a fold may not look up: the time, the version of the trigger, what was decided.
/// </summary>
public abstract record Fact
{
    private Fact() { }

    /// <summary>An event was taken in.</summary>
    /// <param name="Late">It was older than the lateness window: it sets traits and consent and nothing else.</param>
    public sealed record EventApplied(CustomerEvent Event, bool Late) : Fact;

    /// <summary>An event that closes waits of a trigger was seen; those it names that occurred before it stay closed, even if they arrive later.</summary>
    /// <param name="Key">Null closes every key.</param>
    public sealed record UnlessSeen(string Trigger, string? Key, Stamp By) : Fact;

    /// <summary>The event applied just before opened a wait or keeps it open.</summary>
    public sealed record WaitArmed(string Trigger, long TriggerVersion, string? Key, Stamp Arm, DateTimeOffset Deadline) : Fact;

    /// <summary>Somebody has moved the end of a wait by hand; events that keep it open do not move it back.</summary>
    /// <param name="By">Who and why, for people.</param>
    public sealed record WaitMoved(string Trigger, string? Key, DateTimeOffset Deadline, DateTimeOffset At, string By) : Fact;

    /// <summary>A trigger came to an outcome.</summary>
    public sealed record Decided : Fact
    {
        public required string DecisionId { get; init; }
        public required string Trigger { get; init; }
        public required long TriggerVersion { get; init; }
        public string? Key { get; init; }
        /// <summary>The instant the outcome belongs to: a wait's deadline, or when the event occurred.</summary>
        public required DateTimeOffset At { get; init; }
        /// <summary>When it was decided.</summary>
        public required DateTimeOffset DecidedAt { get; init; }
        /// <summary>The first event of what was decided about; part of the decision's identity.</summary>
        public required Stamp ArmedBy { get; init; }
        /// <summary>The last one.</summary>
        public required Stamp ArmedThrough { get; init; }
        /// <summary>One of <see cref="Engine.Reason"/>; null for a live send.</summary>
        public string? Reason { get; init; }
        /// <summary>More on the reason, for people: the condition that did not hold, the event that closed the wait.</summary>
        public string? Detail { get; init; }
        /// <summary>Set when the decision is about a wait.</summary>
        public WaitClosed? Wait { get; init; }
        /// <summary>Set when something is to be sent.</summary>
        public SendOrder? Send { get; init; }

        [JsonIgnore]
        public bool IsSend => Send is not null;
    }

    /// <summary>An attempt at a send may go out.</summary>
    /// <param name="Holds">Should its outcome stay unknown, it must not be repeated.</param>
    public sealed record SendAuthorized(
        string DecisionId,
        int Attempt,
        DateTimeOffset At,
        [property: JsonIgnore(Condition = JsonIgnoreCondition.WhenWritingDefault)] bool Holds = false) : Fact;

    /// <summary>What became of a send, or of an attempt.</summary>
    /// <param name="State">The new state; <see cref="SendState.Pending"/> means another attempt at <paramref name="NextAttemptAt"/>.</param>
    /// <param name="Content">Which of its template's contents went out.</param>
    /// <param name="Reason">One of <see cref="Engine.Reason"/> where the state alone does not say why.</param>
    public sealed record SendSettled(
        string DecisionId,
        SendState State,
        DateTimeOffset At,
        string? Reason = null,
        string? Detail = null,
        string? ProviderId = null,
        DateTimeOffset? NextAttemptAt = null,
        string? Content = null) : Fact;

    /// <summary>An event or somebody said that another id is the same customer's.</summary>
    /// <param name="By">Who and why, for people; null where an event said so.</param>
    /// <param name="IsForced">Merged even if it is a known customer.</param>
    public sealed record IdentityClaimed(
        string Id,
        string MergeId,
        DateTimeOffset At,
        string? By = null,
        [property: JsonIgnore(Condition = JsonIgnoreCondition.WhenWritingDefault)] bool IsForced = false) : Fact;

    /// <summary>The other id is, or belongs to, a known customer; it is not merged.</summary>
    public sealed record IdentityRefused(string Id, string MergeId, string Other, DateTimeOffset At) : Fact;

    /// <summary>The other id is this customer's already.</summary>
    /// <param name="Through">The id with which it came.</param>
    public sealed record IdentityLinked(string Id, string MergeId, DateTimeOffset At, string? Through = null) : Fact;

    /// <summary>This customer turned out to be another one; from here on it decides nothing.</summary>
    public sealed record MergeStarted(string Into, string MergeId, DateTimeOffset At, string? By = null) : Fact;

    /// <summary>Two customers were about to merge into each other; this one stays.</summary>
    public sealed record MergeAbandoned(string MergeId, DateTimeOffset At) : Fact;

    /// <summary>The other customer has all that this one knew.</summary>
    /// <param name="Into">Who took it: another one than asked where that had been merged, too.</param>
    public sealed record MergeCompleted(string MergeId, string Into, DateTimeOffset At) : Fact;

    /// <summary>Another customer's merge into this one.</summary>
    /// <param name="State">All that it knew.</param>
    /// <param name="Waits">Its waits as they are here.</param>
    public sealed record CustomerAbsorbed(string Id, string MergeId, DateTimeOffset At, Profile State, ImmutableArray<Wait> Waits) : Fact;

    /// <summary>A merge is undone: what this customer knows of its own, and what it gives back.</summary>
    /// <param name="Own">What follows from its own events alone.</param>
    /// <param name="By">Who and why, for people.</param>
    public sealed record IdentityParting(string Id, DateTimeOffset At, string By, Profile Own, Handback Handback) : Fact;

    /// <summary>The other customer has taken back what was its own.</summary>
    public sealed record IdentityParted(string Id, DateTimeOffset At) : Fact;

    /// <summary>This customer is itself again: its merge was undone.</summary>
    public sealed record MergeUndone(string MergeId, DateTimeOffset At, string By, Handback Handback) : Fact;
}

/// <param name="Through">Events up to this one no longer keep the wait open.</param>
/// <param name="NextDeadline">The deadline of what is left of the wait; null when nothing is.</param>
/// <param name="Fired">The deadline was reached; false when an <c>unless</c> closed the wait before.</param>
public sealed record WaitClosed(Stamp Through, DateTimeOffset? NextDeadline, bool Fired);

/// <param name="Topic">Consent is asked for the channel and for this topic of it.</param>
/// <param name="IsTransactional">What the customer asked for, such as a receipt: neither consent nor the channel's cap stand in its way.</param>
public sealed record SendOrder(
    string Sender,
    string? Template,
    string Channel,
    [property: JsonIgnore(Condition = JsonIgnoreCondition.WhenWritingDefault)] JsonText Data,
    int Priority,
    DateTimeOffset NotBefore,
    DateTimeOffset? ExpiresAt,
    string? Topic = null,
    [property: JsonIgnore(Condition = JsonIgnoreCondition.WhenWritingDefault)] bool IsTransactional = false);

public enum SendState
{
    [JsonStringEnumMemberName("pending")] Pending,
    [JsonStringEnumMemberName("authorized")] Authorized,
    [JsonStringEnumMemberName("sent")] Sent,
    [JsonStringEnumMemberName("failed")] Failed,
    [JsonStringEnumMemberName("suppressed")] Suppressed,
    [JsonStringEnumMemberName("expired")] Expired,
    /// <summary>Its sender had no room for it; it is asked about again later.</summary>
    [JsonStringEnumMemberName("parked")] Parked,
    /// <summary>Nobody knows whether the last attempt arrived, and another could arrive twice: somebody must say.</summary>
    [JsonStringEnumMemberName("held")] Held,
}

/// <summary>Details are for people and hold values of events; they are kept short.</summary>
internal static class Detail
{
    public static string? Of(string? text)
    {
        if (text is null or { Length: <= Limits.DetailLengthMax })
            return text;
        // Half of a surrogate pair could not be stored.
        var length = Limits.DetailLengthMax - 1;
        return $"{text.AsSpan(0, char.IsHighSurrogate(text[length - 1]) ? length - 1 : length)}…";
    }
}

/// <summary>Why something was not sent: the codes that facts, APIs and metrics share.</summary>
public static class Reason
{
    /// <summary>An event named under <c>unless</c> came in time.</summary>
    public const string Unless = "unless";
    /// <summary>The event arrived later than the trigger's <c>freshness</c>.</summary>
    public const string Stale = "stale";
    /// <summary>The event belongs to a time that this trigger has already decided about.</summary>
    public const string Superseded = "superseded";
    /// <summary>Only in explanations: nothing has happened that the trigger is about.</summary>
    public const string NoEvent = "no-event";
    public const string TriggerRemoved = "trigger-removed";
    public const string TriggerDisabled = "trigger-disabled";
    /// <summary>Outside of the trigger's <c>rollout.percent</c>.</summary>
    public const string Rollout = "rollout";
    /// <summary>The trigger's <c>if</c> did not hold.</summary>
    public const string Condition = "condition";
    public const string Cooldown = "cooldown";
    public const string Limit = "limit";
    /// <summary>The channel's sends of all triggers together are as many as its policy allows.</summary>
    public const string Cap = "cap";
    /// <summary>A more important send took its place under the channel's cap.</summary>
    public const string Outranked = "outranked";
    /// <summary>The customer has refused the channel or the topic.</summary>
    public const string Consent = "consent";
    /// <summary>The address is on the suppression list.</summary>
    public const string Suppression = "suppression";
    public const string QuietHours = "quiet-hours";
    public const string Expired = "expired";
    /// <summary>In the trigger's control group: all conditions held and nothing is sent.</summary>
    public const string Holdout = "holdout";
    /// <summary>The trigger runs in shadow mode: all conditions held and nothing is sent.</summary>
    public const string Shadow = "shadow";
    /// <summary>The customer has as many open waits as are allowed.</summary>
    public const string WaitLimit = "wait-limit";
    /// <summary>The customer has as many unfinished sends as are allowed.</summary>
    public const string OutboxFull = "outbox-full";
    /// <summary>An authorized attempt was never settled: the process that made it was lost.</summary>
    public const string Lost = "lost";
    /// <summary>The provider refused it, or the last attempt failed.</summary>
    public const string Provider = "provider";
    /// <summary>No answer told whether the provider took it.</summary>
    public const string Unknown = "unknown";
    /// <summary>The sender's breaker is open: its provider does not answer, or rests because the provider asked for it.</summary>
    public const string Breaker = "breaker";
    /// <summary>The sender has more to do than its rate allows.</summary>
    public const string Rate = "rate";
    /// <summary>Somebody decided by hand.</summary>
    public const string Operator = "operator";
    /// <summary>The customer's merge with another was undone, and the other took it back.</summary>
    public const string Parted = "parted";
}
