using System.ComponentModel.DataAnnotations;
using Orleans.Personalize.Diagnostics;

namespace Orleans.Personalize.Journal;

/// <summary>
/// Gathers the writes of a silo's grains into few commits. A batch is whatever queued while the previous commit ran: alone, a write goes out
/// at once; under load, one flush to disk serves thousands. Writes are committed in the order they were appended.
/// </summary>
/// <remarks>
/// The loop lives only while there is something to write, and it and everything it awaits run on one scheduler: with a single-threaded one
/// a test replays every interleaving.
/// </remarks>
public sealed class GroupCommitter : IAsyncDisposable
{
    private readonly IJournal journal;
    private readonly TimeProvider time;
    private readonly TaskScheduler scheduler;
    private readonly GroupCommitterOptions options;

    private readonly Lock gate = new();
    private readonly Queue<Pending> queue = new();
    private long queuedBytes;
    private Task loop = Task.CompletedTask;
    private bool looping;
    private bool closed;

    /// <param name="scheduler">Null: the thread pool.</param>
    /// <exception cref="ValidationException">An option is out of its range.</exception>
    public GroupCommitter(IJournal journal, TimeProvider time, TaskScheduler? scheduler = null, GroupCommitterOptions? options = null)
    {
        this.journal = journal;
        this.time = time;
        this.scheduler = scheduler ?? TaskScheduler.Default;
        this.options = options ?? new GroupCommitterOptions();
        Validator.ValidateObject(this.options, new ValidationContext(this.options), validateAllProperties: true);
    }

    /// <summary>Writes that wait for their turn, without those being committed.</summary>
    public int QueueLength
    {
        get
        {
            lock (gate)
                return queue.Count;
        }
    }

    /// <summary>Queues a write; the task ends when it is durable, or known to be stale.</summary>
    /// <exception cref="JournalBusyException">In the task: the queue is full or the silo is stopping; nothing was written.</exception>
    /// <exception cref="JournalException">In the task: the commit failed; whether it was written is unknown.</exception>
    /// <exception cref="ArgumentException">The write is malformed (<see cref="JournalRules"/>).</exception>
    public Task<WriteStatus> AppendAsync(JournalWrite write)
    {
        JournalRules.ThrowIfMalformed(write);
        var pending = new Pending(write);
        lock (gate)
        {
            if (!HasRoomFor(write))
            {
                Instruments.OnWriteRejected();
                return Task.FromException<WriteStatus>(new JournalBusyException());
            }
            queue.Enqueue(pending);
            queuedBytes += write.Size;
            Instruments.OnQueued(1);
            if (!looping)
                StartLoop();
        }
        return pending.Task;
    }

    /// <summary>Accepts no more, and ends when all that was accepted has been committed.</summary>
    public async ValueTask DisposeAsync()
    {
        Task running;
        lock (gate)
        {
            closed = true;
            running = loop;
        }
        await running;
    }

    private bool HasRoomFor(JournalWrite write) =>
        !closed
        && queue.Count < options.QueueWritesMax
        && (queue.Count == 0 || queuedBytes + write.Size <= options.QueueBytesMax);

    private void StartLoop()
    {
        looping = true;
        // The loop serves every caller, so it must not carry the trace or the request context of the one that happened to start it.
        using var _ = ExecutionContext.SuppressFlow();
        loop = Task.Factory.StartNew(LoopAsync, CancellationToken.None, TaskCreationOptions.DenyChildAttach, scheduler).Unwrap();
    }

    private async Task LoopAsync()
    {
        while (TakeBatch(isLast: true) is { } first)
        {
            for (var commit = CommitAsync(first); commit is not null;)
            {
                var done = await commit;
                // Before the callers are told, so that the disk need not wait for that.
                commit = TakeBatch(isLast: false) is { } next ? CommitAsync(next) : null;
                Tell(done);
            }
        }
    }

    /// <param name="isLast">The loop ends where there is nothing to write.</param>
    private Pending[]? TakeBatch(bool isLast)
    {
        lock (gate)
        {
            if (queue.Count == 0)
            {
                looping = !isLast;
                return null;
            }
            var batch = new Pending[CountBatch()];
            for (var i = 0; i < batch.Length; i++)
            {
                batch[i] = queue.Dequeue();
                queuedBytes -= batch[i].Write.Size;
            }
            Instruments.OnQueued(-batch.Length);
            return batch;
        }
    }

    private int CountBatch()
    {
        if (queue.Count <= options.BatchWritesMax && queuedBytes <= options.BatchBytesMax)
            return queue.Count;
        var count = 0;
        var bytes = 0L;
        foreach (var pending in queue)
        {
            bytes += pending.Write.Size;
            if (count == options.BatchWritesMax || (count > 0 && bytes > options.BatchBytesMax))
                break;
            count++;
        }
        return count;
    }

    private async Task<Committed> CommitAsync(Pending[] batch)
    {
        var started = time.GetTimestamp();
        try
        {
            // Never cancelled: that would leave the outcome unknown.
            var statuses = await journal.CommitAsync(Array.ConvertAll(batch, static pending => pending.Write), CancellationToken.None);
            if (statuses.Length != batch.Length)
                throw new InvalidOperationException($"The journal answered {statuses.Length} of {batch.Length} writes.");
            Instruments.OnBatchCommitted(batch.Length, time.GetElapsedTime(started));
            return new(batch, statuses, null);
        }
#pragma warning disable CA1031 // Whatever failed, each caller hears of it, and the writes that wait get their turn.
        catch (Exception failure)
#pragma warning restore CA1031
        {
            Instruments.OnCommitFailed();
            return new(batch, [], failure);
        }
    }

    private static void Tell(Committed done)
    {
        for (var i = 0; i < done.Batch.Length; i++)
        {
            if (done.Failure is null)
                Complete(done.Batch[i], done.Statuses[i]);
            else
                done.Batch[i].SetException(new JournalException("The commit failed; whether this write was made is unknown.", done.Failure));
        }
    }

    private static void Complete(Pending pending, WriteStatus status)
    {
        if (status == WriteStatus.Stale)
            Instruments.OnStaleWrite();
        pending.SetResult(status);
    }

    /// <param name="Statuses">One a write, unless it failed.</param>
    private readonly record struct Committed(Pending[] Batch, WriteStatus[] Statuses, Exception? Failure);

    /// <summary>A write and its caller, who resumes on a scheduler of its own, never inside the loop.</summary>
    private sealed class Pending(JournalWrite write) : TaskCompletionSource<WriteStatus>(TaskCreationOptions.RunContinuationsAsynchronously)
    {
        public JournalWrite Write { get; } = write;
    }
}
