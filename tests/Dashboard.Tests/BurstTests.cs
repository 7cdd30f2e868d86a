using System.Diagnostics;
using System.Text.RegularExpressions;
using Microsoft.Playwright;
using Orleans.Personalize.Testing;
using Xunit.Abstractions;
using static Microsoft.Playwright.Assertions;

namespace Orleans.Personalize.Dashboard.Tests;

[Collection(nameof(Shop))]
public sealed class BurstTests(Shop shop, ITestOutputHelper output)
{
    private const int Batches = 20, BatchEvents = 1_000;

    /// <summary>Far more than a stutter, so that a busy machine does not fail the test; a page that draws everything is above it within the burst.</summary>
    private static readonly TimeSpan TaskMax = TimeSpan.FromSeconds(2);

    private static readonly Regex Sampled = new(@"showing [\d,]+ of [\d,]+ a second", RegexOptions.None, TimeSpan.FromSeconds(1));

    private const string Watch = """
        () => {
          window.frames_ = 0; window.longest_ = 0;
          requestAnimationFrame(function tick() { window.frames_++; requestAnimationFrame(tick); });
          new PerformanceObserver(list => { for (const task of list.getEntries()) window.longest_ = Math.max(window.longest_, task.duration); }).observe({ type: 'longtask' });
        }
        """;

    [BrowserFact]
    public async Task Twenty_thousand_events_are_sampled_said_to_be_and_do_not_stop_a_page()
    {
        SetDefaultExpectTimeout((float)Eventually.Patience.TotalMilliseconds);
        await shop.PutAsync("triggers/burst", """{"on":{"event":"Burst"},"if":{"field":"event.properties.n","op":"lt","value":0},"send":{"sender":"email"}}""");
        await shop.ArrivesAsync("burst");
        await using var home = await shop.OpenAsync("/");
        await using var customer = await shop.OpenAsync("/customers/burst");
        await Expect(home.Card("Decisions as they come")).ToBeVisibleAsync();
        await Expect(customer.Card("Timeline").Locator("li.fact").First).ToBeVisibleAsync();
        foreach (var tab in (Tab[])[home, customer])
            await tab.Page.EvaluateAsync(Watch);

        var clock = Stopwatch.StartNew();
        var burst = Task.Run(async () =>
        {
            for (var batch = 0; batch < Batches; batch++)
                await shop.HappenAsync(Enumerable.Range(batch * BatchEvents, BatchEvents).Select(static n => (n % 2 == 0 ? "burst" : $"burst-{n % 200}", "Burst", $$"""{"n":{{n}}}""")));
        });
        var seen = Task.WhenAll(
            Expect(Header(customer, "Timeline")).ToContainTextAsync(Sampled), Expect(Header(home, "Decisions as they come")).ToContainTextAsync(Sampled));
        await seen;
        var words = $"{await Header(customer, "Timeline").TextContentAsync()}; {await Header(home, "Decisions as they come").TextContentAsync()}";
        await burst;
        var seconds = clock.Elapsed.TotalSeconds;

        foreach (var (name, tab) in ((string, Tab)[])[("home", home), ("the customer's page", customer)])
        {
            var longest = TimeSpan.FromMilliseconds(await tab.Page.EvaluateAsync<double>("() => window.longest_"));
            var frames = await tab.Page.EvaluateAsync<int>("() => window.frames_");
            output.WriteLine($"{name}: {frames} frames in {seconds:0.0} s, busy for {longest.TotalMilliseconds:0} ms at the longest; the notice: {words}");
            Assert.True(longest < TaskMax, $"{name} was busy for {longest.TotalMilliseconds:0} ms at a stretch.");
            Assert.True(frames > seconds, $"{name} drew {frames} frames in {seconds:0.0} s.");
        }
        // What was left out comes back when it is calm, and the newest is what is shown.
        await Expect(Header(customer, "Timeline")).Not.ToContainTextAsync(Sampled);
        await Expect(customer.Card("Counters")).ToContainTextAsync("10,000");
        await Expect(customer.Card("Timeline").Locator("li.fact").Nth(60)).ToBeVisibleAsync();
        customer.AssertNoErrors();
        home.AssertNoErrors();
    }

    private static ILocator Header(Tab tab, string card) => tab.Card(card).Locator("header");
}
