using System.Net;
using System.Net.Sockets;

namespace Orleans.Personalize.Senders;

/// <summary>The target is inside a network, and the operator has not allowed that.</summary>
internal sealed class TargetRefusedException() : Exception("The target's address is not public.");

/// <summary>
/// Opens the connections of all senders and polled sources. The name is resolved here, and the connection goes to the very address that was checked: a
/// second look-up could answer otherwise (DNS rebinding).
/// </summary>
internal sealed class GuardedConnector(bool allowPrivateTargets, Func<string, CancellationToken, Task<IPAddress[]>> resolve)
{
    /// <summary>More addresses of one name are not tried: each may cost the whole timeout.</summary>
    private const int AddressesMax = 8;

    /// <exception cref="TargetRefusedException">No address of the host is public.</exception>
    /// <exception cref="SocketException">The host is unknown or none of its addresses answered.</exception>
    public async ValueTask<NetworkStream> ConnectAsync(DnsEndPoint target, CancellationToken cancellation)
    {
        var addresses = IPAddress.TryParse(target.Host.Trim('[', ']'), out var literal)
            ? [literal]
            : await resolve(target.Host, cancellation);
        if (addresses.Length == 0)
            throw new SocketException((int)SocketError.HostNotFound);
        var allowed = allowPrivateTargets ? addresses : Array.FindAll(addresses, AddressGuard.IsPublic);
        if (allowed.Length == 0)
            throw new TargetRefusedException();
        SocketException? last = null;
        foreach (var address in allowed.Take(AddressesMax))
        {
            var socket = new Socket(address.AddressFamily, SocketType.Stream, ProtocolType.Tcp) { NoDelay = true };
            try
            {
                await socket.ConnectAsync(new IPEndPoint(address, target.Port), cancellation);
                return new NetworkStream(socket, ownsSocket: true);
            }
            catch (SocketException fault)
            {
                socket.Dispose();
                last = fault;
            }
            catch
            {
                socket.Dispose();
                throw;
            }
        }
        throw last!;
    }

    /// <summary>HTTP over such connections, and no other way out.</summary>
    public SocketsHttpHandler Handler(TimeSpan connectTimeout) => new()
    {
        ConnectCallback = async (context, cancellation) => await ConnectAsync(context.DnsEndPoint, cancellation),
        // A proxy would connect in our place, past the guard.
        UseProxy = false,
        UseCookies = false,
        AllowAutoRedirect = false,
        // Trace ids and baggage are not for strangers.
        ActivityHeadersPropagator = null,
        ConnectTimeout = connectTimeout,
        MaxConnectionsPerServer = 64,
        MaxResponseHeadersLength = 16,
        MaxResponseDrainSize = 64 * 1024,
        ResponseDrainTimeout = TimeSpan.FromSeconds(2),
        // Follows a name that moves.
        PooledConnectionLifetime = TimeSpan.FromMinutes(5),
        // Shorter than the minute after which common servers hang up: a request into a closing connection has an unknown outcome.
        PooledConnectionIdleTimeout = TimeSpan.FromSeconds(30),
    };
}
