using System.Net;
using Microsoft.Extensions.Options;
using Orleans.Configuration;
using Orleans.Dashboard;
using Orleans.Hosting;

namespace Orleans.Personalize.Silo.Cluster;

/// <summary>A member of the cluster that holds grains.</summary>
internal static class ClusterSilo
{
    public static void Configure(ISiloBuilder silo, IConfiguration configuration)
    {
        if (Membership.IsShared(configuration))
            silo.UseAdoNetClustering(options => options.Configure(membership => Membership.Apply(membership, configuration)));
        else
            // A journal in a file is for one process, which is its own cluster.
            silo.UseLocalhostClustering();
        if (Membership.Tls(configuration) is { IsOn: true } tls)
            silo.UseTls(new MemberCertificate(tls).Apply);
        Membership.CarryExceptions(silo.Services);
        silo.Services.AddOptions<ClusterOptions>().Configure<IOptions<ClusterSettings>>(Membership.Name);
        silo.Services.AddOptions<EndpointOptions>().Configure<IOptions<ClusterSettings>>(Listen);
        silo.Services.AddOptions<Orleans.Configuration.SiloOptions>().Configure<IOptions<ClusterSettings>>(
            static (options, settings) => options.SiloName = settings.Value.Name ?? options.SiloName);
        silo.Configure<ClusterMembershipOptions>(Watch);
        // A customer that leaves memory loses nothing, so memory that runs short is won back from those used least.
        silo.Configure<GrainCollectionOptions>(static options => options.EnableActivationSheddingOnMemoryPressure = true);
        // Calls of gateways are refused while the machine is at its limit, before they cost anything; their callers hear 503 and repeat.
        silo.Configure<LoadSheddingOptions>(static options => options.LoadSheddingEnabled = true);
        // Logs name customers and stay where logs are kept.
        silo.AddDashboard(static options => options.HideTrace = true);
    }

    private static void Listen(EndpointOptions endpoint, IOptions<ClusterSettings> settings)
    {
        var (address, siloPort, gatewayPort) = (settings.Value.Address, settings.Value.SiloPort, settings.Value.GatewayPort);
        endpoint.AdvertisedIPAddress = address ?? endpoint.AdvertisedIPAddress;
        (endpoint.SiloPort, endpoint.GatewayPort) = (siloPort, gatewayPort);
        // Where the address of a container is translated it cannot be listened on; one of this machine only is not to be reached from elsewhere.
        var listening = IPAddress.IsLoopback(endpoint.AdvertisedIPAddress) ? endpoint.AdvertisedIPAddress : IPAddress.Any;
        endpoint.SiloListeningEndpoint = new(listening, siloPort);
        endpoint.GatewayListeningEndpoint = new(listening, gatewayPort);
    }

    /// <summary>
    /// A silo that does not answer three probes in a row is dead, and its customers are taken over: with probes a second and a half apart after five
    /// to ten seconds, a third of what Orleans' defaults take. A silo that is wrongly taken for dead costs its restart and nothing else, since the
    /// journal refuses what it may still write.
    /// </summary>
    private static void Watch(ClusterMembershipOptions options)
    {
        options.ProbeTimeout = TimeSpan.FromSeconds(1.5);
        options.NumMissedProbesLimit = 3;
        // One that has not said for three times this that it is alive has no say: where most silos are lost at once, the others need not wait
        // for the votes of the lost.
        options.IAmAliveTablePublishTimeout = TimeSpan.FromSeconds(5);
    }
}
