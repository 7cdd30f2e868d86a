using Microsoft.Extensions.Logging;
using Orleans.Personalize.Diagnostics;
using Orleans.Personalize.Journal;
using Orleans.Runtime;

namespace Orleans.Personalize.Deadlines;

/// <summary>
/// The sweep over one shard of the customers: wakes those whose stored deadline is near or past. A customer's own timer gives the
/// precision; this gives the guarantee, whatever crashed in between.
/// </summary>
public sealed class DeadlineGrain(IJournal journal, TimeProvider clock, ILogger<DeadlineGrain> logger) : Grain, IDeadlineGrain
{
    private static readonly TimeSpan Period = TimeSpan.FromSeconds(15);

    /// <summary>
    /// A customer is woken this long before its deadline and takes over with its own timer. Customers must stay in memory unused for longer than
    /// that (they do, by the runtime's default of 15 minutes), or the deadline is met only by the next sweep.
    /// </summary>
    private static readonly TimeSpan Horizon = Customers.CustomerEffects.TimerHorizon - Period;

    private const int PageSize = 256;

    /// <summary>Customers that were told of a deadline to come, and of which; they need not be told again.</summary>
    private readonly Dictionary<string, DateTimeOffset> told = [];

    private int shard;

    public override Task OnActivateAsync(CancellationToken cancellationToken)
    {
        shard = int.Parse(this.GetPrimaryKeyString());
        this.RegisterGrainTimer(
            static (self, cancellation) => self.Sweep(cancellation),
            this,
            new GrainTimerCreationOptions { DueTime = TimeSpan.Zero, Period = Period, KeepAlive = true });
        return Task.CompletedTask;
    }

    public Task Wake() => Task.CompletedTask;

    private async Task Sweep(CancellationToken cancellation)
    {
        try
        {
            var now = clock.GetUtcNow();
            foreach (var (customer, deadline) in told)
            {
                if (deadline <= now)
                    told.Remove(customer);
            }
            DueCustomer? last = null;
            for (; ; )
            {
                var page = await journal.ReadDueAsync(shard, now + Horizon, last, PageSize, cancellation);
                await Task.WhenAll(page.Where(due => !IsTold(due)).Select(due => Tick(due, now)));
                if (page.Count < PageSize)
                    return;
                last = page[^1];
            }
        }
        catch (Exception failure)
        {
            logger.SweepFailed(shard, failure);
        }
    }

    private bool IsTold(DueCustomer due) => told.TryGetValue(due.Customer, out var deadline) && deadline == due.Deadline;

    private async Task Tick(DueCustomer due, DateTimeOffset now)
    {
        try
        {
            await GrainFactory.GetGrain<ICustomerGrain>(due.Customer).Tick();
            if (due.Deadline > now)
                told[due.Customer] = due.Deadline;
        }
        catch (Exception failure)
        {
            // The next sweep comes back to it.
            logger.TickFailed(due.Customer, failure.Message);
        }
    }
}
