using System.Net;
using System.Text.Json;
using Orleans.Personalize.Engine;
using Orleans.Personalize.Sending;

namespace Orleans.Personalize.Senders;

/// <summary>
/// Makes senders of documents like <c>{"type":"webhook","channel":"email","url":"https://…","secret":"whsec_…","timeout":"PT15S"}</c>. The
/// secret may be an array, newest first, while it is being changed. All of them share one pool of connections.
/// </summary>
internal sealed class WebhookSenderFactory : ISenderFactory, IDisposable
{
    private const int UrlLengthMax = 2048;
    private const int SecretsMax = 4;

    private static readonly TimeSpan TimeoutMin = TimeSpan.FromSeconds(1);
    private static readonly TimeSpan TimeoutMax = TimeSpan.FromSeconds(30);
    private static readonly TimeSpan TimeoutDefault = TimeSpan.FromSeconds(15);

    private readonly WebhookOptions options;
    private readonly TimeProvider clock;
    private readonly HttpMessageInvoker http;

    /// <param name="resolve">Looks up the addresses of a name; by default the system does.</param>
    public WebhookSenderFactory(
        WebhookOptions options,
        TimeProvider clock,
        Func<string, CancellationToken, Task<IPAddress[]>>? resolve = null)
    {
        this.options = options;
        this.clock = clock;
        var connector = new GuardedConnector(options.AllowPrivateTargets, resolve ?? Dns.GetHostAddressesAsync);
        http = new HttpMessageInvoker(new SocketsHttpHandler
        {
            ConnectCallback = (context, cancellation) => connector.ConnectAsync(context.DnsEndPoint, cancellation),
            // A proxy would connect in our place, past the guard.
            UseProxy = false,
            UseCookies = false,
            AllowAutoRedirect = false,
            // Trace ids and baggage are not for strangers.
            ActivityHeadersPropagator = null,
            ConnectTimeout = TimeoutMax,
            MaxConnectionsPerServer = 64,
            MaxResponseHeadersLength = 16,
            MaxResponseDrainSize = 64 * 1024,
            ResponseDrainTimeout = TimeSpan.FromSeconds(2),
            // Follows a name that moves.
            PooledConnectionLifetime = TimeSpan.FromMinutes(5),
        });
    }

    public string Type => "webhook";

    /// <summary>By the <c>webhook-id</c>, as Standard Webhooks asks of receivers.</summary>
    public bool Deduplicates => true;

    public IReadOnlyList<DocumentError> Validate(JsonElement document) => Read(document).Errors;

    /// <exception cref="ArgumentException">The document is not valid, or no longer since private targets are not allowed.</exception>
    public ISender Create(string workspace, string senderId, JsonElement document)
    {
        var (errors, url, keys, timeout) = Read(document);
        return errors.Count == 0
            ? new WebhookSender(http, clock, url!, keys, timeout)
            : throw new ArgumentException($"Sender '{senderId}' is not valid: {errors[0].Pointer}: {errors[0].Detail}", nameof(document));
    }

    public void Dispose() => http.Dispose();

    private (IReadOnlyList<DocumentError> Errors, Uri? Url, IReadOnlyList<byte[]> Keys, TimeSpan Timeout) Read(JsonElement json)
    {
        var errors = new List<DocumentError>();
        var document = new DocumentReader(json, "", errors);
        if (SenderTerms.Read(document, this, "url", "secret", "timeout") is null)
            return (errors, null, [], default);
        var url = ReadUrl(document);
        var keys = ReadKeys(document);
        return (errors, url, keys, document.Duration("timeout", TimeoutMin, TimeoutMax) ?? TimeoutDefault);
    }

    private Uri? ReadUrl(DocumentReader document)
    {
        if (document.Text("url") is not { Length: > 0 and <= UrlLengthMax } text || !Uri.TryCreate(text, UriKind.Absolute, out var url))
            document.Fail("/url", $"must be an absolute URL of at most {UrlLengthMax} characters");
        else if (url.Scheme != Uri.UriSchemeHttps && !(options.AllowPrivateTargets && url.Scheme == Uri.UriSchemeHttp))
            document.Fail("/url", options.AllowPrivateTargets ? "must begin with https: or http:" : "must begin with https:");
        else if (url.UserInfo.Length > 0)
            document.Fail("/url", "must not hold a user name or password; receivers check the signature");
        else if (!options.AllowPrivateTargets && IPAddress.TryParse(url.DnsSafeHost, out var address) && !AddressGuard.IsPublic(address))
            document.Fail("/url", "has an address that is not public; the operator may allow that with Personalize:Webhooks:AllowPrivateTargets");
        else
            return url;
        return null;
    }

    private static List<byte[]> ReadKeys(DocumentReader document)
    {
        var keys = new List<byte[]>();
        var secret = document.Member("secret");
        DocumentReader[] secrets = secret?.Kind == JsonValueKind.Array ? [.. secret.Items()] : secret is null ? [] : [secret];
        if (secrets.Length is 0 or > SecretsMax)
            document.Fail("/secret", $"must be a secret, or an array of 1 to {SecretsMax} while it is being changed");
        foreach (var each in secrets)
        {
            if (StandardWebhook.Key(each.AsText()) is { } key)
                keys.Add(key);
            else
                each.Fail("", StandardWebhook.SecretForm);
        }
        return keys;
    }
}
