using Microsoft.Extensions.Hosting;
using Microsoft.Extensions.Logging;
using Orleans.Personalize.Diagnostics;

namespace Orleans.Personalize.Quarantine;

/// <summary>Lets go of what was settled long ago. Every silo has one; that they overlap is harmless.</summary>
public sealed class QuarantineKeeper(IQuarantine store, TimeProvider clock, ILogger<QuarantineKeeper> logger) : BackgroundService
{
    private static readonly TimeSpan Period = TimeSpan.FromHours(1);

    protected override async Task ExecuteAsync(CancellationToken stoppingToken)
    {
        while (!stoppingToken.IsCancellationRequested)
        {
            try
            {
                var before = clock.GetUtcNow() - QuarantineLimits.Retention;
                while (await store.PruneAsync(before, stoppingToken) == QuarantineLimits.ListMax)
                {
                }
            }
            catch (Exception failure) when (!stoppingToken.IsCancellationRequested)
            {
                logger.QuarantineNotPruned(failure.Message);
            }
            await Task.Delay(Period, clock, stoppingToken).ConfigureAwait(ConfigureAwaitOptions.SuppressThrowing);
        }
    }
}
