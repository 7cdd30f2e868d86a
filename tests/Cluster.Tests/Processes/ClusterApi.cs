using System.Net;
using System.Text.Json;
using Orleans.Personalize.Testing;

namespace Orleans.Personalize.Cluster.Tests.Processes;

/// <summary>Events for a cluster of which members may be away.</summary>
internal static class ClusterApi
{
    /// <returns>The status of each event; null where there is no receipt for all, and the request has to be repeated.</returns>
    public static async Task<string[]?> PostAsync(this HttpClient member, string body, CancellationToken cancellation = default)
    {
        using var response = await member.PostAsync("/v1/events", Api.Json(body), cancellation);
        var text = await response.Content.ReadAsStringAsync(cancellation);
        if (response.StatusCode is HttpStatusCode.TooManyRequests or HttpStatusCode.ServiceUnavailable)
            return null;
        Assert.True(response.StatusCode == HttpStatusCode.Accepted, $"{(int)response.StatusCode}: {text}");
        return [.. Api.Parse(text).GetProperty("results").EnumerateArray().Select(result => result.GetProperty("status").GetString()!)];
    }

    /// <summary>An event of now.</summary>
    public static string Event(string customer, string name, string messageId) => Events(customer, [(messageId, name)]);

    public static string Events(string customer, IEnumerable<(string Id, string Name)> events)
    {
        var occurredAt = DateTimeOffset.UtcNow;
        return JsonSerializer.Serialize(new { events = events.Select(happened => new { customer, name = happened.Name, messageId = happened.Id, occurredAt }) });
    }
}
