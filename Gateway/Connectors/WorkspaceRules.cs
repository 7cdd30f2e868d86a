using System.Collections.Concurrent;
using System.Collections.Frozen;
using Microsoft.Extensions.Hosting;
using Microsoft.Extensions.Logging;
using Orleans.Personalize.Gateway.Quality;

namespace Orleans.Personalize.Gateway.Connectors;

/// <summary>What a workspace's registry says about the events that come in, compiled.</summary>
/// <param name="Version">Of the registry.</param>
/// <param name="Sources">By id; also those that are switched off.</param>
internal sealed record Rules(long Version, FrozenDictionary<string, Source> Sources)
{
    public EventSchemas Schemas { get; init; } = EventSchemas.None;

    /// <param name="before">What has not changed since is taken over.</param>
    public static Rules Of(RegistrySnapshot snapshot, Rules? before = null) => new(
        snapshot.Version,
        snapshot.Documents.Where(static document => document.Kind == RegistryKind.Source).Select(Source.Of).OfType<Source>()
            .ToFrozenDictionary(static source => source.Id, StringComparer.Ordinal))
    {
        Schemas = EventSchemas.Of(snapshot, before?.Schemas),
    };
}

/// <summary>The rules of the workspaces that this gateway has met, each at most a moment behind its registry.</summary>
internal sealed class WorkspaceRules(IGrainFactory grains, TimeProvider time, IHostApplicationLifetime lifetime, ILogger<WorkspaceRules> logger)
{
    /// <summary>After a registry did not answer. Well under the second within which a change is followed.</summary>
    private static readonly TimeSpan RetryPause = TimeSpan.FromMilliseconds(250);

    private readonly ConcurrentDictionary<string, Lazy<Task<Followed>>> workspaces = new();

    /// <summary>Whether the rules of a workspace are known without asking for them.</summary>
    public bool AreFollowed(string workspace) => workspaces.TryGetValue(workspace, out var loading) && loading.IsValueCreated && loading.Value.IsCompletedSuccessfully;

    /// <summary>The rules as they are known now; the first call for a workspace waits for its registry.</summary>
    /// <exception cref="Exception">The registry could not be read; the next call tries again.</exception>
    public ValueTask<Rules> GetAsync(string workspace) =>
        workspaces.TryGetValue(workspace, out var known) && known is { IsValueCreated: true, Value: { IsCompletedSuccessfully: true } followed }
            ? new(followed.Result.Rules)
            : LoadedAsync(workspace);

    private async ValueTask<Rules> LoadedAsync(string workspace)
    {
        if (!workspaces.TryGetValue(workspace, out var loading))
            loading = workspaces.GetOrAdd(workspace, name => new(() => LoadAsync(name)));
        try
        {
            return (await loading.Value).Rules;
        }
        catch
        {
            workspaces.TryRemove(KeyValuePair.Create(workspace, loading));
            throw;
        }
    }

    private async Task<Followed> LoadAsync(string workspace)
    {
        var registry = grains.GetGrain<IRegistryGrain>(workspace);
        RegistrySnapshot? first;
        do
            first = await registry.Follow(-1);
        while (first is null);
        var followed = new Followed(Rules.Of(first));
        _ = FollowAsync(registry, followed, workspace);
        return followed;
    }

    private async Task FollowAsync(IRegistryGrain registry, Followed followed, string workspace)
    {
        while (!lifetime.ApplicationStopping.IsCancellationRequested)
        {
            try
            {
                if (await registry.Follow(followed.Rules.Version) is { } changed)
                    followed.Rules = Rules.Of(changed, followed.Rules);
            }
            catch (Exception failure) when (!lifetime.ApplicationStopping.IsCancellationRequested)
            {
                logger.RulesNotFollowed(failure, workspace);
                await Task.Delay(RetryPause, time, lifetime.ApplicationStopping).ConfigureAwait(ConfigureAwaitOptions.SuppressThrowing);
            }
            catch (Exception)
            {
                return;
            }
        }
    }

    private sealed class Followed(Rules rules)
    {
        private volatile Rules rules = rules;

        public Rules Rules
        {
            get => rules;
            set => rules = value;
        }
    }
}
