using Orleans.Hosting;
using Orleans.Personalize.Customers;

namespace Orleans.Personalize.Silo;

/// <summary>The grains on the single-process runtime of this repository.</summary>
internal static class ActorRuntime
{
    /// <summary>What the roles are that this build can be: where there is one process, it is everything.</summary>
    public static readonly string[] Roles = [SiloOptions.SiloRole];

    public static void Add(WebApplicationBuilder builder, bool isGateway) =>
        builder.Services.AddEmbeddedActors(static options => options.GrainAssemblies.Add(typeof(CustomerGrain).Assembly));

    public static void Map(WebApplication app)
    {
        // There is no cluster to show.
    }
}
