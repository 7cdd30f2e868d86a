using System.Net.Security;
using System.Net.Sockets;
using System.Security.Authentication;
using System.Xml;
using Orleans.Personalize.Sending;

namespace Orleans.Personalize.Senders.Smtp;

internal enum SmtpSecurity
{
    /// <summary>In plain text.</summary>
    None,
    /// <summary>TLS by STARTTLS (RFC 3207), or nothing.</summary>
    StartTls,
    /// <summary>TLS from the first byte (RFC 8314).</summary>
    Tls,
}

/// <param name="Password">There where <paramref name="User"/> is.</param>
internal sealed record SmtpSettings(
    string Host, int Port, SmtpSecurity Security, string? User, string? Password, MailAddress From, MailAddress? ReplyTo, TimeSpan Timeout);

/// <summary>
/// Hands each mail to a mail server. Before the message's end it is certain that the server has not taken it; after that only its answer tells.
/// </summary>
internal sealed class SmtpSender : ISender
{
    private readonly SmtpSettings settings;
    private readonly TimeProvider clock;
    private readonly SmtpPool pool;

    /// <param name="trust">Judges certificates; null: the system does.</param>
    public SmtpSender(SmtpSettings settings, GuardedConnector connector, TimeProvider clock, RemoteCertificateValidationCallback? trust)
    {
        this.settings = settings;
        this.clock = clock;
        pool = new SmtpPool(cancellation => SmtpConnection.OpenAsync(settings, connector, trust, cancellation), clock);
    }

    public async Task<Delivery> DeliverAsync(SendMessage message, CancellationToken cancellation)
    {
        if (Mail.Of(message) is var (mail, fault) && mail is null)
            return new Delivery(SendOutcome.Failed, Detail: fault);
        using var deadline = new CancellationTokenSource(settings.Timeout, clock);
        using var either = CancellationTokenSource.CreateLinkedTokenSource(deadline.Token, cancellation);
        SmtpConnection? connection = null;
        try
        {
            connection = await pool.RentAsync(either.Token);
            var delivery = await SendAsync(connection, message.Job.DecisionId, mail, either.Token);
            await pool.ReturnAsync(connection);
            return delivery;
        }
        catch (Exception failure) when (failure is SmtpException or IOException or SocketException or AuthenticationException or TargetRefusedException
            || failure is OperationCanceledException && !cancellation.IsCancellationRequested)
        {
            return await AbandonAsync(connection, failure);
        }
        catch
        {
            if (connection is not null)
                await connection.DisposeAsync();
            throw;
        }
    }

    private async Task<Delivery> SendAsync(SmtpConnection connection, string decisionId, Mail mail, CancellationToken cancellation)
    {
        if (!mail.To.IsAscii && !connection.Supports("SMTPUTF8"))
            return new Delivery(SendOutcome.Failed, Detail: "The address has letters beyond ASCII before the @, and the server does not offer SMTPUTF8.");
        var content = MimeMessage.Write(mail, settings.From, settings.ReplyTo, decisionId, clock.GetUtcNow());
        var (step, reply) = await connection.SendAsync(settings.From.Email, mail.To, content, cancellation);
        var detail = $"{step} was answered {reply.Code} {ProviderText.Quote(reply.Text, settings.Password)}".TrimEnd();
        return reply.Code switch
        {
            >= 200 and < 300 when connection.IsCommitted => new Delivery(SendOutcome.Sent, ProviderText.Quote(reply.Text, settings.Password)),
            >= 400 and < 500 => new Delivery(SendOutcome.Retry, Detail: detail),
            // "Authentication required" (RFC 4954, section 6) is the account's fault, not the message's.
            530 => new Delivery(SendOutcome.Retry, Detail: detail),
            >= 500 => new Delivery(SendOutcome.Failed, Detail: detail),
            _ => throw new SmtpException($"{detail}, which makes no sense."),
        };
    }

    /// <summary>Whatever went wrong before the message is about the server or the account: later may be better.</summary>
    private async Task<Delivery> AbandonAsync(SmtpConnection? connection, Exception failure)
    {
        if (connection is not null)
            await connection.DisposeAsync();
        var outcome = failure is TargetRefusedException ? SendOutcome.Failed : connection is { IsCommitted: true } ? SendOutcome.Unknown : SendOutcome.Retry;
        return new Delivery(outcome, Detail: failure switch
        {
            OperationCanceledException => $"No answer within {XmlConvert.ToString(settings.Timeout)}.",
            SmtpException or TargetRefusedException => ProviderText.Quote(failure.Message, settings.Password),
            AuthenticationException => "No secure connection; check the certificate.",
            SocketException { SocketErrorCode: SocketError.HostNotFound or SocketError.TryAgain or SocketError.NoData } => "The host's name was not found.",
            SocketException => "No connection.",
            _ => "The connection broke.",
        });
    }
}
