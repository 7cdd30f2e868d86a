using System.Buffers;
using System.Text.Encodings.Web;
using System.Text.Json;
using Orleans.Personalize.Sending;

namespace Orleans.Personalize.Senders;

/// <summary>Writes what senders have in common.</summary>
internal static class SenderJson
{
    /// <summary>The output is never put into a page as it is, so letters and angle brackets stay readable.</summary>
    public static readonly JsonWriterOptions Options = new() { Encoder = JavaScriptEncoder.UnsafeRelaxedJsonEscaping };

    public const string InstantFormat = "yyyy-MM-ddTHH:mm:ss.fffZ";

    /// <summary>One object, with the members that are written.</summary>
    public static ReadOnlyMemory<byte> Object(Action<Utf8JsonWriter> write)
    {
        var buffer = new ArrayBufferWriter<byte>();
        using var json = new Utf8JsonWriter(buffer, Options);
        json.WriteStartObject();
        write(json);
        json.WriteEndObject();
        json.Flush();
        return buffer.WrittenMemory;
    }

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

    public static void WriteAddress(this Utf8JsonWriter writer, string name, MailAddress address)
    {
        writer.WriteStartObject(name);
        writer.WriteAddressMembers(address);
        writer.WriteEndObject();
    }

    public static void WriteAddressMembers(this Utf8JsonWriter writer, MailAddress address)
    {
        writer.WriteString("email", address.Email);
        if (address.Name is not null)
            writer.WriteString("name", address.Name);
    }

    /// <summary>
    /// What a provider gives back with everything that becomes of the message, so that it is found again. Texts only, and no personal data.
    /// </summary>
    public static void WriteIds(this Utf8JsonWriter writer, string name, SendMessage message)
    {
        writer.WriteStartObject(name);
        writer.WriteString("decision_id", message.Job.DecisionId);
        writer.WriteString("workspace", message.Workspace);
        writer.WriteString("trigger", message.Job.Trigger);
        writer.WriteString("attempt", message.Job.Attempt.ToString());
        if (message.Reference is { } reference)
            writer.WriteString("ref", reference);
        writer.WriteEndObject();
    }

    /// <summary>The members that templates see here, for the templates that are kept at a provider.</summary>
    public static void WriteModel(this Utf8JsonWriter writer, SendMessage message)
    {
        foreach (var (name, write) in Model(message))
        {
            writer.WritePropertyName(name);
            write(writer);
        }
    }

    /// <summary>The same as names with what writes their values.</summary>
    public static IEnumerable<(string Name, Action<Utf8JsonWriter> Write)> Model(SendMessage message)
    {
        var job = message.Job;
        yield return ("customer", writer => writer.WriteStringValue(message.CustomerId));
        yield return ("traits", writer => WriteTraits(writer, job.Profile.Traits));
        yield return ("cart", writer => WriteCart(writer, job.Profile.Cart));
        yield return ("event", writer => WriteEvent(writer, job));
        yield return ("data", writer => writer.WriteRawValue(job.Data.IsAbsent ? "null"u8 : job.Data.Span, skipInputValidation: true));
        yield return ("trigger", writer => writer.WriteStringValue(job.Trigger));
        yield return ("key", writer => writer.WriteStringValue(job.Key));
        if (message.Unsubscribe is { } unsubscribe)
            yield return ("unsubscribe", writer => writer.WriteStringValue(unsubscribe.AbsoluteUri));
    }

    public static void WriteTraits(Utf8JsonWriter writer, TraitView[] traits)
    {
        writer.WriteStartObject();
        foreach (var trait in traits)
            writer.WriteRaw(trait.Name, trait.Value);
        writer.WriteEndObject();
    }

    public static void WriteEvent(Utf8JsonWriter writer, SendJob job)
    {
        writer.WriteStartObject();
        writer.WriteString("name", job.EventName);
        writer.WriteRaw("properties", job.EventProperties);
        writer.WriteEndObject();
    }

    public static void WriteCart(Utf8JsonWriter writer, CartView cart)
    {
        writer.WriteStartObject();
        writer.WriteString("id", cart.CartId);
        writer.WriteNumber("total", cart.Total);
        writer.WriteStartArray("items");
        foreach (var line in cart.Lines)
        {
            writer.WriteStartObject();
            writer.WriteString("productId", line.ProductId);
            writer.WriteString("name", line.Name);
            writer.WriteNumber("quantity", line.Quantity);
            if (line.Price is { } price)
                writer.WriteNumber("price", price);
            writer.WriteString("url", line.Url);
            writer.WriteString("imageUrl", line.ImageUrl);
            writer.WriteEndObject();
        }
        writer.WriteEndArray();
        writer.WriteEndObject();
    }
}
