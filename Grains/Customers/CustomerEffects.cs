using Microsoft.Extensions.Logging;
using Orleans.Personalize.Diagnostics;
using Orleans.Personalize.Engine;
using Orleans.Runtime;

namespace Orleans.Personalize.Customers;

/// <summary>
/// What follows from the committed state: the timer for the next deadline and the sends that are offered to their senders. Nothing here needs
/// to survive: after a crash the same state leads to the same effects.
/// </summary>
internal sealed class CustomerEffects(Grain grain, IGrainFactory grains, CustomerIdentities identities, TimeProvider clock, ILogger logger)
{
    /// <summary>Deadlines further away are left to the sweep; its horizon is longer.</summary>
    public static readonly TimeSpan TimerHorizon = TimeSpan.FromSeconds(90);

    /// <summary>How long a sender has to ask for the authorization of a send it took before it is offered again.</summary>
    private static readonly TimeSpan OfferPause = TimeSpan.FromSeconds(30);

    /// <summary>The same where the sender did not answer.</summary>
    private static readonly TimeSpan RefusedPause = TimeSpan.FromSeconds(5);

    private readonly Dictionary<string, DateTimeOffset> offeredUntil = [];
    private readonly HashSet<string> asking = [];
    private DateTimeOffset? askAgainAt;
    private readonly string customer = grain.GetPrimaryKeyString();
    private readonly string workspace = CustomerKey.Parse(grain.GetPrimaryKeyString()).Workspace;
    private IGrainTimer? timer;
    private Profile? followed;

    public void Follow(Profile committed)
    {
        followed = committed;
        // Most customers wait for nothing, and that must cost nothing.
        if (timer is null && offeredUntil.Count == 0 && committed is { Merge: null, Sends.IsEmpty: true, Waits.IsEmpty: true, Identities.IsEmpty: true })
            return;
        var now = clock.GetUtcNow();
        var next = Offer(committed, now);
        if (Ask(committed, now) is { } again && !(next < again))
            next = again;
        if (Outlook.NextDeadline(committed, offeredUntil: now) is { } deadline && !(next < deadline))
            next = deadline;
        Arm(next - now);
    }

    /// <returns>When an offer that has come to nothing is to be repeated.</returns>
    private DateTimeOffset? Offer(Profile committed, DateTimeOffset now)
    {
        foreach (var offered in offeredUntil.Keys)
        {
            // What became of that offer is known: the next attempt is a new one.
            if (committed.FindSend(offered) is not { IsWaiting: true } send || send.NextAttemptAt > now)
                offeredUntil.Remove(offered);
        }
        DateTimeOffset? repeat = null;
        foreach (var send in Outlook.PendingSends(committed, now))
        {
            if (!offeredUntil.TryGetValue(send.DecisionId, out var until) || until <= now)
            {
                offeredUntil[send.DecisionId] = until = now + OfferPause;
                _ = OfferAsync(send);
            }
            if (!(repeat < until))
                repeat = until;
        }
        return repeat;
    }

    /// <summary>Asks the customers of other ids what was not answered yet, and hands over what was merged.</summary>
    /// <returns>When to ask again where that has come to nothing.</returns>
    private DateTimeOffset? Ask(Profile committed, DateTimeOffset now)
    {
        if (askAgainAt > now)
            return askAgainAt;
        askAgainAt = null;
        if (committed.Merge is { IsHandedOver: false } merge)
            Ask(merge.MergeId, identities.HandOver);
        else if (committed.Merge is null)
        {
            foreach (var identity in committed.Identities)
            {
                if (Outlook.IsUnsettled(identity))
                    Ask($"{identity.State} {identity.MergeId}", () => identities.Settle(identity));
            }
        }
        return null;
    }

    private void Ask(string what, Func<Task> ask)
    {
        if (asking.Add(what))
            _ = AskAsync(what, ask);
    }

    private async Task AskAsync(string what, Func<Task> ask)
    {
        try
        {
            await ask();
            asking.Remove(what);
        }
        catch (Exception failure)
        {
            logger.MergeUnanswered(customer, failure.Message);
            asking.Remove(what);
            askAgainAt = clock.GetUtcNow() + RefusedPause;
            Follow(followed!);
        }
    }

    private async Task OfferAsync(Send send)
    {
        try
        {
            var reply = await grains.GetGrain<ISenderGrain>($"{workspace}/{send.Order.Sender}").Offer(new(customer, send.DecisionId));
            if (reply.NotBefore is { } notBefore)
                await ((ICustomerGrain)grain).Park(send.DecisionId, notBefore, reply.Reason!);
            return;
        }
        catch (Exception failure)
        {
            logger.OfferFailed(customer, send.DecisionId, failure.Message);
        }
        offeredUntil[send.DecisionId] = clock.GetUtcNow() + RefusedPause;
        // A deadline may come before the pause is over.
        Follow(followed!);
    }

    private void Arm(TimeSpan? due)
    {
        if (due is not { } time || time > TimerHorizon)
        {
            timer?.Change(Timeout.InfiniteTimeSpan, Timeout.InfiniteTimeSpan);
            return;
        }
        // Rounded up to the millisecond, the timers' grain, so that a tick is never early.
        time = time <= TimeSpan.Zero ? TimeSpan.Zero : TimeSpan.FromMilliseconds(Math.Ceiling(time.TotalMilliseconds));
        if (timer is null)
        {
            timer = grain.RegisterGrainTimer(
                static (self, _) => self.Tick(),
                (ICustomerGrain)grain,
                new GrainTimerCreationOptions { DueTime = time, Period = Timeout.InfiniteTimeSpan, Interleave = true });
        }
        else
        {
            timer.Change(time, Timeout.InfiniteTimeSpan);
        }
    }
}
