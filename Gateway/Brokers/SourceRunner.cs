using Microsoft.Extensions.Hosting;
using Microsoft.Extensions.Logging;
using Orleans.Personalize.Gateway.Connectors;
using Orleans.Personalize.Gateway.Security;

namespace Orleans.Personalize.Gateway.Brokers;

/// <summary>
/// Keeps the sources going that this installation fetches from, as the registries say: of brokers each silo has a consumer, and they compete; a polled address has
/// one grain in the cluster, which is kept awake.
/// </summary>
internal sealed class SourceRunner(
    KeyRing keys, WorkspaceRules rules, Intake intake, IEnumerable<IBrokerFactory> factories, IGrainFactory grains, TimeProvider time, ILogger<SourceRunner> logger)
    : BackgroundService
{
    /// <summary>Between two looks at what the registries say, which is in memory.</summary>
    private static readonly TimeSpan Period = TimeSpan.FromSeconds(1);

    private static readonly TimeSpan WakePeriod = TimeSpan.FromSeconds(10);

    private readonly Dictionary<(string Workspace, string Source), Running> running = [];

    protected override async Task ExecuteAsync(CancellationToken stoppingToken)
    {
        var nextWake = time.GetUtcNow();
        while (!stoppingToken.IsCancellationRequested)
        {
            try
            {
                var sources = await SourcesAsync(stoppingToken);
                await ReconcileAsync(sources);
                if (time.GetUtcNow() >= nextWake)
                {
                    nextWake = time.GetUtcNow() + WakePeriod;
                    await Task.WhenAll(sources.Where(static one => one.Source.Type == PollType).Select(one =>
                        grains.GetGrain<IPollGrain>($"{one.Workspace}/{one.Source.Id}").Wake().WaitAsync(stoppingToken)));
                }
            }
            catch (Exception failure)
            {
                if (!stoppingToken.IsCancellationRequested)
                    logger.SourcesNotKept(failure.Message);
            }
            await Task.Delay(Period, time, stoppingToken).ConfigureAwait(ConfigureAwaitOptions.SuppressThrowing);
        }
        await Task.WhenAll(running.Values.Select(static one => one.StopAsync()));
    }

    internal const string PollType = "poll";

    /// <summary>Those that are switched on.</summary>
    private async Task<List<(string Workspace, Source Source)>> SourcesAsync(CancellationToken stopping)
    {
        var found = new List<(string, Source)>();
        foreach (var workspace in keys.Workspaces)
        {
            var known = await rules.GetAsync(workspace).AsTask().WaitAsync(stopping);
            found.AddRange(known.Sources.Values.Where(static source => source.IsEnabled).Select(source => (workspace, source)));
        }
        return found;
    }

    /// <summary>A changed document is another consumer; whatever else changes in a registry disturbs nobody.</summary>
    private async Task ReconcileAsync(List<(string Workspace, Source Source)> sources)
    {
        var wanted = sources.ToDictionary(static one => (one.Workspace, one.Source.Id), static one => one.Source);
        foreach (var (key, old) in running.Where(one => wanted.GetValueOrDefault(one.Key)?.Version != one.Value.Version).ToArray())
        {
            await old.StopAsync();
            running.Remove(key);
        }
        foreach (var ((workspace, id), source) in wanted)
        {
            if (!running.ContainsKey((workspace, id)) && factories.FirstOrDefault(factory => factory.Flow.Type == source.Type) is { } factory)
                running.Add((workspace, id), Start(workspace, source, factory));
        }
    }

    private Running Start(string workspace, Source source, IBrokerFactory factory)
    {
        var stopping = new CancellationTokenSource();
        try
        {
            var broker = factory.Create(workspace, source);
            var consumer = new BrokerConsumer(
                workspace, source, broker, (body, receivedAt) => ItemFormats.ReadMessage(source, body, receivedAt), intake, time, logger);
            return new(source.Version, stopping, Task.Run(() => consumer.RunAsync(stopping.Token)));
        }
        catch (ArgumentException invalid)
        {
            logger.SourceUnusable($"{workspace}/{source.Id}", invalid.Message);
            return new(source.Version, stopping, Task.CompletedTask);
        }
    }

    private sealed record Running(long Version, CancellationTokenSource Stopping, Task Work)
    {
        public async Task StopAsync()
        {
            await Stopping.CancelAsync();
            await Work;
            Stopping.Dispose();
        }
    }
}
