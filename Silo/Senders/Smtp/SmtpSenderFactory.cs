using System.Net;
using System.Net.Security;
using Orleans.Personalize.Engine;
using Orleans.Personalize.Sending;

namespace Orleans.Personalize.Senders.Smtp;

/// <summary>
/// Makes senders of documents like <c>{"type":"smtp","host":"smtp.example.com","user":"shop","password":"…","from":{"email":"shop@example.com"}}</c>.
/// SMTP has no idempotency: a repeated message differs in nothing, not even its <c>Message-ID</c>, and is delivered again.
/// </summary>
/// <param name="resolve">Looks up the addresses of a name; by default the system does.</param>
/// <param name="trust">Judges certificates; by default the system does.</param>
internal sealed class SmtpSenderFactory(
    SenderOptions options,
    TimeProvider clock,
    Func<string, CancellationToken, Task<IPAddress[]>>? resolve = null,
    RemoteCertificateValidationCallback? trust = null)
    : DocumentFactory<SmtpSettings>(
        "smtp", deduplicates: false, "host", "port", "security", "user", "password", "from", "replyTo", "timeout")
{
    private static readonly TimeSpan TimeoutMin = TimeSpan.FromSeconds(1);
    /// <summary>Below the time that a delivery may take in all.</summary>
    private static readonly TimeSpan TimeoutMax = TimeSpan.FromSeconds(50);
    private static readonly TimeSpan TimeoutDefault = TimeSpan.FromSeconds(30);

    private readonly GuardedConnector connector = new(options.AllowPrivateTargets, resolve ?? Dns.GetHostAddressesAsync);

    protected override SmtpSettings Read(DocumentReader document)
    {
        var security = document.OneOf("security", "starttls", "starttls", "tls", "none") switch
        {
            "tls" => SmtpSecurity.Tls,
            "none" => SmtpSecurity.None,
            _ => SmtpSecurity.StartTls,
        };
        if (security == SmtpSecurity.None && !options.AllowPrivateTargets)
            document.Fail("/security", "must be starttls or tls; the operator may allow none with Personalize:Senders:AllowPrivateTargets");
        var (user, password) = (Optional(document, "user"), document.Text("password"));
        if (user is null != password is null)
            document.Fail(user is null ? "/user" : "/password", "goes together with the other");
        if (password is { Length: 0 or > 256 } || password?.Contains('\0') is true)
            document.Fail("/password", "must have 1 to 256 characters");
        if (user is not null && security == SmtpSecurity.None)
            document.Fail("/user", "must not go over a connection without TLS");
        return new(
            ReadHost(document),
            (int)(document.Number("port", 1, 65535, wholeOnly: true) ?? (security == SmtpSecurity.Tls ? 465 : 587)),
            security,
            user,
            password,
            MailAddress.Read(document, "from", required: true)!,
            MailAddress.Read(document, "replyTo"),
            document.Duration("timeout", TimeoutMin, TimeoutMax) ?? TimeoutDefault);
    }

    protected override ISender Create(SmtpSettings settings) => new SmtpSender(settings, connector, clock, trust);

    private string ReadHost(DocumentReader document)
    {
        var host = Required(document, "host");
        if (host.Length > 0 && Uri.CheckHostName(host) == UriHostNameType.Unknown)
            document.Fail("/host", "must be the name or address of a mail server");
        else if (!options.AllowPrivateTargets && IPAddress.TryParse(host, out var address) && !AddressGuard.IsPublic(address))
            document.Fail("/host", "is an address that is not public; the operator may allow that with Personalize:Senders:AllowPrivateTargets");
        return host;
    }
}
