using Orleans.Personalize.Quarantine;
using Orleans.Personalize.Registry;
using Orleans.Storage;

namespace Orleans.Personalize.Journal;

internal static class PostgresHosting
{
    /// <summary>The name of the connection string.</summary>
    public const string ConnectionName = "Personalize";

    /// <summary>Adds the journal, the quarantine and the grain storage in one schema of a PostgreSQL database. It is opened by whoever asks first.</summary>
    public static IServiceCollection AddPostgresJournal(this IServiceCollection services) => services
        .AddSingleton(static provider => Open(provider))
        .AddSingleton<IJournal>(static provider => new PostgresJournal(provider.GetRequiredService<PostgresDatabase>()))
        .AddSingleton<IQuarantine>(static provider => new PostgresQuarantine(provider.GetRequiredService<PostgresDatabase>(), new QuarantineLimits()))
        .AddKeyedSingleton<IGrainStorage>(
            RegistryGrain.Storage, static (provider, _) => new PostgresGrainStorage(provider.GetRequiredService<PostgresDatabase>()));

    /// <summary>Waits, since a service is made at once or not at all; off the caller's scheduler, which may be a grain's.</summary>
    private static PostgresDatabase Open(IServiceProvider provider) => Task.Run(() => PostgresDatabase.OpenAsync(
        provider.GetRequiredService<IConfiguration>().GetConnectionString(ConnectionName),
        provider.GetRequiredService<ILogger<PostgresDatabase>>(),
        provider.GetRequiredService<TimeProvider>(),
        PostgresDatabase.StartWait)).GetAwaiter().GetResult();
}
