using System.Diagnostics.CodeAnalysis;

namespace Orleans.Personalize.Testing;

/// <summary>
/// Runs tasks one at a time on the thread that drains it, choosing the next at random from those that are ready: one seed, one interleaving.
/// Give it to the embedded runtime as its scheduler and start the test's own code with <see cref="Start"/>, and a whole system is deterministic,
/// as long as nothing leaves the scheduler (<c>ConfigureAwait(false)</c>, <c>Task.Run</c>, real timers and I/O do).
/// </summary>
public sealed class SeededScheduler(int seed) : TaskScheduler
{
    private readonly Random random = new(seed);
    private readonly List<Task> ready = [];
    private int thread = Environment.CurrentManagedThreadId;

    public int Seed { get; } = seed;

    /// <summary>How many tasks have run.</summary>
    public long Steps { get; private set; }

    /// <summary>How many tasks came from other threads than the draining one; where it is not 0 the seed does not decide everything.</summary>
    public int Strays { get; private set; }

    public override int MaximumConcurrencyLevel => 1;

    /// <summary>Starts code whose awaits come back to this scheduler; it runs when drained.</summary>
    public Task Start(Func<Task> body) =>
        Task.Factory.StartNew(body, CancellationToken.None, TaskCreationOptions.DenyChildAttach, this).Unwrap();

    /// <inheritdoc cref="Start(Func{Task})"/>
    public Task<T> Start<T>(Func<Task<T>> body) =>
        Task.Factory.StartNew(body, CancellationToken.None, TaskCreationOptions.DenyChildAttach, this).Unwrap();

    /// <summary>Runs until nothing is ready.</summary>
    /// <exception cref="InvalidOperationException">There was no end to it within so many steps.</exception>
    public void Drain(int stepsMax = 1_000_000)
    {
        thread = Environment.CurrentManagedThreadId;
        WithoutContext(() =>
        {
            for (var step = 0; TryTake(out var task); step++)
            {
                if (step == stepsMax)
                    throw new InvalidOperationException($"Seed {Seed}: still busy after {stepsMax} steps.");
                Steps++;
                TryExecuteTask(task);
            }
        });
    }

    /// <summary>Code that runs here must not see the test framework's context, or its awaits would go there.</summary>
    internal static void WithoutContext(Action action)
    {
        var context = SynchronizationContext.Current;
        SynchronizationContext.SetSynchronizationContext(null);
        try
        {
            action();
        }
        finally
        {
            SynchronizationContext.SetSynchronizationContext(context);
        }
    }

    protected override void QueueTask(Task task)
    {
        lock (ready)
        {
            ready.Add(task);
            Strays += Environment.CurrentManagedThreadId == thread ? 0 : 1;
        }
    }

    /// <summary>Never inline: every continuation is a choice.</summary>
    protected override bool TryExecuteTaskInline(Task task, bool taskWasPreviouslyQueued) => false;

    protected override IEnumerable<Task> GetScheduledTasks()
    {
        lock (ready)
            return [.. ready];
    }

    private bool TryTake([NotNullWhen(true)] out Task? task)
    {
        lock (ready)
        {
            task = null;
            if (ready.Count == 0)
                return false;
            var chosen = random.Next(ready.Count);
            task = ready[chosen];
            ready[chosen] = ready[^1];
            ready.RemoveAt(ready.Count - 1);
            return true;
        }
    }
}
