using System.Text.Json;

namespace Orleans.Personalize.Silo.Tests.Senders;

/// <summary>
/// The documented form of a request, as a JSON text of the same form: each leaf says <c>string</c>, <c>number</c>, <c>boolean</c> or <c>any</c>, an
/// array has one element for all, a member whose name ends in <c>!</c> is required, <c>*</c> stands for any name. Members it does not have are faults.
/// </summary>
internal sealed class JsonShape(string shape)
{
    private readonly JsonElement shape = JsonSerializer.Deserialize<JsonElement>(shape);

    /// <summary>JSON pointers with what is wrong there.</summary>
    public IReadOnlyList<string> Faults(byte[] json)
    {
        try
        {
            using var document = JsonDocument.Parse(json);
            return [.. Faults("", document.RootElement, shape)];
        }
        catch (JsonException)
        {
            return ["is no JSON"];
        }
    }

    private static IEnumerable<string> Faults(string pointer, JsonElement value, JsonElement shape) => shape.ValueKind switch
    {
        JsonValueKind.Object when value.ValueKind == JsonValueKind.Object => Members(pointer, value, shape),
        JsonValueKind.Array when value.ValueKind == JsonValueKind.Array =>
            value.EnumerateArray().SelectMany((item, index) => Faults($"{pointer}/{index}", item, shape[0])),
        JsonValueKind.String when shape.GetString() is "any" => [],
        JsonValueKind.String when string.Equals(shape.GetString(), value.ValueKind.ToString(), StringComparison.OrdinalIgnoreCase) => [],
        JsonValueKind.String when shape.GetString() == "boolean" && value.ValueKind is JsonValueKind.True or JsonValueKind.False => [],
        _ => [$"{pointer} is {value.ValueKind}"],
    };

    private static IEnumerable<string> Members(string pointer, JsonElement value, JsonElement shape)
    {
        foreach (var member in shape.EnumerateObject())
        {
            if (member.Name.EndsWith('!') && !value.TryGetProperty(member.Name[..^1], out _))
                yield return $"{pointer}/{member.Name[..^1]} is missing";
        }
        foreach (var member in value.EnumerateObject())
        {
            if (!shape.TryGetProperty(member.Name, out var known) && !shape.TryGetProperty(member.Name + '!', out known) && !shape.TryGetProperty("*", out known))
            {
                yield return $"{pointer}/{member.Name} is not documented";
                continue;
            }
            foreach (var fault in Faults($"{pointer}/{member.Name}", member.Value, known))
                yield return fault;
        }
    }
}
