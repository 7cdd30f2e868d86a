using System.Security.Cryptography;
using System.Text;
using System.Text.Json;

namespace Orleans.Personalize.Gateway.Connectors;

/// <summary>SendGrid's Event Webhook (https://www.twilio.com/docs/sendgrid/for-developers/tracking-events/event).</summary>
internal static class SendGridEvents
{
    public const string Provider = "sendgrid";
    public const string SignatureHeader = "X-Twilio-Email-Event-Webhook-Signature";
    public const string TimestampHeader = "X-Twilio-Email-Event-Webhook-Timestamp";

    /// <summary>
    /// SendGrid repeats what was not taken for 24 hours. A request of that age proves nothing less than a new one: events are told apart by their ids, so
    /// one that somebody recorded and repeats changes nothing.
    /// </summary>
    private static readonly TimeSpan AgeMax = TimeSpan.FromHours(25);

    private static readonly TimeSpan AheadMax = TimeSpan.FromMinutes(5);

    /// <summary>
    /// Whether a request was signed by the holder of one of the keys: ECDSA with P-256 and SHA-256 over the timestamp as sent and the body
    /// (https://www.twilio.com/docs/sendgrid/for-developers/tracking-events/getting-started-event-webhook-security-features).
    /// </summary>
    /// <param name="keys">Public keys, base64 of their SubjectPublicKeyInfo, as SendGrid shows them.</param>
    public static bool IsSigned(ReadOnlySpan<byte> body, string signature, string timestamp, IEnumerable<string> keys, DateTimeOffset now)
    {
        if (!long.TryParse(timestamp, out var seconds) || seconds is < 0 or > 253_402_300_799)
            return false;
        var age = now - DateTimeOffset.FromUnixTimeSeconds(seconds);
        if (age > AgeMax || age < -AheadMax)
            return false;
        byte[] signed = [.. Encoding.ASCII.GetBytes(timestamp), .. body];
        return keys.Any(key => IsSignedBy(key, signed, signature));
    }

    /// <summary>What an event of the webhook's array means; null where it tells nothing worth keeping.</summary>
    public static MailEvent? Read(JsonElement json, DateTimeOffset receivedAt)
    {
        var type = MailEvent.Text(json, "event");
        if (NameOf(type) is not { } name)
            return null;
        var reason = MailEvent.Text(json, "reason") ?? MailEvent.Text(json, "response");
        var isHard = type == "bounce" && MailEvent.Text(json, "type") is null or "bounce";
        return new(MailEvent.Text(json, "ref"), $"{Provider}-{IdOf(json)}", name, MailEvent.Time(json, "timestamp") ?? receivedAt, MailEvent.Text(json, "email"))
        {
            ProviderId = MailEvent.Text(json, "sg_message_id"),
            Url = MailEvent.Text(json, "url"),
            Reason = reason,
            Bounce = type != "bounce" ? null : isHard ? "hard" : "soft",
            IsMachine = type == "open" && json.TryGetProperty("sg_machine_open", out var machine) && machine.ValueKind == JsonValueKind.True,
            Suppresses = type switch
            {
                "bounce" when isHard => Suppressions.Bounce,
                "spamreport" => Suppressions.Complaint,
                "unsubscribe" => Suppressions.Unsubscribe,
                "dropped" => OfDropped(reason),
                _ => null,
            },
        };
    }

    private static string? NameOf(string? type) => type switch
    {
        "delivered" => MailEvent.Delivered,
        "deferred" => MailEvent.Deferred,
        "dropped" => MailEvent.Dropped,
        "bounce" => MailEvent.Bounced,
        "open" => MailEvent.Opened,
        "click" => MailEvent.Clicked,
        "spamreport" => MailEvent.MarkedAsSpam,
        "unsubscribe" => MailEvent.Unsubscribed,
        "group_unsubscribe" => MailEvent.GroupUnsubscribed,
        "group_resubscribe" => MailEvent.GroupResubscribed,
        // "processed" says what its answer to the send said, and of the account's own events none is about a customer.
        _ => null,
    };

    /// <summary>It drops what its own suppression lists forbid; then ours should know too.</summary>
    private static string? OfDropped(string? reason) => reason switch
    {
        "Bounced Address" or "Invalid" => Suppressions.Bounce,
        "Spam Reporting Address" => Suppressions.Complaint,
        "Unsubscribed Address" => Suppressions.Unsubscribe,
        _ => null,
    };

    private static string IdOf(JsonElement json) =>
        MailEvent.Text(json, "sg_event_id") is { Length: > 0 and <= 200 } id && !id.Any(char.IsControl)
            ? id
            : Convert.ToHexStringLower(SHA256.HashData(Encoding.UTF8.GetBytes(json.GetRawText())).AsSpan(0, 16));

    private static bool IsSignedBy(string key, byte[] signed, string signature)
    {
        try
        {
            using var verifier = ECDsa.Create();
            verifier.ImportSubjectPublicKeyInfo(Convert.FromBase64String(key), out _);
            return verifier.VerifyData(signed, Convert.FromBase64String(signature), HashAlgorithmName.SHA256, DSASignatureFormat.Rfc3279DerSequence);
        }
        catch (Exception unusable) when (unusable is FormatException or CryptographicException)
        {
            return false;
        }
    }
}
