using Microsoft.Extensions.DependencyInjection;
using Microsoft.Extensions.DependencyInjection.Extensions;
using Orleans.Personalize.Backtests;
using Orleans.Personalize.Deadlines;
using Orleans.Personalize.Journal;
using Orleans.Personalize.Outcomes;
using Orleans.Personalize.Quarantine;
using Orleans.Personalize.Registry;

namespace Orleans.Personalize;

public static class GrainsHosting
{
    /// <summary>
    /// Adds what the grains need beside the actor runtime. The host supplies an <see cref="IJournal"/>, an <see cref="IQuarantine"/>, a grain storage named
    /// <see cref="RegistryGrain.Storage"/>, and <see cref="Sending.ISenderFactory"/>s.
    /// </summary>
    public static IServiceCollection AddPersonalizeGrains(this IServiceCollection services)
    {
        services.TryAddSingleton(TimeProvider.System);
        services.TryAddSingleton(TaskScheduler.Default);
        services.AddSingleton(provider => new GroupCommitter(
            provider.GetRequiredService<IJournal>(), provider.GetRequiredService<TimeProvider>(), provider.GetRequiredService<TaskScheduler>()));
        services.AddSingleton<Catalogs>();
        services.AddSingleton<BacktestSlots>();
        services.AddHostedService<DeadlineKeeper>();
        services.AddHostedService<OutcomesKeeper>();
        services.AddHostedService<QuarantineKeeper>();
        return services;
    }
}
