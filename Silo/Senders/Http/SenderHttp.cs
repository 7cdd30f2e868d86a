using System.Net;
using System.Xml;
using Orleans.Personalize.Engine;
using Orleans.Personalize.Sending;

namespace Orleans.Personalize.Senders.Http;

/// <summary>
/// The way out of all senders that speak HTTP: one guarded pool of connections, one deadline an attempt, and one judgement of what can go wrong
/// between here and an answer.
/// </summary>
internal sealed class SenderHttp : IDisposable
{
    public const string UserAgent = "Orleans.Personalize";

    private const int UrlLengthMax = 2048;

    private static readonly TimeSpan TimeoutMin = TimeSpan.FromSeconds(1);
    private static readonly TimeSpan TimeoutMax = TimeSpan.FromSeconds(30);
    private static readonly TimeSpan TimeoutDefault = TimeSpan.FromSeconds(15);

    private readonly SenderOptions options;
    private readonly TimeProvider clock;
    private readonly HttpMessageInvoker invoker;

    /// <param name="resolve">Looks up the addresses of a name; by default the system does.</param>
    public SenderHttp(SenderOptions options, TimeProvider clock, Func<string, CancellationToken, Task<IPAddress[]>>? resolve = null)
    {
        this.options = options;
        this.clock = clock;
        var connector = new GuardedConnector(options.AllowPrivateTargets, resolve ?? Dns.GetHostAddressesAsync);
        invoker = new HttpMessageInvoker(connector.Handler(TimeoutMax));
    }

    public TimeProvider Clock => clock;

    /// <summary>Posts once and judges the answer.</summary>
    /// <param name="request">Without content.</param>
    /// <param name="timeout">From the look-up of the name to the end of the judgement.</param>
    /// <exception cref="OperationCanceledException">The caller cancelled.</exception>
    public async Task<Delivery> PostAsync(
        HttpRequestMessage request, ReadOnlyMemory<byte> json, TimeSpan timeout, Func<Answer, Task<Delivery>> judge, CancellationToken cancellation)
    {
        var content = new JsonBody(json);
        request.Content = content;
        using var deadline = new CancellationTokenSource(timeout, clock);
        using var either = CancellationTokenSource.CreateLinkedTokenSource(deadline.Token, cancellation);
        try
        {
            // What of the answer's body is not read, disposing drains where it is short, to keep the connection, and cuts off where it is long.
            using var response = await invoker.SendAsync(request, either.Token);
            return await judge(new Answer(response, clock, either.Token, cancellation));
        }
        catch (HttpRequestException fault) when (fault.GetBaseException() is TargetRefusedException refusal)
        {
            return new Delivery(SendOutcome.Failed, Detail: refusal.Message);
        }
        catch (HttpRequestException fault)
        {
            return Unanswered(content, $"No answer: {Explain(fault.HttpRequestError)}.");
        }
        catch (OperationCanceledException) when (!cancellation.IsCancellationRequested)
        {
            return Unanswered(content, $"No answer within {XmlConvert.ToString(timeout)}.");
        }
    }

    /// <summary>A document's <c>url</c>; what is wrong with it is noted.</summary>
    public Uri? ReadUrl(DocumentReader document, string? otherwise = null)
    {
        if ((document.Text("url") ?? otherwise) is not { Length: > 0 and <= UrlLengthMax } text || !Uri.TryCreate(text, UriKind.Absolute, out var url))
            document.Fail("/url", $"must be an absolute URL of at most {UrlLengthMax} characters");
        else if (url.Scheme != Uri.UriSchemeHttps && !(options.AllowPrivateTargets && url.Scheme == Uri.UriSchemeHttp))
            document.Fail("/url", options.AllowPrivateTargets ? "must begin with https: or http:" : "must begin with https:");
        else if (url.UserInfo.Length > 0)
            document.Fail("/url", "must not hold a user name or password");
        else if (!options.AllowPrivateTargets && IPAddress.TryParse(url.DnsSafeHost, out var address) && !AddressGuard.IsPublic(address))
            document.Fail("/url", "has an address that is not public; the operator may allow that with Personalize:Senders:AllowPrivateTargets");
        else
            return url;
        return null;
    }

    public static TimeSpan ReadTimeout(DocumentReader document) => document.Duration("timeout", TimeoutMin, TimeoutMax) ?? TimeoutDefault;

    public void Dispose() => invoker.Dispose();

    private static Delivery Unanswered(JsonBody content, string detail) =>
        new(content.IsOnItsWay ? SendOutcome.Unknown : SendOutcome.Retry, Detail: detail);

    private static string Explain(HttpRequestError error) => error switch
    {
        HttpRequestError.NameResolutionError => "the host's name was not found",
        HttpRequestError.ConnectionError => "no connection",
        HttpRequestError.SecureConnectionError => "no secure connection; check the certificate",
        HttpRequestError.ResponseEnded => "the connection ended early",
        HttpRequestError.InvalidResponse => "the response is not HTTP",
        HttpRequestError.ConfigurationLimitExceeded => "the response's headers are too long",
        _ => "the connection broke",
    };

    /// <summary>
    /// A body that knows whether it was begun. A request's head waits in the connection's buffer for its body, so before that nothing that a
    /// server could act on has left.
    /// </summary>
    private sealed class JsonBody : HttpContent
    {
        private readonly ReadOnlyMemory<byte> json;

        public JsonBody(ReadOnlyMemory<byte> json)
        {
            this.json = json;
            Headers.ContentType = new("application/json");
        }

        public bool IsOnItsWay { get; private set; }

        protected override Task SerializeToStreamAsync(Stream stream, TransportContext? context) =>
            SerializeToStreamAsync(stream, context, CancellationToken.None);

        protected override Task SerializeToStreamAsync(Stream stream, TransportContext? context, CancellationToken cancellationToken)
        {
            IsOnItsWay = true;
            return stream.WriteAsync(json, cancellationToken).AsTask();
        }

        protected override bool TryComputeLength(out long length)
        {
            length = json.Length;
            return true;
        }
    }
}
