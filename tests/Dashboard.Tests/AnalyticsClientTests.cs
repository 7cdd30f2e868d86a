using Orleans.Personalize.Testing;

namespace Orleans.Personalize.Dashboard.Tests;

/// <summary>Segment's browser library as its package has it, with its settings saying where to send to.</summary>
[Collection(nameof(Shop))]
public sealed class AnalyticsClientTests(Shop shop)
{
    /// <summary>What a site's own page does to load the library, in the words of its readme.</summary>
    private const string Page = """
        <!doctype html>
        <title>Home</title>
        <script>
          var analytics = window.analytics = []
          for (const method of ['track', 'identify', 'page', 'group', 'alias', 'ready', 'reset', 'user'])
            analytics[method] = (...values) => analytics.push([method, ...values])
          analytics._writeKey = 'KEY'
          analytics._cdn = location.origin
          analytics.page('Home')
          analytics.track('Product Viewed', { product_id: 'shoe' })
        </script>
        <script src="/analytics.js/v1/KEY/analytics.min.js" async></script>
        """;

    [BrowserAndNodeTheory]
    [InlineData("standard")]
    [InlineData("batching")]
    public async Task Segments_library_in_a_browser_delivers_what_it_is_told(string strategy)
    {
        var package = Path.Combine(await Npm.InstallAsync(), "node_modules", "@segment", "analytics-next", "dist", "umd");
        var key = await shop.CreateKeyAsync("ingest");
        var settings = $$$"""
            {"integrations":{"Segment.io":{"apiKey":"{{{key}}}","apiHost":"{{{shop.Address.Authority}}}/v1","protocol":"http","deliveryStrategy":{"strategy":"{{{strategy}}}","config":{"size":4,"timeout":200}} } },
             "plan":{},"metrics":{"sampleRate":0},"remotePlugins":[]}
            """;
        await using var site = await Storefront.ServeAsync(shop, path => path switch
        {
            "index.html" => Page.Replace("KEY", key),
            _ when path == $"v1/projects/{key}/settings" => settings,
            _ when path == $"analytics.js/v1/{key}/analytics.min.js" => File.ReadAllText(Path.Combine(package, "standalone.js")),
            _ when path.StartsWith("analytics-next/bundles/", StringComparison.Ordinal) && File.Exists(Path.Combine(package, Path.GetFileName(path))) => File.ReadAllText(Path.Combine(package, Path.GetFileName(path))),
            _ => null,
        });
        await using var tab = await shop.OpenAsync(site.Address, key: null);
        await tab.Page.WaitForFunctionAsync("() => window.analytics.initialized");
        var visitor = await tab.Page.EvaluateAsync<string>("() => analytics.user().anonymousId()");
        var customer = $"segment-{strategy}";
        await tab.Page.EvaluateAsync("""
            async customer => {
              await analytics.identify(customer, { email: `${customer}@example.com` })
              await analytics.track('Product Added', { product_id: 'shoe', price: 129.9 })
            }
            """, customer);

        var known = await site.CustomerAsync(customer, static one => Storefront.Count(one, "Product Added") == 1 && Storefront.Count(one, "Product Viewed") == 1);
        Assert.Equal($"{customer}@example.com", known.GetProperty("traits").GetProperty("email").GetProperty("value").GetString());
        Assert.Equal("shoe", known.GetProperty("cart").GetProperty("lines")[0].GetProperty("productId").GetString());
        await site.CustomerAsync(visitor, one => one.GetProperty("customer").GetString() == customer);

        // Sent one by one, the library keeps what the leaving has overtaken for the next visit; only batches are sent off on the way out.
        if (strategy != "batching")
            return;
        await tab.Page.EvaluateAsync("() => { analytics.track('Left') }");
        await tab.Page.GotoAsync("about:blank");
        await site.CustomerAsync(customer, static one => Storefront.Count(one, "Left") == 1);
    }
}
