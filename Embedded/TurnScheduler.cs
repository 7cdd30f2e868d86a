namespace Orleans.Runtime;

/// <summary>
/// Runs the turns of one activation, one at a time and in order. An <c>await</c> in grain code captures it, so continuations come back here.
/// All turns of all activations ultimately run on the thread pool, or on the one scheduler that the options name.
/// </summary>
internal sealed class TurnScheduler(Activation activation, TaskScheduler? root) : TaskScheduler, IThreadPoolWorkItem
{
    /// <summary>How many turns an activation runs on end before others get the thread.</summary>
    private const int TurnsMax = 64;

    private readonly Lock gate = new();
    private readonly Queue<Task?> turns = new();
    private bool running;
    private bool pumpQueued;

    public override int MaximumConcurrencyLevel => 1;

    /// <summary>Queues a turn that looks at the activation's requests, unless one is queued.</summary>
    public void QueuePump() => Enqueue(null);

    protected override void QueueTask(Task task) => Enqueue(task);

    /// <summary>Inline only within a turn of the same activation: then it is still the only one running.</summary>
    protected override bool TryExecuteTaskInline(Task task, bool taskWasPreviouslyQueued) =>
        !taskWasPreviouslyQueued && Activation.Current == activation && TryExecuteTask(task);

    protected override IEnumerable<Task> GetScheduledTasks()
    {
        lock (gate)
            return turns.OfType<Task>().ToArray();
    }

    void IThreadPoolWorkItem.Execute() => Run(TurnsMax);

    /// <param name="turn">Null stands for the pump, whose task is made only when it runs: out of the caller's execution context.</param>
    private void Enqueue(Task? turn)
    {
        lock (gate)
        {
            if (turn is null)
            {
                if (pumpQueued)
                    return;
                pumpQueued = true;
            }

            turns.Enqueue(turn);
            if (running)
                return;
            running = true;
        }

        Schedule(preferLocal: true);
    }

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

    private void Run(int turnsMax)
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
        lock (gate)
        {
            if (turns.Count == 0)
            {
                running = false;
                return;
            }
        }

        Schedule(preferLocal: false);
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
