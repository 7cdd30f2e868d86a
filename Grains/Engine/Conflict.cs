using System.Collections.Immutable;

namespace Orleans.Personalize.Engine;

/// <summary>Two writes of one field that did not agree, and which of them stayed.</summary>
/// <param name="Version">The customer's version that brought them together.</param>
/// <param name="Field">The name of a trait, or <c>consent.email</c> and the like.</param>
/// <param name="Won">One of <see cref="WonBy"/>.</param>
public sealed record Conflict(long Version, string Field, Trait Winner, Trait Loser, string Won)
{
    /// <summary>
    /// All conflicts of a customer, oldest first: each write that lost when it arrived, and each that took the place of another source's. Equal values are none, and neither is a source
    /// that changes what it wrote itself. What came with an id whose merge was undone is left out, as it is in the profile.
    /// </summary>
    /// <param name="facts">All facts of the customer, oldest first.</param>
    public static IEnumerable<Conflict> Of(CustomerKey key, IReadOnlyList<Fact> facts)
    {
        ImmutableArray<Trait> traits = [], consents = [];
        foreach (var (place, fact) in OwnPart.Heard(facts))
        {
            var (newTraits, newConsents) = WritesOf(fact, key);
            foreach (var written in newTraits)
            {
                if (Between(traits, written, place + 1, "") is { } conflict)
                    yield return conflict;
                traits = Evolver.WithWrite(traits, written);
            }
            foreach (var written in newConsents)
            {
                if (Between(consents, written, place + 1, "consent.") is { } conflict)
                    yield return conflict;
                consents = Evolver.WithWrite(consents, written);
            }
            traits = traits.DropLowest(Limits.TraitsMax, Evolver.CompareWrites);
            consents = consents.DropLowest(Limits.ConsentsMax, Evolver.CompareConsents);
        }
    }

    /// <summary>The newest, newest first. What one version brought stays together, so there may be more than asked for.</summary>
    /// <param name="conflicts">Oldest first.</param>
    /// <param name="before">Only those of versions before this one.</param>
    /// <returns>And the <paramref name="before"/> of those before them; null where there are none.</returns>
    public static (Conflict[] Items, long? Next) Newest(IEnumerable<Conflict> conflicts, int limit, long? before)
    {
        // They come last: of what is before them no more is kept than is asked for.
        var versions = new Queue<List<Conflict>>();
        List<Conflict> last = [];
        var kept = 0;
        long? next = null;
        foreach (var conflict in conflicts.TakeWhile(conflict => before is null || conflict.Version < before))
        {
            if (last.Count == 0 || last[0].Version != conflict.Version)
                versions.Enqueue(last = []);
            last.Add(conflict);
            kept++;
            while (versions.Count > 1 && kept - versions.Peek().Count >= limit)
            {
                kept -= versions.Dequeue().Count;
                next = versions.Peek()[0].Version;
            }
        }
        return ([.. versions.Reverse().SelectMany(static version => version)], next);
    }

    private static (IEnumerable<Trait> Traits, IEnumerable<Trait> Consents) WritesOf(Fact fact, CustomerKey key) => fact switch
    {
        Fact.EventApplied { Event: var happened } => (Evolver.WritesOf(happened, happened.Traits), Evolver.WritesOf(happened, happened.Consent)),
        Fact.CustomerAbsorbed { State: var absorbed } => (absorbed.Traits, absorbed.Consents),
        _ => throw new InvalidOperationException($"{fact.GetType().Name} of {key} writes no field."),
    };

    private static Conflict? Between(ImmutableArray<Trait> fields, Trait written, long version, string prefix)
    {
        if (fields.Find(written.Name, static field => field.Name) is not (>= 0 and var found) || fields[found].Value == written.Value)
            return null;
        var (known, name) = (fields[found], prefix + written.Name);
        return Trait.CompareWrites(written, known) switch
        {
            < 0 => new(version, name, known, written, WonBy.Between(known, written)),
            > 0 when known.Source != written.Source => new(version, name, written, known, WonBy.Between(written, known)),
            _ => null,
        };
    }
}

/// <summary>Why one write stayed and another did not, in the order in which it is asked.</summary>
public static class WonBy
{
    /// <summary>It occurred later.</summary>
    public const string Newer = "newer";
    /// <summary>They occurred at the same instant, and its source has the higher priority.</summary>
    public const string Priority = "priority";
    /// <summary>Their sources are of one priority, too; what is left is the order of their ids.</summary>
    public const string MessageId = "message-id";

    internal static string Between(Trait winner, Trait loser) =>
        winner.Stamp.At != loser.Stamp.At ? Newer : winner.Priority != loser.Priority ? Priority : MessageId;
}
