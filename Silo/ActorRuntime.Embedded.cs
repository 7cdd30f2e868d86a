using System.Diagnostics;
using Microsoft.AspNetCore.Hosting.Server;
using Microsoft.AspNetCore.Hosting.Server.Features;
using Orleans.Hosting;
using Orleans.Personalize.Customers;
using Orleans.Personalize.Gateway;

namespace Orleans.Personalize.Silo;

/// <summary>The grains on the single-process runtime of this repository.</summary>
internal static class ActorRuntime
{
    /// <summary>What the roles are that this build can be: where there is one process, it is everything.</summary>
    public static readonly string[] Roles = [SiloOptions.SiloRole];

    public static void Add(WebApplicationBuilder builder, bool isGateway) => builder.Services
        .AddEmbeddedActors(static options => options.GrainAssemblies.Add(typeof(CustomerGrain).Assembly))
        .AddSingleton<ICluster, OneProcess>();

    public static void Map(WebApplication app)
    {
        // The runtime has no pages of its own.
    }
}

/// <summary>The cluster where there is none: this process, which nobody has to watch.</summary>
internal sealed class OneProcess(EmbeddedActivations activations, IGrainFactory grains, IServer server) : ICluster
{
    private static readonly DateTimeOffset Since = new(Process.GetCurrentProcess().StartTime.ToUniversalTime());

    public Task<ClusterView> ReadAsync(CancellationToken cancellation)
    {
        var name = Environment.MachineName;
        var address = server.Features.Get<IServerAddressesFeature>()?.Addresses.FirstOrDefault();
        return Task.FromResult(new ClusterView(
            "embedded",
            [new(name, address, "active", Since, null, activations.Count())],
            [.. Enumerable.Range(0, CustomerKey.Shards).Select(shard =>
                new ClusterShard(shard, EmbeddedActivations.IsActive(grains.GetGrain<IDeadlineGrain>(shard.ToString())) ? name : null))]));
    }
}
