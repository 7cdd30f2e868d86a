using Microsoft.Extensions.Configuration.Memory;
using Orleans.Dashboard;
using Orleans.Hosting;
using Orleans.Personalize.Gateway;
using Orleans.Personalize.Silo.Cluster;

namespace Orleans.Personalize.Silo;

/// <summary>The grains on Microsoft Orleans: as a silo, or as a gateway that is a client of the silos.</summary>
internal static class ActorRuntime
{
    /// <summary>What the roles are that this build can be.</summary>
    public static readonly string[] Roles = [SiloOptions.SiloRole, SiloOptions.GatewayRole];

    /// <summary>Where the Orleans Dashboard is; the page above it is ours.</summary>
    public const string ConsolePath = "/cluster/orleans";

    private const string LogLevels = "Logging:LogLevel";

    public static void Add(WebApplicationBuilder builder, bool isGateway)
    {
        Quieten(builder.Configuration);
        ClusterSettings.Add(builder.Services, builder.Configuration);
        builder.Services.AddSingleton<ICluster, OrleansCluster>();
        if (isGateway)
            builder.UseOrleansClient(client => ClusterClient.Configure(client, builder.Configuration));
        else
            builder.UseOrleans(silo => ClusterSilo.Configure(silo, builder.Configuration));
    }

    /// <summary>The Orleans Dashboard, which shows all workspaces, but not the state of grains: that holds secrets of senders.</summary>
    public static void Map(WebApplication app)
    {
        var dashboard = app.MapOrleansDashboard(ConsolePath).RequireInstallationAdmin().ExcludeFromDescription();
        dashboard.AddEndpointFilter(static async (context, next) =>
            context.HttpContext.Request.Path.StartsWithSegments($"{ConsolePath}/GrainState", StringComparison.OrdinalIgnoreCase)
                ? Results.NotFound()
                : await next(context));
    }

    /// <summary>Orleans says much: who comes and goes, and what goes wrong, is enough unless the configuration asks for more. The rest is in <see cref="SiloHost"/>, whose defaults come before these.</summary>
    private static void Quieten(ConfigurationManager configuration) => ((IConfigurationBuilder)configuration).Sources.Insert(0, new MemoryConfigurationSource
    {
        InitialData =
        [
            new($"{LogLevels}:Microsoft.Orleans", "Warning"),
            new($"{LogLevels}:Orleans.Runtime.MembershipService", "Information"),
        ],
    });
}
