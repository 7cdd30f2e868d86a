using Microsoft.Extensions.Options;
using Orleans.Personalize.Quarantine;
using Orleans.Personalize.Registry;
using Orleans.Personalize.Silo;
using Orleans.Storage;

namespace Orleans.Personalize.Journal;

internal static class SqliteHosting
{
    /// <summary>Adds the journal, the quarantine and the grain storage in one SQLite file of the data directory. It is opened by whoever asks first.</summary>
    public static IServiceCollection AddSqliteJournal(this IServiceCollection services) => services
        .AddSingleton(static provider => SqliteDatabase.Open(provider.GetRequiredService<IOptions<SiloOptions>>().Value.DataDirectory))
        .AddSingleton<IJournal>(static provider => new SqliteJournal(provider.GetRequiredService<SqliteDatabase>()))
        .AddSingleton<IQuarantine>(static provider => new SqliteQuarantine(provider.GetRequiredService<SqliteDatabase>(), new QuarantineLimits()))
        .AddKeyedSingleton<IGrainStorage>(
            RegistryGrain.Storage, static (provider, _) => new SqliteGrainStorage(provider.GetRequiredService<SqliteDatabase>()));
}
