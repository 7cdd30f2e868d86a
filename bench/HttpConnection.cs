using System.Globalization;
using System.Net;
using System.Net.Sockets;
using System.Text;

namespace Orleans.Personalize.Bench;

/// <summary>
/// One keep-alive connection that sends bytes made in advance and reads as much of the answer as its end takes: the load must not cost more than what
/// it loads, on the same processors.
/// </summary>
internal sealed class HttpConnection : IDisposable
{
    private readonly Socket socket = new(AddressFamily.InterNetwork, SocketType.Stream, ProtocolType.Tcp) { NoDelay = true };
    private byte[] buffer = new byte[16 * 1024];
    private int length;
    private int bodyStart;

    public static async Task<HttpConnection> OpenAsync(Uri address)
    {
        var opened = new HttpConnection();
        await opened.socket.ConnectAsync(IPAddress.Loopback, address.Port);
        return opened;
    }

    public static async Task<HttpConnection[]> OpenAsync(Uri address, int count) =>
        await Task.WhenAll(Enumerable.Range(0, count).Select(_ => OpenAsync(address)));

    public static void Close(HttpConnection[] connections) => Array.ForEach(connections, static connection => connection.Dispose());

    /// <summary>The head of the last answer.</summary>
    public string Head => Encoding.ASCII.GetString(buffer, 0, bodyStart);

    /// <summary>The body of the last answer, with the marks of its chunks where it has any.</summary>
    public string Body => Encoding.UTF8.GetString(buffer, bodyStart, length - bodyStart);

    /// <returns>The status of the answer.</returns>
    /// <exception cref="IOException">The server hung up.</exception>
    public async ValueTask<int> SendAsync(ReadOnlyMemory<byte> request)
    {
        for (var sent = 0; sent < request.Length;)
            sent += await socket.SendAsync(request[sent..]);
        length = 0;
        do
        {
            if (length == buffer.Length)
                Array.Resize(ref buffer, buffer.Length * 2);
            var received = await socket.ReceiveAsync(buffer.AsMemory(length));
            if (received == 0)
                throw new IOException("The server hung up.");
            length += received;
        }
        while (!IsWhole());
        return ((buffer[9] - '0') * 100) + ((buffer[10] - '0') * 10) + (buffer[11] - '0');
    }

    public void Dispose() => socket.Dispose();

    private bool IsWhole()
    {
        var answer = buffer.AsSpan(0, length);
        var end = answer.IndexOf("\r\n\r\n"u8);
        if (end < 0)
            return false;
        bodyStart = end + 4;
        var head = answer[..bodyStart];
        const string name = "\r\nContent-Length: ";
        var at = head.IndexOf("\r\nContent-Length: "u8);
        if (at < 0)
            return answer.EndsWith("\r\n0\r\n\r\n"u8) || head.IndexOf("\r\nTransfer-Encoding: chunked"u8) < 0;
        var number = head[(at + name.Length)..];
        return length - bodyStart >= int.Parse(number[..number.IndexOf((byte)'\r')], NumberStyles.None, CultureInfo.InvariantCulture);
    }
}
