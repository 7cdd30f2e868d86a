using System.Collections.Frozen;
using System.Collections.Immutable;

namespace Orleans.Personalize.Engine;

/// <summary>The triggers and policies of a workspace, indexed so that an event costs only those that listen to it.</summary>
public sealed class TriggerSet
{
    public static readonly TriggerSet Empty = new([]);

    private readonly FrozenDictionary<string, Trigger> byId;
    private readonly FrozenDictionary<string, Policy> byChannel;
    private readonly ImmutableArray<Listeners> byType;

    /// <param name="policies">At the most one a channel.</param>
    public TriggerSet(IEnumerable<Trigger> triggers, IEnumerable<Policy>? policies = null)
    {
        byChannel = (policies ?? []).ToFrozenDictionary(static policy => policy.Channel);
        All = [.. triggers.OrderByDescending(static trigger => trigger.Priority).ThenBy(static trigger => trigger.Id, StringComparer.Ordinal)];
        byId = All.ToFrozenDictionary(static trigger => trigger.Id);
        byType = [.. Enum.GetValues<EventType>().Select(type => new Listeners(All, type))];
    }

    /// <summary>By falling priority, then id: the order in which they decide.</summary>
    public ImmutableArray<Trigger> All { get; }

    public Trigger? Find(string id) => byId.GetValueOrDefault(id);

    /// <summary>What all triggers that send over a channel share.</summary>
    public Policy? PolicyOf(string channel) => byChannel.GetValueOrDefault(channel);

    /// <summary>The same with one trigger in place of its namesake, or in addition.</summary>
    public TriggerSet With(Trigger trigger) => new(All.RemoveAll(known => known.Id == trigger.Id).Add(trigger), byChannel.Values);

    /// <summary>The triggers with an <c>on</c> or an <c>unless</c> that may mean the event, in the order in which they decide.</summary>
    public ImmutableArray<Trigger> ListenersOf(CustomerEvent happened) => byType[(int)happened.Type].Of(happened.Name);

    /// <summary>Who listens to events of one type.</summary>
    private sealed class Listeners
    {
        private readonly FrozenDictionary<string, ImmutableArray<Trigger>> named;
        private readonly ImmutableArray<Trigger> others;

        public Listeners(ImmutableArray<Trigger> all, EventType type)
        {
            // Sorted by their index, triggers are in the order in which they decide.
            var heard = Enumerable.Range(0, all.Length)
                .SelectMany(index => all[index].Unless.Prepend(all[index].On).Select(pattern => (Index: index, pattern.Event, pattern.Type)))
                .Where(entry => entry.Type is null || entry.Type == type)
                .ToLookup(static entry => entry.Event ?? "", static entry => entry.Index);
            others = [.. heard[""].Distinct().Select(index => all[index])];
            named = heard.Where(static group => group.Key.Length > 0).ToFrozenDictionary(
                static group => group.Key,
                group => group.Union(heard[""]).Order().Select(index => all[index]).ToImmutableArray());
        }

        public ImmutableArray<Trigger> Of(string? name) => name is not null && named.TryGetValue(name, out var found) ? found : others;
    }
}
