using System.Net;
using System.Net.Sockets;

namespace Orleans.Personalize.Senders;

/// <summary>
/// Tells the public Internet from what lies inside a network. Blocks as in the IANA special-purpose address registries
/// (https://www.iana.org/assignments/iana-ipv4-special-registry, https://www.iana.org/assignments/iana-ipv6-special-registry).
/// </summary>
public static class AddressGuard
{
    private static readonly IPNetwork[] NotPublic4 =
    [
        IPNetwork.Parse("0.0.0.0/8"),        // this network, unspecified
        IPNetwork.Parse("10.0.0.0/8"),       // private, RFC 1918
        IPNetwork.Parse("100.64.0.0/10"),    // carrier-grade NAT, RFC 6598
        IPNetwork.Parse("127.0.0.0/8"),      // loopback
        IPNetwork.Parse("169.254.0.0/16"),   // link-local, with the clouds' metadata services
        IPNetwork.Parse("172.16.0.0/12"),    // private, RFC 1918
        IPNetwork.Parse("192.0.0.0/24"),     // protocol assignments
        IPNetwork.Parse("192.0.2.0/24"),     // documentation
        IPNetwork.Parse("192.88.99.0/24"),   // 6to4 relays
        IPNetwork.Parse("192.168.0.0/16"),   // private, RFC 1918
        IPNetwork.Parse("198.18.0.0/15"),    // benchmarks
        IPNetwork.Parse("198.51.100.0/24"),  // documentation
        IPNetwork.Parse("203.0.113.0/24"),   // documentation
        IPNetwork.Parse("224.0.0.0/4"),      // multicast
        IPNetwork.Parse("240.0.0.0/4"),      // reserved, broadcast
    ];

    /// <summary>What of IPv6 is for the public; loopback, unique-local, link-local, multicast and NAT64 lie outside it.</summary>
    private static readonly IPNetwork GlobalUnicast6 = IPNetwork.Parse("2000::/3");

    private static readonly IPNetwork[] NotPublic6 =
    [
        IPNetwork.Parse("2001::/23"),        // protocol assignments, with Teredo, which carries an IPv4 address
        IPNetwork.Parse("2001:db8::/32"),    // documentation
        IPNetwork.Parse("2002::/16"),        // 6to4, which carries an IPv4 address
        IPNetwork.Parse("3fff::/20"),        // documentation
    ];

    /// <summary>Whether the address belongs to the public Internet. An IPv4 address mapped into IPv6 is judged as what it is.</summary>
    public static bool IsPublic(IPAddress address) => address switch
    {
        { IsIPv4MappedToIPv6: true } => IsPublic(address.MapToIPv4()),
        { AddressFamily: AddressFamily.InterNetwork } => !NotPublic4.Any(block => block.Contains(address)),
        { AddressFamily: AddressFamily.InterNetworkV6 } =>
            GlobalUnicast6.Contains(address) && !NotPublic6.Any(block => block.Contains(address)),
        _ => false,
    };
}
