using System.Security.Cryptography;
using System.Text.Json;
using System.Text;
using Orleans.Personalize.Silo.Tests.Senders;
using Orleans.Personalize.Testing;

namespace Orleans.Personalize.Silo.Tests.EndToEnd;

/// <summary>The receiver's side of Standard Webhooks, worked out from its text and not from the sender's code.</summary>
internal static class Webhooks
{
    private static readonly byte[] Key = [.. Enumerable.Range(1, 32).Select(index => (byte)(index * 7))];

    public static string Sender(Receiver receiver) =>
        JsonSerializer.Serialize(new { type = "webhook", channel = "email", url = receiver.Url, secret = $"whsec_{Convert.ToBase64String(Key)}" });

    public static string Id(this Received webhook) => webhook.Headers["webhook-id"];

    public static JsonElement Data(this Received webhook) => Api.Parse(Encoding.UTF8.GetString(webhook.Body)).GetProperty("data");

    public static string? Customer(this Received webhook) => webhook.Data().Text("customer");

    public static void AssertSigned(this Received webhook)
    {
        var timestamp = webhook.Headers["webhook-timestamp"];
        var signed = Encoding.UTF8.GetBytes($"{webhook.Id()}.{timestamp}.").Concat(webhook.Body).ToArray();
        var expected = $"v1,{Convert.ToBase64String(HMACSHA256.HashData(Key, signed))}";
        Assert.Contains(expected, webhook.Headers["webhook-signature"].Split(' '));
        // The tolerance that the specification advises.
        Assert.InRange(DateTimeOffset.FromUnixTimeSeconds(long.Parse(timestamp)) - DateTimeOffset.UtcNow, TimeSpan.FromMinutes(-5), TimeSpan.FromMinutes(5));
        Assert.Equal(webhook.Id(), webhook.Data().Text("decisionId"));
    }
}
