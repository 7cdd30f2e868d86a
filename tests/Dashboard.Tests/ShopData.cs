using System.Text;
using System.Text.Json;
using Orleans.Personalize.Testing;

namespace Orleans.Personalize.Dashboard.Tests;

/// <summary>What a shop's data pages can show.</summary>
internal static class ShopData
{
    private const string Mapping = """{"customer":"/id","type":{"value":"identify"},"occurredAt":"/changed","traits":{"email":"/email","city":"/city"}}""";

    private static readonly SemaphoreSlim Gate = new(1);
    private static Dictionary<string, string>? ids;

    /// <summary>An address whose <c>{quarantined}</c>, <c>{import}</c> and <c>{reconciliation}</c> are ones that are there.</summary>
    public static async Task<string> WithDataAsync(this Shop shop, string path)
    {
        await Gate.WaitAsync();
        try
        {
            ids ??= await MakeAsync(shop);
        }
        finally
        {
            Gate.Release();
        }
        return ids.Aggregate(path, static (known, id) => known.Replace($"{{{id.Key}}}", id.Value, StringComparison.Ordinal));
    }

    private static async Task<Dictionary<string, string>> MakeAsync(Shop shop)
    {
        await shop.PutAsync("sources/crm", $$"""{"type":"json","name":"Customer relations","secret":"not-used","mapping":{{Mapping}} }""");
        await shop.PutAsync("sources/stock", $$"""{"type":"json","secret":"not-used","enabled":false,"mapping":{{Mapping}} }""");
        await shop.EnforceAsync("looked-at", "Basket Weighed");
        await shop.QuarantineAsync("looked-at", "Basket Weighed", "look-1", """{"product_id":"a long id of a product that is wrong","price":"dear","colours":["red",{"shade":"dark"}]}""");
        await shop.QuarantineAsync("looked-at", "Basket Weighed", "look-2", """{"product_id":"p"}""");
        var listed = JsonElement.Parse(await shop.Api.GetByteArrayAsync("/v1/quarantine?event=Basket%20Weighed&state=open"));
        const string People = "id,email,city,changed\nlooked-at,looked@example.org,Rome,2026-05-01\nbad,b@example.org,Rome,soon\n,nobody@example.org,Rome,2026-05-01\n";
        await SendAsync(shop, "imports", "people of the shop.csv", People);
        var import = await SendAsync(shop, "imports", "people who are late.csv", People.Replace("Rome", "Lyon", StringComparison.Ordinal), length: 500);
        var reconciliation = await SendAsync(shop, "reconciliations", "snapshot.csv", People.Replace("Rome", "Paris", StringComparison.Ordinal).Replace("\nbad", "\nmissing-one", StringComparison.Ordinal).Replace("soon", "2026-05-01", StringComparison.Ordinal));
        return new() { ["quarantined"] = $"{listed.GetProperty("items")[1].GetProperty("id")}", ["import"] = import, ["reconciliation"] = reconciliation };
    }

    /// <param name="length">More than there is: it stays open.</param>
    private static async Task<string> SendAsync(Shop shop, string kind, string name, string rows, int? length = null)
    {
        using var made = await shop.Api.PostAsync($"/v1/{kind}", Api.Json($$"""{"name":"{{name}}","format":"csv","source":"crm","mapping":{{Mapping}},"length":{{length ?? rows.Length}} }"""));
        var text = await made.Content.ReadAsStringAsync();
        Assert.True(made.IsSuccessStatusCode, text);
        var id = JsonElement.Parse(text).GetProperty("id").GetString()!;
        await shop.AppendAsync($"{kind}/{id}", Encoding.UTF8.GetBytes(rows), 0);
        return id;
    }

    public static async Task AppendAsync(this Shop shop, string path, ReadOnlyMemory<byte> piece, long offset)
    {
        using var request = new HttpRequestMessage(HttpMethod.Patch, "/v1/" + path) { Content = new ReadOnlyMemoryContent(piece) };
        request.Headers.Add("Upload-Offset", $"{offset}");
        using var response = await shop.Api.SendAsync(request);
        Assert.True(response.IsSuccessStatusCode, await response.Content.ReadAsStringAsync());
    }

    /// <summary>From when this returns, the schema holds: events of that name need a product and a price.</summary>
    public static async Task EnforceAsync(this Shop shop, string id, string name)
    {
        await shop.PutAsync("schemas/" + id, $$"""{"event":"{{name}}","mode":"enforce","schema":{"required":["product_id","price"],"properties":{"price":{"type":"number"} } } }""");
        await Eventually.TrueAsync(async () => await StatusAsync(shop, "probe", name, "probe-" + Guid.NewGuid().ToString("n"), "{}") == "quarantined", () => $"{id} holds");
        using var dropped = await shop.Api.PostAsync($"/v1/quarantine/drop?event={Uri.EscapeDataString(name)}", Api.Json("""{"reason":"a probe"}"""));
        Assert.True(dropped.IsSuccessStatusCode);
    }

    public static async Task QuarantineAsync(this Shop shop, string customer, string name, string messageId, string properties) =>
        Assert.Equal("quarantined", await StatusAsync(shop, customer, name, messageId, properties));

    private static async Task<string?> StatusAsync(Shop shop, string customer, string name, string messageId, string properties)
    {
        using var response = await shop.Api.PostAsync("/v1/events", Api.Json($$"""{"customer":"{{customer}}","name":"{{name}}","messageId":"{{messageId}}","properties":{{properties}} }"""));
        return JsonElement.Parse(await response.Content.ReadAsByteArrayAsync()).GetProperty("results")[0].GetProperty("status").GetString();
    }
}
