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

    /// <summary>Somebody says that another id is the same customer's.</summary>
    public sealed record IdentityNamed(string Id, string By) : Input;

    /// <summary>Whose the other id is.</summary>
    /// <param name="IsRefused">It is of another customer, and stays there.</param>
    public sealed record ClaimAnswered(string Id, string MergeId, string Customer, bool IsRefused) : Input;

    /// <summary>Another customer claims to be this one.</summary>
    public sealed record MergeRequested(string Into, string MergeId, string? By, bool IsForced) : Input;

    /// <summary>This customer's state was taken over.</summary>
    /// <param name="Into">By whom; null: by nobody, for both were about to go, and this one is to stay.</param>
    public sealed record MergeAnswered(string MergeId, string? Into) : Input;

    /// <summary>Another customer hands over all that it knows.</summary>
    public sealed record AbsorptionOffered(string Id, string MergeId, Profile State) : Input;

    /// <summary>Somebody says that a merge was a mistake.</summary>
    /// <param name="Own">What this customer is without the other, of which only what follows from events counts.</param>
    /// <param name="Messages">The ids of the events that were the other's.</param>
    public sealed record PartingRequested(string Id, string By, Profile Own, IReadOnlySet<string> Messages) : Input;

    /// <summary>The other customer is itself again.</summary>
    public sealed record PartingAnswered(string Id) : Input;

    /// <summary>The merge of this customer is undone.</summary>
    public sealed record UndoRequested(string MergeId, string By, Handback Handback) : Input;
}

/// <summary>The outcome of one <see cref="Decider.Decide"/>.</summary>
/// <param name="Profile">The profile after the facts.</param>
/// <param name="Facts">To be recorded before anything of this turn is shown.</param>
/// <param name="Receipts">One for each event, in the order given.</param>
/// <param name="Refusal">Why what was asked for is not done, such as that a requested send must not go out; null when it is.</param>
public sealed record Turn(Profile Profile, ImmutableArray<Fact> Facts, ImmutableArray<Receipt> Receipts, string? Refusal = null);
