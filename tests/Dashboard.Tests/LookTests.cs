using Microsoft.Playwright;
using static Microsoft.Playwright.Assertions;

namespace Orleans.Personalize.Dashboard.Tests;

/// <summary>Every page at both widths and in both themes. Pictures are left beside the test's program, for people.</summary>
[Collection(nameof(Shop))]
public sealed class LookTests(Shop shop)
{
    /// <summary>
    /// Texts whose contrast with what is behind them is less than WCAG 2.2 AA asks for: 4.5, of large ones 3 (https://www.w3.org/TR/WCAG22/#contrast-minimum). Disabled controls are
    /// exempt.
    /// </summary>
    private const string Faint = """
        () => {
          const canvas = new OffscreenCanvas(1, 1).getContext('2d', { willReadFrequently: true });
          const rgba = colour => { canvas.clearRect(0, 0, 1, 1); canvas.fillStyle = colour; canvas.fillRect(0, 0, 1, 1); return [...canvas.getImageData(0, 0, 1, 1).data]; };
          const light = ([r, g, b]) => [r, g, b].map(c => c / 255).map(c => c <= .04045 ? c / 12.92 : ((c + .055) / 1.055) ** 2.4).reduce((sum, c, i) => sum + c * [.2126, .7152, .0722][i], 0);
          const behind = element => { for (let at = element; at; at = at.parentElement) { const found = rgba(getComputedStyle(at).backgroundColor); if (found[3] > 250) return found; } return [255, 255, 255]; };
          const faint = [];
          for (const element of document.querySelectorAll('body *')) {
            if (!element.checkVisibility() || element.closest('svg, option, [disabled], .skip') || ![...element.childNodes].some(node => node.nodeType === 3 && node.data.trim())) continue;
            const style = getComputedStyle(element);
            const [one, other] = [light(rgba(style.color)), light(behind(element))];
            const contrast = (Math.max(one, other) + .05) / (Math.min(one, other) + .05);
            const isLarge = parseFloat(style.fontSize) >= 24 || parseFloat(style.fontSize) >= 18.66 && style.fontWeight >= 700;
            if (contrast < (isLarge ? 3 : 4.5)) faint.push(`${element.textContent.trim().slice(0, 40)}: ${contrast.toFixed(2)}`);
          }
          return faint;
        }
        """;

    private const string Unlabelled = """
        () => [...document.querySelectorAll('input, select, textarea, button, iframe, [role=img]')].filter(element => element.checkVisibility()
          && !(element.ariaLabel || element.labels?.length || element.title || element.textContent.trim())).map(element => element.outerHTML.slice(0, 120))
        """;

    public static TheoryData<string, string> Pages => new()
    {
        { "home", "/" }, { "customers", "/customers" }, { "customer", "/customers/looked-at" }, { "triggers", "/triggers" }, { "trigger", "/triggers/cart" }, { "new-trigger", "/triggers/new" },
        { "templates", "/templates" }, { "template", "/templates/cart" }, { "senders", "/senders" }, { "sender", "/senders/refusing" }, { "cluster", "/cluster" }, { "suppressions", "/suppressions" },
        { "data", "/data" }, { "source", "/data/sources/crm" }, { "new-source", "/data/sources/new" }, { "quarantine", "/data/quarantine?state=" }, { "quarantined", "/data/quarantine/{quarantined}" },
        { "schema", "/data/schemas/looked-at" }, { "new-schema", "/data/schemas/new" }, { "imports", "/data/imports" }, { "import", "/data/imports/{import}" }, { "reconciliation", "/data/reconciliations/{reconciliation}" },
    };

    [BrowserTheory]
    [MemberData(nameof(Pages))]
    public async Task A_page_fits_and_can_be_read_at_every_width_and_in_every_theme(string name, string path)
    {
        await shop.ArrivesAsync("looked-at");
        await shop.HappensAsync("looked-at", "Refused");
        path = await shop.WithDataAsync(path);
        foreach (var width in (int[])[1280, 390])
        {
            foreach (var theme in (ColorScheme[])[ColorScheme.Light, ColorScheme.Dark])
            {
                await using var tab = await shop.OpenAsync(path, width: width, theme: theme);
                await Expect(tab.Page.Locator("main .card, main .tile").First).ToBeVisibleAsync();
                var look = $"{name} at {width} in {theme}";
                if (name == "template")
                    await Expect(tab.Page.FrameLocator("iframe").Locator("#hello")).ToBeVisibleAsync();
                await tab.Page.ScreenshotAsync(new() { Path = Path.Combine(AppContext.BaseDirectory, "screenshots", $"{name}-{width}-{theme}.png".ToLowerInvariant()), FullPage = true });
                Assert.True(await tab.Page.EvaluateAsync<int>("() => document.documentElement.scrollWidth - innerWidth") <= 0, $"{look} is wider than the window.");
                var faint = await tab.Page.EvaluateAsync<string[]>(Faint);
                Assert.True(faint is [], $"{look}: too faint: {string.Join("; ", faint)}");
                Assert.Empty(await tab.Page.EvaluateAsync<string[]>(Unlabelled));
                tab.AssertNoErrors();
            }
        }
    }

    [BrowserFact]
    public async Task The_theme_is_turned_by_hand_and_remembered()
    {
        await using var tab = await shop.OpenAsync("/triggers");
        await tab.Page.GetByLabel("Light or dark").ClickAsync();
        await Expect(tab.Page.Locator("html")).ToHaveAttributeAsync("data-theme", "dark");
        await tab.Page.ReloadAsync();
        await Expect(tab.Page.Locator("html")).ToHaveAttributeAsync("data-theme", "dark");
    }
}
