using Microsoft.Playwright;
using Orleans.Personalize.Testing;
using static Microsoft.Playwright.Assertions;

namespace Orleans.Personalize.Dashboard.Tests;

[Collection(nameof(Shop))]
public sealed class DashboardTests(Shop shop)
{
    static DashboardTests() => SetDefaultExpectTimeout((float)Eventually.Patience.TotalMilliseconds);

    [BrowserFact]
    public async Task Without_a_key_it_asks_for_one_and_says_what_is_wrong_with_another()
    {
        await using var tab = await shop.OpenAsync("/customers", key: null);
        await tab.Page.GetByLabel("API key").FillAsync("wrong");
        await tab.Page.Keyboard.PressAsync("Enter");
        await Expect(tab.Page.GetByRole(AriaRole.Alert)).ToHaveTextAsync("This key is not known here.");

        await tab.Page.GetByLabel("API key").FillAsync(await shop.CreateKeyAsync("ingest"));
        await tab.Page.Keyboard.PressAsync("Enter");
        await Expect(tab.Page.GetByRole(AriaRole.Alert)).ToContainTextAsync("may only send events");

        await tab.Page.GetByLabel("API key").FillAsync(SiloProcess.AdminKey);
        await tab.Page.Keyboard.PressAsync("Enter");
        await Expect(tab.Page.GetByRole(AriaRole.Heading, new() { Name = "Customers", Exact = true })).ToBeVisibleAsync();
        await tab.Button("Log out").ClickAsync();
        await Expect(tab.Page.GetByLabel("API key")).ToBeFocusedAsync();
    }

    [BrowserFact]
    public async Task A_key_in_the_address_logs_in_and_stays_neither_there_nor_in_another_tab()
    {
        await using var tab = await shop.OpenAsync("/triggers");
        await tab.Sees("Cart abandoned").ToBeVisibleAsync();
        Assert.EndsWith("/triggers", tab.Page.Url, StringComparison.Ordinal);
        var second = await tab.Page.Context.NewPageAsync();
        await second.GotoAsync(new Uri(shop.Address, "/triggers").ToString());
        await Expect(second.GetByLabel("API key")).ToBeVisibleAsync();
    }

    [BrowserFact]
    public async Task A_customer_is_found_and_left_by_the_keyboard()
    {
        await shop.ArrivesAsync("key board/1");
        await using var tab = await shop.OpenAsync("/triggers");
        await tab.Sees("Cart abandoned").ToBeVisibleAsync();
        await tab.Page.Keyboard.PressAsync("/");
        await tab.Page.Keyboard.TypeAsync("key b");
        await Expect(tab.Page.GetByRole(AriaRole.Option)).ToHaveCountAsync(1);
        await tab.Page.Keyboard.PressAsync("Enter");
        await Expect(tab.Page.GetByRole(AriaRole.Heading, new() { Name = "Ada" })).ToBeVisibleAsync();
        Assert.EndsWith("/customers/key%20board%2F1", tab.Page.Url, StringComparison.Ordinal);
        await tab.Page.ReloadAsync();
        await Expect(tab.Page.GetByRole(AriaRole.Heading, new() { Name = "Ada" })).ToBeVisibleAsync();
        await tab.Page.Keyboard.PressAsync("Escape");
        await Expect(tab.Page.GetByRole(AriaRole.Heading, new() { Name = "Customers", Exact = true })).ToBeVisibleAsync();
        await Expect(tab.Page.Locator("a.row").First).ToBeVisibleAsync();
        await tab.Page.Keyboard.PressAsync("ArrowDown");
        await Expect(tab.Page.Locator("a.row").First).ToBeFocusedAsync();
        tab.AssertNoErrors();
    }

    [BrowserFact]
    public async Task What_happens_to_a_customer_is_seen_as_it_happens()
    {
        await shop.ArrivesAsync("live");
        await using var tab = await shop.OpenAsync("/customers/live");
        await Expect(tab.Card("Cart")).ToContainTextAsync("Trail Shoe");
        await Expect(tab.Card("Traits")).ToContainTextAsync("live@example.com");
        await Expect(tab.Card("Traits")).ToContainTextAsync("api,");
        var countdown = tab.Card("Waiting").Locator(".countdown b");
        var left = await countdown.TextContentAsync();
        await Expect(countdown).Not.ToHaveTextAsync(left!);

        await shop.HappensAsync("live", "Order Completed", """{"order_id":"A-1","total":129.9,"currency":"EUR"}""");

        await Expect(tab.Card("Timeline")).ToContainTextAsync("Order Completed");
        await Expect(tab.Card("Waiting")).ToContainTextAsync("Nothing waits");
        await Expect(tab.Card("Decisions")).ToContainTextAsync("unless");
        await Expect(tab.Card("Sends")).ToContainTextAsync("sent");
        await Expect(tab.Card("Orders")).ToContainTextAsync("129.90 EUR");
        tab.AssertNoErrors();
    }

    [BrowserFact]
    public async Task Home_shows_red_things_first_and_decisions_with_their_reasons()
    {
        await shop.HappensAsync("red", "Refused");
        await using var tab = await shop.OpenAsync("/");
        await Expect(tab.Page.Locator(".tile").First).ToContainTextAsync("Needs attention");
        await shop.ArrivesAsync("decided");
        await shop.HappensAsync("decided", "Order Completed");
        var rows = tab.Card("Decisions as they come").Locator("li", new() { HasText = "decided" });
        await Expect(rows.Filter(new() { HasText = "cart" })).ToContainTextAsync("unless");
        await Expect(rows.Filter(new() { HasText = "thanks" })).ToContainTextAsync("send");
        await Expect(tab.Card("Outcomes")).ToContainTextAsync("unless");
        await rows.First.GetByText("decided").ClickAsync();
        await Expect(tab.Card("Timeline")).ToBeVisibleAsync();
        tab.AssertNoErrors();
    }

    [BrowserFact]
    public async Task Why_not_names_the_condition_and_the_actual_value()
    {
        await shop.ArrivesAsync("whynot");
        await using var tab = await shop.OpenAsync("/customers/whynot");
        var why = tab.Card("Why, why not");
        await Expect(why).ToContainTextAsync("not sent, condition");
        await Expect(why).ToContainTextAsync("profile.cart.total gte 200");
        await Expect(why).ToContainTextAsync("129.9");
        await why.GetByLabel("Trigger").SelectOptionAsync("thanks");
        await Expect(why).ToContainTextAsync("it has not happened");
    }

    [BrowserFact]
    public async Task A_slider_shows_the_profile_as_it_was_and_what_each_version_changed()
    {
        await shop.ArrivesAsync("past");
        await shop.HappensAsync("past", "Order Completed", """{"order_id":"A-2","total":129.9,"currency":"EUR"}""");
        await using var tab = await shop.OpenAsync("/customers/past");
        await Expect(tab.Card("Cart")).ToContainTextAsync("Empty");
        var slider = tab.Page.GetByLabel("Version of the profile");
        await slider.FillAsync("2");
        await Expect(tab.Card("Time travel")).ToContainTextAsync("Version 2 of");
        await Expect(tab.Card("Time travel")).ToContainTextAsync("/cart/lines");
        await Expect(tab.Card("Cart")).ToContainTextAsync("Trail Shoe");
        await Expect(tab.Card("Timeline")).ToHaveCountAsync(0);
        await tab.Button("Back to now").ClickAsync();
        await Expect(tab.Card("Cart")).ToContainTextAsync("Empty");
        await Expect(tab.Card("Timeline")).ToHaveCountAsync(1);
    }

    [BrowserFact]
    public async Task A_trigger_is_read_out_and_checked_while_it_is_typed()
    {
        await shop.PutAsync("triggers/edited", """{"on":{"event":"Product Viewed"},"wait":{"for":"PT2H"},"send":{"sender":"email"}}""");
        await using var tab = await shop.OpenAsync("/triggers/edited");
        await tab.Sees("and nothing more of it for").ToContainTextAsync("2 hours");
        var document = tab.Page.GetByLabel("Document, JSON");
        await document.FocusAsync();
        // What comes of it is counted meanwhile.
        await tab.Page.WaitForResponseAsync(static response => response.Url.EndsWith("/counts", StringComparison.Ordinal));
        await tab.Page.WaitForResponseAsync(static response => response.Url.EndsWith("/counts", StringComparison.Ordinal));
        await Expect(document).ToBeFocusedAsync();
        await document.FillAsync("""{"on":{"event":"Product Viewed"},"wait":{"for":"soon"},"send":{"sender":"email"}}""");
        await Expect(tab.Page.Locator(".problems")).ToContainTextAsync("/wait/for");
        await document.FillAsync("""{"on":{"event":"Product Viewed"}""");
        await Expect(tab.Page.Locator("#editor-state")).ToContainTextAsync("Not valid JSON");
        await document.FillAsync("""{"on":{"event":"Product Viewed"},"wait":{"for":"PT3H"},"send":{"sender":"email"}}""");
        await tab.Sees("and nothing more of it for").ToContainTextAsync("3 hours");
        await tab.Button("Store").ClickAsync();
        await Expect(tab.Card("History")).ToContainTextAsync("version 2");
        await tab.Card("History").GetByText("What changed").First.ClickAsync();
        await Expect(tab.Card("History").Locator(".added")).ToContainTextAsync("PT3H");
        tab.AssertNoErrors();
    }

    [BrowserFact]
    public async Task Names_of_real_events_complete_what_is_typed()
    {
        await shop.HappensAsync("namer", "Balloon Popped", """{"colour":"red"}""");
        await using var tab = await shop.OpenAsync("/triggers/new");
        var document = tab.Page.GetByLabel("Document, JSON");
        await Expect(tab.Page.Locator(".names")).ToBeVisibleAsync();
        await document.FillAsync("""{"on":{"event":"ball""");
        await document.PressAsync("End");
        await Expect(tab.Page.Locator(".names button").First).ToContainTextAsync("Balloon Popped");
        await document.PressAsync("Alt+Enter");
        await Expect(document).ToHaveValueAsync("""{"on":{"event":"Balloon Popped""");
        await Expect(document).ToBeFocusedAsync();
    }

    [BrowserFact]
    public async Task A_draft_is_tried_on_all_that_was_recorded()
    {
        await shop.HappensAsync("tested-1", "Backtested");
        await shop.HappensAsync("tested-2", "Backtested");
        await using var tab = await shop.OpenAsync("/triggers/new");
        await tab.Page.GetByLabel("Document, JSON").FillAsync("""{"on":{"event":"Backtested"},"send":{"sender":"email"}}""");
        await tab.Card("Backtest").GetByText("Run", new() { Exact = true }).ClickAsync();
        await Expect(tab.Card("Backtest")).ToContainTextAsync("2 mails to 2 customers");
        await tab.Card("Backtest").Locator("summary").ClickAsync();
        await Expect(tab.Card("Backtest")).ToContainTextAsync("tested-1");
        tab.AssertNoErrors();
    }

    [BrowserFact]
    public async Task A_trigger_is_paused_with_a_reason_and_resumed()
    {
        await shop.PutAsync("triggers/operated", """{"on":{"event":"Nothing"},"send":{"sender":"email"}}""");
        await using var tab = await shop.OpenAsync("/triggers/operated");
        await tab.Button("Pause").ClickAsync();
        await tab.Page.GetByLabel("Reason").FillAsync("wrong price");
        await tab.Page.GetByRole(AriaRole.Dialog).GetByRole(AriaRole.Button, new() { Name = "Pause" }).ClickAsync();
        await Expect(tab.Card("History")).ToContainTextAsync("wrong price");
        await Expect(tab.Page.Locator(".head")).ToContainTextAsync("paused");
        await Expect(tab.Button("Resume")).ToBeVisibleAsync();
    }

    [BrowserFact]
    public async Task A_wait_is_moved_and_closed_by_hand_with_who_and_why_on_record()
    {
        await shop.ArrivesAsync("operated");
        await using var tab = await shop.OpenAsync("/customers/operated");
        await tab.Button("Shift").ClickAsync();
        await tab.Page.GetByLabel("By, as").FillAsync("P1D");
        await tab.Page.GetByLabel("Reason").FillAsync("on holiday");
        await tab.Page.GetByRole(AriaRole.Dialog).GetByRole(AriaRole.Button, new() { Name = "Shift" }).ClickAsync();
        await Expect(tab.Card("Waiting").Locator(".countdown")).ToContainTextAsync("1 d");
        await Expect(tab.Card("Timeline")).ToContainTextAsync("on holiday");
        await tab.Button("Cancel wait").ClickAsync();
        await tab.Page.GetByRole(AriaRole.Dialog).GetByRole(AriaRole.Button, new() { Name = "Cancel wait" }).ClickAsync();
        await Expect(tab.Card("Waiting")).ToContainTextAsync("Nothing waits");
        await Expect(tab.Card("Sends")).ToContainTextAsync("Nothing sent");
        tab.AssertNoErrors();
    }

    [BrowserFact]
    public async Task A_key_that_may_only_read_sees_nothing_to_operate()
    {
        await shop.ArrivesAsync("reader");
        var key = await shop.CreateKeyAsync("read");
        await using var tab = await shop.OpenAsync("/triggers/cart", key);
        await tab.Sees("This key may read.").ToBeVisibleAsync();
        foreach (var button in (string[])["Pause", "Ramp", "Store"])
            await Expect(tab.Button(button)).ToHaveCountAsync(0);
        await tab.Page.Keyboard.PressAsync("/");
        await tab.Page.Keyboard.TypeAsync("reader");
        await Expect(tab.Page.GetByRole(AriaRole.Option)).ToHaveCountAsync(1);
        await tab.Page.Keyboard.PressAsync("Enter");
        await Expect(tab.Card("Waiting").Locator(".countdown")).ToBeVisibleAsync();
        foreach (var button in (string[])["Fire", "Shift", "Cancel wait"])
            await Expect(tab.Button(button)).ToHaveCountAsync(0);
        await tab.Page.Locator("nav").GetByText("Triggers").ClickAsync();
        await tab.Sees("Cart abandoned").ToBeVisibleAsync();
        await Expect(tab.Page.GetByText("New trigger")).ToHaveCountAsync(0);
    }

    [BrowserFact]
    public async Task A_template_is_shown_with_a_customer_and_runs_no_scripts()
    {
        await shop.ArrivesAsync("mail");
        await using var tab = await shop.OpenAsync("/templates/cart");
        await tab.Page.EvaluateAsync("() => { window.received = []; addEventListener('message', event => window.received.push(event.data)); }");
        await tab.Page.GetByLabel("Customer", new() { Exact = true }).FillAsync("mail");
        await Expect(tab.Card("Preview")).ToContainTextAsync("Ada, your Trail Shoe");
        await Expect(tab.Card("Preview").Locator(".badge.warn")).ToHaveTextAsync("traits.nick_name");
        await Expect(tab.Page.FrameLocator("iframe").Locator("#hello")).ToHaveTextAsync("Hello ");
        await Expect(tab.Card("Text")).ToContainTextAsync("Hello Ada");
        Assert.Empty(await tab.Page.EvaluateAsync<string[]>("() => window.received"));
    }

    [BrowserFact]
    public async Task A_send_that_failed_is_seen_at_its_sender_and_let_go_of()
    {
        await shop.HappensAsync("unlucky", "Refused");
        await using var tab = await shop.OpenAsync("/senders");
        await tab.Page.Locator("a.row", new() { HasText = "refusing" }).ClickAsync();
        await Expect(tab.Card("Needs attention")).ToContainTextAsync("unlucky");
        await tab.Card("Needs attention").Locator("li", new() { HasText = "unlucky" }).GetByText("Drop", new() { Exact = true }).ClickAsync();
        await tab.Page.GetByRole(AriaRole.Dialog).GetByRole(AriaRole.Button, new() { Name = "Drop" }).ClickAsync();
        await Expect(tab.Card("Needs attention").GetByText("unlucky")).ToHaveCountAsync(0);
        tab.AssertNoErrors();
    }

    [BrowserFact]
    public async Task A_lost_connection_is_shown_and_found_again()
    {
        await shop.ArrivesAsync("offline");
        await using var tab = await shop.OpenAsync("/customers/offline");
        await Expect(tab.Card("Cart")).ToContainTextAsync("Trail Shoe");
        await tab.Page.Context.SetOfflineAsync(true);
        await Expect(tab.Page.Locator("#link")).ToHaveTextAsync("Reconnecting");
        await Expect(tab.Card("Cart")).ToContainTextAsync("Trail Shoe");
        await tab.Page.Context.SetOfflineAsync(false);
        await Expect(tab.Page.Locator("#link")).ToHaveTextAsync("Live");
    }

    [BrowserFact]
    public async Task What_is_not_there_is_said_with_a_way_on()
    {
        await using var tab = await shop.OpenAsync("/customers/nobody-at-all");
        await tab.Sees("Nothing here").ToBeVisibleAsync();
        await tab.Page.Locator("main").GetByText("Home").ClickAsync();
        await Expect(tab.Page.Locator("main h1")).ToBeVisibleAsync();
    }
}
