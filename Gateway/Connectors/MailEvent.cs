using System.Buffers;
using System.Text.Json;

namespace Orleans.Personalize.Gateway.Connectors;

/// <summary>What a provider tells of a mail, under the names of Segment's email spec (https://segment.com/docs/connections/spec/email/) and, where it has none, ours.</summary>
/// <param name="Reference">What the sender gave the provider along, if it is one of ours: see <see cref="SignedLinks.Reference"/>.</param>
/// <param name="Id">The same for repeated deliveries of one event, with the provider's name before it.</param>
/// <param name="Name">The event's name in the profile.</param>
/// <param name="Address">Whom the mail was for; kept on the suppression list only, never in the profile.</param>
internal sealed record MailEvent(string? Reference, string Id, string Name, DateTimeOffset At, string? Address)
{
    public const string Delivered = "Email Delivered", Deferred = "Email Deferred", Dropped = "Email Dropped", Bounced = "Email Bounced", Opened = "Email Opened";
    public const string Clicked = "Email Link Clicked", MarkedAsSpam = "Email Marked as Spam", Unsubscribed = "Unsubscribed";
    public const string GroupUnsubscribed = "Email Group Unsubscribed", GroupResubscribed = "Email Group Resubscribed";

    private const int ReasonLengthMax = 512;
    private const int UrlLengthMax = 2048;

    /// <summary>The provider's id of the mail.</summary>
    public string? ProviderId { get; init; }

    public string? Url { get; init; }

    /// <summary>Why, in the words of the receiving server or the provider.</summary>
    public string? Reason { get; init; }

    /// <summary>hard or soft.</summary>
    public string? Bounce { get; init; }

    /// <summary>Opened by a program, such as a mail app that loads every picture in advance.</summary>
    public bool IsMachine { get; init; }

    /// <summary>Under which of <see cref="Suppressions.Reasons"/> the address gets no more mail; null where it still does.</summary>
    public string? Suppresses { get; init; }

    public CustomerEvent ToCustomerEvent(string provider, string? decisionId, DateTimeOffset receivedAt) => new()
    {
        MessageId = Id,
        Type = EventType.Track,
        Name = Name,
        OccurredAt = At,
        ReceivedAt = receivedAt,
        Source = provider,
        Properties = Json(writer =>
        {
            Write(writer, "decision_id", decisionId);
            Write(writer, "provider", provider);
            Write(writer, "provider_id", ProviderId);
            Write(writer, "url", Cut(Url, UrlLengthMax));
            Write(writer, "reason", Cut(Reason, ReasonLengthMax));
            Write(writer, "bounce", Bounce);
            if (IsMachine)
                writer.WriteBoolean("machine", true);
        }),
        Consent = Name == Unsubscribed ? JsonText.FromString("""{"email":false}""") : default,
        // Of the id alone: what a provider says besides may change from one delivery of an event to the next.
        Fingerprint = new Fingerprint().Add(System.Text.Encoding.UTF8.GetBytes(Id)).Value,
    };

    /// <summary>The entry of the suppression list; null where there is none to make.</summary>
    public Suppression? ToSuppression(string provider, string? decisionId) => Suppresses is not null && Suppressions.IsAddress(Address)
        ? new(Suppressions.Canonical(Address!), Suppresses, Cut(Reason, Suppressions.DetailLengthMax), At, provider, decisionId)
        : null;

    /// <summary>A member that is a text; null for anything else.</summary>
    public static string? Text(JsonElement json, string name)
    {
        if (json.ValueKind != JsonValueKind.Object || !json.TryGetProperty(name, out var value) || value.ValueKind != JsonValueKind.String)
            return null;
        try
        {
            return value.GetString();
        }
        catch (InvalidOperationException)
        {
            // Half of a surrogate pair: legal JSON and no text.
            return null;
        }
    }

    /// <summary>A member that holds seconds since 1970, within the years that a date can have.</summary>
    public static DateTimeOffset? Time(JsonElement json, string name) =>
        json.ValueKind == JsonValueKind.Object && json.TryGetProperty(name, out var value) && value.ValueKind == JsonValueKind.Number
            && value.TryGetDouble(out var seconds) && seconds is > 0 and < 253_402_300_799
            ? DateTimeOffset.FromUnixTimeMilliseconds((long)(seconds * 1000))
            : null;

    private static void Write(Utf8JsonWriter writer, string name, string? value)
    {
        if (!string.IsNullOrEmpty(value))
            writer.WriteString(name, value);
    }

    /// <summary>The start of a text, without half a character at its end.</summary>
    public static string? Cut(string? text, int lengthMax) =>
        text?.Length > lengthMax ? text[..(char.IsHighSurrogate(text[lengthMax - 1]) ? lengthMax - 1 : lengthMax)] : text;

    private static JsonText Json(Action<Utf8JsonWriter> write)
    {
        var buffer = new ArrayBufferWriter<byte>();
        using (var writer = new Utf8JsonWriter(buffer))
        {
            writer.WriteStartObject();
            write(writer);
            writer.WriteEndObject();
        }
        return new JsonText(buffer.WrittenSpan.ToArray());
    }
}
