using Microsoft.AspNetCore.Server.Kestrel.Core;

namespace Orleans.Personalize.Gateway.Api;

/// <summary>Every bound of the gateway, with its reason.</summary>
internal static class Limits
{
    /// <summary>A request to the native API: 1,000 events of 4 KB each.</summary>
    public const int RequestBytesMax = 4 * 1024 * 1024;

    /// <summary>A request of the tracking script: what browsers still send of a page that is left (https://fetch.spec.whatwg.org/#http-network-or-cache-fetch).</summary>
    public const int PageRequestBytesMax = 64 * 1024;

    /// <summary>Events in a native request. One request holds up one turn a customer; more events are better sent as more requests.</summary>
    public const int EventsMax = 1_000;

    /// <summary>One event, as in Segment's API, so that whatever goes in by one door goes in by the other.</summary>
    public const int EventBytesMax = 32 * 1024;

    /// <summary>A Segment batch (https://segment.com/docs/connections/sources/catalog/libraries/server/http-api/#max-request-size).</summary>
    public const int SegmentRequestBytesMax = 500 * 1024;

    /// <summary>Events in a Segment batch, from the same page.</summary>
    public const int SegmentEventsMax = 2_500;

    /// <summary>
    /// Events in a mail provider's request. Mandrill sends up to 1,000; SendGrid names no number, and its requests are smaller than a megabyte.
    /// </summary>
    public const int MailEventsMax = 5_000;

    /// <summary>Mandrill's form: 1,000 events with all that is known of their mails.</summary>
    public const int MailFormBytesMax = 8 * 1024 * 1024;

    /// <summary>Nesting of an event or document. Segment's deepest standard event has five levels; code that recurses over JSON stays safe.</summary>
    public const int DepthMax = 32;

    /// <summary>A trigger, template or sender. A mail of more than 102 KB is clipped by Gmail; its template may be some larger.</summary>
    public const int DocumentBytesMax = 512 * 1024;

    /// <summary>A draft of a template with an event and data.</summary>
    public const int PreviewBytesMax = DocumentBytesMax + (2 * EventBytesMax);

    /// <summary>A draft of a trigger with where to begin and to stop.</summary>
    public const int BacktestBytesMax = DocumentBytesMax + (4 * 1024);

    /// <summary>Events of a backtest, each read, decoded and replayed: some minutes.</summary>
    public const int BacktestEventsMax = 10_000_000;

    /// <summary>A request to make a key.</summary>
    public const int KeyRequestBytesMax = 4 * 1024;

    /// <summary>Why an operator did something: a sentence or two, kept with each of the versions and facts that came of it.</summary>
    public const int ReasonLengthMax = 256;

    /// <summary>Characters of an import of suppressed addresses: some hundred thousand. All of them are in memory at once.</summary>
    public const int ImportLengthMax = 16 * 1024 * 1024;

    /// <summary>A row of an import: it becomes one event.</summary>
    public const int ImportRowBytesMax = EventBytesMax;

    /// <summary>
    /// What an import applies, and records as applied, at a time: some thousand rows, a fraction of a second. Two such blocks are in memory, one that is
    /// applied and one that is read.
    /// </summary>
    public const int ImportBlockBytes = 1024 * 1024;

    /// <summary>Files that a process takes in at a time: some MB of blocks and rows each, and more of them would not be faster.</summary>
    public const int ImportsMax = 8;

    /// <summary>Rows that are handed over together; those of a customer make one call.</summary>
    public const int ImportSliceRows = 512;

    /// <summary>Slices under way at a time: a quarter of what the journal's queue holds, so that other events find room.</summary>
    public const int ImportSlicesMax = 8;

    /// <summary>Bad rows of an import that go to quarantine; the others are only counted. More are not mended by hand, but in the file.</summary>
    public const int ImportQuarantinedMax = 1_000;

    /// <summary>A request for an import, with a mapping.</summary>
    public const int ImportRequestBytesMax = 64 * 1024;

    /// <summary>Suppressed addresses of one page.</summary>
    public const int SuppressionsMax = 1_000;

    /// <summary>Timeline entries and customers of one page; the grains allow no more.</summary>
    public const int TimelineItemsMax = 500;

    public const int SearchHitsMax = 200;

    /// <summary>Sends that need attention on one page; the grain keeps no more of a sender.</summary>
    public const int AttentionItemsMax = 1_000;

    /// <summary>Quarantined events of one page and of one bulk; the grain allows no more.</summary>
    public const int QuarantineItemsMax = 500;

    /// <summary>A mended event, with what goes with it. Sources send more than becomes an event; whatever came in can be mended.</summary>
    public const int FixBytesMax = RequestBytesMax + KeyRequestBytesMax;

    /// <summary>Text to search for; no customer id is longer.</summary>
    public const int SearchTextLengthMax = CustomerKey.CustomerIdLengthMax;

    /// <summary>
    /// Live connections of this process: each holds a connection, a call to its customer and the newest profile, some 100 KB. More eyes than any shop has.
    /// </summary>
    public const int LiveConnectionsMax = 500;

    /// <summary>New facts of one message; a customer that has more at once is read in its timeline.</summary>
    public const int LiveFactsMax = 100;

    /// <summary>
    /// What is read and thrown away of a body that is too large: most clients read the answer only after they sent everything, and a
    /// connection cut before that tells them nothing. Costs no memory. Above it the connection is cut.
    /// </summary>
    private const long DiscardedBytesMax = 32 * 1024 * 1024;

    /// <summary>Kestrel answers what these refuse by itself: 400, 408, 413, 414 or 431.</summary>
    public static void Apply(KestrelServerOptions kestrel)
    {
        kestrel.AddServerHeader = false;
        kestrel.Limits.MaxRequestBodySize = DiscardedBytesMax;
        // A customer id of 256 characters has at most 2,304 when percent-encoded.
        kestrel.Limits.MaxRequestLineSize = 8 * 1024;
        // Room for the cookies that a storefront's own domain may carry along.
        kestrel.Limits.MaxRequestHeadersTotalSize = 32 * 1024;
        kestrel.Limits.MaxRequestHeaderCount = 100;
        // A client that dawdles over headers or body holds a connection for nothing: 15 s, then at least 240 bytes a second after 5 s.
        kestrel.Limits.RequestHeadersTimeout = TimeSpan.FromSeconds(15);
        kestrel.Limits.MinRequestBodyDataRate = new MinDataRate(bytesPerSecond: 240, gracePeriod: TimeSpan.FromSeconds(5));
        // Longer than the 60 s of common load balancers, so that they close first and never send into a closing connection.
        kestrel.Limits.KeepAliveTimeout = TimeSpan.FromSeconds(130);
        // Below the usual limit of open files, so that the journal and the senders always get theirs.
        kestrel.Limits.MaxConcurrentConnections = 10_000;
    }
}
