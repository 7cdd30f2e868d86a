using System.Text;
using System.Text.Json;

namespace Orleans.Personalize.Engine;

/// <summary>Reads one value of a JSON document and notes what is wrong with it under its JSON pointer (RFC 6901).</summary>
public sealed class DocumentReader(JsonElement element, string pointer, List<DocumentError> errors)
{
    public string Pointer => pointer;

    public JsonValueKind Kind => element.ValueKind;

    public JsonText Raw => new(Encoding.UTF8.GetBytes(element.GetRawText()));

    /// <summary>Notes an error; of several about one place the first says enough.</summary>
    public void Fail(string relativePointer, string detail)
    {
        if (!errors.Exists(error => error.Pointer == pointer + relativePointer))
            errors.Add(new(pointer + relativePointer, detail));
    }

    /// <summary>Whether it is an object; members other than these are noted as errors.</summary>
    public bool IsObjectOf(params ReadOnlySpan<string> members)
    {
        if (element.ValueKind != JsonValueKind.Object)
        {
            Fail("", "must be an object");
            return false;
        }
        foreach (var property in element.EnumerateObject())
        {
            if (!members.Contains(property.Name))
                Fail($"/{Escape(property.Name)}", $"is not known here; known are {string.Join(", ", members.ToArray())}");
        }
        return true;
    }

    /// <summary>A member; null where it is absent or null.</summary>
    public DocumentReader? Member(string name) =>
        element.ValueKind == JsonValueKind.Object && element.TryGetProperty(name, out var value) && value.ValueKind != JsonValueKind.Null
            ? new(value, $"{pointer}/{name}", errors)
            : null;

    public IEnumerable<DocumentReader> Elements(string name)
    {
        if (Member(name) is not { } member)
            return [];
        if (member.Kind == JsonValueKind.Array)
            return member.Items();
        member.Fail("", "must be an array");
        return [];
    }

    public string? Text(string name)
    {
        if (Member(name) is not { } member)
            return null;
        if (member.AsText() is { } text)
            return text;
        member.Fail("", "must be a text");
        return null;
    }

    /// <summary>The value itself; null where it is no text. Half of a surrogate pair is legal JSON and no text.</summary>
    public string? AsText()
    {
        if (element.ValueKind != JsonValueKind.String)
            return null;
        try
        {
            return element.GetString();
        }
        catch (InvalidOperationException)
        {
            return null;
        }
    }

    public bool? Flag(string name)
    {
        if (Member(name) is not { } member)
            return null;
        if (member.Kind is JsonValueKind.True or JsonValueKind.False)
            return member.Kind == JsonValueKind.True;
        member.Fail("", "must be true or false");
        return null;
    }

    public decimal? Number(string name, decimal min, decimal max, bool wholeOnly = false)
    {
        if (Member(name) is not { } member)
            return null;
        if (member.Kind == JsonValueKind.Number && member.Value.TryGetDecimal(out var number)
            && number >= min && number <= max && (!wholeOnly || decimal.IsInteger(number)))
            return number;
        member.Fail("", $"must be a {(wholeOnly ? "whole " : "")}number from {min} to {max}");
        return null;
    }

    /// <summary>An ISO 8601 duration; without bounds, above zero and up to <see cref="Limits.TriggerDurationMax"/>.</summary>
    public TimeSpan? Duration(string name, TimeSpan? least = null, TimeSpan? most = null)
    {
        if (Member(name) is not { } member)
            return null;
        var (min, max) = (least ?? TimeSpan.FromTicks(1), most ?? Limits.TriggerDurationMax);
        if (member.AsText() is { } text && Iso8601Duration.TryParse(text, out var duration) && duration >= min && duration <= max)
            return duration;
        member.Fail(
            "",
            $"must be an ISO 8601 duration such as \"PT1H\" or \"P1D\", without years or months, {(least is null ? "above zero" : $"at least {min}")} and at most {(most is null ? $"{max.TotalDays:0} days" : max)}");
        return null;
    }

    public string OneOf(string name, string otherwise, params ReadOnlySpan<string> choices)
    {
        if (Text(name) is not { } text)
            return otherwise;
        if (!choices.Contains(text))
            Fail($"/{name}", $"must be one of {string.Join(", ", choices.ToArray())}");
        return text;
    }

    private JsonElement Value => element;

    /// <summary>The elements of an array.</summary>
    public IEnumerable<DocumentReader> Items()
    {
        var index = 0;
        foreach (var item in element.EnumerateArray())
            yield return new(item, $"{pointer}/{index++}", errors);
    }

    private static string Escape(string name) => name.Replace("~", "~0").Replace("/", "~1");
}
