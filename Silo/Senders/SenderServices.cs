using Orleans.Personalize.Sending;

namespace Orleans.Personalize.Senders;

/// <summary>Outgoing webhooks, the configuration section <c>Personalize:Webhooks</c>.</summary>
public sealed class WebhookOptions
{
    /// <summary>
    /// Whether webhooks may go into private networks and over plain HTTP. By default they may not: who can store a sender could otherwise
    /// reach what only this machine can.
    /// </summary>
    public bool AllowPrivateTargets { get; init; }
}

public static class SenderServices
{
    /// <summary>
    /// Adds the senders of the types <c>log</c>, which writes under <c>sends</c> in <c>Personalize:DataDirectory</c>, and <c>webhook</c>.
    /// </summary>
    public static IServiceCollection AddSenders(this IServiceCollection services, IConfiguration configuration)
    {
        var directory = Path.Combine(configuration["Personalize:DataDirectory"] ?? "data", "sends");
        var webhooks = configuration.GetSection("Personalize:Webhooks").Get<WebhookOptions>() ?? new WebhookOptions();
        return services
            .AddSingleton<ISenderFactory>(provider => new LogSenderFactory(directory, Console.OpenStandardOutput(), Clock(provider)))
            .AddSingleton<ISenderFactory>(provider => new WebhookSenderFactory(webhooks, Clock(provider)));
    }

    private static TimeProvider Clock(IServiceProvider provider) => provider.GetService<TimeProvider>() ?? TimeProvider.System;
}
