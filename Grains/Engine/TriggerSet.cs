using System.Collections.Frozen;
using System.Collections.Immutable;

namespace Orleans.Personalize.Engine;

/// <summary>The triggers of a workspace, indexed so that an event costs only those that listen to it.</summary>
public sealed class TriggerSet
{
    public static readonly TriggerSet Empty = new([]);

    private readonly FrozenDictionary<string, Trigger> byId;
    private readonly FrozenDictionary<string, ImmutableArray<Trigger>> byEvent;
    private readonly ImmutableArray<ImmutableArray<Trigger>> byType;

    public TriggerSet(IEnumerable<Trigger> triggers)
    {
        All = [.. triggers.OrderByDescending(static trigger => trigger.Priority).ThenBy(static trigger => trigger.Id, StringComparer.Ordinal)];
        byId = All.ToFrozenDictionary(static trigger => trigger.Id);
        byType = [.. Enum.GetValues<EventType>().Select(type =>
            All.Where(trigger => Patterns(trigger).Any(pattern => pattern.Event is null && pattern.Type == type)).ToImmutableArray())];
        byEvent = All
            .SelectMany(trigger => Patterns(trigger).Where(static pattern => pattern.Event is not null)
                .Select(pattern => (pattern.Event, Trigger: trigger)))
            .Distinct()
            .GroupBy(static entry => entry.Event!)
            .ToFrozenDictionary(static group => group.Key, static group => group.Select(static entry => entry.Trigger).ToImmutableArray());
    }

    /// <summary>By falling priority, then id: the order in which they decide.</summary>
    public ImmutableArray<Trigger> All { get; }

    public Trigger? Find(string id) => byId.GetValueOrDefault(id);

    /// <summary>The triggers with an <c>on</c> or an <c>unless</c> that may mean the event, in the order in which they decide.</summary>
    public ImmutableArray<Trigger> ListenersOf(CustomerEvent happened)
    {
        var named = happened.Name is not null && byEvent.TryGetValue(happened.Name, out var found) ? found : [];
        var typed = byType[(int)happened.Type];
        return (named, typed) switch
        {
            (_, { IsEmpty: true }) => named,
            ({ IsEmpty: true }, _) => typed,
            _ => [.. All.Where(trigger => named.Contains(trigger) || typed.Contains(trigger))],
        };
    }

    private static IEnumerable<EventPattern> Patterns(Trigger trigger) => trigger.Unless.Prepend(trigger.On);
}
