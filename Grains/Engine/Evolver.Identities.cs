using System.Collections.Immutable;

namespace Orleans.Personalize.Engine;

public static partial class Evolver
{
    private static Profile WithIdentity(Profile profile, Identity identity) =>
        profile with { Identities = profile.Identities.Put(profile.Identities.Find(identity.Id, static known => known.Id), identity) };

    private static Profile WithIdentity(Profile profile, string id, Func<Identity, Identity> change) =>
        WithIdentity(profile, change(profile.FindIdentity(id) ?? throw new InvalidOperationException($"There is no identity {id}.")));

    private static Profile Absorbed(Profile profile, Fact.CustomerAbsorbed fact)
    {
        var absorbed = Union.Of(profile, fact.State) with { Waits = fact.Waits.Aggregate(profile.Waits, WithWait) };
        var known = profile.FindIdentity(fact.Id);
        absorbed = WithIdentity(absorbed, new(fact.Id, IdentityState.Linked, fact.MergeId, fact.At, known?.By, Window: fact.State.Window));
        foreach (var nested in fact.State.Identities)
        {
            var other = absorbed.FindIdentity(nested.Id);
            // What was linked there is linked here, whatever was said of it here, and its events are known.
            if (nested.Id != profile.Key.CustomerId && (other is null || (nested.State == IdentityState.Linked && (other.State != IdentityState.Linked || other.Window is null))))
                absorbed = WithIdentity(absorbed, nested with { Through = fact.Id });
        }
        return absorbed;
    }

    private static Profile Parting(Profile profile, Fact.IdentityParting fact)
    {
        var sends = fact.Handback.Sends;
        profile = profile with
        {
            FirstSeenAt = fact.Own.FirstSeenAt,
            LastSeenAt = fact.Own.LastSeenAt,
            IsKnown = fact.Own.IsKnown,
            Traits = fact.Own.Traits,
            Consents = fact.Own.Consents,
            Counters = fact.Own.Counters,
            Recent = fact.Own.Recent,
            Cart = fact.Own.Cart,
            Orders = fact.Own.Orders,
            // What goes back may come again: under an id of this customer's that is merged once more.
            Window = fact.Own.Window,
            Waits = profile.Waits.RemoveAll(wait => fact.Handback.Waits.Any(back => back.Trigger == wait.Trigger && back.Key == wait.Key)),
            Identities = profile.Identities.RemoveAll(identity => identity.Through == fact.Id),
        };
        foreach (var back in sends)
            profile = Settled(profile, new(back.DecisionId, SendState.Suppressed, fact.At, Reason.Parted));
        return WithIdentity(profile, fact.Id, known => known with { State = IdentityState.Parting, At = fact.At, By = fact.By, Window = null, Handback = fact.Handback });
    }

    /// <summary>What is finished, and what comes back unsent; the rest stays with the other customer.</summary>
    private static ImmutableArray<Send> TakenBack(ImmutableArray<Send> sends, ImmutableArray<Send> back) =>
        [.. sends.Where(static send => !send.IsOpen).Concat(back).DistinctBy(static send => send.DecisionId).OrderBy(static send => send.DecidedAt)];
}
