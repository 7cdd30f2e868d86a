using System.Diagnostics.CodeAnalysis;
using System.Text.Json;
using System.Xml;

namespace Orleans.Personalize.Senders;

/// <summary>Reads a sender document and collects what is wrong with it, each fault with its JSON pointer.</summary>
internal sealed class SenderDocument(JsonElement json)
{
    private const int ChannelLengthMax = 64;

    private readonly List<DocumentError> errors = [];

    public IReadOnlyList<DocumentError> Errors => errors;

    public bool IsObject => json.ValueKind == JsonValueKind.Object;

    public void Fault(string pointer, string detail) => errors.Add(new DocumentError(pointer, detail));

    /// <summary>Checks what all senders have in common.</summary>
    public void CheckCommon(string type)
    {
        if (!IsObject)
        {
            Fault("", "A sender is an object.");
            return;
        }
        if (Text("type") != type)
            Fault("/type", $"It must be \"{type}\".");
        if (TryGet("channel", out _) && Text("channel") is not { Length: > 0 and <= ChannelLengthMax })
            Fault("/channel", $"It must be a string of 1 to {ChannelLengthMax} characters.");
    }

    /// <summary>A string member; null where there is none or it is no text.</summary>
    public string? Text(string name) => TryGet(name, out var value) ? Text(value) : null;

    public static string? Text(JsonElement value)
    {
        if (value.ValueKind != JsonValueKind.String)
            return null;
        try
        {
            return value.GetString();
        }
        catch (InvalidOperationException)
        {
            // Half a surrogate pair is legal JSON, and no text.
            return null;
        }
    }

    /// <summary>An ISO 8601 duration within bounds, or the default where there is none.</summary>
    public TimeSpan Duration(string name, TimeSpan least, TimeSpan most, TimeSpan byDefault)
    {
        if (!TryGet(name, out _))
            return byDefault;
        if (Text(name) is { } text && TryParse(text) is { } duration && duration >= least && duration <= most)
            return duration;
        Fault($"/{name}", $"It must be an ISO 8601 duration from {XmlConvert.ToString(least)} to {XmlConvert.ToString(most)}.");
        return byDefault;
    }

    public bool TryGet(string name, [NotNullWhen(true)] out JsonElement value)
    {
        value = default;
        return IsObject && json.TryGetProperty(name, out value);
    }

    private static TimeSpan? TryParse(string text)
    {
        try
        {
            return XmlConvert.ToTimeSpan(text);
        }
        catch (Exception fault) when (fault is FormatException or OverflowException)
        {
            return null;
        }
    }
}
