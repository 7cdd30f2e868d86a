using System.Collections.Frozen;
using System.Security.Claims;
using System.Security.Cryptography;
using System.Text.Json;
using Microsoft.Extensions.Diagnostics.HealthChecks;
using Microsoft.Extensions.Hosting;
using Microsoft.Extensions.Logging;
using Microsoft.Extensions.Options;

namespace Orleans.Personalize.Gateway.Security;

/// <summary>The keys that are valid now, as last seen in the registry of the installation.</summary>
internal sealed class KeyRing(IGrainFactory grains, IOptions<GatewayOptions> options, ILogger<KeyRing> logger) : IHealthCheck
{
    /// <summary>The workspace of keys that were made by no other key.</summary>
    public const string DefaultWorkspace = "default";

    private static readonly Entry Unknown = new(new byte[SHA256.HashSizeInBytes], new ClaimsPrincipal());

    private readonly Entry? configured = string.IsNullOrEmpty(options.Value.AdminKey)
        ? null
        : new Entry(ApiKey.Hash(options.Value.AdminKey), ApiKey.Principal("configured", Roles.Admin, DefaultWorkspace));

    private readonly Lock installing = new();
    private volatile Ring ring = new(long.MinValue, FrozenDictionary<string, Entry>.Empty);

    /// <summary>The version of the registry that is in force; less than 0 before the first.</summary>
    public long Version => Math.Max(-1, ring.Version);

    /// <summary>Whether a key that is not found is truly unknown.</summary>
    public bool IsLoaded => ring.Version >= 0;

    /// <summary>The workspaces that have a key, and the installation's own: there are no others that anybody could have put anything into.</summary>
    public IEnumerable<string> Workspaces => ring.Keys.Values.Select(static entry => entry.Principal.Workspace()).Append(DefaultWorkspace).Distinct(StringComparer.Ordinal);

    /// <summary>The caller that holds the key; null for an unknown key. Takes the same work for every text of the same length.</summary>
    public ClaimsPrincipal? Find(string key)
    {
        var hash = ApiKey.Hash(key);
        var entry = ring.Keys.GetValueOrDefault(ApiKey.IdOf(key), Unknown);
        var stored = CryptographicOperations.FixedTimeEquals(hash, entry.Hash) & !ReferenceEquals(entry, Unknown);
        var admin = CryptographicOperations.FixedTimeEquals(hash, (configured ?? Unknown).Hash) & configured is not null;
        return admin ? configured!.Principal : stored ? entry.Principal : null;
    }

    /// <summary>Takes in a change that this process made, without waiting for the follower.</summary>
    public async Task RefreshAsync()
    {
        if (await grains.GetGrain<IRegistryGrain>(IRegistryGrain.Installation).Follow(-1) is { } snapshot)
            Install(snapshot);
    }

    public void Install(RegistrySnapshot snapshot)
    {
        var keys = snapshot.Documents
            .Where(document => document.Kind == RegistryKind.Key)
            .Select(document => (document.Id, Entry: Read(document)))
            .Where(pair => pair.Entry is not null)
            .ToFrozenDictionary(pair => pair.Id, pair => pair.Entry!);
        lock (installing)
        {
            // The follower and a refresh may bring snapshots out of order.
            if (snapshot.Version > ring.Version)
                ring = new Ring(snapshot.Version, keys);
        }
    }

    public Task<HealthCheckResult> CheckHealthAsync(HealthCheckContext context, CancellationToken cancellationToken = default) =>
        Task.FromResult(IsLoaded ? HealthCheckResult.Healthy() : HealthCheckResult.Unhealthy("The API keys are not loaded yet."));

    private Entry? Read(RegistryDocument document)
    {
        try
        {
            if (KeyDocument.FromJson(document.Document) is { } key && Roles.All.Contains(key.Role))
                return new Entry(Convert.FromHexString(key.Hash), ApiKey.Principal(document.Id, key.Role, key.Workspace));
        }
        catch (Exception exception) when (exception is JsonException or FormatException or ArgumentNullException)
        {
            // Falls through to the warning: one unreadable key must not lock out the others.
        }

        logger.UnreadableKey(document.Id);
        return null;
    }

    private sealed record Entry(byte[] Hash, ClaimsPrincipal Principal);

    private sealed record Ring(long Version, FrozenDictionary<string, Entry> Keys);
}

/// <summary>Keeps the ring in step with the registry, and sees to the first key.</summary>
internal sealed class KeyFollower(KeyRing ring, AdminKey adminKey, IGrainFactory grains, TimeProvider time, ILogger<KeyFollower> logger)
    : BackgroundService
{
    private static readonly TimeSpan DelayMin = TimeSpan.FromMilliseconds(50);
    private static readonly TimeSpan DelayMax = TimeSpan.FromMilliseconds(800);

    /// <summary>A revoked key must be useless within a second of the registry's return, so the back-off stays below.</summary>
    protected override async Task ExecuteAsync(CancellationToken stoppingToken)
    {
        var delay = DelayMin;
        while (!stoppingToken.IsCancellationRequested)
        {
            try
            {
                var first = !ring.IsLoaded;
                if (await grains.GetGrain<IRegistryGrain>(IRegistryGrain.Installation).Follow(ring.Version).WaitAsync(stoppingToken) is { } snapshot)
                {
                    if (first && !snapshot.Documents.Any(document => document.Kind == RegistryKind.Key))
                        await adminKey.CreateAsync(stoppingToken);
                    ring.Install(snapshot);
                }

                delay = DelayMin;
            }
            catch (OperationCanceledException) when (stoppingToken.IsCancellationRequested)
            {
                return;
            }
            catch (Exception exception)
            {
                // Whatever fails, the keys known so far stay valid and the next attempt follows.
                logger.KeysNotFollowed(exception, delay);
                await Task.Delay(delay, time, stoppingToken).ConfigureAwait(ConfigureAwaitOptions.SuppressThrowing);
                delay = delay * 2 < DelayMax ? delay * 2 : DelayMax;
            }
        }
    }
}
