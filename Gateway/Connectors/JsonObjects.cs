using System.Buffers;
using System.Text.Json;

namespace Orleans.Personalize.Gateway.Connectors;

/// <summary>Small operations on JSON objects as raw text. The texts are valid JSON without defects.</summary>
internal static class JsonObjects
{
    /// <summary>The last member of that name; empty where there is none, or where the text is no object.</summary>
    public static ReadOnlySpan<byte> Member(ReadOnlySpan<byte> json, string name)
    {
        ReadOnlySpan<byte> found = default;
        if (json is not [(byte)'{', ..])
            return found;
        for (var members = new JsonMembers(json); members.MoveNext();)
        {
            if (members.Name.SequenceEqual(name))
                found = members.Value;
        }

        return found;
    }

    /// <summary>The object with one member more; absent counts as an empty object.</summary>
    public static JsonText With(JsonText json, string name, ReadOnlySpan<byte> value)
    {
        var head = json.IsAbsent ? "{"u8 : json.Span[..^1].TrimEnd(" \t\r\n"u8);
        var buffer = new ArrayBufferWriter<byte>(head.Length + name.Length + value.Length + 5);
        buffer.Write(head);
        buffer.Write(head.Length > 1 ? ",\""u8 : "\""u8);
        buffer.Write(System.Text.Encoding.UTF8.GetBytes(name));
        buffer.Write("\":"u8);
        buffer.Write(value);
        buffer.Write("}"u8);
        return new JsonText(buffer.WrittenSpan.ToArray());
    }

    /// <summary>An object of the members that have a value.</summary>
    public static JsonText Of(params ReadOnlySpan<(string Name, ReadOnlyMemory<byte> Value)> members)
    {
        var json = JsonText.FromString("{}");
        foreach (var (name, value) in members)
        {
            if (!value.IsEmpty)
                json = With(json, name, value.Span);
        }

        return json;
    }

    /// <summary>The text as a JSON string; empty for null.</summary>
    public static ReadOnlyMemory<byte> String(string? text) =>
        text is null ? default : (byte[])[(byte)'"', .. JsonEncodedText.Encode(text).EncodedUtf8Bytes, (byte)'"'];
}
