using System.Net;
using System.Text;
using System.Text.Json;
using System.Text.RegularExpressions;
using Microsoft.Playwright;
using Orleans.Personalize.Testing;
using static Microsoft.Playwright.Assertions;

namespace Orleans.Personalize.Dashboard.Tests;

/// <summary>What comes in: sources, quarantine, schemas, files.</summary>
[Collection(nameof(Shop))]
public sealed class DataTests(Shop shop)
{
    static DataTests() => SetDefaultExpectTimeout((float)Eventually.Patience.TotalMilliseconds);

    [BrowserFact]
    public async Task A_source_is_made_checked_and_switched_off_and_on_again()
    {
        await shop.HappensAsync("sourced", "Viewed");
        await using var tab = await shop.OpenAsync("/");
        await tab.Page.Locator("nav").GetByText("Data").ClickAsync();
        await Expect(tab.Card("Sources").Locator("[data-key=api]")).ToContainTextAsync("direct");
        await tab.Page.GetByText("New source").ClickAsync();
        await tab.Page.GetByLabel("Id of the source").FillAsync("made-here");
        var document = tab.Page.GetByLabel("Document, JSON");
        await document.FillAsync("""{"type":"json","secret":"s3cret-of-the-shop","mapping":{"customer":"id","name":"/name"}}""");
        await Expect(tab.Page.Locator(".problems")).ToContainTextAsync("/mapping/customer");
        await document.FillAsync("""{"type":"json","secret":"s3cret-of-the-shop","mapping":{"customer":"/id","name":"/name"}}""");
        await Expect(tab.Page.Locator("#editor-state")).ToContainTextAsync("Valid");
        await tab.Button("Store").ClickAsync();
        await Expect(tab.Card("Where it sends to")).ToContainTextAsync("/v1/webhooks/default/made-here");
        await Expect(document).ToHaveValueAsync(new Regex("\\*\\*\\*"));

        await TurnAsync(tab, "Switch off");
        await Expect(tab.Page.Locator(".head")).ToContainTextAsync("off");
        await Eventually.TrueAsync(async () => await SendAsync() == HttpStatusCode.NotFound, static () => "the source takes nothing");
        await TurnAsync(tab, "Switch on");
        await Expect(tab.Page.Locator(".head .badge")).ToHaveTextAsync("on");
        await Eventually.TrueAsync(async () => (int)await SendAsync() < 300, static () => "the source takes events again");
        await Expect(tab.Card("Numbers")).ToContainTextAsync("Taken in");
        tab.AssertNoErrors();

        async Task<HttpStatusCode> SendAsync()
        {
            using var request = new HttpRequestMessage(HttpMethod.Post, "/v1/webhooks/default/made-here") { Content = Api.Json("""{"id":"hooked","name":"Viewed"}""") };
            request.Headers.Add("Authorization", "Bearer s3cret-of-the-shop");
            using var client = new HttpClient { BaseAddress = shop.Address };
            using var response = await client.SendAsync(request);
            return response.StatusCode;
        }
    }

    private static async Task TurnAsync(Tab tab, string name)
    {
        await tab.Button(name).ClickAsync();
        await tab.Page.GetByLabel("/secret").FillAsync("s3cret-of-the-shop");
        await ConfirmAsync(tab, name);
    }

    private static Task ConfirmAsync(Tab tab, string name) => tab.Page.GetByRole(AriaRole.Dialog).GetByRole(AriaRole.Button, new() { Name = name, Exact = true }).ClickAsync();

    [BrowserFact]
    public async Task What_was_not_let_in_is_mended_replayed_and_lands_on_its_customer()
    {
        await shop.EnforceAsync("priced", "Priced");
        await shop.ArrivesAsync("mended");
        await shop.QuarantineAsync("mended", "Priced", "q-mend", """{"product_id":"p2","price":"dear"}""");
        await using var tab = await shop.OpenAsync("/data/quarantine?event=Priced");
        await tab.Page.Locator("a.row", new() { HasText = "mended" }).ClickAsync();
        await Expect(tab.Page.Locator(".marked .wrong")).ToContainTextAsync("\"price\": \"dear\"");
        await Expect(tab.Card("What is wrong")).ToContainTextAsync("/properties/price");
        await tab.Button("Replay").ClickAsync();
        await ConfirmAsync(tab, "Replay");
        await Expect(tab.Page.GetByRole(AriaRole.Alert)).ToContainTextAsync("/properties/price");

        await tab.Button("Edit").ClickAsync();
        var body = tab.Page.GetByLabel("The event, JSON");
        var mended = (await body.InputValueAsync()).Replace("\"dear\"", "9.9", StringComparison.Ordinal);
        await body.FillAsync(mended[..^2]);
        await Expect(tab.Page.Locator("#body-state")).ToContainTextAsync("Not valid JSON");
        await body.FillAsync(mended);
        await tab.Button("Mend").ClickAsync();
        await tab.Page.GetByLabel("Reason, for the record").FillAsync("asked the shop");
        await ConfirmAsync(tab, "Mend");
        await Expect(tab.Card("What is wrong")).ToContainTextAsync("it can be replayed");
        await tab.Button("Replay").ClickAsync();
        await ConfirmAsync(tab, "Replay");
        await Expect(tab.Page.Locator(".head .badge")).ToHaveTextAsync("replayed");
        await Expect(tab.Card("What was done")).ToContainTextAsync("asked the shop");
        await tab.Card("What is wrong").GetByText("mended").ClickAsync();
        await Expect(tab.Card("Timeline")).ToContainTextAsync("Priced");
        tab.AssertNoErrors();
    }

    [BrowserFact]
    public async Task Many_are_dropped_with_their_count_and_a_reason_and_others_stay()
    {
        await shop.EnforceAsync("weighed", "Weighed");
        for (var i = 0; i < 3; i++)
            await shop.QuarantineAsync($"heavy-{i}", "Weighed", $"q-w{i}", """{"product_id":"p"}""");
        await shop.QuarantineAsync("light", "Weighed", "q-light", """{"product_id":"p","price":"x"}""");
        await using var tab = await shop.OpenAsync("/data");
        await tab.Card("Quarantine").GetByText("Look at them").ClickAsync();
        await tab.Page.GetByLabel("Event", new() { Exact = true }).FillAsync("Weighed");
        await tab.Page.Keyboard.PressAsync("Enter");
        await Expect(tab.Page.Locator("a.row")).ToHaveCountAsync(4);
        await tab.Page.Locator("main").GetByLabel("Reason").SelectOptionAsync("required");
        await Expect(tab.Page.Locator("a.row")).ToHaveCountAsync(3);
        await tab.Button("Drop all 3").ClickAsync();
        await Expect(tab.Page.GetByRole(AriaRole.Dialog)).ToContainTextAsync("Drop 3 events?");
        await tab.Page.GetByRole(AriaRole.Dialog).GetByLabel("Reason").FillAsync("a test of the scales");
        await ConfirmAsync(tab, "Drop");
        await Expect(tab.Card("Events")).ToContainTextAsync("None of these");
        await tab.Page.GetByLabel("State").SelectOptionAsync("dropped");
        // And the probe that told that the schema holds.
        await Expect(tab.Page.Locator("a.row")).ToHaveCountAsync(4);
        await tab.Page.Locator("main").GetByLabel("Reason").SelectOptionAsync("");
        await tab.Page.GetByLabel("State").SelectOptionAsync("open");
        await Expect(tab.Page.Locator("a.row")).ToHaveCountAsync(1);
        await Expect(tab.Page.Locator("a.row")).ToContainTextAsync("light");
        tab.AssertNoErrors();
    }

    [BrowserFact]
    public async Task A_schema_is_drafted_of_what_was_recorded_and_a_wrong_change_is_refused_where_it_is_wrong()
    {
        for (var i = 0; i < 3; i++)
            await shop.HappensAsync($"drafted-{i}", "Parcel Weighed", $$"""{"grams":{{i}},"carrier":"post"}""");
        await using var tab = await shop.OpenAsync("/data/schemas/new");
        await tab.Page.GetByLabel("Event", new() { Exact = true }).FillAsync("Parcel Weighed");
        await tab.Button("Draft").ClickAsync();
        await Expect(tab.Card("Draft from recorded events")).ToContainTextAsync("3 events of 3 customers");
        var document = tab.Page.GetByLabel("Document, JSON");
        await Expect(document).ToHaveValueAsync(new Regex("\"grams\""));
        await tab.Button("Store").ClickAsync();
        await Expect(tab.Card("History")).ToContainTextAsync("version 1");
        Assert.EndsWith("/data/schemas/parcel-weighed", tab.Page.Url, StringComparison.Ordinal);

        await document.FillAsync("""{"event":"Parcel Weighed","schema":{"properties":{"grams":{"type":"integer","atLeast":3}}}}""");
        await Expect(tab.Page.Locator(".problems")).ToContainTextAsync("/schema/properties/grams/atLeast");
        await tab.Button("Store").ClickAsync();
        await Expect(tab.Card("History")).Not.ToContainTextAsync("version 2");
        await document.FillAsync((await document.InputValueAsync()).Replace("\"integer\",\"atLeast\":3", "\"number\"", StringComparison.Ordinal));
        await Expect(tab.Page.Locator("#editor-state")).ToContainTextAsync("Valid");
        await tab.Button("Store").ClickAsync();
        await Expect(tab.Card("History")).ToContainTextAsync("version 2");
        tab.AssertNoErrors();
    }

    [BrowserFact]
    public async Task An_import_is_seen_to_go_on_with_its_bad_rows_and_is_stopped()
    {
        var file = Encoding.UTF8.GetBytes("{\"customer\":\"row-1\",\"name\":\"Viewed\"}\n{\"customer\":7}\n{\"customer\":\"row-3\",\"name\":\"Viewed\"}\n" + new string('\n', 200));
        using var made = await shop.Api.PostAsync("/v1/imports", Api.Json($$"""{"name":"seen going on","format":"ndjson","rows":"native","length":{{file.Length}}}"""));
        var id = JsonElement.Parse(await made.Content.ReadAsByteArrayAsync()).GetProperty("id").GetString()!;
        await using var tab = await shop.OpenAsync("/data");
        await tab.Card("Imports and reconciliations").GetByText("seen going on").ClickAsync();
        var progress = tab.Page.Locator(".tile[data-key=Progress]");
        await Expect(progress).ToContainTextAsync("0 %");
        await shop.AppendAsync($"imports/{id}", file.AsMemory(0, file.Length / 2), 0);
        await Expect(progress.Locator("progress")).ToHaveAttributeAsync("value", new Regex("^(4\\d|50)$"));
        await Expect(tab.Card("Bad rows")).ToContainTextAsync("row 2");
        await shop.AppendAsync($"imports/{id}", file.AsMemory(file.Length / 2), file.Length / 2);
        await Expect(progress).ToContainTextAsync("100 %");
        await Expect(tab.Page.Locator(".head .badge")).ToHaveTextAsync("done");
        await Expect(tab.Page.Locator(".tile[data-key=Applied]")).ToContainTextAsync("2");

        using var left = await shop.Api.PostAsync("/v1/imports", Api.Json("""{"name":"left alone","format":"ndjson","length":100}"""));
        await tab.Page.Locator("nav").GetByText("Data").ClickAsync();
        await tab.Card("Imports and reconciliations").GetByText("left alone").ClickAsync();
        await Expect(tab.Page.Locator(".head .badge")).ToHaveTextAsync("waits for its file");
        await tab.Button("Stop").ClickAsync();
        await ConfirmAsync(tab, "Stop");
        await Expect(tab.Page.Locator(".head .badge")).ToHaveTextAsync("cancelled");
        tab.AssertNoErrors();
    }

    [BrowserFact]
    public async Task A_file_is_sent_from_the_page_as_history_and_then_compared()
    {
        const string Mapping = """{"customer":"/id","type":{"value":"identify"},"occurredAt":"/changed","traits":{"city":"/city"}}""";
        await using var tab = await shop.OpenAsync("/data/imports");
        await tab.Page.GetByLabel("CSV or NDJSON file").SetInputFilesAsync(new FilePayload { Name = "people.csv", MimeType = "text/csv", Buffer = Encoding.UTF8.GetBytes("id,city,changed\nfiled,Rome,2026-05-01\n,Nowhere,2026-05-01\n") });
        await tab.Page.GetByLabel("Source", new() { Exact = true }).FillAsync("crm");
        await tab.Page.GetByLabel("Mapping").FillAsync("""{"customer":"id"}""");
        await tab.Button("Send").ClickAsync();
        await Expect(tab.Page.Locator(".problems")).ToContainTextAsync("/mapping/customer");
        await tab.Page.GetByLabel("Mapping").FillAsync(Mapping);
        await tab.Button("Send").ClickAsync();
        await Expect(tab.Page.Locator(".head .badge")).ToHaveTextAsync("done");
        await Expect(tab.Card("Bad rows")).ToContainTextAsync("row 3");

        await tab.Page.GotoAsync(new Uri(shop.Address, "/data/imports").ToString());
        await tab.Page.GetByLabel("CSV or NDJSON file").SetInputFilesAsync(new FilePayload { Name = "newer.csv", MimeType = "text/csv", Buffer = Encoding.UTF8.GetBytes("id,city,changed\nfiled,Paris,2026-05-02\n") });
        await tab.Page.GetByLabel("What is done with it").SelectOptionAsync("compare");
        await tab.Page.GetByLabel("Mapping").FillAsync(Mapping);
        await tab.Button("Send").ClickAsync();
        await Expect(tab.Card("What differs")).ToContainTextAsync("Paris");
        await Expect(tab.Card("Fields").Locator("tr", new() { HasText = "city" })).ToContainTextAsync("1");
        await tab.Card("What differs").GetByText("filed").ClickAsync();
        await Expect(tab.Card("Traits")).ToContainTextAsync("Rome");
        tab.AssertNoErrors();
    }

    [BrowserFact]
    public async Task A_key_that_may_only_read_sees_the_data_and_nothing_to_operate()
    {
        await shop.EnforceAsync("read-only", "Read Only");
        await shop.QuarantineAsync("untouched", "Read Only", "q-read", """{"product_id":"p"}""");
        await using var tab = await shop.OpenAsync("/data", await shop.CreateKeyAsync("read"));
        await Expect(tab.Card("Quarantine")).ToContainTextAsync("open");
        await Expect(tab.Page.GetByText("New source")).ToHaveCountAsync(0);
        await Expect(tab.Page.GetByText("New schema")).ToHaveCountAsync(0);
        await tab.Card("Schemas").GetByText("read-only").ClickAsync();
        await tab.Sees("This key may read.").ToBeVisibleAsync();
        await Expect(tab.Button("Store")).ToHaveCountAsync(0);
        await tab.Page.GotoAsync(new Uri(shop.Address, "/data/quarantine?event=Read%20Only").ToString());
        await Expect(tab.Page.Locator("a.row")).ToHaveCountAsync(1);
        await Expect(tab.Page.Locator("main button")).ToHaveCountAsync(0);
        await tab.Page.Locator("a.row").ClickAsync();
        await tab.Sees("This key may read;").ToBeVisibleAsync();
        foreach (var name in (string[])["Edit", "Replay", "Drop"])
            await Expect(tab.Button(name)).ToHaveCountAsync(0);
        tab.AssertNoErrors();
    }
}
