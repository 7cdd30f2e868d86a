using System.Net;
using System.Net.Security;
using System.Net.Sockets;
using System.Text;

namespace Orleans.Personalize.Senders.Smtp;

/// <summary>The server did not keep to the protocol, or cannot do what the settings ask for. The message holds no secrets.</summary>
internal sealed class SmtpException(string message) : Exception(message);

/// <param name="Text">Its lines, without their codes.</param>
internal sealed record SmtpReply(int Code, string Text)
{
    public bool IsPositive => Code is >= 200 and < 400;
}

/// <summary>
/// One connection to a mail server (RFC 5321), greeted, secured and signed in; it sends one message at a time. After an exception its state is
/// not known, and it is of no more use.
/// </summary>
internal sealed class SmtpConnection : IAsyncDisposable
{
    private const int ReplyLineLengthMax = 4096;
    private const int ReplyLinesMax = 128;

    private readonly byte[] buffer = new byte[ReplyLineLengthMax];
    private readonly string clientName;
    private Stream stream;
    private int start;
    private int end;
    private HashSet<string> extensions = [];
    private string[] authentications = [];

    private SmtpConnection(NetworkStream stream)
    {
        this.stream = stream;
        // The form for clients without a public name (RFC 5321, section 4.1.3).
        var address = ((IPEndPoint)stream.Socket.LocalEndPoint!).Address;
        clientName = address.AddressFamily == AddressFamily.InterNetworkV6 ? $"[IPv6:{new IPAddress(address.GetAddressBytes())}]" : $"[{address}]";
    }

    /// <summary>Messages that were sent over it.</summary>
    public int Messages { get; private set; }

    /// <summary>Whether the end of the message under way has been begun: from then on the server may have taken it.</summary>
    public bool IsCommitted { get; private set; }

    /// <summary>The server has said that it hangs up, or has been told so.</summary>
    public bool IsClosing { get; private set; }

    /// <exception cref="SmtpException"/>
    public static async Task<SmtpConnection> OpenAsync(
        SmtpSettings settings, GuardedConnector connector, RemoteCertificateValidationCallback? trust, CancellationToken cancellation)
    {
        var connection = new SmtpConnection(await connector.ConnectAsync(new DnsEndPoint(settings.Host, settings.Port), cancellation));
        try
        {
            if (settings.Security == SmtpSecurity.Tls)
                await connection.SecureAsync(settings.Host, trust, cancellation);
            Expect(await connection.ReadReplyAsync(cancellation), "The greeting");
            await connection.GreetAsync(cancellation);
            if (settings.Security == SmtpSecurity.StartTls)
            {
                await connection.StartTlsAsync(settings.Host, trust, cancellation);
                await connection.GreetAsync(cancellation);
            }
            if (settings.User is not null)
                await connection.SignInAsync(settings.User, settings.Password!, cancellation);
            return connection;
        }
        catch
        {
            await connection.DisposeAsync();
            throw;
        }
    }

    public bool Supports(string extension) => extensions.Contains(extension);

    /// <summary>Makes the connection ready for the next message; also finds out whether it is still there.</summary>
    public async Task ResetAsync(CancellationToken cancellation)
    {
        IsCommitted = false;
        Expect(await CommandAsync("RSET", cancellation), "RSET");
    }

    /// <summary>Sends one message; the first answer that is not positive ends it.</summary>
    /// <param name="message">Its lines end in CRLF.</param>
    /// <returns>The last answer, with what it was the answer to.</returns>
    public async Task<(string Step, SmtpReply Reply)> SendAsync(string from, MailAddress to, byte[] message, CancellationToken cancellation)
    {
        Messages++;
        foreach (var command in (string[])[$"MAIL FROM:<{from}>{(to.IsAscii ? "" : " SMTPUTF8")}", $"RCPT TO:<{to.Email}>", "DATA"])
        {
            var reply = await CommandAsync(command, cancellation);
            if (!reply.IsPositive || command == "DATA" && reply.Code != 354)
                return (command[..4], reply);
        }
        await stream.WriteAsync(DotStuffed(message), cancellation);
        await stream.FlushAsync(cancellation);
        IsCommitted = true;
        return ("The message", await CommandAsync(".", cancellation));
    }

    /// <summary>Says good-bye and does not wait for the answer.</summary>
    public async Task QuitAsync(CancellationToken cancellation)
    {
        try
        {
            await stream.WriteAsync("QUIT\r\n"u8.ToArray(), cancellation);
        }
        catch (Exception fault) when (fault is IOException or OperationCanceledException)
        {
            // It was gone already.
        }
        await DisposeAsync();
    }

    public ValueTask DisposeAsync() => stream.DisposeAsync();

    /// <summary>A line's leading full stop is doubled (RFC 5321, section 4.5.2), so that none ends the message.</summary>
    internal static byte[] DotStuffed(ReadOnlySpan<byte> message)
    {
        var output = new List<byte>(message.Length + 64);
        for (var rest = message; rest.Length > 0;)
        {
            if (rest[0] == '.')
                output.Add((byte)'.');
            var length = rest.IndexOf("\r\n"u8) is >= 0 and var at ? at + 2 : rest.Length;
            output.AddRange(rest[..length]);
            rest = rest[length..];
        }
        return [.. output];
    }

    private async Task GreetAsync(CancellationToken cancellation)
    {
        var reply = Expect(await CommandAsync($"EHLO {clientName}", cancellation), "EHLO");
        var lines = reply.Text.Split('\n').Skip(1).Select(line => line.Trim().ToUpperInvariant()).ToArray();
        extensions = [.. lines.Select(line => line.Split(' ')[0])];
        authentications = [.. lines.Where(line => line.StartsWith("AUTH ", StringComparison.Ordinal)).SelectMany(line => line.Split(' ').Skip(1))];
    }

    private async Task StartTlsAsync(string host, RemoteCertificateValidationCallback? trust, CancellationToken cancellation)
    {
        if (!Supports("STARTTLS"))
            throw new SmtpException("The server offers no STARTTLS; without it nothing is sent.");
        Expect(await CommandAsync("STARTTLS", cancellation), "STARTTLS");
        // What came in plain text before the handshake could be anybody's, and must not be taken for an answer inside it.
        if (start != end)
            throw new SmtpException("The server went on before the connection was secure.");
        await SecureAsync(host, trust, cancellation);
    }

    private async Task SecureAsync(string host, RemoteCertificateValidationCallback? trust, CancellationToken cancellation)
    {
        var secure = new SslStream(stream, leaveInnerStreamOpen: false);
        stream = secure;
        await secure.AuthenticateAsClientAsync(
            new SslClientAuthenticationOptions { TargetHost = host, RemoteCertificateValidationCallback = trust }, cancellation);
    }

    private async Task SignInAsync(string user, string password, CancellationToken cancellation)
    {
        if (authentications.Contains("PLAIN"))
        {
            Expect(await CommandAsync($"AUTH PLAIN {Base64($"\0{user}\0{password}")}", cancellation), "AUTH");
            return;
        }
        if (!authentications.Contains("LOGIN"))
            throw new SmtpException("The server offers neither AUTH PLAIN nor AUTH LOGIN.");
        foreach (var command in (string[])["AUTH LOGIN", Base64(user), Base64(password)])
            Expect(await CommandAsync(command, cancellation), "AUTH");
    }

    private static string Base64(string text) => Convert.ToBase64String(Encoding.UTF8.GetBytes(text));

    private static SmtpReply Expect(SmtpReply reply, string step) => reply.IsPositive
        ? reply
        : throw new SmtpException($"{step} was answered {reply.Code} {ProviderText.Quote(reply.Text)}".TrimEnd());

    private async Task<SmtpReply> CommandAsync(string command, CancellationToken cancellation)
    {
        await stream.WriteAsync(Encoding.UTF8.GetBytes($"{command}\r\n"), cancellation);
        await stream.FlushAsync(cancellation);
        return await ReadReplyAsync(cancellation);
    }

    /// <summary>RFC 5321, section 4.2.1: each line has the code, all but the last a hyphen behind it.</summary>
    private async Task<SmtpReply> ReadReplyAsync(CancellationToken cancellation)
    {
        var text = new StringBuilder();
        for (var lines = 0; lines < ReplyLinesMax; lines++)
        {
            var line = await ReadLineAsync(cancellation);
            if (line.Length < 3 || !int.TryParse(line[..3], out var code) || code is < 200 or > 599 || line.Length > 3 && line[3] is not (' ' or '-'))
                throw new SmtpException("The server does not speak SMTP.");
            text.Append(line.Length > 4 ? line[4..] : "");
            if (line.Length == 3 || line[3] == ' ')
            {
                IsClosing |= code == 421;
                return new SmtpReply(code, text.ToString());
            }
            text.Append('\n');
        }
        throw new SmtpException("The server's answer does not end.");
    }

    private async Task<string> ReadLineAsync(CancellationToken cancellation)
    {
        for (; ; )
        {
            var length = buffer.AsSpan(start, end - start).IndexOf((byte)'\n');
            if (length >= 0)
            {
                var line = Encoding.UTF8.GetString(buffer, start, length).TrimEnd('\r');
                start += length + 1;
                return line;
            }
            buffer.AsSpan(start, end - start).CopyTo(buffer);
            (start, end) = (0, end - start);
            if (end == buffer.Length)
                throw new SmtpException("The server's answer has too long a line.");
            var read = await stream.ReadAsync(buffer.AsMemory(end), cancellation);
            if (read == 0)
                throw new SmtpException("The server hung up.");
            end += read;
        }
    }
}
