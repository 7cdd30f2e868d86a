using Microsoft.Extensions.Options;
using Orleans.Configuration;
using Orleans.Personalize.Journal;
using Orleans.Serialization;

namespace Orleans.Personalize.Silo.Cluster;

/// <summary>Where the members of a cluster are written down: in the journal's database, by the tables of <see cref="PostgresMembership"/>.</summary>
internal static class Membership
{
    /// <summary>The name by which Orleans finds Npgsql.</summary>
    private const string Invariant = "Npgsql";

    /// <summary>Whether other processes may share the journal.</summary>
    public static bool IsShared(IConfiguration configuration) =>
        configuration[$"{SiloOptions.Section}:{nameof(SiloOptions.Journal)}"] == SiloOptions.Postgres;

    public static TlsSettings? Tls(IConfiguration configuration) => configuration.GetSection($"{ClusterSettings.Section}:Tls").Get<TlsSettings>();

    public static void Name(ClusterOptions options, IOptions<ClusterSettings> settings) =>
        (options.ClusterId, options.ServiceId) = (settings.Value.Id, settings.Value.Service);

    public static void Apply(AdoNetClusteringSiloOptions options, IConfiguration configuration) =>
        (options.Invariant, options.ConnectionString) = (Invariant, ConnectionString(configuration));

    public static void Apply(AdoNetClusteringClientOptions options, IConfiguration configuration) =>
        (options.Invariant, options.ConnectionString) = (Invariant, ConnectionString(configuration));

    /// <summary>
    /// Whatever a grain throws reaches its caller, with its causes. Orleans carries only exceptions of its own and of the framework unless it is told
    /// otherwise, and a failure of the database would arrive as a complaint about its serialization.
    /// </summary>
    public static void CarryExceptions(IServiceCollection services) =>
        services.Configure<ExceptionSerializationOptions>(static options => options.SupportedExceptionTypeFilter = static _ => true);

    /// <summary>The same as the journal's, so that it means the same schema.</summary>
    private static string ConnectionString(IConfiguration configuration) =>
        PostgresSettings.Complete(configuration.GetConnectionString(PostgresHosting.ConnectionName)).ConnectionString;
}
