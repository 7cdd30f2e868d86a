using Microsoft.Playwright;
using Orleans.Personalize.Testing;
using static Microsoft.Playwright.Assertions;

namespace Orleans.Personalize.Dashboard.Tests;

/// <summary>Several ids of one customer, and what several sources say of them.</summary>
[Collection(nameof(Shop))]
public sealed class IdentityTests(Shop shop)
{
    static IdentityTests() => SetDefaultExpectTimeout((float)Eventually.Patience.TotalMilliseconds);

    private async Task PostAsync(string json)
    {
        using var response = await shop.Api.PostAsync("/v1/events", Api.Json(json));
        Assert.True(response.IsSuccessStatusCode, await response.Content.ReadAsStringAsync());
    }

    [BrowserFact]
    public async Task Customers_are_merged_and_parted_by_hand_with_a_reason()
    {
        await shop.ArrivesAsync("merge-ada");
        await shop.ArrivesAsync("merge-eve");
        await using var tab = await shop.OpenAsync("/customers/merge-ada");
        var card = tab.Card("Identities");
        await Expect(card).ToContainTextAsync("One id only");
        await tab.Button("Merge another").ClickAsync();
        await tab.Page.GetByLabel("Id of the other customer").FillAsync("merge-eve");
        await ConfirmAsync(tab, "Reason", "same address", "Merge");
        var row = card.Locator("li", new() { HasText = "merge-eve" });
        await Expect(row.Locator(".badge")).ToHaveTextAsync("linked");
        await Expect(row).ToContainTextAsync("same address");
        await tab.Button("Undo the merge of merge-eve").ClickAsync();
        await ConfirmAsync(tab, "Reason", "two people after all", "Undo the merge");
        await Expect(row.Locator(".badge")).ToHaveTextAsync("parted");
        await Expect(tab.Card("Timeline")).ToContainTextAsync("two people after all");

        await using var reader = await shop.OpenAsync("/customers/merge-ada", await shop.CreateKeyAsync("read"));
        await Expect(reader.Card("Identities")).ToContainTextAsync("parted");
        await Expect(reader.Card("Identities").Locator("button")).ToHaveCountAsync(0);
        tab.AssertNoErrors();
    }

    private static async Task ConfirmAsync(Tab tab, string label, string text, string name)
    {
        await tab.Page.GetByLabel(label).FillAsync(text);
        await tab.Page.GetByRole(AriaRole.Dialog).GetByRole(AriaRole.Button, new() { Name = name, Exact = true }).ClickAsync();
    }

    [BrowserFact]
    public async Task Whoever_opens_an_id_that_was_merged_comes_to_the_customer_and_is_told()
    {
        await PostAsync("""{"name":"Product Viewed","anonymousId":"visitor-77"}""");
        await using var tab = await shop.OpenAsync("/customers/visitor-77");
        await Expect(tab.Card("Timeline")).ToContainTextAsync("Product Viewed");
        await PostAsync("""{"name":"Signed In","customer":"signed-ada","anonymousId":"visitor-77"}""");
        // While it is looked at, too.
        await tab.Sees("visitor-77 is signed-ada now.").ToBeVisibleAsync();
        await Expect(tab.Card("Timeline")).ToContainTextAsync("Signed In");
        await using var second = await shop.OpenAsync("/customers/visitor-77");
        await second.Sees("visitor-77 is signed-ada now.").ToBeVisibleAsync();
        Assert.Contains("/customers/signed-ada", second.Page.Url, StringComparison.Ordinal);
        tab.AssertNoErrors();
        second.AssertNoErrors();
    }

    [BrowserFact]
    public async Task A_trait_shows_what_lost_and_to_what()
    {
        await PostAsync("""{"customer":"torn","type":"identify","source":"web","messageId":"torn-1","occurredAt":"2026-05-02T00:00:00Z","traits":{"plan":"gold"} }""");
        await using var tab = await shop.OpenAsync("/customers/torn");
        await Expect(tab.Card("Traits")).ToContainTextAsync("gold");
        await Expect(tab.Card("Traits").Locator(".lost")).ToHaveCountAsync(0);
        await PostAsync("""{"customer":"torn","type":"identify","source":"crm","messageId":"torn-2","occurredAt":"2026-05-01T00:00:00Z","traits":{"plan":"silver"} }""");
        var lost = tab.Card("Traits").Locator(".lost");
        await lost.Locator("summary").ClickAsync();
        await Expect(lost).ToContainTextAsync("silver");
        await Expect(lost).ToContainTextAsync("to gold of web: the other is newer");
        tab.AssertNoErrors();
    }
}
