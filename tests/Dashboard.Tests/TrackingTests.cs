using Microsoft.Playwright;
using Orleans.Personalize.Testing;
using static Microsoft.Playwright.Assertions;

namespace Orleans.Personalize.Dashboard.Tests;

/// <summary>The sample storefront with the tracking script, in a browser, against a silo.</summary>
[Collection(nameof(Shop))]
public sealed class TrackingTests(Shop shop) : IAsyncLifetime
{
    private const string Stored = "() => Object.keys(localStorage).filter(name => name.startsWith('personalize.'))";
    private const string Queued = "() => Object.keys(localStorage).filter(name => name.startsWith('personalize.q.')).length";

    private Storefront site = null!;

    public async Task InitializeAsync()
    {
        SetDefaultExpectTimeout((float)Eventually.Patience.TotalMilliseconds);
        if (Browser.Missing is null)
            site = await Storefront.StartAsync(shop);
    }

    public async Task DisposeAsync()
    {
        if (site is not null)
            await site.DisposeAsync();
    }

    [BrowserFact]
    public async Task What_a_visitor_did_before_the_log_in_is_the_customers()
    {
        await using var tab = await shop.OpenAsync(site.Address, key: null);
        var visitor = await AcceptAsync(tab);
        await AddAsync(tab, "Trail Shoe");
        await site.CustomerAsync(visitor, static anyone => Storefront.Count(anyone, "Product Added") == 1);
        await tab.Page.GetByLabel("E-mail").FillAsync("Tracked@example.com");
        await tab.Page.GetByLabel("First name").FillAsync("Ada");
        await tab.Page.Locator("#login").GetByLabel("Password").FillAsync("s3cret-word");
        await tab.Page.GetByLabel("Write me mails").CheckAsync();
        await tab.Button("Log in").ClickAsync();

        var ada = await site.CustomerAsync("tracked@example.com", static one => Storefront.Count(one, "Signed In") == 1 && Storefront.Count(one, "Product Added") == 1);
        Assert.Equal("shoe", ada.GetProperty("cart").GetProperty("lines")[0].GetProperty("productId").GetString());
        Assert.Equal(129.9m, ada.GetProperty("cart").GetProperty("total").GetDecimal());
        Assert.Equal("Ada", ada.GetProperty("traits").GetProperty("first_name").GetProperty("value").GetString());
        Assert.True(ada.GetProperty("consent").GetProperty("email").GetProperty("value").GetBoolean());
        await site.CustomerAsync(visitor, static one => one.GetProperty("customer").GetString() == "tracked@example.com");

        await tab.Page.GetByLabel("Card number").First.FillAsync("4111 1111 1111 1111");
        await tab.Button("Order").ClickAsync();
        var buyer = await site.CustomerAsync(visitor, static one => Storefront.Count(one, "Order Completed") == 1);
        Assert.Equal(0, buyer.GetProperty("cart").GetProperty("lines").GetArrayLength());
        Assert.Equal(129.9m, buyer.GetProperty("orders")[0].GetProperty("total").GetDecimal());
        var timeline = await site.TimelineAsync(visitor);
        Assert.DoesNotContain("s3cret-word", timeline);
        Assert.DoesNotContain("4111", timeline);
        tab.AssertNoErrors();
    }

    [BrowserFact]
    public async Task Nothing_is_stored_or_sent_before_a_yes_and_after_a_no()
    {
        await using var tab = await shop.OpenAsync(site.Address, key: null);
        var sent = Requests(tab);
        await AddAsync(tab, "Light Tent");
        await tab.Page.EvaluateAsync("() => personalize.flush()");
        Assert.Empty(await tab.Page.EvaluateAsync<string[]>(Stored));
        Assert.Empty(sent);

        var visitor = await AcceptAsync(tab);
        await AddAsync(tab, "Head Lamp");
        var known = await site.CustomerAsync(visitor, static one => Storefront.Count(one, "Product Added") == 1);
        Assert.Equal("lamp", known.GetProperty("cart").GetProperty("lines")[0].GetProperty("productId").GetString());

        await tab.Page.EvaluateAsync("() => { personalize.track('Regretted'); personalize.optOut(); personalize.track('Unheard') }");
        Assert.Empty(await tab.Page.EvaluateAsync<string[]>(Stored));
        Assert.Null(await tab.Page.EvaluateAsync<string?>("() => personalize.anonymousId()"));
        sent.Clear();
        await tab.Page.EvaluateAsync("() => personalize.flush()");
        await tab.Page.GotoAsync(site.Address);
        await tab.Page.EvaluateAsync("() => personalize.flush()");
        Assert.Empty(sent);
        Assert.Empty(await tab.Page.Context.CookiesAsync());
        tab.AssertNoErrors();
    }

    [BrowserTheory]
    [InlineData("doNotTrack", "'1'")]
    [InlineData("globalPrivacyControl", "true")]
    public async Task A_browser_that_says_no_is_believed(string signal, string value)
    {
        await using var tab = await shop.OpenAsync(site.Address, key: null, script: $"Object.defineProperty(Navigator.prototype, '{signal}', {{ get: () => {value} }})");
        var sent = Requests(tab);
        await tab.Page.GetByRole(AriaRole.Button, new() { Name = "Yes" }).ClickAsync();
        await AddAsync(tab, "Trail Shoe");
        await tab.Page.EvaluateAsync("() => personalize.flush()");
        await tab.Page.ReloadAsync();
        Assert.Empty(await tab.Page.EvaluateAsync<string[]>(Stored));
        Assert.Empty(sent);
        tab.AssertNoErrors();
    }

    [BrowserFact]
    public async Task What_happens_without_a_connection_arrives_with_it()
    {
        await using var tab = await shop.OpenAsync(site.Address, key: null);
        var visitor = await AcceptAsync(tab);
        await site.CustomerAsync(visitor, static one => one.GetProperty("version").GetInt64() > 0);
        await tab.Page.Context.SetOfflineAsync(true);
        await AddAsync(tab, "Trail Shoe");
        await tab.Page.EvaluateAsync("() => personalize.flush()");
        Assert.True(await tab.Page.EvaluateAsync<int>(Queued) >= 2);
        var before = await site.CustomerAsync(visitor, static _ => true);
        Assert.Equal(0, Storefront.Count(before, "Product Added"));

        await tab.Page.Context.SetOfflineAsync(false);
        await site.CustomerAsync(visitor, static one => Storefront.Count(one, "Product Added") == 1);
        await QueueIsEmptyAsync(tab);
        tab.AssertNoErrors();
    }

    [BrowserFact]
    public async Task What_happens_as_the_page_is_left_arrives_once()
    {
        await using var tab = await shop.OpenAsync(site.Address, key: null);
        var visitor = await AcceptAsync(tab);
        // Only a beacon can bring it now.
        await tab.Page.EvaluateAsync("() => { window.fetch = () => new Promise(() => {}); personalize.track('Left') }");
        await tab.Page.GotoAsync("about:blank");
        await site.CustomerAsync(visitor, static one => Storefront.Count(one, "Left") == 1);

        await tab.Page.GotoAsync(site.Address);
        await tab.Page.EvaluateAsync("() => personalize.track('Back')");
        var back = await site.CustomerAsync(visitor, static one => Storefront.Count(one, "Back") == 1);
        Assert.Equal(1, Storefront.Count(back, "Left"));
        await QueueIsEmptyAsync(tab);
        tab.AssertNoErrors();
    }

    [BrowserTheory]
    [InlineData(503)]
    [InlineData(429)]
    public async Task A_server_that_is_busy_is_left_alone_as_long_as_it_says(int status)
    {
        await using var tab = await shop.OpenAsync(site.Address, key: null);
        var refused = 0;
        await tab.Page.RouteAsync("**/v1/events", async route =>
        {
            if (Interlocked.Increment(ref refused) > 1)
            {
                await route.ContinueAsync();
                return;
            }
            await route.FulfillAsync(new()
            {
                Status = status,
                Headers = new Dictionary<string, string> { ["Retry-After"] = "600", ["Access-Control-Allow-Origin"] = "*", ["Access-Control-Expose-Headers"] = "Retry-After" },
            });
        });
        var visitor = await AcceptAsync(tab);
        await tab.Page.EvaluateAsync("() => personalize.flush()");
        Assert.Equal(1, refused);
        // Longer than it would wait of its own accord, five minutes.
        Assert.InRange(await tab.Page.EvaluateAsync<double>("() => localStorage.getItem('personalize.until') - Date.now()"), 300_001, 600_000);
        await tab.Page.EvaluateAsync("() => personalize.flush()");
        Assert.Equal(1, refused);
        await tab.Page.EvaluateAsync("() => { dispatchEvent(new Event('online')) }");
        await site.CustomerAsync(visitor, static one => one.GetProperty("version").GetInt64() > 0);
        await QueueIsEmptyAsync(tab);
        tab.AssertNoErrors();
    }

    [BrowserFact]
    public async Task Tabs_share_a_queue_and_nothing_counts_twice()
    {
        await using var tab = await shop.OpenAsync(site.Address, key: null);
        var visitor = await AcceptAsync(tab);
        var second = await tab.Page.Context.NewPageAsync();
        await second.GotoAsync(site.Address);
        await tab.Page.Context.SetOfflineAsync(true);
        const string Many = "() => { for (let number = 0; number < 30; number++) personalize.track('Many', { number }) }";
        await Task.WhenAll(tab.Page.EvaluateAsync(Many), second.EvaluateAsync(Many));
        await tab.Page.Context.SetOfflineAsync(false);

        await site.CustomerAsync(visitor, static one => Storefront.Count(one, "Many") == 60);
        await QueueIsEmptyAsync(tab);
        var after = await site.CustomerAsync(visitor, static _ => true);
        Assert.Equal(60, Storefront.Count(after, "Many"));
    }

    [BrowserFact]
    public async Task Clicks_and_forms_say_what_their_attributes_allow_and_no_secrets()
    {
        await using var tab = await shop.OpenAsync(site.Address, key: null);
        var visitor = await AcceptAsync(tab);
        await AddAsync(tab, "Trail Shoe");
        await tab.Button("Remove").ClickAsync();
        var form = tab.Page.Locator("#question");
        await form.GetByLabel("Subject").FillAsync("Repairs");
        await form.GetByLabel("Card number").FillAsync("5500000000000004");
        await form.GetByLabel("Password").FillAsync("s3cret-word");
        await form.GetByLabel("Text").FillAsync("not-listed");
        await tab.Button("Ask").ClickAsync();

        var known = await site.CustomerAsync(visitor, static one => Storefront.Count(one, "Question Asked") == 1 && Storefront.Count(one, "Product Removed") == 1);
        Assert.Equal(0, known.GetProperty("cart").GetProperty("lines").GetArrayLength());
        var timeline = await site.TimelineAsync(visitor);
        Assert.Contains("Repairs", timeline);
        Assert.Contains("tents", timeline);
        foreach (var secret in (string[])["5500000000000004", "s3cret-word", "not-listed"])
            Assert.DoesNotContain(secret, timeline);
        tab.AssertNoErrors();
    }

    [BrowserFact]
    public async Task What_is_said_before_the_script_is_there_waits_for_it()
    {
        await using var tab = await shop.OpenAsync("about:blank", key: null);
        var release = new TaskCompletionSource();
        await tab.Page.RouteAsync("**/track.js", async route =>
        {
            await release.Task;
            await route.ContinueAsync();
        });
        await tab.Page.GotoAsync(site.Address, new() { WaitUntil = WaitUntilState.Commit });
        await tab.Page.WaitForFunctionAsync("() => window.personalize && document.querySelectorAll('#products li').length");
        await tab.Page.EvaluateAsync("() => { personalize.optIn(); personalize.track('Early', { is: 'early' }) }");
        release.SetResult();
        await tab.Page.WaitForFunctionAsync("() => !personalize.q");
        var visitor = await tab.Page.EvaluateAsync<string>("() => personalize.anonymousId()");
        await site.CustomerAsync(visitor, static one => Storefront.Count(one, "Early") == 1);
        tab.AssertNoErrors();
    }

    [BrowserFact]
    public async Task Who_logs_in_on_the_same_machine_next_is_somebody_else()
    {
        await using var tab = await shop.OpenAsync(site.Address, key: null);
        var visitor = await AcceptAsync(tab);
        var ids = await tab.Page.EvaluateAsync<string[]>("""
            () => {
              const seen = []
              const now = () => seen.push(personalize.anonymousId())
              personalize.identify('first-here'); now()
              personalize.identify('first-here'); now()
              personalize.identify('second-here'); now()
              personalize.reset(); now()
              return seen
            }
            """);
        Assert.Equal([visitor, visitor], ids[..2]);
        Assert.Equal(3, ids.Distinct(StringComparer.Ordinal).Count());
        await site.CustomerAsync(visitor, static one => one.GetProperty("customer").GetString() == "first-here");
        await site.CustomerAsync(ids[2], static one => one.GetProperty("customer").GetString() == "second-here");
    }

    /// <returns>The visitor's anonymous id.</returns>
    private static async Task<string> AcceptAsync(Tab tab)
    {
        await tab.Page.GetByRole(AriaRole.Button, new() { Name = "Yes" }).ClickAsync();
        return (await tab.Page.EvaluateAsync<string?>("() => personalize.anonymousId()"))!;
    }

    private static async Task AddAsync(Tab tab, string product)
    {
        await tab.Button(product).ClickAsync();
        await tab.Button("Add to cart").ClickAsync();
        await Expect(tab.Page.Locator("#cart")).ToContainTextAsync(product);
    }

    private static Task QueueIsEmptyAsync(Tab tab) =>
        Eventually.TrueAsync(async () => await tab.Page.EvaluateAsync<int>(Queued) == 0, () => "nothing is queued any more");

    /// <summary>What is sent to the door of events from now on.</summary>
    private static List<string> Requests(Tab tab)
    {
        var sent = new List<string>();
        tab.Page.Request += (_, request) =>
        {
            if (request.Url.EndsWith("/v1/events", StringComparison.Ordinal))
                sent.Add(request.PostData ?? "");
        };
        return sent;
    }
}
