using System.Net;
using Microsoft.Extensions.Options;

namespace Orleans.Personalize.Silo.Cluster;

/// <summary>The configuration section <c>Personalize:Cluster</c>, and of the environment what Kubernetes' downward API is asked to put there.</summary>
internal sealed class ClusterSettings
{
    public const string Section = "Personalize:Cluster";

    /// <summary>Silos of the same id find each other. Default: <c>personalize</c>.</summary>
    public string Id { get; set; } = "personalize";

    /// <summary>What outlives a cluster: silos of another id that take over its journal have the same service. Default: <c>personalize</c>.</summary>
    public string Service { get; set; } = "personalize";

    /// <summary>Where silos reach this one. Default: 11111.</summary>
    public int SiloPort { get; set; } = 11111;

    /// <summary>Where gateways reach this silo. Default: 30000.</summary>
    public int GatewayPort { get; set; } = 30000;

    /// <summary>Default: what silos and gateways say to each other is not encrypted.</summary>
    public TlsSettings Tls { get; set; } = new();

    /// <summary>Where the others reach this silo: <c>POD_IP</c>. Default: the first address of this machine that is not its loopback.</summary>
    public IPAddress? Address { get; set; }

    /// <summary>The silo's name in logs and on the dashboard: <c>POD_NAME</c>. Default: one that is made up.</summary>
    public string? Name { get; set; }

    public static void Add(IServiceCollection services, IConfiguration configuration) => services
        .AddSingleton<IValidateOptions<ClusterSettings>, ClusterSettingsRules>()
        .AddOptions<ClusterSettings>()
        .BindConfiguration(Section)
        .Configure(settings =>
        {
            settings.Address = configuration["POD_IP"] is { Length: > 0 } address
                ? IPAddress.TryParse(address, out var parsed) ? parsed : IPAddress.None
                : null;
            settings.Name = configuration["POD_NAME"] is { Length: > 0 } name ? name : null;
        })
        .ValidateOnStart();
}

/// <summary>PEM files. They are read again when they change, so that a certificate can be renewed without a restart.</summary>
internal sealed class TlsSettings
{
    /// <summary>The certificate that this process shows; it must allow the use as server and as client. Default: none, and no TLS.</summary>
    public string? Certificate { get; set; }

    /// <summary>Its private key.</summary>
    public string? Key { get; set; }

    /// <summary>
    /// Whose certificates are let in: the authorities, and nobody else's. Default: <see cref="Certificate"/> itself, which all members then
    /// share.
    /// </summary>
    public string? Authority { get; set; }

    public bool IsOn => !string.IsNullOrEmpty(Certificate);
}

internal sealed class ClusterSettingsRules : IValidateOptions<ClusterSettings>
{
    public ValidateOptionsResult Validate(string? name, ClusterSettings options)
    {
        var problem = options switch
        {
            _ when string.IsNullOrWhiteSpace(options.Id) || string.IsNullOrWhiteSpace(options.Service) =>
                $"{ClusterSettings.Section}:Id and {ClusterSettings.Section}:Service must not be empty.",
            _ when options.SiloPort is < 1 or > 65535 || options.GatewayPort is < 1 or > 65535 || options.SiloPort == options.GatewayPort =>
                $"{ClusterSettings.Section}:SiloPort and {ClusterSettings.Section}:GatewayPort must be two ports from 1 to 65535.",
            _ when IPAddress.None.Equals(options.Address) || IPAddress.Any.Equals(options.Address) || IPAddress.IPv6Any.Equals(options.Address) =>
                "POD_IP must be the IP address at which other silos reach this one.",
            _ => MemberCertificate.ProblemOf(options.Tls),
        };
        return problem is null ? ValidateOptionsResult.Success : ValidateOptionsResult.Fail(problem);
    }
}
