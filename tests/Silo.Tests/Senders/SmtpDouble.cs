using System.Collections.Concurrent;
using System.Net;
using System.Net.Security;
using System.Net.Sockets;
using System.Security.Cryptography.X509Certificates;
using System.Text;

namespace Orleans.Personalize.Silo.Tests.Senders;

/// <summary>
/// A mail server that keeps to RFC 5321 command by command and answers each as the test says, which a real one does not: at the wrong moment, in
/// pieces, or not at all.
/// </summary>
internal sealed class SmtpDouble : IAsyncDisposable
{
    public const string Address = "127.0.0.1";

    private readonly TcpListener listener = new(IPAddress.Loopback, 0);
    private readonly X509Certificate2? certificate;
    private readonly ConcurrentBag<TcpClient> clients = [];
    private readonly CancellationTokenSource end = new();
    private readonly Task accepting;

    /// <param name="certificate">For STARTTLS, or for the first byte; null: there is no TLS.</param>
    /// <param name="isImplicit">TLS from the first byte.</param>
    public SmtpDouble(X509Certificate2? certificate = null, bool isImplicit = false)
    {
        this.certificate = certificate;
        OffersStartTls = certificate is not null;
        IsImplicit = isImplicit;
        listener.Start();
        accepting = AcceptAsync();
    }

    public bool IsImplicit { get; }

    public int Port => ((IPEndPoint)listener.LocalEndpoint).Port;

    /// <summary>What EHLO announces once TLS is there; before that it is only STARTTLS.</summary>
    public string[] Extensions { get; set; } = ["AUTH PLAIN LOGIN", "8BITMIME", "ENHANCEDSTATUSCODES"];

    public bool OffersStartTls { get; set; }

    /// <summary>Every line of every client that is not part of a message, with the number of its connection.</summary>
    public ConcurrentQueue<(int Connection, string Line)> Commands { get; } = [];

    /// <summary>Messages as they came, dots and all, with the line that ends them.</summary>
    public ConcurrentQueue<string> Messages { get; } = [];

    /// <summary>
    /// The answer to a command, or to a message as <c>.</c>; null for the usual. It may write to the stream itself and return an empty text, or throw
    /// an <see cref="IOException"/> to break the connection.
    /// </summary>
    public Func<string, Stream, Task<string?>> Answer { get; set; } = static (_, _) => Task.FromResult<string?>(null);

    /// <summary>Goes along with the answer to STARTTLS, before TLS.</summary>
    public string Injected { get; set; } = "";

    public IEnumerable<string> Lines => Commands.Select(command => command.Line);

    public async ValueTask DisposeAsync()
    {
        await end.CancelAsync();
        listener.Stop();
        foreach (var client in clients)
            client.Dispose();
        await accepting;
        end.Dispose();
    }

    /// <summary>Hangs up without a good-bye, so that the client sees a reset.</summary>
    public void ResetAll()
    {
        foreach (var client in clients)
        {
            if (client.Client is { Connected: true } socket)
                socket.Close(0);
        }
    }

    private async Task AcceptAsync()
    {
        var sessions = new List<Task>();
        try
        {
            for (var number = 1; ; number++)
            {
                var client = await listener.AcceptTcpClientAsync(end.Token);
                clients.Add(client);
                sessions.Add(ServeAsync(client, number));
            }
        }
        catch (Exception fault) when (fault is OperationCanceledException or SocketException or ObjectDisposedException)
        {
            // The test is over.
        }
        await Task.WhenAll(sessions);
    }

    private async Task ServeAsync(TcpClient client, int number)
    {
        try
        {
            Stream stream = client.GetStream();
            if (IsImplicit)
                stream = await SecureAsync(stream);
            await SayAsync(stream, await Answer("", stream) ?? "220 mail.example ESMTP");
            var previous = "";
            while (await ReadLineAsync(stream) is { } line)
            {
                Commands.Enqueue((number, line));
                var answer = await Answer(line, stream) ?? Usual(line, previous, stream is SslStream);
                await SayAsync(stream, answer + (line == "STARTTLS" ? Injected : ""));
                if (line == "STARTTLS" && answer.StartsWith("220", StringComparison.Ordinal))
                    stream = await SecureAsync(stream);
                if (line == "DATA" && answer.StartsWith("354", StringComparison.Ordinal))
                    await TakeAsync(stream);
                if (line == "QUIT")
                    break;
                previous = line;
            }
        }
        catch (Exception fault) when (fault is IOException or OperationCanceledException or ObjectDisposedException or SocketException
            or System.Security.Authentication.AuthenticationException)
        {
            // Either side has had enough.
        }
        client.Client?.Close(0);
    }

    private async Task TakeAsync(Stream stream)
    {
        var message = new StringBuilder();
        for (string? line; (line = await ReadLineAsync(stream)) != ".";)
            message.Append(line ?? throw new IOException("The client hung up.")).Append("\r\n");
        Messages.Enqueue(message.ToString());
        await SayAsync(stream, await Answer(".", stream) ?? "250 2.0.0 queued as 42");
    }

    private string Usual(string line, string previous, bool isSecure) => line.Split(' ')[0] switch
    {
        "EHLO" => string.Join("\r\n", (string[])["250-mail.example", .. Announced(isSecure).Select(extension => $"250-{extension}"), "250 HELP"]),
        "STARTTLS" => "220 go ahead",
        "AUTH" => line == "AUTH LOGIN" ? "334 VXNlcm5hbWU6" : "235 welcome",
        "MAIL" or "RCPT" or "RSET" or "NOOP" => "250 fine",
        "DATA" => "354 go on",
        "QUIT" => "221 bye",
        // The two answers of AUTH LOGIN.
        _ => previous == "AUTH LOGIN" ? "334 UGFzc3dvcmQ6" : "235 welcome",
    };

    private string[] Announced(bool isSecure) => isSecure ? Extensions : OffersStartTls ? ["STARTTLS"] : Extensions;

    private async Task<Stream> SecureAsync(Stream stream)
    {
        var secure = new SslStream(stream);
        await secure.AuthenticateAsServerAsync(certificate!);
        return secure;
    }

    private static async Task SayAsync(Stream stream, string answer)
    {
        if (answer.Length > 0)
            await stream.WriteAsync(Encoding.UTF8.GetBytes(answer + "\r\n"));
    }

    /// <summary>A byte at a time, so that nothing is read that belongs to the handshake.</summary>
    private async Task<string?> ReadLineAsync(Stream stream)
    {
        var line = new List<byte>();
        var one = new byte[1];
        while (await stream.ReadAsync(one, end.Token) == 1)
        {
            line.Add(one[0]);
            if (line is [.., (byte)'\r', (byte)'\n'])
                return Encoding.UTF8.GetString([.. line[..^2]]);
        }
        return null;
    }
}
