using Microsoft.Extensions.Hosting;
using Microsoft.Extensions.Logging;
using Orleans.Personalize.Diagnostics;

namespace Orleans.Personalize.Outcomes;

/// <summary>Keeps the counting awake, which nobody needs to ask for. Every silo has one; that they overlap is harmless.</summary>
public sealed class OutcomesKeeper(IGrainFactory grains, TimeProvider clock, ILogger<OutcomesKeeper> logger) : BackgroundService
{
    private static readonly TimeSpan Period = TimeSpan.FromSeconds(10);

    protected override async Task ExecuteAsync(CancellationToken stoppingToken)
    {
        while (!stoppingToken.IsCancellationRequested)
        {
            try
            {
                await grains.GetGrain<IOutcomesGrain>(IOutcomesGrain.All).Wake();
            }
            catch (Exception failure)
            {
                logger.OutcomesAsleep(failure.Message);
            }
            await Task.Delay(Period, clock, stoppingToken).ConfigureAwait(ConfigureAwaitOptions.SuppressThrowing);
        }
    }
}
