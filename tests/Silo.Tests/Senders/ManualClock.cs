using System.Collections.Concurrent;

namespace Orleans.Personalize.Silo.Tests.Senders;

/// <summary>A clock that stands still, and whose timers fire when the test says so.</summary>
internal sealed class ManualClock(DateTimeOffset now) : TimeProvider
{
    private readonly ConcurrentQueue<ManualTimer> timers = [];

    public DateTimeOffset Now { get; set; } = now;

    /// <summary>How far off each timer was when it was made.</summary>
    public IEnumerable<TimeSpan> Waits => timers.Select(timer => timer.Wait);

    public override DateTimeOffset GetUtcNow() => Now;

    public override ITimer CreateTimer(TimerCallback callback, object? state, TimeSpan dueTime, TimeSpan period)
    {
        var timer = new ManualTimer(() => callback(state), dueTime);
        timers.Enqueue(timer);
        return timer;
    }

    public void Expire()
    {
        foreach (var timer in timers)
            timer.Fire();
    }

    private sealed class ManualTimer(Action fire, TimeSpan wait) : ITimer
    {
        private bool disposed;

        public TimeSpan Wait => wait;

        public void Fire()
        {
            if (!disposed)
                fire();
        }

        public bool Change(TimeSpan dueTime, TimeSpan period) => true;

        public void Dispose() => disposed = true;

        public ValueTask DisposeAsync()
        {
            disposed = true;
            return ValueTask.CompletedTask;
        }
    }
}
