using System.Buffers.Text;
using System.Text.Json;
using System.Text.Unicode;

namespace Orleans.Personalize.Gateway.Connectors;

/// <summary>
/// What JSON's grammar allows and a profile must not hold. JSON parsers let these pass until somebody decodes the string
/// (RFC 8259, sections 8.1 and 8.2), which would be too late: the event would be durable by then.
/// </summary>
internal static class JsonDefects
{
    private const string NotUtf8 = "holds bytes that are not UTF-8";
    private const string LoneSurrogate = "holds half of a surrogate pair, which is no character";
    private const string Nul = "holds the character U+0000, which PostgreSQL cannot store";

    /// <summary>The first defect of a text that is valid JSON but for its strings; null where there is none.</summary>
    public static string? Find(ReadOnlySpan<byte> json)
    {
        if (!Utf8.IsValid(json))
            return NotUtf8;

        // In JSON a backslash occurs in strings only, so the escapes can be found without parsing.
        for (int at; (at = json.IndexOf((byte)'\\')) >= 0;)
        {
            json = json[at..];
            if (Escape(json) is not { } unit)
            {
                json = json[Math.Min(2, json.Length)..];
                continue;
            }

            json = json[6..];
            if (unit == 0)
                return Nul;
            if (char.IsHighSurrogate((char)unit) && Escape(json) is { } low && char.IsLowSurrogate((char)low))
                json = json[6..];
            else if (char.IsSurrogate((char)unit))
                return LoneSurrogate;
        }

        return null;
    }

    /// <summary>As <see cref="Find"/>, with the member of the object that has the defect; null where there is none.</summary>
    /// <exception cref="JsonException">There is a defect, and the text is no JSON either.</exception>
    public static DocumentError? FindInObject(ReadOnlySpan<byte> json)
    {
        if (Find(json) is not { } defect)
            return null;

        for (var members = new JsonMembers(json); members.MoveNext();)
        {
            if (Find(members.Value) is { } inside)
                return new DocumentError(Pointer(members.Name), inside);
        }

        return new DocumentError("", defect);
    }

    /// <summary>What a parser found, fit to follow a subject; the parser's own words tell where.</summary>
    public static string Describe(JsonException exception) => $"cannot be read as JSON: {exception.Message.TrimEnd('.')}";

    /// <summary>The JSON pointer (RFC 6901) of a member.</summary>
    public static string Pointer(ReadOnlySpan<char> name) => $"/{name.ToString().Replace("~", "~0").Replace("/", "~1")}";

    /// <summary>The UTF-16 code unit of a \uXXXX escape at the start of the text; null where there is none.</summary>
    private static int? Escape(ReadOnlySpan<byte> json) =>
        json is [(byte)'\\', (byte)'u', _, _, _, _, ..] && Utf8Parser.TryParse(json.Slice(2, 4), out int unit, out var read, 'x') && read == 4
            ? unit
            : null;
}
