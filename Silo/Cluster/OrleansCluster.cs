using System.Text.Json;
using Orleans.Personalize.Gateway;
using Orleans.Runtime;

namespace Orleans.Personalize.Silo.Cluster;

/// <summary>The cluster as Orleans' management grain knows it; a gateway asks it like a silo.</summary>
internal sealed class OrleansCluster(IGrainFactory grains) : ICluster
{
    /// <summary>Silos that are gone stay in the membership for days; the latest are what somebody asks about.</summary>
    private const int DeadShown = 10;

    public async Task<ClusterView> ReadAsync(CancellationToken cancellation)
    {
        var management = grains.GetGrain<IManagementGrain>(0);
        var hosts = await management.GetDetailedHosts().WaitAsync(cancellation);
        var counts = (await management.GetSimpleGrainStatistics().WaitAsync(cancellation)).ToLookup(static count => count.SiloAddress);
        var names = hosts.DistinctBy(static host => host.SiloAddress).ToDictionary(static host => host.SiloAddress, static host => host.SiloName);
        var shards = await Task.WhenAll(Enumerable.Range(0, CustomerKey.Shards).Select(async shard =>
        {
            var holder = await management.GetActivationAddress(grains.GetGrain<IDeadlineGrain>(shard.ToString()));
            return new ClusterShard(shard, holder is null ? null : names.GetValueOrDefault(holder) ?? holder.ToString());
        }));
        var alive = hosts.Where(static host => host.Status != SiloStatus.Dead).OrderBy(static host => host.Status != SiloStatus.Active).ThenBy(static host => host.StartTime);
        var dead = hosts.Where(static host => host.Status == SiloStatus.Dead).OrderByDescending(static host => host.IAmAliveTime).Take(DeadShown);
        return new("orleans", [.. alive.Concat(dead).Select(host => Of(host, counts[host.SiloAddress]))], shards, ActorRuntime.ConsolePath + "/");
    }

    private static SiloMember Of(MembershipEntry host, IEnumerable<SimpleGrainStatistic> counts) => new(
        host.SiloName,
        host.SiloAddress.Endpoint.ToString(),
        JsonNamingPolicy.KebabCaseLower.ConvertName(host.Status.ToString()),
        Utc(host.StartTime),
        Utc(host.IAmAliveTime),
        counts.Select(static count => (Kind: KindOf(count.GrainType), count.ActivationCount))
            .Where(static count => count is { Kind: not null, ActivationCount: > 0 })
            .GroupBy(static count => count.Kind!, static count => count.ActivationCount)
            .ToDictionary(static kind => kind.Key, static kind => kind.Sum()));

    /// <summary>A class of ours as the embedded runtime names it; null for Orleans' own grains. The text is that of <see cref="Type.FullName"/>, perhaps with the assembly behind it.</summary>
    private static string? KindOf(string grainType)
    {
        var name = grainType.Split(',')[0];
        return name.StartsWith("Orleans.Personalize.", StringComparison.Ordinal) ? name[(name.LastIndexOf('.') + 1)..].Replace("Grain", "", StringComparison.Ordinal).ToLowerInvariant() : null;
    }

    private static DateTimeOffset Utc(DateTime instant) => new(DateTime.SpecifyKind(instant, DateTimeKind.Utc));
}
