using System.Diagnostics.CodeAnalysis;
using System.Runtime.CompilerServices;
using System.Text.Json;
using Microsoft.AspNetCore.Http;

namespace Orleans.Personalize.Gateway.Connectors;

/// <summary>
/// Walks the members of one JSON object as raw text, without a document in between. Of a repeated name every occurrence is shown; the
/// readers of this folder let the last one win, as JavaScript does.
/// </summary>
internal ref struct JsonMembers
{
    /// <summary>No name that a connector knows is longer, even with every character escaped as \uXXXX.</summary>
    public const int NameLengthMax = 128;

    private readonly ReadOnlySpan<byte> json;
    private readonly bool isObject;
    private Utf8JsonReader reader;
    private NameBuffer name;
    private int nameLength;

    /// <param name="json">An object; of anything else there are no members.</param>
    /// <param name="depthMax">Deeper nesting is reported as a <see cref="JsonException"/>.</param>
    /// <exception cref="JsonException">The text is no JSON.</exception>
    public JsonMembers(ReadOnlySpan<byte> json, int depthMax = int.MaxValue)
    {
        this.json = json;
        reader = new Utf8JsonReader(json, new JsonReaderOptions { MaxDepth = depthMax });
        isObject = !json.IsEmpty && reader.Read() && reader.TokenType == JsonTokenType.StartObject;
    }

    /// <summary>Empty for a name that is longer than any known one or not valid Unicode.</summary>
    [UnscopedRef]
    public readonly ReadOnlySpan<char> Name => ((ReadOnlySpan<char>)name)[..nameLength];

    public Range Range { get; private set; }

    public readonly ReadOnlySpan<byte> Value => json[Range];

    /// <exception cref="JsonException">The text is no JSON, nests too deep, or goes on after its value.</exception>
    public bool MoveNext()
    {
        if (!isObject || !reader.Read())
            return false;
        if (reader.TokenType == JsonTokenType.EndObject)
        {
            _ = reader.Read(); // Throws where something follows.
            return false;
        }

        nameLength = reader.ValueSpan.Length <= NameLengthMax && JsonDefects.Find(reader.ValueSpan) is null ? reader.CopyString(name) : 0;
        _ = reader.Read();
        var start = (int)reader.TokenStartIndex;
        reader.Skip();
        Range = start..(int)reader.BytesConsumed;
        return true;
    }

    [InlineArray(NameLengthMax)]
    private struct NameBuffer
    {
        private char first;
    }
}

/// <summary>Walks the elements of one JSON array as raw text.</summary>
/// <param name="json">An array; anything else is refused.</param>
/// <param name="pointer">Where it stands in the request.</param>
/// <param name="countMax">More elements are refused.</param>
internal ref struct JsonElements(ReadOnlySpan<byte> json, string pointer, int countMax)
{
    private readonly ReadOnlySpan<byte> json = json;
    private Utf8JsonReader reader = new(json, new JsonReaderOptions { MaxDepth = int.MaxValue });
    private int count;

    public ReadOnlySpan<byte> Current { get; private set; }

    /// <exception cref="BadHttpRequestException">It is no array, or longer than allowed.</exception>
    public bool MoveNext()
    {
        if (count == 0 && (json is not [(byte)'[', ..] || !reader.Read()))
            throw new BadHttpRequestException($"{pointer} must be an array.");
        if (!reader.Read() || reader.TokenType == JsonTokenType.EndArray)
            return false;
        if (++count > countMax)
            throw new BadHttpRequestException($"{pointer} holds more than {countMax} elements.", StatusCodes.Status413PayloadTooLarge);

        var start = (int)reader.TokenStartIndex;
        reader.Skip();
        Current = json[start..(int)reader.BytesConsumed];
        return true;
    }
}
