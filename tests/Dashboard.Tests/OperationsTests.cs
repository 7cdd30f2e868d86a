using System.Text.RegularExpressions;
using Microsoft.Playwright;
using Orleans.Personalize.Testing;
using static Microsoft.Playwright.Assertions;

namespace Orleans.Personalize.Dashboard.Tests;

/// <summary>What is needed to keep it running: who is there, does a sender work, what became of each attempt.</summary>
[Collection(nameof(Shop))]
public sealed class OperationsTests(Shop shop)
{
    static OperationsTests() => SetDefaultExpectTimeout((float)Eventually.Patience.TotalMilliseconds);

    [BrowserFact]
    public async Task The_cluster_page_shows_the_one_process_as_what_it_is()
    {
        await shop.ArrivesAsync("in-memory");
        await using var tab = await shop.OpenAsync("/");
        await tab.Page.Locator("nav").GetByText("Cluster").ClickAsync();
        await tab.Sees("One process holds everything").ToBeVisibleAsync();
        var process = tab.Card("Process");
        await Expect(process.Locator("li")).ToHaveCountAsync(1);
        await Expect(process).ToContainTextAsync("active");
        await Expect(process).ToContainTextAsync(shop.Address.ToString().TrimEnd('/'));
        await Expect(tab.Card("Activations")).ToContainTextAsync("customer");
        await Expect(tab.Card("Deadline shards").Locator("li.good")).ToHaveCountAsync(16);
        await Expect(tab.Card("Traces")).ToContainTextAsync("Personalize:TracesUrl");
        await Expect(tab.Page.GetByText("Orleans Dashboard")).ToHaveCountAsync(0);
        tab.AssertNoErrors();
    }

    [BrowserFact]
    public async Task A_sender_is_tried_out_and_says_what_the_provider_answered()
    {
        await using var tab = await shop.OpenAsync("/senders/email");
        await SendAsync(tab, "try@example.com");
        await Expect(tab.Card("Test")).ToContainTextAsync("The provider took it.");
        await Expect(tab.Card("Test")).ToContainTextAsync("[Test] Does email work?");
        Assert.Contains(shop.Mails, static mail => mail.Contains("\"[Test] Does email work?\"", StringComparison.Ordinal) && mail.Contains("\"test\":true", StringComparison.Ordinal));

        await tab.Page.Locator("nav").GetByText("Senders").ClickAsync();
        await tab.Button("Test send").ClickAsync();
        await tab.Page.Locator("dialog [name=sender]").SelectOptionAsync("refusing");
        await FillAsync(tab, "try@example.com");
        await Expect(tab.Card("Test")).ToContainTextAsync("It cannot go out.");
        await Expect(tab.Card("Test")).ToContainTextAsync("400");
        // It counts for nothing.
        await Expect(tab.Page.Locator("a.row", new() { HasText = "refusing" })).ToContainTextAsync("healthy");

        await shop.PutAsync("suppressions/no@example.com", """{"reason":"manual"}""");
        await tab.Button("Test send").ClickAsync();
        await FillAsync(tab, "no@example.com");
        await Expect(tab.Card("Test")).ToContainTextAsync("suppression list");
        tab.AssertNoErrors();
    }

    [BrowserFact]
    public async Task A_template_is_tried_out_with_a_customers_latest_event()
    {
        await shop.ArrivesAsync("tried");
        await using var tab = await shop.OpenAsync("/senders/email");
        await tab.Button("Test send").ClickAsync();
        await tab.Page.GetByLabel("Says").SelectOptionAsync("cart");
        await tab.Page.GetByLabel("Customer to render").FillAsync("tried");
        await FillAsync(tab, "try@example.com");
        await Expect(tab.Card("Test")).ToContainTextAsync("[Test] Ada, your Trail Shoe");
        await Expect(tab.Button("Test send")).ToBeVisibleAsync();
        await using var reader = await shop.OpenAsync("/senders/email", await shop.CreateKeyAsync("read"));
        await Expect(reader.Card("Now")).ToBeVisibleAsync();
        await Expect(reader.Button("Test send")).ToHaveCountAsync(0);
    }

    [BrowserFact]
    public async Task Customers_are_found_by_a_declared_trait()
    {
        foreach (var (customer, plan) in ((string, string)[])[("finder-1", "Gold"), ("finder-2", "silver")])
        {
            using var response = await shop.Api.PostAsync("/v1/events", Api.Json($$"""{"customer":"{{customer}}","type":"identify","traits":{"plan":"{{plan}}"} }"""));
            Assert.True(response.IsSuccessStatusCode);
        }
        await using var tab = await shop.OpenAsync("/customers");
        await tab.Page.GetByLabel("Start of an id, an e-mail address or a trait").FillAsync("plan:gold");
        await Expect(tab.Page.Locator("a.row")).ToHaveCountAsync(1);
        await Expect(tab.Page.Locator("a.row")).ToContainTextAsync("finder-1");
        await tab.Page.Keyboard.PressAsync("Escape");
        await tab.Page.GetByRole(AriaRole.Combobox).FillAsync("PLAN:S");
        await Expect(tab.Page.GetByRole(AriaRole.Option)).ToContainTextAsync("finder-2");
        tab.AssertNoErrors();
    }

    [BrowserFact]
    public async Task Each_attempt_of_a_send_is_shown_as_it_is_made()
    {
        await shop.ArrivesAsync("patient");
        await using var tab = await shop.OpenAsync("/customers/patient");
        await Expect(tab.Card("Cart")).ToContainTextAsync("Trail Shoe");
        await shop.HappensAsync("patient", "Flaky");
        var send = tab.Card("Sends").Locator("li.send");
        await send.Locator("summary").ClickAsync();
        var attempts = send.Locator("li.attempt");
        await Expect(attempts.First).ToContainTextAsync("Attempt 1");
        await Expect(attempts.Filter(new() { HasText = "Attempt 2" })).ToContainTextAsync("sent");
        await Expect(attempts.First).ToContainTextAsync("503");
        await Expect(send.Locator("summary")).ToHaveTextAsync("2 attempts");
        tab.AssertNoErrors();
    }

    private static async Task SendAsync(Tab tab, string to)
    {
        await tab.Button("Test send").ClickAsync();
        await FillAsync(tab, to);
    }

    private static async Task FillAsync(Tab tab, string to)
    {
        await tab.Page.GetByLabel("To", new() { Exact = true }).FillAsync(to);
        await tab.Page.GetByRole(AriaRole.Dialog).GetByRole(AriaRole.Button, new() { Name = "Send", Exact = true }).ClickAsync();
    }
}
