using System.Net;
using System.Text.Json;
using Orleans.Personalize.Engine;
using Orleans.Personalize.Gateway.Connectors;
using Orleans.Personalize.Senders;

namespace Orleans.Personalize.Sources;

/// <param name="Header">The header that carries <paramref name="Authorization"/>.</param>
/// <param name="Authorization">Null where the source asks for nothing.</param>
/// <param name="Items">A JSON pointer to the array of items in the answer; empty for the answer itself.</param>
/// <param name="CursorFrom">A JSON pointer to where to go on: into the answer, or into its last item.</param>
/// <param name="IsCursorOfItem">Whether it is of the last item.</param>
/// <param name="CursorParameter">The parameter of the query that takes it; null where there is no cursor.</param>
internal sealed record PollSettings(
    Uri Url, TimeSpan Interval, TimeSpan Timeout, string Header, string? Authorization, string Items, string? CursorFrom, bool IsCursorOfItem, string? CursorParameter)
{
    public static readonly string[] Members = ["url", "interval", "timeout", "header", "authorization", "items", "cursor"];

    private const int UrlLengthMax = 2048;

    /// <summary>Shorter ones are for a source that sends by itself.</summary>
    private static readonly TimeSpan IntervalMin = TimeSpan.FromSeconds(10);
    private static readonly TimeSpan IntervalMax = TimeSpan.FromDays(7);
    private static readonly TimeSpan IntervalDefault = TimeSpan.FromMinutes(5);
    private static readonly TimeSpan TimeoutMin = TimeSpan.FromSeconds(1);
    private static readonly TimeSpan TimeoutMax = TimeSpan.FromMinutes(1);
    private static readonly TimeSpan TimeoutDefault = TimeSpan.FromSeconds(30);

    public static PollSettings Read(DocumentFields document, bool allowsPrivateTargets)
    {
        var cursor = document.Member("cursor");
        cursor?.IsObjectOf("from", "last", "parameter");
        var (from, last) = (Pointer(cursor, "from"), Pointer(cursor, "last"));
        if (cursor is not null && from is null == last is null)
            cursor.Fail("", "must have either from, a JSON pointer into the answer, or last, one into its last item");
        if (cursor is not null && cursor.Member("parameter") is null)
            cursor.Fail("/parameter", "is missing: which parameter of the query takes it");
        var header = document.Text("header") ?? "Authorization";
        if (header.Any(static character => !char.IsAsciiLetterOrDigit(character) && character != '-'))
            document.Fail("/header", "must be the name of a header");
        var authorization = document.Text("authorization", 4096);
        if (authorization?.Any(static character => character is < ' ' or > '~') == true)
            document.Fail("/authorization", "must be printable ASCII, as it stands in a header");
        return new(
            ReadUrl(document, allowsPrivateTargets)!,
            Duration(document, "interval", IntervalMin, IntervalMax) ?? IntervalDefault,
            Duration(document, "timeout", TimeoutMin, TimeoutMax) ?? TimeoutDefault,
            header,
            authorization,
            Pointer(document, "items") ?? "",
            from ?? last,
            last is not null,
            cursor?.Text("parameter"));
    }

    /// <summary>Where to ask, from a cursor on.</summary>
    public Uri At(string? cursor)
    {
        if (cursor is null || CursorParameter is null)
            return Url;
        var parameter = $"{Uri.EscapeDataString(CursorParameter)}={Uri.EscapeDataString(cursor)}";
        return new UriBuilder(Url) { Query = Url.Query.Length > 1 ? $"{Url.Query[1..]}&{parameter}" : parameter }.Uri;
    }

    private static string? Pointer(DocumentFields? document, string name)
    {
        if (document?.Text(name) is not { } text)
            return null;
        if (JsonPath.IsPointer(text))
            return text;
        document.Fail($"/{name}", "must be a JSON pointer such as /data/items");
        return null;
    }

    private static TimeSpan? Duration(DocumentFields document, string name, TimeSpan min, TimeSpan max)
    {
        if (document.Text(name) is not { } text)
            return null;
        if (Iso8601Duration.TryParse(text, out var duration) && duration >= min && duration <= max)
            return duration;
        document.Fail($"/{name}", $"must be an ISO 8601 duration such as \"PT5M\", at least {min} and at most {max}");
        return null;
    }

    private static Uri? ReadUrl(DocumentFields document, bool allowsPrivateTargets)
    {
        if (document.Text("url", UrlLengthMax) is not { } text || !Uri.TryCreate(text, UriKind.Absolute, out var url))
            document.Fail("/url", $"must be an absolute URL of at most {UrlLengthMax} characters");
        else if (url.Scheme != Uri.UriSchemeHttps && !(allowsPrivateTargets && url.Scheme == Uri.UriSchemeHttp))
            document.Fail("/url", allowsPrivateTargets ? "must begin with https: or http:" : "must begin with https:");
        else if (url.UserInfo.Length > 0)
            document.Fail("/url", "must not hold a user name or password; authorization takes them");
        else if (!allowsPrivateTargets && IPAddress.TryParse(url.DnsSafeHost, out var address) && !AddressGuard.IsPublic(address))
            document.Fail("/url", SourceOptions.NotPublic);
        else
            return url;
        return null;
    }
}

/// <summary>What the document of a polled source holds.</summary>
internal sealed class PollSource(SourceOptions options) : ISourceType
{
    public DataFlow Flow => FetchedFlows.Poll;

    public IReadOnlyCollection<string> Members { get; } = [.. PollSettings.Members, .. ItemFormats.Members];

    public void Validate(Source source, DocumentFields document)
    {
        _ = PollSettings.Read(document, options.AllowPrivateTargets);
        ItemFormats.Validate(source, document);
        if (source.Secrets.Length > 0)
            document.Fail("/secret", "is not used here: authorization is what is sent");
    }
}
