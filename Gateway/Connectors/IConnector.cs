using System.Text.Json;
using Microsoft.AspNetCore.Http;
using Microsoft.Net.Http.Headers;
using Orleans.Personalize.Gateway.Api;

namespace Orleans.Personalize.Gateway.Connectors;

/// <summary>A request of a source, read whole.</summary>
/// <param name="Body">As it was sent: signatures are of these bytes.</param>
internal sealed record Delivery(IHeaderDictionary Headers, ReadOnlyMemory<byte> Body, DateTimeOffset ReceivedAt)
{
    /// <summary>In lower case and without parameters; empty where the request names none that can be read.</summary>
    public string MediaType => MediaTypeHeaderValue.TryParse(Headers.ContentType.ToString(), out var type) ? type.MediaType.ToString().ToLowerInvariant() : "";

    /// <summary>The header's one value; null where it is absent, empty or repeated.</summary>
    public string? Header(string name) => Headers[name] is [{ Length: > 0 } value] ? value : null;

    /// <summary>The body as JSON; dispose it. Nesting is bounded.</summary>
    /// <exception cref="JsonException">It is none.</exception>
    public JsonDocument Parse() => JsonDocument.Parse(Body, new JsonDocumentOptions { MaxDepth = Limits.DepthMax });

    /// <summary>The body as a JSON object; dispose it.</summary>
    /// <exception cref="JsonException">It is no JSON.</exception>
    /// <exception cref="BadHttpRequestException">It is something else, or holds text that is none.</exception>
    public JsonDocument ParseObject()
    {
        RequestBody.RequireObject(Body.Span);
        return JsonDefects.FindInObject(Body.Span) is { } defect
            ? throw new BadHttpRequestException($"{(defect.Pointer.Length == 0 ? "The body" : defect.Pointer)} {defect.Detail}.")
            : Parse();
    }
}

/// <summary>What the check of a signature comes to.</summary>
internal enum Proof
{
    Valid = 0,
    /// <summary>There is nothing to check.</summary>
    Missing = 1,
    /// <summary>It is not of this request and a secret of the source.</summary>
    Wrong = 2,
    /// <summary>It is too old, or from the future: a request that somebody recorded and repeats.</summary>
    Stale = 3,
}

/// <param name="Events">In order; those that are wrong are among them with the reason.</param>
internal sealed record Inflow(List<ParsedEvent> Events)
{
    /// <summary>What there is to tell of a topic that concerns no customer.</summary>
    public static Inflow Nothing => new([]);

    /// <summary>Customers whose erasure is asked for.</summary>
    public string[] Erasures { get; init; } = [];

    /// <summary>The JSON that the source waits for, if it does.</summary>
    public string? Answer { get; init; }
}

/// <summary>The port of what comes in over HTTP from a source: whether it is the source's, and what it says. Both are pure.</summary>
internal interface IConnector : ISourceType
{
    /// <summary>How far off a clock may be, and how long a signed request is good for, where its format has a time. Standard Webhooks and Klaviyo name this one.</summary>
    static readonly TimeSpan Tolerance = TimeSpan.FromMinutes(5);

    /// <summary>Whether a body of that type is read at all.</summary>
    bool Takes(string mediaType) => IsJson(mediaType);

    Proof Verify(Delivery delivery, Source source);

    /// <exception cref="JsonException">The body is no JSON.</exception>
    /// <exception cref="BadHttpRequestException">It is not what the source sends.</exception>
    Inflow Parse(Delivery delivery, Source source);

    /// <summary>The events of one item of a delivery; of an item that was refused and mended again those of what it has become.</summary>
    /// <param name="origin">As <see cref="ParsedEvent.Origin"/> had it.</param>
    List<ParsedEvent> Read(JsonElement item, Origin origin, Source source);

    /// <summary>The answer to a GET or OPTIONS by which a source asks whether it may send; null where it has no such question.</summary>
    IResult? Greet(HttpRequest request, Source source) => null;

    static bool IsJson(string mediaType) => mediaType == "application/json" || mediaType.EndsWith("+json", StringComparison.Ordinal);
}
