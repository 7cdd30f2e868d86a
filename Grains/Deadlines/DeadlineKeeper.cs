using Microsoft.Extensions.Hosting;
using Microsoft.Extensions.Logging;
using Orleans.Personalize.Diagnostics;

namespace Orleans.Personalize.Deadlines;

/// <summary>Keeps all shards of the sweep awake. Every silo has one; that they overlap is harmless.</summary>
public sealed class DeadlineKeeper(IGrainFactory grains, TimeProvider clock, ILogger<DeadlineKeeper> logger) : BackgroundService
{
    private static readonly TimeSpan Period = TimeSpan.FromSeconds(10);

    protected override Task ExecuteAsync(CancellationToken stoppingToken) => KeepAwakeAsync(stoppingToken);

    /// <summary>The work itself, on the scheduler of the caller; the base class would run it on the thread pool. Ends when it is cancelled.</summary>
    public async Task KeepAwakeAsync(CancellationToken stopping)
    {
        while (!stopping.IsCancellationRequested)
        {
            try
            {
                await Task.WhenAll(Enumerable.Range(0, CustomerKey.Shards).Select(shard =>
                    grains.GetGrain<IDeadlineGrain>(shard.ToString()).Wake()));
            }
            catch (Exception failure)
            {
                logger.ShardsAsleep(failure.Message);
            }
            // To be stopped is no failure, also where the host gives up before it has started.
            await Task.Delay(Period, clock, stopping).ConfigureAwait(ConfigureAwaitOptions.SuppressThrowing | ConfigureAwaitOptions.ContinueOnCapturedContext);
        }
    }
}
