using System.Collections.Frozen;
using System.Text;
using System.Text.Json;

namespace Orleans.Personalize.Gateway.Connectors;

/// <summary>What a provider's documents fix, so that a shop need not write it: a mapping for each of its topics.</summary>
internal sealed class Topics
{
    private readonly FrozenDictionary<string, Mapping> mappings;

    /// <param name="mappings">Topic → mapping, in the language of docs/connectors.md.</param>
    public Topics(params ReadOnlySpan<(string Topic, string Mapping)> mappings)
    {
        var compiled = new Dictionary<string, Mapping>(StringComparer.Ordinal);
        foreach (var (topic, mapping) in mappings)
        {
            var errors = new List<DocumentError>();
            using var document = JsonDocument.Parse(mapping);
            compiled.Add(topic, Mapping.Parse(new(document.RootElement, "", errors)));
            if (errors.Count > 0)
                throw new FormatException($"{topic}: {errors[0].Pointer} {errors[0].Detail}");
        }

        this.mappings = compiled.ToFrozenDictionary(StringComparer.Ordinal);
    }

    public IEnumerable<string> Names => mappings.Keys.Order(StringComparer.Ordinal);

    public bool Has(string topic) => mappings.ContainsKey(topic);

    /// <summary>
    /// The event of one item. Its fingerprint is of its id alone, which says what happened to what, and when: what a shop tells of an order besides
    /// changes from one delivery to the next.
    /// </summary>
    public ParsedEvent Read(string topic, JsonElement item, Origin origin)
    {
        var parsed = mappings[topic].ApplyTo(item, origin);
        return parsed.Event is { } happened
            ? parsed with { Event = happened with { Fingerprint = new Fingerprint().Add(Encoding.UTF8.GetBytes(happened.MessageId)).Value } }
            : parsed;
    }

    /// <summary>What one item tells several events of. It is refused once, whatever is wrong with how many of them.</summary>
    public List<ParsedEvent> ReadAll(IEnumerable<string> topics, JsonElement item, Origin origin)
    {
        var parsed = topics.Select(topic => Read(topic, item, origin)).ToList();
        var refused = parsed.Find(static one => one.Event is null);
        return [.. parsed.Where(one => one.Event is not null || ReferenceEquals(one, refused))];
    }
}
