using System.Globalization;
using System.Net;
using System.Net.Http.Headers;
using System.Security.Cryptography;
using System.Text;
using Microsoft.AspNetCore.Builder;
using Microsoft.Extensions.Configuration;
using Orleans.Personalize.Journal;
using Orleans.Personalize.Testing;

namespace Orleans.Personalize.Silo.Tests.Sources;

/// <summary>A guest of a Shopify shop who becomes a customer, over a silo with its journal.</summary>
public sealed class ShopifyTests : IAsyncLifetime
{
    private const string Secret = "the app's client secret", Id = "115310627314723954", Guest = "email:ada@example.org", Cart = "cart:eeafa272";

    private readonly TemporaryDirectory directory = new();
    private WebApplication app = null!;
    private HttpClient silo = null!;

    public async Task InitializeAsync()
    {
        app = SiloHost.Build(["--urls", "http://127.0.0.1:0"], builder => builder.Configuration.AddInMemoryCollection(
        [
            new("Personalize:DataDirectory", directory.Path),
            new("Personalize:AdminKey", SiloProcess.AdminKey),
            new("Logging:LogLevel:Default", "None"),
        ]));
        await app.StartAsync();
        silo = new HttpClient { BaseAddress = new Uri(app.Urls.Single()) };
        silo.DefaultRequestHeaders.Authorization = new("Bearer", SiloProcess.AdminKey);
        using var put = await silo.PutAsync("/v1/sources/shop", Api.Json($$"""{"type":"shopify","secret":"{{Secret}}"}"""));
        Assert.Equal(HttpStatusCode.Created, put.StatusCode);
    }

    public async Task DisposeAsync()
    {
        silo.Dispose();
        await app.StopAsync();
        await app.DisposeAsync();
        directory.Dispose();
    }

    [Fact]
    public async Task A_guest_who_registers_and_orders_is_one_customer_and_is_erased_as_one()
    {
        using var added = await silo.PostAsync("/v1/events", Api.Json(
            $$"""{"customer":"{{Guest}}","name":"Product Added","occurredAt":"{{At(-20)}}","properties":{"product_id":"p1","price":12.5} }"""));
        Assert.Equal(HttpStatusCode.Accepted, added.StatusCode);
        await SendAsync("checkouts/create", $$"""
            {"token":"123123123","cart_token":"eeafa272","email":"Ada@example.org","created_at":"{{At(-15)}}","updated_at":"{{At(-15)}}","line_items":[{"product_id":7,"quantity":1,"price":"12.50"}]}
            """);
        Assert.Equal((Guest, "1"), await ReadAsync(Guest, "Checkout Started"));

        await SendAsync("customers/create", $$"""{"id":{{Id}},"email":"ada@example.org","first_name":"Ada","updated_at":"{{At(-10)}}"}""");
        await OneAsync(Guest);
        await OneAsync(Cart);
        var registered = await silo.CustomerAsync(Id);
        Assert.Equal(("Ada", "1"), (registered.Text("traits.first_name.value"), registered.Text("counters.Checkout Started.count")));
        Assert.Equal("p1", Assert.Single(registered.GetProperty("cart").GetProperty("lines").EnumerateArray()).Text("productId"));

        await SendAsync("orders/create", $$"""
            {
              "id":820982911946154508,"customer":{"id":{{Id}} },"email":"ada@example.org","cart_token":"eeafa272","financial_status":"pending","created_at":"{{At(-5)}}",
              "total_price":"12.50","line_items":[{"product_id":7,"quantity":1,"price":"12.50"}]
            }
            """);
        await OneAsync("order:820982911946154508");
        await SendAsync("refunds/create", $$"""{"id":5,"order_id":820982911946154508,"created_at":"{{At(-1)}}","refund_line_items":[],"transactions":[{"amount":"2.50"}]}""");
        string[] ids = [Id, Guest, Cart, "order:820982911946154508"];
        foreach (var id in ids)
        {
            Assert.Equal((Id, "1"), await ReadAsync(id, "Order Completed"));
            Assert.Equal((Id, "1"), await ReadAsync(id, "Order Refunded"));
        }
        Assert.Empty((await silo.CustomerAsync(Id)).GetProperty("cart").GetProperty("lines").EnumerateArray());

        await SendAsync("customers/redact", $$"""{"shop_id":1,"shop_domain":"x.myshopify.com","customer":{"id":{{Id}},"email":"ada@example.org"},"orders_to_redact":[]}""");
        foreach (var id in ids)
        {
            using var gone = await silo.GetAsync($"/v1/customers/{id}");
            Assert.True(gone.StatusCode == HttpStatusCode.NotFound, $"{id}: {await gone.Content.ReadAsStringAsync()}");
        }
    }

    private static string At(int minutes) => DateTimeOffset.UtcNow.AddMinutes(minutes).ToString("yyyy-MM-ddTHH:mm:sszzz", CultureInfo.InvariantCulture);

    private Task OneAsync(string id) => Eventually.TrueAsync(async () =>
    {
        using var answer = await silo.GetAsync($"/v1/customers/{id}");
        return answer.IsSuccessStatusCode && Api.Parse(await answer.Content.ReadAsStringAsync()).Text("customer") == Id;
    }, () => $"{id} is {Id}");

    private async Task<(string? Customer, string? Count)> ReadAsync(string id, string counter)
    {
        var view = await silo.CustomerAsync(id);
        return (view.Text("customer"), view.Text($"counters.{counter}.count"));
    }

    private async Task SendAsync(string topic, string body)
    {
        var bytes = Encoding.UTF8.GetBytes(body);
        // The registry's change is followed, a moment later.
        await Eventually.TrueAsync(async () =>
        {
            using var request = new HttpRequestMessage(HttpMethod.Post, "/v1/webhooks/default/shop") { Content = new ByteArrayContent(bytes) };
            request.Content.Headers.ContentType = new MediaTypeHeaderValue("application/json");
            request.Headers.Add("X-Shopify-Topic", topic);
            request.Headers.Add("X-Shopify-Hmac-SHA256", Convert.ToBase64String(HMACSHA256.HashData(Encoding.UTF8.GetBytes(Secret), bytes)));
            using var answer = await silo.SendAsync(request);
            var text = await answer.Content.ReadAsStringAsync();
            Assert.True(answer.StatusCode is HttpStatusCode.OK or HttpStatusCode.NotFound, $"{topic}: {(int)answer.StatusCode} {text}");
            if (answer.StatusCode == HttpStatusCode.NotFound)
                return false;
            Assert.All(Api.Parse(text).GetProperty("results").EnumerateArray(), static result => Assert.Equal("accepted", result.Text("status")));
            return true;
        }, () => $"{topic} is taken");
    }
}
