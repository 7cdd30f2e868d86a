using System.IO.Compression;
using System.Reflection;
using System.Security.Cryptography;
using System.Text;
using Microsoft.AspNetCore.Builder;
using Microsoft.AspNetCore.Http;
using Microsoft.AspNetCore.Routing;
using Microsoft.Net.Http.Headers;

namespace Orleans.Personalize.Gateway.Tracking;

/// <summary>The script by which pages of any origin send events (docs/tracking.md).</summary>
internal static class TrackingScript
{
    /// <summary>A page that is opened within an hour of another asks for nothing; a new version is everywhere within that hour.</summary>
    private const string Caching = "public, max-age=3600";

    private static readonly byte[] Content = Load();

    private static readonly byte[] Packed = Pack(Content);

    private static readonly string Hash = Convert.ToHexStringLower(SHA256.HashData(Content)[..8]);

    public static void Map(IEndpointRouteBuilder routes) => routes.MapGet("/track.js", static (HttpRequest request, HttpResponse response) =>
    {
        var packs = request.GetTypedHeaders().AcceptEncoding.Any(static one => one.Value.Equals("gzip", StringComparison.OrdinalIgnoreCase) && one.Quality != 0);
        var headers = response.Headers;
        headers.CacheControl = Caching;
        headers.XContentTypeOptions = "nosniff";
        headers.Vary = HeaderNames.AcceptEncoding;
        // Said to everyone and not only where an origin is named, so that a shared cache can give every page the same answer.
        headers.AccessControlAllowOrigin = "*";
        headers["Cross-Origin-Resource-Policy"] = "cross-origin";
        if (packs)
            headers.ContentEncoding = "gzip";
        return Results.Bytes(packs ? Packed : Content, "text/javascript; charset=utf-8", entityTag: new EntityTagHeaderValue(packs ? $"\"{Hash}-gzip\"" : $"\"{Hash}\""));
    }).AllowAnonymous().ExcludeFromDescription();

    /// <summary>The source without indentation and lines of comment: every visitor of a shop pays for them. No text in it spans lines.</summary>
    private static byte[] Load()
    {
        using var source = new StreamReader(Assembly.GetExecutingAssembly().GetManifestResourceStream("track.js")!, Encoding.UTF8);
        var lines = source.ReadToEnd().Split('\n').Select(static line => line.Trim()).Where(static line => line.Length > 0 && !line.StartsWith("//", StringComparison.Ordinal));
        return Encoding.UTF8.GetBytes(string.Join('\n', lines) + "\n");
    }

    private static byte[] Pack(byte[] content)
    {
        using var packed = new MemoryStream();
        using (var gzip = new GZipStream(packed, CompressionLevel.SmallestSize, leaveOpen: true))
            gzip.Write(content);
        return packed.ToArray();
    }
}
