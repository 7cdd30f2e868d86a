using Microsoft.AspNetCore.Builder;
using Microsoft.AspNetCore.Http.HttpResults;
using Microsoft.AspNetCore.Http;
using Microsoft.AspNetCore.Routing;
using Microsoft.Extensions.Options;
using Orleans.Personalize.Gateway.Security;

namespace Orleans.Personalize.Gateway.Api;

/// <param name="Runtime">embedded: one process; orleans: a cluster.</param>
/// <param name="Silos">Those that work come first.</param>
/// <param name="DeadlineShards">The parts of the sweep that wakes customers whose deadline comes.</param>
/// <param name="TracesUrl">Where traces are looked at, as it is configured; null where it is not.</param>
/// <param name="ConsoleUrl">The runtime's own pages, for admins of the installation; null where it has none.</param>
internal sealed record ClusterResponse(
    string Runtime, DateTimeOffset At, SiloResponse[] Silos, DeadlineShardResponse[] DeadlineShards, string? TracesUrl, string? ConsoleUrl);

/// <param name="Address">Null where no other process has to reach it.</param>
/// <param name="Status">active, created, joining, shutting-down, stopping or dead.</param>
/// <param name="AliveAt">When it last said so to the others; null where there are none.</param>
/// <param name="Activations">Grains in its memory by kind, over all workspaces.</param>
internal sealed record SiloResponse(
    string Name, string? Address, string Status, DateTimeOffset Since, DateTimeOffset? AliveAt, Dictionary<string, int> Activations);

/// <param name="Silo">Null while no silo holds it: it is woken within ten seconds.</param>
internal sealed record DeadlineShardResponse(int Shard, string? Silo);

/// <summary>The processes behind this one.</summary>
internal static class ClusterApi
{
    public static void Map(IEndpointRouteBuilder routes) => routes.MapGet("/v1/cluster", ReadAsync)
        .WithTags("Overview")
        .WithSummary("The silos, since when they work, what they have in memory, and who sweeps which deadlines")
        .Produces<ClusterResponse>()
        .ProducesProblems(503)
        .Require(Access.Read);

    private static async Task<Ok<ClusterResponse>> ReadAsync(HttpContext http, ICluster cluster, IOptions<GatewayOptions> options, TimeProvider clock)
    {
        var view = await cluster.ReadAsync(http.RequestAborted);
        return TypedResults.Ok(new ClusterResponse(
            view.Runtime,
            clock.GetUtcNow(),
            Array.ConvertAll(view.Members, static member => new SiloResponse(
                member.Name, member.Address, member.Status, member.Since, member.AliveAt, new(member.Activations.OrderBy(static kind => kind.Key, StringComparer.Ordinal)))),
            Array.ConvertAll(view.Shards, static shard => new DeadlineShardResponse(shard.Shard, shard.Member)),
            string.IsNullOrEmpty(options.Value.TracesUrl) ? null : options.Value.TracesUrl,
            view.Console));
    }
}
