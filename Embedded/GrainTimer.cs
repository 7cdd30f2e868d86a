namespace Orleans.Runtime;

/// <summary>A timer of a grain.</summary>
public interface IGrainTimer : IDisposable
{
    /// <summary>Replaces the schedule. Called while a tick is under way, it takes effect after that tick.</summary>
    /// <param name="dueTime">Until the next tick; <see cref="Timeout.InfiniteTimeSpan"/> pauses the timer.</param>
    /// <param name="period">From the end of a tick to the next; <see cref="Timeout.InfiniteTimeSpan"/> for none.</param>
    void Change(TimeSpan dueTime, TimeSpan period);
}

public readonly struct GrainTimerCreationOptions()
{
    [System.Diagnostics.CodeAnalysis.SetsRequiredMembers]
    public GrainTimerCreationOptions(TimeSpan dueTime, TimeSpan period) : this()
    {
        DueTime = dueTime;
        Period = period;
    }

    /// <summary>Until the first tick; <see cref="Timeout.InfiniteTimeSpan"/> leaves the timer paused.</summary>
    public required TimeSpan DueTime { get; init; }

    /// <summary>From the end of a tick to the next; <see cref="Timeout.InfiniteTimeSpan"/> for a single tick.</summary>
    public required TimeSpan Period { get; init; }

    /// <summary>Whether ticks may interleave with calls and other timers of the grain.</summary>
    public bool Interleave { get; init; }

    /// <summary>Whether a tick counts as use of the grain and so puts off its collection.</summary>
    public bool KeepAlive { get; init; }
}

/// <summary>
/// A one-shot timer that, when due, queues a tick like a call to its own activation. The tick re-arms it, so ticks never overlap.
/// </summary>
internal abstract class GrainTimer : IGrainTimer
{
    private readonly Lock gate = new();
    private readonly CancellationTokenSource disposal = new();
    private readonly Activation activation;
    private readonly Tick tick;
    private readonly ITimer timer;
    private TimeSpan dueTime;
    private TimeSpan period;
    private bool ticking;
    private bool changed;
    private bool disposed;

    protected GrainTimer(Activation activation, GrainTimerCreationOptions options)
    {
        Validate(options.DueTime, options.Period);
        this.activation = activation;
        period = options.Period;
        tick = new Tick(this, options);
        timer = activation.Class.Runtime.Time.CreateTimer(
            static self => ((GrainTimer)self!).OnDue(), this, Timeout.InfiniteTimeSpan, Timeout.InfiniteTimeSpan);
        if (activation.TryAdd(this))
            timer.Change(options.DueTime, Timeout.InfiniteTimeSpan);
        else
            Dispose();
    }

    protected abstract Task CallBack(CancellationToken cancellation);

    public void Change(TimeSpan dueTime, TimeSpan period)
    {
        Validate(dueTime, period);
        lock (gate)
        {
            if (disposed)
                return;
            (this.dueTime, this.period, changed) = (dueTime, period, true);
            if (!ticking)
                timer.Change(dueTime, Timeout.InfiniteTimeSpan);
        }
    }

    public void Dispose()
    {
        lock (gate)
        {
            if (disposed)
                return;
            disposed = true;
        }

        // The source is not disposed: the callback may still hold its token.
        timer.Dispose();
        activation.Remove(this);
        try
        {
            disposal.Cancel();
        }
        catch (AggregateException exception)
        {
            activation.Class.Runtime.Log.TimerFailed(exception, activation.GrainId);
        }
    }

    /// <summary>Runs outside the grain, wherever the clock ticks.</summary>
    private void OnDue()
    {
        lock (gate)
        {
            if (ticking || disposed)
                return;
            ticking = true;
        }

        activation.TryReceive(tick, here: false);
    }

    /// <summary>As in Orleans, only a change since the start of the callback outweighs the period.</summary>
    private bool TryBegin()
    {
        lock (gate)
        {
            changed = false;
            return !disposed;
        }
    }

    private void End()
    {
        lock (gate)
        {
            ticking = false;
            if (!disposed)
                timer.Change(changed ? dueTime : period, Timeout.InfiniteTimeSpan);
        }
    }

    private static void Validate(TimeSpan dueTime, TimeSpan period)
    {
        const long MillisecondsMax = 0xfffffffe;
        ArgumentOutOfRangeException.ThrowIfLessThan((long)dueTime.TotalMilliseconds, -1, nameof(dueTime));
        ArgumentOutOfRangeException.ThrowIfGreaterThan((long)dueTime.TotalMilliseconds, MillisecondsMax, nameof(dueTime));
        ArgumentOutOfRangeException.ThrowIfLessThan((long)period.TotalMilliseconds, -1, nameof(period));
        ArgumentOutOfRangeException.ThrowIfGreaterThan((long)period.TotalMilliseconds, MillisecondsMax, nameof(period));
    }

    /// <summary>One request for all ticks of a timer, since only one is ever under way.</summary>
    private sealed class Tick(GrainTimer timer, GrainTimerCreationOptions options) : Request
    {
        public override bool Interleaves => options.Interleave;

        public override bool KeepsAlive => options.KeepAlive;

        public override void Start(Activation activation) => _ = RunAsync(activation);

        // A tick stays with its activation.
        public override void Forward() { }

        public override void Fail(Exception exception) { }

        private async Task RunAsync(Activation activation)
        {
            var outcome = Task.CompletedTask;
            if (timer.TryBegin())
            {
                try
                {
                    await (outcome = timer.CallBack(timer.disposal.Token));
                }
                catch (Exception exception)
                {
                    activation.Class.Runtime.Log.TimerFailed(exception, activation.GrainId);
                }

                timer.End();
            }

            activation.OnCompleted(this, outcome);
        }
    }
}

internal sealed class GrainTimer<TState>(
    Activation activation, Func<TState, CancellationToken, Task> callback, TState state, GrainTimerCreationOptions options)
    : GrainTimer(activation, options)
{
    protected override Task CallBack(CancellationToken cancellation) => callback(state, cancellation);
}
