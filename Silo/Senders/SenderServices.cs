using Orleans.Personalize.Senders.Http;
using Orleans.Personalize.Senders.Smtp;
using Orleans.Personalize.Sending;

namespace Orleans.Personalize.Senders;

/// <summary>What the operator allows senders, the configuration section <c>Personalize:Senders</c>.</summary>
public sealed class SenderOptions
{
    /// <summary>
    /// Whether senders may go into private networks, over plain HTTP and over SMTP without TLS. By default they may not: who can store a sender
    /// could otherwise reach what only this machine can.
    /// </summary>
    public bool AllowPrivateTargets { get; init; }
}

public static class SenderServices
{
    /// <summary>
    /// Adds the senders of all types; those of the type <c>log</c> write under <c>sends</c> in <c>Personalize:DataDirectory</c>.
    /// </summary>
    public static IServiceCollection AddSenders(this IServiceCollection services, IConfiguration configuration)
    {
        var directory = Path.Combine(configuration["Personalize:DataDirectory"] ?? "data", "sends");
        var options = configuration.GetSection("Personalize:Senders").Get<SenderOptions>() ?? new SenderOptions();
        return services
            .AddSingleton(provider => new SenderHttp(options, Clock(provider)))
            .AddSingleton<ISenderFactory>(provider => new LogSenderFactory(directory, Console.OpenStandardOutput(), Clock(provider)))
            .AddSingleton<ISenderFactory>(provider => new SmtpSenderFactory(options, Clock(provider)))
            .AddSingleton<ISenderFactory, WebhookSenderFactory>()
            .AddSingleton<ISenderFactory, SendGridSenderFactory>()
            .AddSingleton<ISenderFactory, MandrillSenderFactory>()
            .AddSingleton<ISenderFactory, KlaviyoSenderFactory>();
    }

    private static TimeProvider Clock(IServiceProvider provider) => provider.GetService<TimeProvider>() ?? TimeProvider.System;
}
