using System.Diagnostics.CodeAnalysis;
using System.Globalization;
using System.Security.Cryptography;
using System.Text;
using System.Text.Json;

namespace Orleans.Personalize.Gateway.Connectors;

/// <summary>The message webhooks of Mailchimp Transactional, which was Mandrill (https://mailchimp.com/developer/transactional/docs/webhooks/).</summary>
internal static class MandrillEvents
{
    public const string Provider = "mandrill";
    public const string SignatureHeader = "X-Mandrill-Signature";

    /// <summary>The form's field with a JSON array of events.</summary>
    public const string Field = "mandrill_events";

    /// <summary>
    /// What Apple's mail privacy protection calls itself when it loads the pictures of every mail. Mandrill does not tell such opens apart; other
    /// openers' names are longer.
    /// </summary>
    private const string MachineUserAgent = "Mozilla/5.0";

    /// <summary>
    /// Whether a request was signed with one of the keys: base64 of HMAC-SHA1 over the webhook's address as it was configured and the form's
    /// fields, ordered by name, each name before its value (https://mailchimp.com/developer/transactional/guides/track-respond-activity-webhooks/#authenticating-webhook-requests).
    /// </summary>
    [SuppressMessage("Security", "CA5350", Justification = "The format is the provider's, and HMAC does not rest on SHA-1's resistance to collisions.")]
    public static bool IsSigned(string url, IEnumerable<KeyValuePair<string, string>> fields, string signature, IEnumerable<string> keys)
    {
        var signed = Encoding.UTF8.GetBytes(url + string.Concat(fields.OrderBy(static field => field.Key, StringComparer.Ordinal).Select(static field => field.Key + field.Value)));
        var given = new byte[HMACSHA1.HashSizeInBytes];
        if (!Convert.TryFromBase64String(signature, given, out var length) || length != given.Length)
            return false;
        return keys.Any(key => CryptographicOperations.FixedTimeEquals(HMACSHA1.HashData(Encoding.UTF8.GetBytes(key), signed), given));
    }

    /// <summary>What an event of the array means; null where it tells nothing worth keeping.</summary>
    public static MailEvent? Read(JsonElement json, DateTimeOffset receivedAt)
    {
        var type = MailEvent.Text(json, "event");
        if (NameOf(type) is not { } name)
            return null;
        var message = Member(json, "msg");
        var at = MailEvent.Time(json, "ts") ?? receivedAt;
        var url = MailEvent.Text(json, "url");
        var reason = MailEvent.Text(message, "diag") ?? MailEvent.Text(Member(message, "reject"), "reason") ?? MailEvent.Text(message, "bounce_description");
        return new(MailEvent.Text(Member(message, "metadata"), "ref"), IdOf(json, type!, at, url), name, at, MailEvent.Text(message, "email"))
        {
            ProviderId = MailEvent.Text(message, "_id"),
            Url = url,
            Reason = reason,
            Bounce = type switch { "hard_bounce" => "hard", "soft_bounce" => "soft", _ => null },
            IsMachine = type == "open" && MailEvent.Text(json, "user_agent") == MachineUserAgent,
            Suppresses = type switch
            {
                "hard_bounce" => Suppressions.Bounce,
                "spam" => Suppressions.Complaint,
                "unsub" => Suppressions.Unsubscribe,
                "reject" => OfRejected(MailEvent.Text(Member(message, "reject"), "reason")),
                _ => null,
            },
        };
    }

    private static string? NameOf(string? type) => type switch
    {
        "delivered" => MailEvent.Delivered,
        "deferral" => MailEvent.Deferred,
        "reject" => MailEvent.Dropped,
        "hard_bounce" or "soft_bounce" => MailEvent.Bounced,
        "open" => MailEvent.Opened,
        "click" => MailEvent.Clicked,
        "spam" => MailEvent.MarkedAsSpam,
        "unsub" => MailEvent.Unsubscribed,
        // "send" says that it tries; of the lists' and the inbox's events none is about a send.
        _ => null,
    };

    private static string? OfRejected(string? reason) => reason switch
    {
        "hard-bounce" or "invalid" => Suppressions.Bounce,
        "spam" => Suppressions.Complaint,
        "unsub" => Suppressions.Unsubscribe,
        _ => null,
    };

    /// <summary>Events have no id of their own, only the message's.</summary>
    private static string IdOf(JsonElement json, string type, DateTimeOffset at, string? url)
    {
        var parts = string.Join('\n', MailEvent.Text(json, "_id"), type, at.ToUnixTimeMilliseconds().ToString(CultureInfo.InvariantCulture), url);
        return $"{Provider}-{Convert.ToHexStringLower(SHA256.HashData(Encoding.UTF8.GetBytes(parts)).AsSpan(0, 16))}";
    }

    private static JsonElement Member(JsonElement json, string name) =>
        json.ValueKind == JsonValueKind.Object && json.TryGetProperty(name, out var value) ? value : default;
}
