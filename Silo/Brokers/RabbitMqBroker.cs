using System.Net;
using System.Net.Security;
using System.Net.Sockets;
using System.Security.Cryptography.X509Certificates;
using Orleans.Personalize.Gateway.Brokers;
using Orleans.Personalize.Senders;
using Orleans.Personalize.Silo;
using Orleans.Personalize.Sources;
using RabbitMQ.Client;
using RabbitMQ.Client.Exceptions;

namespace Orleans.Personalize.Brokers;

/// <summary>
/// A queue of RabbitMQ 3.10 or later, by AMQP 0-9-1 (https://www.rabbitmq.com/amqp-0-9-1-reference.html). A lost connection is not mended in here: the broker
/// gives what was in hand to whoever asks next, so a new connection is as good as the old one.
/// </summary>
internal sealed class RabbitMqBroker(
    RabbitMqSettings settings, string connectionName, SourceOptions options, TimeProvider clock, ILogger<RabbitMqBroker> logger) : IBroker
{
    /// <summary>The header of a dead letter that says why.</summary>
    public const string ReasonHeader = "x-personalize-reason";

    /// <summary>Between two looks at how many messages wait.</summary>
    private static readonly TimeSpan LagPeriod = TimeSpan.FromSeconds(10);

    /// <summary>A dead connection is noticed after two of them.</summary>
    private static readonly TimeSpan Heartbeat = TimeSpan.FromSeconds(15);

    /// <summary>How long the broker may take for an answer, and a connection for its beginning.</summary>
    private static readonly TimeSpan AnswerTime = TimeSpan.FromSeconds(20);

    /// <summary>Of what is in hand one half is under way while the other half comes in.</summary>
    private int BatchMax => Math.Max(1, settings.Prefetch / 2);

    public async Task ConsumeAsync(IMessageSink sink, CancellationToken stopping)
    {
        await using var connection = await Factory().CreateConnectionAsync(connectionName, stopping);
        await using var channel = await connection.CreateChannelAsync(
            new CreateChannelOptions(publisherConfirmationsEnabled: true, publisherConfirmationTrackingEnabled: true), stopping);
        await PrepareAsync(channel, stopping);
        var inbox = new RabbitMqInbox(channel);
        var tag = await channel.BasicConsumeAsync(settings.Queue, autoAck: false, inbox, stopping);
        sink.OnConnected();
        logger.BrokerConnected(connectionName, settings.Uri.Host, settings.Queue);

        var nextLook = clock.GetUtcNow();
        while (await inbox.WaitAsync(nextLook - clock.GetUtcNow(), clock, stopping) is { } any)
        {
            if (any)
                await SettleAsync(channel, sink, inbox.Take(BatchMax), stopping);
            if (clock.GetUtcNow() >= nextLook)
            {
                sink.OnLag(await channel.MessageCountAsync(settings.Queue, CancellationToken.None));
                nextLook = clock.GetUtcNow() + LagPeriod;
            }
        }

        await channel.BasicCancelAsync(tag, cancellationToken: CancellationToken.None);
        // Sent before the cancellation was answered, they are still ours to return.
        if (inbox.Take(int.MaxValue) is [.., var last])
            await channel.BasicNackAsync(last.Tag, multiple: true, requeue: true, CancellationToken.None);
        await channel.CloseAsync(CancellationToken.None);
        await connection.CloseAsync(CancellationToken.None);
    }

    /// <summary>Quorum queues survive the loss of a node and count deliveries, so a message that kills its consumer does not come for ever.</summary>
    private async Task PrepareAsync(IChannel channel, CancellationToken stopping)
    {
        await channel.BasicQosAsync(prefetchSize: 0, settings.Prefetch, global: false, stopping);
        if (!settings.Declares)
        {
            await channel.QueueDeclarePassiveAsync(settings.DeadLetters, stopping);
            await channel.QueueDeclarePassiveAsync(settings.Queue, stopping);
            return;
        }
        await DeclareAsync(channel, settings.DeadLetters, [], stopping);
        await DeclareAsync(
            channel,
            settings.Queue,
            new()
            {
                ["x-delivery-limit"] = settings.DeliveriesMax,
                ["x-dead-letter-exchange"] = "",
                ["x-dead-letter-routing-key"] = settings.DeadLetters,
            },
            stopping);
    }

    private static Task<QueueDeclareOk> DeclareAsync(IChannel channel, string queue, Dictionary<string, object?> arguments, CancellationToken stopping)
    {
        arguments["x-queue-type"] = "quorum";
        return channel.QueueDeclareAsync(queue, durable: true, exclusive: false, autoDelete: false, arguments, cancellationToken: stopping);
    }

    /// <summary>Not cancelled on the way: what is decided is told to the broker also while the process stops.</summary>
    private async Task SettleAsync(IChannel channel, IMessageSink sink, RabbitMqMessage[] batch, CancellationToken stopping)
    {
        var verdicts = await sink.TakeAsync(Array.ConvertAll(batch, static message => new BrokerMessage(message.Body, message.IsRedelivered)), stopping);
        if (verdicts.Length != batch.Length)
            throw new InvalidOperationException($"{batch.Length} messages got {verdicts.Length} verdicts.");
        if (Array.TrueForAll(verdicts, static verdict => verdict.Fate == MessageFate.Done))
        {
            // Batches are settled one after the other, so nothing older is open.
            await channel.BasicAckAsync(batch[^1].Tag, multiple: true, CancellationToken.None);
            return;
        }
        for (var index = 0; index < batch.Length; index++)
        {
            if (verdicts[index].Fate == MessageFate.Again)
            {
                await channel.BasicNackAsync(batch[index].Tag, multiple: false, requeue: true, CancellationToken.None);
                continue;
            }
            if (verdicts[index].Fate == MessageFate.Refused)
                await BuryAsync(channel, batch[index], verdicts[index].Reason);
            await channel.BasicAckAsync(batch[index].Tag, multiple: false, CancellationToken.None);
        }
    }

    /// <summary>
    /// Returns when the broker has it for good; only then may the original be acknowledged. To be rejected, as the broker's own dead-lettering is asked for, takes
    /// no reason. Should the process end in between, there are two dead letters of one message.
    /// </summary>
    /// <exception cref="PublishException">The broker has not taken it, or there is no such queue.</exception>
    private async Task BuryAsync(IChannel channel, RabbitMqMessage message, string? reason)
    {
        var properties = new BasicProperties(message.Properties) { Persistent = true };
        properties.Headers = new Dictionary<string, object?>(message.Properties.Headers ?? new Dictionary<string, object?>())
        {
            [ReasonHeader] = reason,
            ["x-personalize-queue"] = settings.Queue,
        };
        // A time to live, and who should be told, are of the first journey.
        properties.ClearExpiration();
        properties.ClearUserId();
        await channel.BasicPublishAsync("", settings.DeadLetters, mandatory: true, properties, message.Body, CancellationToken.None);
    }

    private ConnectionFactory Factory() => new()
    {
        HostName = settings.Uri.DnsSafeHost,
        Port = settings.Uri.Port > 0 ? settings.Uri.Port : settings.Uri.Scheme == "amqps" ? 5671 : 5672,
        VirtualHost = settings.Uri.AbsolutePath is "" or "/" ? "/" : Uri.UnescapeDataString(settings.Uri.AbsolutePath[1..]),
        UserName = settings.User,
        Password = settings.Password,
        AutomaticRecoveryEnabled = false,
        TopologyRecoveryEnabled = false,
        RequestedHeartbeat = Heartbeat,
        RequestedConnectionTimeout = AnswerTime,
        ContinuationTimeout = AnswerTime,
        HandshakeContinuationTimeout = AnswerTime,
        SocketFactory = family => new GuardedClient(new Socket(family, SocketType.Stream, ProtocolType.Tcp) { NoDelay = true }, options.AllowPrivateTargets),
        Ssl = Tls(),
    };

    private SslOption Tls()
    {
        var tls = new SslOption { Enabled = settings.Uri.Scheme == "amqps", ServerName = settings.Uri.DnsSafeHost };
        if (settings.Authorities is { } authorities)
            tls.CertificateValidationCallback = (_, certificate, _, problems) => IsSignedBy(authorities, certificate, problems);
        return tls;
    }

    private static bool IsSignedBy(X509Certificate2Collection authorities, X509Certificate? certificate, SslPolicyErrors problems)
    {
        if (certificate is null || (problems & ~SslPolicyErrors.RemoteCertificateChainErrors) != SslPolicyErrors.None)
            return false;
        using var chain = new X509Chain();
        chain.ChainPolicy.TrustMode = X509ChainTrustMode.CustomRootTrust;
        chain.ChainPolicy.CustomTrustStore.AddRange(authorities);
        // Private authorities rarely publish what they revoke.
        chain.ChainPolicy.RevocationMode = X509RevocationMode.NoCheck;
        using var copy = new X509Certificate2(certificate);
        return chain.Build(copy);
    }

    /// <summary>Looks at the very address that is connected to, after the name was resolved.</summary>
    private sealed class GuardedClient(Socket socket, bool allowsPrivateTargets) : TcpClientAdapter(socket)
    {
        public override Task ConnectAsync(IPAddress host, int port, CancellationToken cancellationToken = default) =>
            allowsPrivateTargets || AddressGuard.IsPublic(host) ? base.ConnectAsync(host, port, cancellationToken) : throw new TargetRefusedException();
    }
}
