using System.Net.Sockets;
using Microsoft.AspNetCore.Connections;
using Microsoft.Extensions.Configuration.Memory;
using Microsoft.Extensions.Diagnostics.HealthChecks;
using Microsoft.Extensions.Options;
using Orleans.Personalize.Customers;
using Orleans.Personalize.Gateway;
using Orleans.Personalize.Journal;
using Orleans.Personalize.Senders;
using Orleans.Personalize.Sources;

namespace Orleans.Personalize.Silo;

/// <summary>The whole product in one process: grains, journal, senders and gateway.</summary>
public static class SiloHost
{
    /// <summary>Loopback, so that an installation without configured keys is reachable from its own machine only.</summary>
    public const string DefaultAddress = "http://127.0.0.1:5080";

    /// <summary>A line a request would drown everything else. Any configuration overrides these.</summary>
    private static readonly KeyValuePair<string, string?>[] Defaults =
    [
        new("Logging:LogLevel:Microsoft.AspNetCore", "Warning"),
        new("Logging:LogLevel:Orleans", "Warning"),
        new("Logging:LogLevel:Orleans.Personalize", "Information"),
        new("Logging:LogLevel:Orleans.Personalize.Gateway.Security.KeyAuthentication", "Warning"),
    ];

    public static async Task<int> RunAsync(string[] args)
    {
        WebApplication app;
        try
        {
            app = Build(args);
        }
        catch (InvalidOperationException failure) when (failure.InnerException is FormatException)
        {
            // A setting of another type than it should be: the message names it.
            await Console.Error.WriteLineAsync(failure.Message);
            return 1;
        }
        await using (app)
            return await RunAsync(app);
    }

    public static WebApplication Build(string[] args, Action<WebApplicationBuilder>? configure = null)
    {
        var builder = WebApplication.CreateBuilder(args);
        builder.Configuration.Sources.Insert(0, new MemoryConfigurationSource { InitialData = Defaults });
        if (string.IsNullOrEmpty(builder.Configuration["urls"]) && !builder.Configuration.GetSection("Kestrel:Endpoints").Exists())
            builder.WebHost.UseUrls(DefaultAddress);
        configure?.Invoke(builder);
        builder.Services.AddOptions<SiloOptions>()
            .BindConfiguration(SiloOptions.Section)
            .Validate(static options => SiloOptions.Journals.Contains(options.Journal), $"Personalize:Journal must be one of {string.Join(", ", SiloOptions.Journals)}.")
            .Validate(
                static options => SearchTraits.AreValid(options.SearchTraits),
                $"Personalize:SearchTraits must be up to {SearchTraits.NamesMax} names of 1 to {SearchTraits.NameLengthMax} characters without a colon.")
            .Validate(
                static options => ActorRuntime.Roles.Contains(options.Role),
                "Personalize:Role must be silo, or gateway in a build for Microsoft Orleans.")
            .Validate(
                static options => options.Role != SiloOptions.GatewayRole || options.Journal == SiloOptions.Postgres,
                "A gateway finds the silos in their journal, so it needs Personalize:Journal=postgres.")
            .Validate<IOptions<GatewayOptions>>(
                static (options, gateway) => options.Journal != SiloOptions.Postgres || gateway.Value.LinkKeys.Length > 0,
                "The processes of a cluster must agree on the keys of links in mails, so Personalize:Journal=postgres needs Personalize:LinkKeys:0, "
                + "the same everywhere: 'openssl rand -base64 32' makes one.")
            .ValidateOnStart();
        var isGateway = builder.Configuration[$"{SiloOptions.Section}:{nameof(SiloOptions.Role)}"] == SiloOptions.GatewayRole;
        ActorRuntime.Add(builder, isGateway);
        if (!isGateway)
            AddSilo(builder);
        builder.Services.AddGateway(builder.Configuration);
        if (isGateway)
            builder.Services.AddHealthChecks().AddCheck<ClusterHealth>("cluster");
        Telemetry.Add(builder);
        // What keeps the host from starting is said by RunAsync in a line; the host itself would add a stack trace.
        var hasStarted = false;
        builder.Logging.AddFilter("Microsoft.Extensions.Hosting.Internal.Host", level => hasStarted && level >= LogLevel.Information);
        var app = builder.Build();
        app.Lifetime.ApplicationStarted.Register(() => hasStarted = true);
        app.MapGateway();
        ActorRuntime.Map(app);
        return app;
    }

    /// <summary>What the grains need.</summary>
    private static void AddSilo(WebApplicationBuilder builder)
    {
        AddJournal(builder);
        builder.Services.AddSingleton(static provider => new SearchTraits(provider.GetRequiredService<IOptions<SiloOptions>>().Value.SearchTraits));
        builder.Services.AddPersonalizeGrains();
        builder.Services.AddSenders(builder.Configuration);
        builder.Services.AddSources(builder.Configuration);
        builder.Services.AddHealthChecks().AddCheck<JournalHealth>("journal");
    }

    private static void AddJournal(WebApplicationBuilder builder)
    {
        if (builder.Configuration[$"{SiloOptions.Section}:{nameof(SiloOptions.Journal)}"] == SiloOptions.Postgres)
            builder.Services.AddPostgresJournal();
        else
            builder.Services.AddSqliteJournal();
    }

    /// <summary>Runs until it is stopped. What a user can mend is said in a line, not in a stack trace.</summary>
    public static async Task<int> RunAsync(WebApplication app)
    {
        try
        {
            // Before anything begins to work with them: without its options or its journal a silo is of no use, however long it runs. A gateway has none.
            app.Services.GetService<IStartupValidator>()?.Validate();
            _ = app.Services.GetService<IJournal>();
            _ = app.Services.GetRequiredService<SignedLinks>();
            await app.StartAsync();
            await app.WaitForShutdownAsync();
            return 0;
        }
        catch (IOException failure) when (failure.InnerException is AddressInUseException or SocketException)
        {
            await Console.Error.WriteLineAsync(
                $"{failure.Message}\nAnother process listens there. Stop it, or choose another address: --urls http://127.0.0.1:5081");
        }
        catch (Exception failure) when (failure is OptionsValidationException or JournalException or JournalOpenException or UnauthorizedAccessException)
        {
            await Console.Error.WriteLineAsync(failure.Message);
        }
        // A start that failed says nowhere that it is over, and what it began would wait.
        app.Lifetime.StopApplication();
        return 1;
    }
}

/// <summary>Ready means that a silo answers, whichever, and its journal.</summary>
internal sealed class ClusterHealth(IGrainFactory grains) : IHealthCheck
{
    public async Task<HealthCheckResult> CheckHealthAsync(HealthCheckContext context, CancellationToken cancellationToken = default)
    {
        try
        {
            await grains.GetGrain<ICustomerSearchGrain>("health").Search("", 1).WaitAsync(cancellationToken);
            return HealthCheckResult.Healthy();
        }
        catch (Exception failure)
        {
            return HealthCheckResult.Unhealthy("The cluster does not answer.", failure);
        }
    }
}

/// <summary>Ready means that the journal answers.</summary>
internal sealed class JournalHealth(IJournal journal) : IHealthCheck
{
    public async Task<HealthCheckResult> CheckHealthAsync(HealthCheckContext context, CancellationToken cancellationToken = default)
    {
        try
        {
            await journal.SearchAsync("health", "", 1, cancellationToken);
            return HealthCheckResult.Healthy();
        }
        catch (Exception failure)
        {
            return HealthCheckResult.Unhealthy("The journal does not answer.", failure);
        }
    }
}
