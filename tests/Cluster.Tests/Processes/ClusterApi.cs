using System.Net;
using System.Text;
using System.Text.Json;

namespace Orleans.Personalize.Cluster.Tests.Processes;

/// <summary>What the tests ask of the API.</summary>
internal static class ClusterApi
{
    public static async Task PutAsync(this HttpClient member, string path, string document)
    {
        using var response = await member.PutAsync($"/v1/{path}", Json(document));
        Assert.True(response.IsSuccessStatusCode, $"{path}: {await response.Content.ReadAsStringAsync()}");
    }

    /// <returns>The status of each event; null where there is no receipt for all, and the request has to be repeated.</returns>
    public static async Task<string[]?> PostAsync(this HttpClient member, string body, CancellationToken cancellation = default)
    {
        using var response = await member.PostAsync("/v1/events", Json(body), cancellation);
        var text = await response.Content.ReadAsStringAsync(cancellation);
        if (response.StatusCode is HttpStatusCode.TooManyRequests or HttpStatusCode.ServiceUnavailable)
            return null;
        Assert.True(response.StatusCode == HttpStatusCode.Accepted, $"{(int)response.StatusCode}: {text}");
        return [.. Parse(text).GetProperty("results").EnumerateArray().Select(result => result.GetProperty("status").GetString()!)];
    }

    /// <summary>An event of now.</summary>
    public static string Event(string customer, string name, string messageId) => Events(customer, [(messageId, name)]);

    public static string Events(string customer, IEnumerable<(string Id, string Name)> events)
    {
        var occurredAt = DateTimeOffset.UtcNow;
        return JsonSerializer.Serialize(new { events = events.Select(happened => new { customer, name = happened.Name, messageId = happened.Id, occurredAt }) });
    }

    public static async Task<JsonElement> CustomerAsync(this HttpClient member, string customer) =>
        Parse(await member.GetStringAsync($"/v1/customers/{customer}"));

    /// <summary>All facts of a customer, oldest first.</summary>
    public static async Task<List<Fact>> TimelineAsync(this HttpClient member, string customer)
    {
        var facts = new List<Fact>();
        for (long? before = long.MaxValue; before is not null;)
        {
            var page = Parse(await member.GetStringAsync($"/v1/customers/{customer}/timeline?limit=500&before={before}"));
            facts.AddRange(page.GetProperty("items").EnumerateArray().Select(item =>
                new Fact(item.GetProperty("version").GetInt64(), item.GetProperty("type").GetString()!, item.GetProperty("fact"))));
            before = page.GetProperty("next") is { ValueKind: JsonValueKind.Number } next ? next.GetInt64() : null;
        }
        facts.Reverse();
        return facts;
    }

    public static StringContent Json(string json) => new(json, Encoding.UTF8, "application/json");

    public static JsonElement Parse(string json)
    {
        using var document = JsonDocument.Parse(json);
        return document.RootElement.Clone();
    }

    /// <summary>A value of a JSON object; null where there is none.</summary>
    public static string? Text(this JsonElement json, string name) =>
        json.TryGetProperty(name, out var value) && value.ValueKind != JsonValueKind.Null ? value.ToString() : null;

    internal sealed record Fact(long Version, string Type, JsonElement Data);
}
