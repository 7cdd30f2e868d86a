using System.Net;
using System.Security.Cryptography;
using System.Security.Cryptography.X509Certificates;
using Orleans.Personalize.Gateway.Brokers;
using Orleans.Personalize.Gateway.Connectors;
using Orleans.Personalize.Senders;
using Orleans.Personalize.Sources;

namespace Orleans.Personalize.Brokers;

/// <param name="Uri">amqps or amqp, with the virtual host as its path; without user name and password.</param>
/// <param name="DeadLetters">The queue that takes what cannot be used.</param>
/// <param name="Declares">Whether the queues are made where they are missing; else they must be there.</param>
/// <param name="DeliveriesMax">After so many deliveries the broker itself takes a message for poison.</param>
/// <param name="Prefetch">Messages in hand at most.</param>
/// <param name="Authorities">Certificates of authorities that the server's certificate may be signed by; null for those the system trusts.</param>
internal sealed record RabbitMqSettings(
    Uri Uri, string User, string Password, string Queue, string DeadLetters, bool Declares, int DeliveriesMax, ushort Prefetch, X509Certificate2Collection? Authorities)
{
    /// <summary>The members of a document that are read here.</summary>
    public static readonly string[] Members =
        ["uri", "username", "password", "queue", "deadLetterQueue", "declare", "deliveryLimit", "prefetch", "caCertificate"];

    private const int UriLengthMax = 2048;

    /// <summary>The protocol's short strings (AMQP 0-9-1, section 4.2.5.3).</summary>
    private const int NameBytesMax = 255;

    private const int PemLengthMax = 64 * 1024;

    private const int PrefetchDefault = 200;

    /// <summary>Each may be some megabytes, and all are in memory.</summary>
    private const int PrefetchMax = 2_000;

    private const int DeliveriesDefault = 20;

    public static RabbitMqSettings Read(DocumentFields document, bool allowsPrivateTargets)
    {
        var queue = Name(document, "queue", null);
        return new(
            ReadUri(document, allowsPrivateTargets)!,
            document.Text("username") ?? "guest",
            document.Text("password", 1024) ?? "guest",
            queue,
            Name(document, "deadLetterQueue", $"{queue}.dead"),
            document.Flag("declare") ?? true,
            document.Whole("deliveryLimit", 1, 1_000) ?? DeliveriesDefault,
            (ushort)(document.Whole("prefetch", 1, PrefetchMax) ?? PrefetchDefault),
            ReadAuthorities(document));
    }

    private static Uri? ReadUri(DocumentFields document, bool allowsPrivateTargets)
    {
        if (document.Text("uri", UriLengthMax) is not { } text || !Uri.TryCreate(text, UriKind.Absolute, out var uri) || uri.Host.Length == 0)
            document.Fail("/uri", $"must be an AMQP URI such as amqps://broker.example.org/shop of at most {UriLengthMax} characters");
        else if (uri.Scheme != "amqps" && !(allowsPrivateTargets && uri.Scheme == "amqp"))
            document.Fail("/uri", allowsPrivateTargets ? "must begin with amqps: or amqp:" : "must begin with amqps:");
        else if (uri.UserInfo.Length > 0)
            document.Fail("/uri", "must not hold a user name or password; they have members of their own");
        else if (uri.Segments.Length > 2 || uri.Query.Length > 0)
            document.Fail("/uri", "must have the virtual host as its path, a / in its name as %2F, and nothing more");
        else if (!allowsPrivateTargets && IPAddress.TryParse(uri.DnsSafeHost, out var address) && !AddressGuard.IsPublic(address))
            document.Fail("/uri", SourceOptions.NotPublic);
        else
            return uri;
        return null;
    }

    private static string Name(DocumentFields document, string member, string? otherwise)
    {
        var name = document.Text(member) ?? otherwise;
        if (name is { Length: > 0 } && System.Text.Encoding.UTF8.GetByteCount(name) <= NameBytesMax && !name.Any(char.IsControl))
            return name;
        document.Fail($"/{member}", $"must be a queue's name of 1 to {NameBytesMax} bytes");
        return "";
    }

    private static X509Certificate2Collection? ReadAuthorities(DocumentFields document)
    {
        if (document.Text("caCertificate", PemLengthMax) is not { } text)
            return null;
        var found = new X509Certificate2Collection();
        try
        {
            found.ImportFromPem(text);
        }
        catch (CryptographicException)
        {
            // None is found then.
        }
        if (found.Count == 0)
            document.Fail("/caCertificate", "must hold one or more certificates in PEM form (-----BEGIN CERTIFICATE-----)");
        return found;
    }
}

internal sealed class RabbitMqFactory(SourceOptions options, TimeProvider clock, ILogger<RabbitMqBroker> logger) : IBrokerFactory
{
    public DataFlow Flow => FetchedFlows.RabbitMq;

    public IReadOnlyCollection<string> Members { get; } = [.. RabbitMqSettings.Members, .. ItemFormats.Members];

    public void Validate(Source source, DocumentFields document)
    {
        _ = RabbitMqSettings.Read(document, options.AllowPrivateTargets);
        ItemFormats.Validate(source, document);
        if (source.Secrets.Length > 0)
            document.Fail("/secret", "is not used here: the password is what the broker asks for");
    }

    public IBroker Create(string workspace, Source source)
    {
        var errors = new List<DocumentError>();
        var settings = RabbitMqSettings.Read(new DocumentFields(source.Document, "", errors), options.AllowPrivateTargets);
        return errors is [var error, ..]
            ? throw new ArgumentException($"{error.Pointer} {error.Detail}", nameof(source))
            : new RabbitMqBroker(settings, $"personalize {workspace}/{source.Id}", options, clock, logger);
    }
}
