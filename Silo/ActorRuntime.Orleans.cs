using Orleans.Configuration;

namespace Orleans.Personalize.Silo;

/// <summary>The grains on Microsoft Orleans.</summary>
internal static class ActorRuntime
{
    public static void Add(WebApplicationBuilder builder) => builder.UseOrleans(static silo => silo.UseLocalhostClustering());
}
