using System.Text.Encodings.Web;
using System.Text.Json;

namespace Orleans.Personalize.Senders;

/// <summary>Writes what senders have in common.</summary>
internal static class SenderJson
{
    /// <summary>The output is never put into a page as it is, so letters and angle brackets stay readable.</summary>
    public static readonly JsonWriterOptions Options = new() { Encoder = JavaScriptEncoder.UnsafeRelaxedJsonEscaping };

    public const string InstantFormat = "yyyy-MM-ddTHH:mm:ss.fffZ";

    /// <summary>Writes a value as the text it arrived in, which was checked at the door; null where there is none.</summary>
    public static void WriteRaw(this Utf8JsonWriter writer, string name, JsonText value)
    {
        if (value.IsAbsent)
        {
            writer.WriteNull(name);
            return;
        }
        writer.WritePropertyName(name);
        writer.WriteRawValue(value.Span, skipInputValidation: true);
    }

    public static void WriteInstant(this Utf8JsonWriter writer, string name, DateTimeOffset instant) =>
        writer.WriteString(name, instant.UtcDateTime.ToString(InstantFormat));
}
