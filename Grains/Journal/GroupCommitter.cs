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
    private readonly IJournal _journal;
    private readonly TimeProvider _time;
    private readonly TaskScheduler _scheduler;
    private readonly GroupCommitterOptions _options;

    private readonly Lock _gate = new();
    private readonly Queue<Pending> _queue = new();
    private long _queuedBytes;
    private Task _loop = Task.CompletedTask;
    private bool _looping;
    private bool _closed;

    /// <param name="scheduler">Null: the thread pool.</param>
    /// <exception cref="ValidationException">An option is out of its range.</exception>
    public GroupCommitter(IJournal journal, TimeProvider time, TaskScheduler? scheduler = null, GroupCommitterOptions? options = null)
    {
        _journal = journal;
        _time = time;
        _scheduler = scheduler ?? TaskScheduler.Default;
        _options = options ?? new GroupCommitterOptions();
        Validator.ValidateObject(_options, new ValidationContext(_options), validateAllProperties: true);
    }

    /// <summary>Writes that wait for their turn, without those being committed.</summary>
    public int QueueLength
    {
        get
        {
            lock (_gate)
                return _queue.Count;
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
        lock (_gate)
        {
            if (!HasRoomFor(write))
            {
                Instruments.OnWriteRejected();
                return Task.FromException<WriteStatus>(new JournalBusyException());
            }
            _queue.Enqueue(pending);
            _queuedBytes += write.Size;
            if (!_looping)
                StartLoop();
        }
        return pending.Task;
    }

    /// <summary>Accepts no more, and ends when all that was accepted has been committed.</summary>
    public async ValueTask DisposeAsync()
    {
        Task loop;
        lock (_gate)
        {
            _closed = true;
            loop = _loop;
        }
        await loop;
    }

    private bool HasRoomFor(JournalWrite write) =>
        !_closed
        && _queue.Count < _options.QueueWritesMax
        && (_queue.Count == 0 || _queuedBytes + write.Size <= _options.QueueBytesMax);

    private void StartLoop()
    {
        _looping = true;
        // The loop serves every caller, so it must not carry the trace or the request context of the one that happened to start it.
        using var _ = ExecutionContext.SuppressFlow();
        _loop = Task.Factory.StartNew(LoopAsync, CancellationToken.None, TaskCreationOptions.DenyChildAttach, _scheduler).Unwrap();
    }

    private async Task LoopAsync()
    {
        while (TakeBatch() is { } batch)
            await CommitAsync(batch);
    }

    private Pending[]? TakeBatch()
    {
        lock (_gate)
        {
            if (_queue.Count == 0)
            {
                _looping = false;
                return null;
            }
            var batch = new Pending[CountBatch()];
            for (var i = 0; i < batch.Length; i++)
            {
                batch[i] = _queue.Dequeue();
                _queuedBytes -= batch[i].Write.Size;
            }
            return batch;
        }
    }

    private int CountBatch()
    {
        if (_queue.Count <= _options.BatchWritesMax && _queuedBytes <= _options.BatchBytesMax)
            return _queue.Count;
        var count = 0;
        var bytes = 0L;
        foreach (var pending in _queue)
        {
            bytes += pending.Write.Size;
            if (count == _options.BatchWritesMax || (count > 0 && bytes > _options.BatchBytesMax))
                break;
            count++;
        }
        return count;
    }

    private async Task CommitAsync(Pending[] batch)
    {
        var started = _time.GetTimestamp();
        WriteStatus[] statuses;
        try
        {
            // Never cancelled: that would leave the outcome unknown.
            statuses = await _journal.CommitAsync(Array.ConvertAll(batch, pending => pending.Write), CancellationToken.None);
            if (statuses.Length != batch.Length)
                throw new InvalidOperationException($"The journal answered {statuses.Length} of {batch.Length} writes.");
        }
#pragma warning disable CA1031 // Whatever failed, each caller hears of it, and the writes that wait get their turn.
        catch (Exception failure)
#pragma warning restore CA1031
        {
            Instruments.OnCommitFailed();
            foreach (var pending in batch)
                pending.SetException(new JournalException("The commit failed; whether this write was made is unknown.", failure));
            return;
        }
        Instruments.OnBatchCommitted(batch.Length, _time.GetElapsedTime(started));
        for (var i = 0; i < batch.Length; i++)
            Complete(batch[i], statuses[i]);
    }

    private static void Complete(Pending pending, WriteStatus status)
    {
        if (status == WriteStatus.Stale)
            Instruments.OnStaleWrite();
        pending.SetResult(status);
    }

    /// <summary>A write and its caller, who resumes on a scheduler of its own, never inside the loop.</summary>
    private sealed class Pending(JournalWrite write) : TaskCompletionSource<WriteStatus>(TaskCreationOptions.RunContinuationsAsynchronously)
    {
        public JournalWrite Write { get; } = write;
    }
}
