using Orleans.Personalize.Brokers;
using Orleans.Personalize.Gateway;
using Orleans.Personalize.Gateway.Brokers;
using Orleans.Personalize.Gateway.Connectors;

namespace Orleans.Personalize.Sources;

internal static class SourceServices
{
    /// <summary>Adds the sources that a silo fetches from by itself: brokers and polled addresses.</summary>
    public static IServiceCollection AddSources(this IServiceCollection services, IConfiguration configuration)
    {
        var options = configuration.GetSection("Personalize:Sources").Get<SourceOptions>() ?? new SourceOptions();
        return services
            .AddSingleton(options)
            .AddSingleton<RabbitMqFactory>()
            .AddSingleton<IBrokerFactory>(static provider => provider.GetRequiredService<RabbitMqFactory>())
            .AddSingleton<ISourceType>(static provider => provider.GetRequiredService<RabbitMqFactory>())
            .AddSingleton<ISourceType, PollSource>()
            .AddSingleton<IPoller>(static provider => new HttpPoller(
                provider.GetRequiredService<SourceIntake>(), provider.GetRequiredService<SourceOptions>(), provider.GetRequiredService<TimeProvider>()))
            .AddSourceRunner();
    }
}
