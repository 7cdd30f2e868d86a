using System.Reflection;
using Microsoft.AspNetCore.Builder;
using Microsoft.AspNetCore.Http;
using Microsoft.AspNetCore.Routing;

namespace Orleans.Personalize.Gateway.Dashboard;

/// <summary>
/// The page at <c>/</c>: who is active, and one customer live. It is a client of the public API like any other; the key stays in the browser's
/// tab, and a <c>#key=…</c> in the address never reaches the server.
/// </summary>
internal static class LivePage
{
    public static void Map(IEndpointRouteBuilder routes) => routes.MapGet("/", Serve).AllowAnonymous().ExcludeFromDescription();

    private static IResult Serve(HttpResponse response)
    {
        response.Headers.ContentSecurityPolicy =
            "default-src 'none'; script-src 'unsafe-inline'; style-src 'unsafe-inline'; connect-src 'self'; base-uri 'none'; form-action 'none'; frame-ancestors 'none'";
        response.Headers.CacheControl = "no-cache";
        response.Headers.XContentTypeOptions = "nosniff";
        response.Headers["Referrer-Policy"] = "no-referrer";
        return Results.Stream(
            Assembly.GetExecutingAssembly().GetManifestResourceStream("live.html")!, "text/html; charset=utf-8");
    }
}
