namespace Orleans.Runtime;

/// <summary>
/// Runs the turns of one activation, one at a time and in order. An <c>await</c> in grain code captures it, so continuations come back here.
/// All turns of all activations ultimately run on the thread pool, or on the one scheduler that the options name.
/// </summary>
internal sealed class TurnScheduler(Activation activation, TaskScheduler? root) : TaskScheduler, IThreadPoolWorkItem
{
    /// <summary>How many turns an activation runs on end before others get the thread.</summary>
    private const int TurnsMax = 64;

    /// <summary>That of nobody's.</summary>
    private static readonly ExecutionContext NoContext = CaptureNone();

    [ThreadStatic]
    private static GrainCall? doneHere;

    private readonly Lock gate = new();
    private readonly Queue<Task?> turns = new();
    private bool running;
    private bool pumpQueued;
    private GrainCall? lastDone;

    public override int MaximumConcurrencyLevel => 1;

    /// <summary>Queues a turn that looks at the activation's requests, unless one is queued.</summary>
    public void QueuePump()
    {
        if (Enqueue(null))
            Schedule(preferLocal: true);
    }

    /// <summary>
    /// The same for a request that has just come. Where the activation is idle and the caller's thread one of the pool outside any turn, it runs here
    /// and now: a hop to another thread costs more than most turns take.
    /// </summary>
    public void Pump(Request request)
    {
        if (!Enqueue(null))
            return;
        if (!IsFreeToRun())
        {
            Schedule(preferLocal: true);
            return;
        }

        ExecutionContext.Run(NoContext, static self => doneHere = ((TurnScheduler)self!).Run(turnsMax: 1), this);
        var done = doneHere;
        doneHere = null;
        // Nobody waits yet for the answer to what was asked here; what follows another's does not belong into this caller's call.
        if (done is not null && done == request)
            done.Give();
        else if (done is not null)
            Post(done, root);
    }

    /// <summary>
    /// What follows an answer never runs inside the callee's turn: the last one is given on this thread when its turns are over, which spares a hop
    /// to another, and those before on the pool.
    /// </summary>
    public void GiveAfterwards(GrainCall call)
    {
        if (root is not null)
            Post(call, root);
        else
        {
            if (lastDone is { } before)
                Post(before, root);
            lastDone = call;
        }
    }

    /// <summary>Gives an answer on the pool, or on the scheduler that the options name.</summary>
    public static void Post(GrainCall done, TaskScheduler? root)
    {
        if (root is null)
            ThreadPool.UnsafeQueueUserWorkItem(done, preferLocal: true);
        else
            Post(root, done.Give);
    }

    protected override void QueueTask(Task task)
    {
        if (Enqueue(task))
            Schedule(preferLocal: true);
    }

    /// <summary>Inline only within a turn of the same activation: then it is still the only one running.</summary>
    protected override bool TryExecuteTaskInline(Task task, bool taskWasPreviouslyQueued) =>
        !taskWasPreviouslyQueued && Activation.Current == activation && TryExecuteTask(task);

    protected override IEnumerable<Task> GetScheduledTasks()
    {
        lock (gate)
            return turns.OfType<Task>().ToArray();
    }

    void IThreadPoolWorkItem.Execute() => Run(TurnsMax)?.Give();

    /// <param name="turn">Null stands for the pump, whose task is made only when it runs: out of the caller's execution context.</param>
    /// <returns>Nothing runs yet: it is up to the caller to see to it.</returns>
    private bool Enqueue(Task? turn)
    {
        lock (gate)
        {
            if (turn is null)
            {
                if (pumpQueued)
                    return false;
                pumpQueued = true;
            }

            turns.Enqueue(turn);
            if (running)
                return false;
            return running = true;
        }
    }

    private bool IsFreeToRun() =>
        root is null && Activation.Current is null && Thread.CurrentThread.IsThreadPoolThread && SynchronizationContext.Current is null && Current == Default;

    private void Schedule(bool preferLocal)
    {
        if (root is null)
        {
            ThreadPool.UnsafeQueueUserWorkItem(this, preferLocal);
            return;
        }

        // One turn a task: such a scheduler wants to choose between activations after every turn.
        Post(root, () => Run(turnsMax: 1));
    }

    /// <summary>Runs something as a task of a scheduler of our own, out of the caller's execution context.</summary>
    public static void Post(TaskScheduler scheduler, Action action)
    {
        using (SuppressFlow())
            new Task(action).Start(scheduler);
    }

    public static AsyncFlowControl? SuppressFlow() => ExecutionContext.IsFlowSuppressed() ? null : ExecutionContext.SuppressFlow();

    private static ExecutionContext CaptureNone()
    {
        ExecutionContext? none = null;
        var thread = new Thread(() => none = ExecutionContext.Capture());
        thread.UnsafeStart();
        thread.Join();
        return none!;
    }

    /// <returns>The last call that was done and whose answer is yet to be given.</returns>
    private GrainCall? Run(int turnsMax)
    {
        Activation.Current = activation;
        for (var turn = 0; turn < turnsMax && TryDequeue(out var task); turn++)
        {
            if (task is null)
                new Task(static activation => ((Activation)activation!).Pump(), activation).RunSynchronously(this);
            else
                TryExecuteTask(task);
        }

        Activation.Current = null;
        var done = lastDone;
        lastDone = null;
        lock (gate)
        {
            if (turns.Count == 0)
            {
                running = false;
                return done;
            }
        }

        Schedule(preferLocal: false);
        return done;
    }

    private bool TryDequeue(out Task? turn)
    {
        lock (gate)
        {
            if (!turns.TryDequeue(out turn))
                return false;
            pumpQueued &= turn is not null;
            return true;
        }
    }
}
