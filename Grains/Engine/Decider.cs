using System.Collections.Immutable;
using System.Runtime.InteropServices;

namespace Orleans.Personalize.Engine;

/// <summary>
/// The decisions: what an input makes happen to a profile under a set of triggers at an instant. Pure: the same arguments give the same
/// facts. This file holds the way of an event; the others its parts: waits, firing, sends.
/// </summary>
public static partial class Decider
{
    public static Turn Decide(Profile profile, Input input, TriggerSet triggers, DateTimeOffset now)
    {
        var turn = new TurnBuilder(profile, triggers, now);
        return input switch
        {
            _ when profile.Merge is { Into: var into } && !IsForMerged(input) => throw new InvalidOperationException($"{profile.Key} is {into}, which decides."),
            Input.MergeAnswered answered => AnswerMerge(turn, answered),
            Input.UndoRequested undo => UndoMerge(turn, undo),
            Input.Tick when profile.Merge is not null => turn.Build([]),
            Input.IdentityNamed named => turn.Build([], Claim(turn, named.Id, named.By)),
            Input.ClaimAnswered answer => AnswerClaim(turn, answer),
            Input.MergeRequested merge => StartMerge(turn, merge),
            Input.AbsorptionOffered offered => Absorb(turn, offered),
            Input.PartingRequested parting => Part(turn, parting),
            Input.PartingAnswered parted => AnswerParting(turn, parted.Id),
            Input.EventsArrived arrived => Arrive(turn, arrived.Events),
            Input.Tick => Tick(turn),
            Input.SendRequested requested => Request(turn, requested),
            Input.SendParked parked => Park(turn, parked),
            Input.SendResolved resolved => Resolve(turn, resolved),
            Input.WaitOperated operated => Operate(turn, operated),
            Input.SendReported reported => Report(turn, reported.DecisionId, reported.Report),
            _ => throw new InvalidOperationException($"No decision for {input.GetType().Name}."),
        };
    }

    private static Turn Arrive(TurnBuilder turn, IReadOnlyList<CustomerEvent> events)
    {
        var receipts = new Receipt[events.Count];
        if (events.Count == 1)
            receipts[0] = Arrive(turn, events[0]);
        else
        {
            foreach (var index in Enumerable.Range(0, events.Count).OrderBy(index => Stamp.Of(events[index])))
                receipts[index] = Arrive(turn, events[index]);
        }
        FireDue(turn, turn.Now);
        return turn.Build(ImmutableCollectionsMarshal.AsImmutableArray(receipts));
    }

    private static Receipt Arrive(TurnBuilder turn, CustomerEvent happened)
    {
        if (Refusal(happened, turn.Now) is { } refusal)
            return new(happened.MessageId, ReceiptStatus.Rejected, null, refusal);
        switch (FindApplied(turn.Profile, happened.MessageId))
        {
            case { } known when known == happened.Fingerprint:
                return new(happened.MessageId, ReceiptStatus.Duplicate, turn.Profile.Version);
            case not null:
                return new(
                    happened.MessageId, ReceiptStatus.Conflict, turn.Profile.Version, "This message id was used before with another body; the first one stays.");
        }
        // At or below the floor it could be an event that was counted and then forgotten.
        var late = happened.OccurredAt <= FloorOf(turn.Profile, happened) || (!happened.IsHistory && happened.OccurredAt < turn.Now - Limits.LatenessWindow);
        if (late && happened.IsHistory && !Evolver.Writes(turn.Profile, happened))
            return new(happened.MessageId, ReceiptStatus.Late, turn.Profile.Version, "Older than what is remembered of this customer, and it tells nothing new.");
        if (!late)
            FireDue(turn, happened.OccurredAt);
        turn.Record(new Fact.EventApplied(happened, late));
        var version = turn.Profile.Version;
        Claim(turn, happened);
        if (late)
            return new(happened.MessageId, ReceiptStatus.Late, version, "Older than the lateness window: it sets traits and consent only.");
        Reconcile(turn, happened);
        Listen(turn, happened);
        return new(happened.MessageId, ReceiptStatus.Accepted, version);
    }

    /// <summary>The fingerprint under which an id was applied, here or to a customer that was merged into this one; null when it was not.</summary>
    private static ulong? FindApplied(Profile profile, string messageId)
    {
        var known = profile.Window.Find(profile.Hash.Hash(messageId));
        foreach (var identity in profile.Identities)
        {
            if (known is not null)
                break;
            if (identity is { State: IdentityState.Linked, Window: { Count: > 0 } window })
                known = window.Find(SipHash.KeyedBy(new CustomerKey(profile.Key.Workspace, identity.Id).ToString()).Hash(messageId));
        }
        return known;
    }

    private static DateTimeOffset FloorOf(Profile profile, CustomerEvent happened) =>
        happened.Via is { } via && profile.FindIdentity(via)?.Window is { } window && window.Floor > profile.Window.Floor
            ? window.Floor
            : profile.Window.Floor;

    private static string? Refusal(CustomerEvent happened, DateTimeOffset now)
    {
        if (happened.OccurredAt > now + Limits.FutureMax)
            return $"/occurredAt is more than {Limits.FutureMax.TotalMinutes:0} minutes in the future.";
        if (happened.Traits.IsAbsent)
            return null;
        foreach (var (name, value) in Json.Members(happened.Traits))
        {
            if (name.Length > Limits.TraitNameLengthMax)
                return $"/traits has a name of more than {Limits.TraitNameLengthMax} characters.";
            if (value.Span.Length > Limits.TraitBytesMax)
                return $"/traits/{name} is larger than {Limits.TraitBytesMax} bytes.";
        }
        return null;
    }

    private static void Listen(TurnBuilder turn, CustomerEvent happened)
    {
        var listeners = turn.Triggers.ListenersOf(happened);
        if (listeners.IsEmpty)
            return;
        var kept = KeptEvent.Of(happened);
        foreach (var trigger in listeners)
        {
            // The same event may close an old wait and open a new one, in this order.
            var scope = new Scope(turn.Profile, kept, kept.Stamp.At);
            foreach (var pattern in trigger.Unless)
            {
                if (pattern.Matches(scope))
                {
                    CloseWaits(turn, trigger, kept);
                    break;
                }
            }
            // A disabled trigger still heeds unless: what was closed meanwhile must not be sent when it is enabled again. So does history.
            if (trigger.Enabled && !happened.IsHistory && trigger.On.Matches(new Scope(turn.Profile, kept, kept.Stamp.At)))
                Match(turn, trigger, kept, happened.ReceivedAt);
        }
    }

    private static Turn Tick(TurnBuilder turn)
    {
        FireDue(turn, turn.Now);
        LookAfterSends(turn);
        return turn.Build([]);
    }

    /// <summary>Collects the facts of a turn and keeps the profile that they lead to at hand.</summary>
    private sealed class TurnBuilder(Profile profile, TriggerSet triggers, DateTimeOffset now)
    {
        private readonly ImmutableArray<Fact>.Builder facts = ImmutableArray.CreateBuilder<Fact>();

        public Profile Profile { get; private set; } = profile;

        public TriggerSet Triggers => triggers;

        public DateTimeOffset Now => now;

        public void Record(Fact fact)
        {
            facts.Add(fact);
            Profile = Evolver.Evolve(Profile, fact);
        }

        public Turn Build(ImmutableArray<Receipt> receipts, string? refusal = null) => new(Profile, facts.DrainToImmutable(), receipts, refusal);
    }
}
