using System.Net;
using System.Text;
using System.Text.Json;

namespace Orleans.Personalize.Testing;

/// <summary>What tests ask of the API of a silo or a gateway.</summary>
public static class Api
{
    public static async Task PutAsync(this HttpClient silo, string path, string document)
    {
        using var response = await silo.PutAsync($"/v1/{path}", Json(document));
        Assert.True(response.IsSuccessStatusCode, $"{path}: {await response.Content.ReadAsStringAsync()}");
    }

    /// <returns>The status of each event.</returns>
    public static async Task<string[]> PostAsync(this HttpClient silo, params IEnumerable<object> events)
    {
        using var response = await silo.PostAsync("/v1/events", Json(JsonSerializer.Serialize(new { events })));
        var text = await response.Content.ReadAsStringAsync();
        Assert.True(response.StatusCode == HttpStatusCode.Accepted, $"{(int)response.StatusCode}: {text}");
        return [.. Parse(text).GetProperty("results").EnumerateArray().Select(result => result.GetProperty("status").GetString()!)];
    }

    public static object Event(string customer, string name, string? messageId = null, DateTimeOffset? occurredAt = null, object? properties = null) =>
        new { customer, name, messageId = messageId ?? Guid.NewGuid().ToString("n"), occurredAt = occurredAt ?? DateTimeOffset.UtcNow, properties };

    public static async Task<JsonElement> CustomerAsync(this HttpClient silo, string customer) =>
        Parse(await silo.GetStringAsync($"/v1/customers/{customer}"));

    /// <summary>All facts of a customer, oldest first.</summary>
    public static async Task<List<Fact>> TimelineAsync(this HttpClient silo, string customer)
    {
        var facts = new List<Fact>();
        long? before = null;
        do
        {
            var page = Parse(await silo.GetStringAsync($"/v1/customers/{customer}/timeline?limit=500{(before is null ? "" : $"&before={before}")}"));
            facts.AddRange(page.GetProperty("items").EnumerateArray().Select(item =>
                new Fact(item.GetProperty("version").GetInt64(), item.GetProperty("type").GetString()!, item.GetProperty("fact"))));
            before = page.GetProperty("next") is { ValueKind: JsonValueKind.Number } next ? next.GetInt64() : null;
        }
        while (before is not null);
        facts.Reverse();
        return facts;
    }

    public static StringContent Json(string json) => new(json, Encoding.UTF8, "application/json");

    public static JsonElement Parse(string json)
    {
        using var document = JsonDocument.Parse(json);
        return document.RootElement.Clone();
    }

    /// <summary>A value inside of a JSON object; a value that is not there is null.</summary>
    public static string? Text(this JsonElement json, string path)
    {
        foreach (var name in path.Split('.'))
        {
            if (json.ValueKind != JsonValueKind.Object || !json.TryGetProperty(name, out json))
                return null;
        }
        return json.ValueKind == JsonValueKind.Null ? null : json.ToString();
    }

    public sealed record Fact(long Version, string Type, JsonElement Data);
}
