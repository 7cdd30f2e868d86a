using Orleans.Hosting;
using Orleans.Personalize.Customers;

namespace Orleans.Personalize.Silo;

/// <summary>The grains on the single-process runtime of this repository.</summary>
internal static class ActorRuntime
{
    public static void Add(WebApplicationBuilder builder) =>
        builder.Services.AddEmbeddedActors(static options => options.GrainAssemblies.Add(typeof(CustomerGrain).Assembly));
}
