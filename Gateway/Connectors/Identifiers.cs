using System.Text.Json;

namespace Orleans.Personalize.Gateway.Connectors;

/// <summary>The ids by which a customer is known beside the shop's own: an anonymous one as it is, others as <c>type:value</c>.</summary>
internal static class Identifiers
{
    /// <summary>More in one event are no customer's.</summary>
    public const int CountMax = 16;

    /// <summary>An address as an id: <c>email:</c> and the address in lower case. Null where there is none.</summary>
    public static string? Email(string? address) => string.IsNullOrWhiteSpace(address) ? null : $"email:{address.Trim().ToLowerInvariant()}";

    /// <summary>A telephone number as an id: <c>phone:</c> and its digits after a plus sign (E.164). Null where it is not international.</summary>
    public static string? Phone(string? number)
    {
        var digits = string.Concat((number ?? "").Where(char.IsAsciiDigit));
        return number?.TrimStart() is ['+', ..] && digits.Length is >= 7 and <= 15 ? $"phone:+{digits}" : null;
    }

    /// <summary>The ids that are fit to be one and are not the customer's own, each once; null where there are none.</summary>
    public static string[]? Of(string customer, params ReadOnlySpan<string?> ids)
    {
        List<string>? found = null;
        foreach (var id in ids)
        {
            if (id is { Length: > 0 and <= EventFields.TextLengthMax } && id != customer && !id.Any(char.IsControl) && found?.Contains(id) != true && found?.Count is not CountMax)
                (found ??= []).Add(id);
        }
        return found is null ? null : [.. found];
    }

    /// <summary>The ids in <c>externalIds</c> of a Segment context: objects of <c>id</c> and <c>type</c>.</summary>
    public static string?[] External(ReadOnlySpan<byte> context)
    {
        var raw = JsonObjects.Member(context, "externalIds");
        if (raw is not [(byte)'[', ..])
            return [];
        using var document = JsonDocument.Parse(raw.ToArray());
        return [.. document.RootElement.EnumerateArray().Take(CountMax).Select(Of)];
    }

    private static string? Of(JsonElement external)
    {
        if (external.ValueKind != JsonValueKind.Object || Text(external, "id") is not { } id || Text(external, "type") is not { } type)
            return null;
        return type switch
        {
            "email" => Email(id),
            "phone" => Phone(id),
            _ => $"{type}:{id}",
        };
    }

    private static string? Text(JsonElement parent, string name) =>
        parent.TryGetProperty(name, out var member) && member.ValueKind == JsonValueKind.String ? member.GetString() : null;
}
