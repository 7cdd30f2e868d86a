using System.Text.Json;

namespace Orleans.Personalize.Engine;

/// <summary>What holds for all triggers that send over a channel: <c>{"cap":{"max":3,"per":"P7D"}}</c>, stored under the channel's name.</summary>
/// <param name="Cap">The most sends to a customer within a time, and the least time between two; of transactional ones there may be any number.</param>
public sealed record Policy(string Channel, LimitRule? Cap)
{
    /// <returns>A policy, or null and at least one error.</returns>
    public static (Policy? Policy, IReadOnlyList<DocumentError> Errors) Parse(string channel, JsonElement document)
    {
        var errors = new List<DocumentError>();
        var reader = new DocumentReader(document, "", errors);
        if (!reader.IsObjectOf("cap", "description"))
            return (null, errors);
        reader.Text("description");
        var policy = new Policy(channel, reader.Member("cap") is { } cap ? TriggerParser.LimitsOf(cap) : null);
        return errors.Count == 0 ? (policy, errors) : (null, errors);
    }
}
