using System.Text.Json.Serialization;
using Microsoft.AspNetCore.Authentication;
using Microsoft.AspNetCore.Builder;
using Microsoft.AspNetCore.Http;
using Microsoft.AspNetCore.Routing;
using Microsoft.AspNetCore.Server.Kestrel.Core;
using Microsoft.Extensions.Configuration;
using Microsoft.Extensions.DependencyInjection;
using Microsoft.Extensions.DependencyInjection.Extensions;
using Microsoft.Extensions.Options;
using Microsoft.Net.Http.Headers;
using Orleans.Personalize.Gateway.Api;
using Orleans.Personalize.Gateway.Brokers;
using Orleans.Personalize.Gateway.Connectors;
using Orleans.Personalize.Gateway.Content;
using Orleans.Personalize.Gateway.Dashboard;
using Orleans.Personalize.Gateway.Imports;
using Orleans.Personalize.Gateway.Quality;
using Orleans.Personalize.Gateway.Recipients;
using Orleans.Personalize.Gateway.Security;
using Orleans.Personalize.Gateway.SuppressionList;
using Orleans.Personalize.Gateway.Tracking;

namespace Orleans.Personalize.Gateway;

/// <summary>How a host takes in the gateway.</summary>
public static class GatewayHosting
{
    /// <summary>
    /// Adds the gateway. It needs an <see cref="IGrainFactory"/> and an <see cref="ICluster"/>, reads the section <see cref="GatewayOptions.Section"/>, sets Kestrel's limits, and
    /// adds the health check <c>keys</c>; the host adds its own checks to the same <see cref="HealthCheckServiceCollectionExtensions.AddHealthChecks"/>.
    /// </summary>
    public static IServiceCollection AddGateway(this IServiceCollection services, IConfiguration configuration)
    {
        services.AddOptions<GatewayOptions>()
            .Bind(configuration.GetSection(GatewayOptions.Section))
            .Validate(options => options.HasUsableAdminKey, GatewayOptions.AdminKeyRule)
            .Validate(options => !string.IsNullOrWhiteSpace(options.DataDirectory), "Personalize:DataDirectory must not be empty.")
            .Validate(options => options.HasUsablePublicUrl, GatewayOptions.PublicUrlRule)
            .Validate(options => options.HasUsableTracesUrl, GatewayOptions.TracesUrlRule)
            .Validate(static options => options.EventsUnderWayMax > 0, "Personalize:EventsUnderWayMax must be 1 or more.")
            .Validate(options => options.HasUsableLinkKeys, GatewayOptions.LinkKeysRule)
            .ValidateOnStart();
        services.TryAddSingleton(TimeProvider.System);
        services.TryAddSingleton(static provider => LinkKeys.MakeLinks(
            provider.GetRequiredService<IOptions<GatewayOptions>>().Value, provider.GetRequiredService<TimeProvider>()));
        services.AddSingleton<RecipientLinks>();
        services.AddSingleton<Intake>();
        services.AddSingleton<ImportSlots>();
        services.AddSingleton<WorkspaceRules>();
        services.AddDataQuality();
        services.AddSingleton<IDocumentRule, SourceRule>();
        services.AddSingleton(static provider => new SourceIntake(
            provider.GetRequiredService<Intake>(), provider.GetRequiredService<WorkspaceRules>(), provider.GetRequiredService<TimeProvider>()));
        foreach (var connector in DataFlows.Connectors)
            services.AddSingleton(connector).AddSingleton<ISourceType>(connector);
        services.AddSingleton<ContentReader>();
        services.AddSingleton(new LiveConnections(Limits.LiveConnectionsMax));
        services.AddSingleton<Live>();
        services.AddSingleton<RecentNumbers>();
        services.AddSingleton<KeyRing>();
        services.AddSingleton<AdminKey>();
        services.TryAddSingleton(LoginConsole.OfProcess);
        services.AddSingleton<LoginLink>();
        services.AddHostedService<KeyFollower>();
        services.AddHealthChecks().AddCheck<KeyRing>("keys");

        // AddAuthentication would add data protection, which keeps keys of its own on the disk; API keys need none.
        services.AddAuthenticationCore(static options => options.DefaultScheme = KeyAuthentication.SchemeName);
        services.AddWebEncoders();
        new AuthenticationBuilder(services).AddScheme<AuthenticationSchemeOptions, KeyAuthentication>(KeyAuthentication.SchemeName, null);
        services.AddAuthorization();
        services.AddCors(cors => cors.AddPolicy(EventsApi.AnyOrigin, policy => policy
            .AllowAnyOrigin()
            .WithMethods(HttpMethods.Post)
            .AllowAnyHeader()
            .WithExposedHeaders(HeaderNames.RetryAfter)
            .SetPreflightMaxAge(TimeSpan.FromHours(2))));
        services.AddProblemDetails(problems => problems.CustomizeProblemDetails = context => Problems.Explain(context.ProblemDetails));
        services.AddExceptionHandler<ProblemExceptions>();
        services.AddOpenApi("v1", ApiDescription.Configure);
        services.ConfigureHttpJsonOptions(json =>
        {
            json.SerializerOptions.TypeInfoResolverChain.Insert(0, ApiJson.Default);
            // Numbers are numbers, and the API's description then says so.
            json.SerializerOptions.NumberHandling = JsonNumberHandling.Strict;
        });
        services.Configure<RouteHandlerOptions>(routes => routes.ThrowOnBadRequest = true);
        services.Configure<KestrelServerOptions>(Limits.Apply);
        return services;
    }

    /// <summary>Lets this process fetch from the sources that do not send by themselves; a silo does, with the <see cref="IBrokerFactory"/>s of its host.</summary>
    public static IServiceCollection AddSourceRunner(this IServiceCollection services) => services.AddHostedService<SourceRunner>();

    /// <summary>Puts the gateway's middleware and routes into the pipeline.</summary>
    public static WebApplication MapGateway(this WebApplication app)
    {
        // It counts from here on.
        _ = app.Services.GetRequiredService<RecentNumbers>();
        app.UseExceptionHandler();
        app.UseStatusCodePages();
        app.UseRouting();
        app.UseCors();
        app.UseWebSockets(LiveApi.WebSockets);
        app.UseAuthentication();
        app.UseAuthorization();

        EventsApi.Map(app);
        MailWebhooksApi.Map(app);
        SourceWebhooksApi.Map(app);
        CustomersApi.Map(app);
        ExplainApi.Map(app);
        HistoryApi.Map(app);
        LiveApi.Map(app);
        WaitsApi.Map(app);
        BacktestsApi.Map(app);
        ImportsApi.Map(app);
        OverviewApi.Map(app);
        ClusterApi.Map(app);
        RegistryApi.Map(app);
        QuarantineApi.Map(app);
        DataApi.Map(app);
        TriggersApi.Map(app);
        OutcomesApi.Map(app);
        ResolutionsApi.Map(app);
        SendHistoryApi.Map(app);
        ContentApi.Map(app);
        SendersApi.Map(app);
        TestSendApi.Map(app);
        SourcesApi.Map(app);
        SuppressionsApi.Map(app);
        TemplatesApi.Map(app);
        KeysApi.Map(app);
        LoginApi.Map(app);
        HealthApi.Map(app);
        UnsubscribePage.Map(app);
        PreferencesPage.Map(app);
        TrackingScript.Map(app);
        DashboardPages.Map(app);
        app.MapOpenApi().AllowAnonymous();
        return app;
    }

    /// <summary>
    /// Lets in who holds an admin key of the installation's own workspace: for pages of the host that show more than one workspace. A browser
    /// asks for the key, as the user name.
    /// </summary>
    public static TBuilder RequireInstallationAdmin<TBuilder>(this TBuilder builder) where TBuilder : IEndpointConventionBuilder => builder
        .Require(Access.Admin)
        .RequireAuthorization(static policy => policy.RequireClaim(Caller.WorkspaceClaim, KeyRing.DefaultWorkspace))
        .WithMetadata(new BrowserPage());
}
