namespace Orleans.Personalize.Testing;

/// <summary>
/// A clock that stands still until it is told to move. Timers fire on the thread that moves it, by due time and then by creation; between two
/// instants everything that is ready on the <see cref="Scheduler"/> runs to its end.
/// </summary>
public sealed class VirtualTime(SeededScheduler? scheduler = null, DateTimeOffset? start = null) : TimeProvider
{
    private readonly Lock gate = new();
    private readonly SortedSet<VirtualTimer> timers = new(Comparer<VirtualTimer>.Create(VirtualTimer.Compare));
    private readonly DateTimeOffset start = start ?? new DateTimeOffset(2026, 1, 1, 0, 0, 0, TimeSpan.Zero);
    /// <summary>How often timers may fire at one instant because of each other.</summary>
    private const int RoundsMax = 100_000;

    private TimeSpan elapsed;
    private int roundsAtInstant;
    private long created;

    /// <summary>What runs between timers; null where the system under test runs on real threads.</summary>
    public SeededScheduler? Scheduler { get; } = scheduler;

    public override TimeZoneInfo LocalTimeZone => TimeZoneInfo.Utc;

    public override long TimestampFrequency => TimeSpan.TicksPerSecond;

    public override DateTimeOffset GetUtcNow() => start + Elapsed;

    public override long GetTimestamp() => Elapsed.Ticks;

    /// <summary>How far the clock has moved.</summary>
    public TimeSpan Elapsed
    {
        get
        {
            lock (gate)
                return elapsed;
        }
    }

    public override ITimer CreateTimer(TimerCallback callback, object? state, TimeSpan dueTime, TimeSpan period)
    {
        var timer = new VirtualTimer(this, callback, state, Interlocked.Increment(ref created));
        timer.Change(dueTime, period);
        return timer;
    }

    /// <summary>Moves the clock, firing what comes due on the way; afterwards nothing is ready that could run.</summary>
    public void Advance(TimeSpan by)
    {
        var until = Elapsed + by;
        Scheduler?.Drain();
        while (FireNext(until))
            Scheduler?.Drain();
        lock (gate)
            elapsed = until;
    }

    /// <inheritdoc cref="Advance"/>
    /// <returns>A completed task; with no scheduler of its own the system may still be busy with what fired.</returns>
    public Task AdvanceAsync(TimeSpan by)
    {
        Advance(by);
        return Task.CompletedTask;
    }

    /// <summary>Moves the clock from timer to timer until the condition holds.</summary>
    /// <exception cref="TimeoutException">It did not hold within the virtual time allowed, by default an hour.</exception>
    public void RunUntil(Func<bool> condition, TimeSpan? within = null)
    {
        var ready = Scheduler ?? throw new InvalidOperationException("Only with a scheduler is it known when nothing more happens without time.");
        var until = Elapsed + (within ?? TimeSpan.FromHours(1));
        ready.Drain();
        while (!condition())
        {
            if (!FireNext(until))
                throw new TimeoutException(
                    $"Seed {ready.Seed}: the condition did not hold by {start + until:O}; {ready.Strays} tasks came from other threads.");
            ready.Drain();
        }
    }

    /// <summary>Runs code on the scheduler, in as much virtual time as it needs, to its result or exception.</summary>
    public T Run<T>(Func<Task<T>> body, TimeSpan? within = null)
    {
        var task = (Scheduler ?? throw new InvalidOperationException("Running code in virtual time needs a scheduler.")).Start(body);
        RunUntil(() => task.IsCompleted, within);
        return task.GetAwaiter().GetResult();
    }

    /// <inheritdoc cref="Run{T}"/>
    public void Run(Func<Task> body, TimeSpan? within = null) =>
        Run(async () =>
        {
            await body();
            return true;
        }, within);

    /// <summary>Goes to the next instant at which a timer is due, if it is not later than that, and fires all timers of that instant.</summary>
    private bool FireNext(TimeSpan until)
    {
        List<VirtualTimer> due = [];
        lock (gate)
        {
            if (timers.Min is not { } next || next.Due > until)
                return false;
            if (next.Due > elapsed)
                (elapsed, roundsAtInstant) = (next.Due, 0);
            if (++roundsAtInstant > RoundsMax)
                throw new InvalidOperationException($"Seed {Scheduler?.Seed}: timers fire without end at {start + elapsed:O}.");
            due.AddRange(timers.TakeWhile(timer => timer.Due <= elapsed));
        }

        SeededScheduler.WithoutContext(() => due.ForEach(timer => timer.Fire()));
        return true;
    }

    private sealed class VirtualTimer(VirtualTime time, TimerCallback callback, object? state, long number) : ITimer
    {
        private readonly ExecutionContext? context = ExecutionContext.Capture();
        private TimeSpan period;
        private bool disposed;

        public TimeSpan Due { get; private set; }

        public static int Compare(VirtualTimer left, VirtualTimer right) => (left.Due, left.Number).CompareTo((right.Due, right.Number));

        private long Number { get; } = number;

        public bool Change(TimeSpan dueTime, TimeSpan period)
        {
            lock (time.gate)
            {
                if (disposed)
                    return false;
                time.timers.Remove(this);
                this.period = period;
                Due = time.elapsed + dueTime;
                if (dueTime >= TimeSpan.Zero)
                    time.timers.Add(this);
                return true;
            }
        }

        public void Fire()
        {
            lock (time.gate)
            {
                // One that fired at the same instant may have stopped or moved this one.
                if (Due > time.elapsed || !time.timers.Remove(this))
                    return;
                if (period > TimeSpan.Zero)
                {
                    Due += period;
                    time.timers.Add(this);
                }
            }

            if (context is null)
                callback(state);
            else
                ExecutionContext.Run(context, static timer => ((VirtualTimer)timer!).CallBack(), this);
        }

        public void Dispose()
        {
            lock (time.gate)
            {
                disposed = true;
                time.timers.Remove(this);
            }
        }

        public ValueTask DisposeAsync()
        {
            Dispose();
            return ValueTask.CompletedTask;
        }

        private void CallBack() => callback(state);
    }
}
