using System.Globalization;
using System.Text.Json;

namespace Orleans.Personalize.Gateway.Connectors;

/// <summary>A JSON pointer (RFC 6901), compiled once.</summary>
public sealed class JsonPath
{
    private const int SegmentsMax = 16;
    private readonly string[] segments;

    private JsonPath(string text, string[] segments) => (Text, this.segments) = (text, segments);

    public string Text { get; }

    /// <summary>Null where the text is no pointer, or names more than 16 levels.</summary>
    public static JsonPath? Parse(string text)
    {
        if (text.Length == 0)
            return new(text, []);
        if (text[0] != '/')
            return null;
        var parts = text[1..].Split('/');
        return parts.Length <= SegmentsMax && Array.TrueForAll(parts, IsEscaped)
            ? new(text, Array.ConvertAll(parts, static segment => segment.Replace("~1", "/").Replace("~0", "~")))
            : null;
    }

    public static bool IsPointer(string text) => Parse(text) is not null;

    /// <summary>The value that a pointer points at; null where there is none, or a JSON null.</summary>
    public static JsonElement? Find(JsonElement json, string pointer) => Parse(pointer)?.Find(json);

    /// <summary>The value it points at; null where there is none, or a JSON null.</summary>
    public JsonElement? Find(JsonElement json)
    {
        foreach (var segment in segments)
        {
            switch (json.ValueKind)
            {
                case JsonValueKind.Object when json.TryGetProperty(segment, out var member):
                    json = member;
                    break;
                case JsonValueKind.Array when int.TryParse(segment, NumberStyles.None, CultureInfo.InvariantCulture, out var index) && index < json.GetArrayLength():
                    json = json[index];
                    break;
                default:
                    return null;
            }
        }

        return json.ValueKind is JsonValueKind.Null or JsonValueKind.Undefined ? null : json;
    }

    private static bool IsEscaped(string segment)
    {
        for (var at = segment.IndexOf('~'); at >= 0; at = segment.IndexOf('~', at + 1))
        {
            if (at + 1 >= segment.Length || segment[at + 1] is not ('0' or '1'))
                return false;
        }

        return true;
    }
}
