using System.Text.RegularExpressions;
using Microsoft.AspNetCore.Builder;
using Microsoft.Extensions.DependencyInjection;
using Microsoft.Extensions.Logging;
using Microsoft.Playwright;
using Orleans.Personalize.Gateway.Security;
using Orleans.Personalize.Silo;
using Orleans.Personalize.Testing;
using static Microsoft.Playwright.Assertions;

namespace Orleans.Personalize.Dashboard.Tests;

[Collection(nameof(Shop))]
public sealed class LoginLinkTests(Shop shop)
{
    private static readonly Regex Link = new(@"http://127\.0\.0\.1:\d+/#login=[0-9a-f]{64}", RegexOptions.CultureInvariant, TimeSpan.FromSeconds(1));

    [BrowserFact]
    public async Task The_link_of_the_first_start_opens_the_dashboard_once()
    {
        SetDefaultExpectTimeout((float)Eventually.Patience.TotalMilliseconds);
        var directory = Directory.CreateTempSubdirectory("personalize-first-start-").FullName;
        var console = new StringWriter();
        try
        {
            await using var silo = SiloHost.Build(["--urls", "http://127.0.0.1:0", "--Personalize:DataDirectory", directory], builder =>
            {
                builder.Logging.ClearProviders();
                builder.Services.AddSingleton(new LoginConsole(TextWriter.Synchronized(console)));
            });
            await silo.StartAsync();
            await Eventually.TrueAsync(() => Link.IsMatch(console.ToString()), () => "the link is printed");
            var link = Link.Match(console.ToString()).Value;

            await using (var tab = await shop.OpenAsync(link, key: null))
            {
                await Expect(tab.Page.Locator("#who")).ToContainTextAsync("admin");
                Assert.DoesNotContain("login", tab.Page.Url, StringComparison.Ordinal);
                await tab.Page.ReloadAsync();
                await Expect(tab.Page.Locator("#who")).ToContainTextAsync("admin");
                tab.AssertNoErrors();
            }
            await using (var again = await shop.OpenAsync(link, key: null))
            {
                await Expect(again.Page.GetByRole(AriaRole.Alert)).ToContainTextAsync("This link has been used");
                await Expect(again.Page.GetByLabel("API key")).ToBeFocusedAsync();
                again.AssertNoErrors();
            }
            await silo.StopAsync();
        }
        finally
        {
            Directory.Delete(directory, recursive: true);
        }
    }
}
