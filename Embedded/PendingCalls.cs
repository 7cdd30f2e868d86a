namespace Orleans.Runtime;

/// <summary>
/// The calls that wait for an answer, and their time-outs. All have the same time-out, so a list in the order of sending knows by its oldest
/// whether any has expired: no timer a call, and a sweep that looks only at what is late. The lists are many to keep callers apart.
/// </summary>
internal sealed class PendingCalls : IDisposable
{
    private readonly TimeProvider time;
    private readonly TimeSpan timeout;
    private readonly TimeSpan sweepPeriod;
    private readonly Stripe[] stripes;
    private readonly ITimer timer;
    private int armed;

    public PendingCalls(TimeProvider time, TimeSpan timeout)
    {
        this.time = time;
        this.timeout = timeout;
        sweepPeriod = timeout < TimeSpan.FromSeconds(1) ? timeout : TimeSpan.FromSeconds(1);
        stripes = Enumerable.Range(0, 16).Select(_ => new Stripe()).ToArray();
        timer = time.CreateTimer(static self => ((PendingCalls)self!).Sweep(), this, Timeout.InfiniteTimeSpan, Timeout.InfiniteTimeSpan);
    }

    public void Add(GrainCall call)
    {
        stripes[Environment.CurrentManagedThreadId & 15].Add(call, time);
        Arm();
    }

    public static void Remove(GrainCall call) => call.Stripe?.Remove(call);

    public void Dispose() => timer.Dispose();

    /// <summary>Answers every call that is still waiting.</summary>
    public void FailAll(Exception exception)
    {
        foreach (var stripe in stripes)
        {
            while (stripe.TakeOldest(static _ => true) is { } call)
                call.Fail(exception);
        }
    }

    /// <summary>The timer runs only while calls wait, so that a quiet system is quiet.</summary>
    private void Arm()
    {
        if (Volatile.Read(ref armed) == 0 && Interlocked.Exchange(ref armed, 1) == 0)
            timer.Change(sweepPeriod, Timeout.InfiniteTimeSpan);
    }

    private void Sweep()
    {
        foreach (var stripe in stripes)
        {
            while (stripe.TakeOldest(call => time.GetElapsedTime(call.SentAt) >= timeout) is { } call)
                call.TimeOut(timeout);
        }

        // A call that is added before the flag falls is seen here; one added after it arms the timer itself.
        Interlocked.Exchange(ref armed, 0);
        if (Array.Exists(stripes, static stripe => !stripe.IsEmpty))
            Arm();
    }

    internal sealed class Stripe
    {
        private readonly Lock gate = new();
        private GrainCall? oldest;
        private GrainCall? newest;

        public bool IsEmpty
        {
            get
            {
                lock (gate)
                    return oldest is null;
            }
        }

        public void Add(GrainCall call, TimeProvider time)
        {
            lock (gate)
            {
                call.SentAt = time.GetTimestamp();
                call.Stripe = this;
                call.Older = newest;
                if (newest is null)
                    oldest = call;
                else
                    newest.Newer = call;
                newest = call;
            }
        }

        /// <summary>Removing a call twice is harmless.</summary>
        public void Remove(GrainCall call)
        {
            lock (gate)
            {
                if (call.Stripe is null)
                    return;
                call.Stripe = null;
                if (call.Older is null)
                    oldest = call.Newer;
                else
                    call.Older.Newer = call.Newer;
                if (call.Newer is null)
                    newest = call.Older;
                else
                    call.Newer.Older = call.Older;
                (call.Older, call.Newer) = (null, null);
            }
        }

        public GrainCall? TakeOldest(Func<GrainCall, bool> condition)
        {
            lock (gate)
            {
                if (oldest is not { } call || !condition(call))
                    return null;
                Remove(call);
                return call;
            }
        }
    }
}
