using System.Text.Json;

namespace Orleans.Personalize.Gateway.Connectors;

/// <summary>Reads the members of one object of a registry document and notes what is wrong under its JSON pointer (RFC 6901).</summary>
public sealed class DocumentFields(JsonElement element, string pointer, List<DocumentError> errors)
{
    public JsonElement Element => element;

    public string Pointer => pointer;

    public bool IsObject => element.ValueKind == JsonValueKind.Object;

    /// <summary>Notes an error; of several about one place the first says enough.</summary>
    public void Fail(string relativePointer, string detail)
    {
        if (!errors.Exists(error => error.Pointer == pointer + relativePointer))
            errors.Add(new(pointer + relativePointer, detail));
    }

    /// <summary>Whether it is an object; members other than these are noted as errors.</summary>
    public bool IsObjectOf(params IReadOnlyCollection<string> members)
    {
        if (!IsObject)
        {
            Fail("", "must be an object");
            return false;
        }

        foreach (var member in element.EnumerateObject().Where(member => !members.Contains(member.Name)))
            Fail(JsonDefects.Pointer(member.Name), $"is not known here; known are {string.Join(", ", members)}");
        return true;
    }

    /// <summary>A member; null where it is absent or null.</summary>
    public DocumentFields? Member(string name) =>
        IsObject && element.TryGetProperty(name, out var value) && value.ValueKind != JsonValueKind.Null
            ? new(value, pointer + JsonDefects.Pointer(name), errors)
            : null;

    /// <summary>The members of an object by name; of anything else there are none.</summary>
    public IEnumerable<(string Name, DocumentFields Value)> Members() => !IsObject
        ? []
        : element.EnumerateObject().Select(member => (member.Name, new DocumentFields(member.Value, pointer + JsonDefects.Pointer(member.Name), errors)));

    /// <summary>The elements of an array; a value that is none counts as an array of itself.</summary>
    public IEnumerable<DocumentFields> Items() => element.ValueKind == JsonValueKind.Array
        ? element.EnumerateArray().Select((item, index) => new DocumentFields(item, $"{pointer}/{index}", errors))
        : [this];

    public string? Text(string name, int lengthMax = EventFields.TextLengthMax)
    {
        if (Member(name) is not { } member)
            return null;
        if (member.Element.ValueKind == JsonValueKind.String && member.Element.GetString() is { Length: > 0 } text && text.Length <= lengthMax)
            return text;
        member.Fail("", $"must be a text of 1 to {lengthMax} characters");
        return null;
    }

    public bool? Flag(string name)
    {
        if (Member(name) is not { } member)
            return null;
        if (member.Element.ValueKind is JsonValueKind.True or JsonValueKind.False)
            return member.Element.GetBoolean();
        member.Fail("", "must be true or false");
        return null;
    }

    public int? Whole(string name, int min, int max)
    {
        if (Member(name) is not { } member)
            return null;
        if (member.Element.ValueKind == JsonValueKind.Number && member.Element.TryGetInt32(out var number) && number >= min && number <= max)
            return number;
        member.Fail("", $"must be a whole number from {min} to {max}");
        return null;
    }

    public string? OneOf(string name, params ReadOnlySpan<string> choices)
    {
        if (Text(name) is not { } text)
            return null;
        if (choices.Contains(text))
            return text;
        Fail(JsonDefects.Pointer(name), $"must be one of {string.Join(", ", choices.ToArray())}");
        return null;
    }
}
