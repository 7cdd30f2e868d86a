using System.Collections.Frozen;
using System.Reflection;
using System.Security.Cryptography;
using System.Text;
using Microsoft.AspNetCore.Builder;
using Microsoft.AspNetCore.Components.Web;
using Microsoft.AspNetCore.Http;
using Microsoft.AspNetCore.Routing;
using Microsoft.Extensions.Logging;
using Microsoft.Net.Http.Headers;

namespace Orleans.Personalize.Gateway.Dashboard;

/// <param name="Path">The first segment of its addresses; empty for the page at <c>/</c>.</param>
/// <param name="Icon">The path of a 20 × 20 drawing, in strokes.</param>
internal sealed record DashboardPage(string Path, string Title, string Icon)
{
    /// <summary>As the navigation shows them.</summary>
    public static readonly DashboardPage[] All =
    [
        new("", "Home", "M3 10h3l2-6 4 12 2-6h3"),
        new("customers", "Customers", "M10 10a3.2 3.2 0 1 0 0-6.4A3.2 3.2 0 0 0 10 10ZM3.8 16.6c.6-2.8 3.2-4.4 6.2-4.4s5.6 1.6 6.2 4.4"),
        new("triggers", "Triggers", "M11.4 2.8 4.6 11.4h4.2l-.6 5.8 6.9-8.7h-4.3l.6-5.7Z"),
        new("templates", "Templates", "M3.4 5.2h13.2v9.8H3.4V5.2Zm.3.5L10 10.6l6.3-4.9"),
        new("senders", "Senders", "M17 3.4 2.9 8.6l5.6 2.8L17 3.4Zm0 0-3.6 13-4.9-5"),
        new("data", "Data", "M10 7.6c3.6 0 6.4-1 6.4-2.3S13.6 3 10 3 3.6 4 3.6 5.3s2.8 2.3 6.4 2.3ZM3.6 5.3v9.4c0 1.3 2.8 2.3 6.4 2.3s6.4-1 6.4-2.3V5.3M3.6 10c0 1.3 2.8 2.3 6.4 2.3s6.4-1 6.4-2.3"),
        new("cluster", "Cluster", "M10 7.4a2.2 2.2 0 1 0 0-4.4 2.2 2.2 0 0 0 0 4.4ZM4.6 17a2.2 2.2 0 1 0 0-4.4 2.2 2.2 0 0 0 0 4.4ZM15.4 17a2.2 2.2 0 1 0 0-4.4 2.2 2.2 0 0 0 0 4.4ZM8.9 7.3l-3.2 5.5M11.1 7.3l3.2 5.5M6.8 14.8h6.4"),
        new("suppressions", "Suppressed", "M10 17a7 7 0 1 0 0-14 7 7 0 0 0 0 14ZM5.2 5.2l9.6 9.6"),
    ];
}

/// <summary>
/// The dashboard: one document, rendered once, for all its addresses, and the modules that fill it in the browser. They are clients of the public API
/// like any other; the key stays in the browser's tab, and a <c>#key=…</c> in the address never reaches the server.
/// </summary>
internal static class DashboardPages
{
    private const string ResourcePrefix = "dashboard/";

    /// <summary>What a mail looks like is shown in a frame of its own, which the mail's styles reach and nothing else does.</summary>
    private const string PreviewFile = "preview.html";

    private const string PagePolicy =
        "default-src 'none'; script-src 'self'; style-src 'self'; img-src 'self' data:; connect-src 'self'; frame-src 'self'; base-uri 'none'; form-action 'none'; frame-ancestors 'none'";

    private const string PreviewPolicy =
        "sandbox allow-scripts; default-src 'none'; script-src 'self'; style-src 'unsafe-inline'; img-src https: data:; base-uri 'none'; form-action 'none'; frame-ancestors 'self'";

    private static readonly FrozenDictionary<string, string> Types = new Dictionary<string, string>
    {
        [".css"] = "text/css; charset=utf-8",
        [".html"] = "text/html; charset=utf-8",
        [".js"] = "text/javascript; charset=utf-8",
        [".svg"] = "image/svg+xml",
    }.ToFrozenDictionary();

    private static readonly FrozenDictionary<string, Asset> Assets = LoadAssets();

    public static void Map(WebApplication app)
    {
        var shell = new Lazy<Task<Asset>>(() => RenderAsync(app.Services));
        foreach (var page in DashboardPage.All)
        {
            // A customer's id may hold slashes, percent-encoded; the page reads it from its own address.
            var pattern = page.Path.Length == 0 ? "/" : $"/{page.Path}/{{**rest}}";
            app.MapGet(pattern, async (HttpResponse response) => Serve(response, await shell.Value, PagePolicy)).AllowAnonymous().ExcludeFromDescription();
        }
        app.MapGet("/ui/{name}", (HttpResponse response, string name) => Assets.TryGetValue(name, out var asset)
                ? Serve(response, asset, name == PreviewFile ? PreviewPolicy : "default-src 'none'")
                : Results.NotFound())
            .AllowAnonymous().ExcludeFromDescription();
    }

    private static IResult Serve(HttpResponse response, Asset asset, string policy)
    {
        var headers = response.Headers;
        headers.ContentSecurityPolicy = policy;
        // Asked for each time and sent only when it has changed, so that all files of a page are of one version.
        headers.CacheControl = "no-cache";
        headers.XContentTypeOptions = "nosniff";
        headers["Referrer-Policy"] = "no-referrer";
        return Results.Bytes(asset.Content, asset.Type, entityTag: asset.Tag);
    }

    private static async Task<Asset> RenderAsync(IServiceProvider services)
    {
        await using var renderer = new HtmlRenderer(services, (ILoggerFactory)services.GetService(typeof(ILoggerFactory))!);
        var html = await renderer.Dispatcher.InvokeAsync(async () => (await renderer.RenderComponentAsync<Shell>()).ToHtmlString());
        return Asset.Of(Encoding.UTF8.GetBytes(html), Types[".html"]);
    }

    private static FrozenDictionary<string, Asset> LoadAssets()
    {
        var assembly = Assembly.GetExecutingAssembly();
        return assembly.GetManifestResourceNames()
            .Where(static name => name.StartsWith(ResourcePrefix, StringComparison.Ordinal))
            .ToFrozenDictionary(static name => name[ResourcePrefix.Length..], name =>
            {
                using var stream = assembly.GetManifestResourceStream(name)!;
                using var content = new MemoryStream();
                stream.CopyTo(content);
                return Asset.Of(content.ToArray(), Types[Path.GetExtension(name)]);
            });
    }

    private sealed record Asset(byte[] Content, string Type, EntityTagHeaderValue Tag)
    {
        public static Asset Of(byte[] content, string type) =>
            new(content, type, new EntityTagHeaderValue($"\"{Convert.ToHexStringLower(SHA256.HashData(content)[..8])}\""));
    }
}
