using System.Text.Json;
using System.Text.Json.Nodes;
using Orleans.Personalize.Gateway.Connectors;

namespace Orleans.Personalize.Gateway.Api;

/// <param name="Path">A JSON pointer (RFC 6901) into the profile, in which an entry of a list goes by its id and not by its index: <c>/orders/o-7/status</c>.</param>
/// <param name="Before">Null where there was nothing.</param>
/// <param name="After">Null where there is nothing any more.</param>
internal sealed record DifferenceResponse(string Path, JsonNode? Before, JsonNode? After);

/// <summary>Compares two profiles member by member. Lists hold things with ids, newest first: by their indexes, one more would be all of them anew.</summary>
internal static class Differences
{
    /// <summary>What names an entry of a list; what a wait is named by is two of them.</summary>
    private static readonly string[] Names = ["orderId", "decisionId", "messageId", "productId", "trigger", "key"];

    public static IEnumerable<DifferenceResponse> Between(JsonNode? before, JsonNode? after, string path = "")
    {
        if (JsonNode.DeepEquals(before, after))
            return [];
        if (Members(before) is not { } old || Members(after) is not { } now)
            return [new(path, before?.DeepClone(), after?.DeepClone())];
        return old.Keys.Union(now.Keys)
            .SelectMany(name => Between(old.GetValueOrDefault(name), now.GetValueOrDefault(name), path + JsonDefects.Pointer(name)));
    }

    /// <returns>Null where the value has none.</returns>
    private static Dictionary<string, JsonNode?>? Members(JsonNode? value)
    {
        if (value is JsonObject json)
            return json.ToDictionary(static member => member.Key, static member => member.Value);
        if (value is not JsonArray list || list.Any(static entry => entry is not JsonObject))
            return null;
        var members = new Dictionary<string, JsonNode?>();
        foreach (var entry in list)
        {
            // Of two of one name, which a value of a trait may hold, there is no telling which became which.
            if (NameOf((JsonObject)entry!) is not { } name || !members.TryAdd(name, entry))
                return null;
        }
        return members;
    }

    private static string? NameOf(JsonObject entry)
    {
        var name = Names.FirstOrDefault(name => entry[name]?.GetValueKind() == JsonValueKind.String);
        return name == "trigger" && entry["key"] is { } key ? $"{entry[name]}:{key}" : (string?)(name is null ? null : entry[name]);
    }
}
