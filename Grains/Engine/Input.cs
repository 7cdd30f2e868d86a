using System.Collections.Immutable;

namespace Orleans.Personalize.Engine;

/// <summary>What a profile is asked to decide about. Closed.</summary>
public abstract record Input
{
    private Input() { }

    /// <summary>Events of the customer, in any order.</summary>
    public sealed record EventsArrived(IReadOnlyList<CustomerEvent> Events) : Input;

    /// <summary>Time has passed.</summary>
    public sealed record Tick : Input
    {
        public static readonly Tick Now = new();
    }

    /// <summary>A sender is about to deliver.</summary>
    /// <param name="Holds">An attempt of unknown outcome must not be repeated.</param>
    /// <param name="Listed">Why the address is on the suppression list; null where it is not.</param>
    public sealed record SendRequested(string DecisionId, bool Holds = false, string? Listed = null) : Input;

    /// <summary>A sender has no room for it before an instant.</summary>
    /// <param name="Reason">One of <see cref="Engine.Reason"/>.</param>
    public sealed record SendParked(string DecisionId, DateTimeOffset Until, string Reason) : Input;

    /// <summary>Somebody has decided about a send by hand, or knows what became of it.</summary>
    public sealed record SendResolved(string DecisionId, SendVerdict Verdict, string By, string? Note) : Input;

    /// <summary>Somebody ends, moves or closes a wait by hand.</summary>
    public sealed record WaitOperated(WaitOperation Operation) : Input;

    /// <summary>A sender has tried.</summary>
    public sealed record SendReported(string DecisionId, SendReport Report) : Input;
}

/// <summary>The outcome of one <see cref="Decider.Decide"/>.</summary>
/// <param name="Profile">The profile after the facts.</param>
/// <param name="Facts">To be recorded before anything of this turn is shown.</param>
/// <param name="Receipts">One for each event, in the order given.</param>
/// <param name="Refusal">Why what was asked for is not done, such as that a requested send must not go out; null when it is.</param>
public sealed record Turn(Profile Profile, ImmutableArray<Fact> Facts, ImmutableArray<Receipt> Receipts, string? Refusal = null);
