using Microsoft.Extensions.Options;
using Orleans.Configuration;
using Orleans.Dashboard;
using Orleans.Hosting;

namespace Orleans.Personalize.Silo.Cluster;

/// <summary>A member that holds no grains: the HTTP gateway as a client of the silos.</summary>
internal static class ClusterClient
{
    /// <summary>How soon a gateway meets a silo that has joined, and lets go of one that has left.</summary>
    private static readonly TimeSpan GatewayListRefresh = TimeSpan.FromSeconds(5);

    private static readonly TimeSpan ConnectPause = TimeSpan.FromSeconds(1);

    public static void Configure(IClientBuilder client, IConfiguration configuration)
    {
        client.UseAdoNetClustering(options => options.Configure(membership => Membership.Apply(membership, configuration)));
        if (Membership.Tls(configuration) is { IsOn: true } tls)
            client.UseTls(new MemberCertificate(tls).Apply);
        Membership.CarryExceptions(client.Services);
        client.Services.AddOptions<ClusterOptions>().Configure<IOptions<ClusterSettings>>(Membership.Name);
        client.Configure<GatewayOptions>(static options => options.GatewayListRefreshPeriod = GatewayListRefresh);
        // A gateway may be up before the first silo, and before the tables that the first silo makes.
        client.UseConnectionRetryFilter(static async (_, cancellation) =>
        {
            await Task.Delay(ConnectPause, cancellation);
            return true;
        });
        client.AddDashboard(static options => options.HideTrace = true);
    }
}
