namespace Orleans.Runtime;

/// <summary>Something an activation does as one unit: a call, or a tick of one of its timers.</summary>
internal abstract class Request
{
    public long Arrival;
    public Request? Next;

    /// <summary>Whether it may start while others are incomplete.</summary>
    public abstract bool Interleaves { get; }

    /// <summary>Whether it counts as use of the activation.</summary>
    public abstract bool KeepsAlive { get; }

    /// <summary>Runs it in a turn of the activation and, when it is done, says so to <see cref="Activation.OnCompleted"/>. Never throws.</summary>
    public abstract void Start(Activation activation);

    /// <summary>Its activation went away before it started: find another.</summary>
    public abstract void Forward();

    /// <summary>It will not run.</summary>
    public abstract void Fail(Exception exception);
}

/// <summary>A queue through the requests themselves, first in, first out.</summary>
internal struct RequestQueue
{
    private Request? newest;

    public Request? Oldest { get; private set; }

    public int Count { get; private set; }

    public void Enqueue(Request request)
    {
        if (newest is null)
            Oldest = request;
        else
            newest.Next = request;
        newest = request;
        Count++;
    }

    public Request? TryDequeue()
    {
        if (Oldest is not { } request)
            return null;
        Oldest = request.Next;
        request.Next = null;
        if (Oldest is null)
            newest = null;
        Count--;
        return request;
    }

    /// <summary>Empties both into one, by arrival.</summary>
    public static RequestQueue Merge(ref RequestQueue left, ref RequestQueue right)
    {
        var merged = new RequestQueue();
        while (left.Oldest is not null || right.Oldest is not null)
        {
            var fromLeft = right.Oldest is null || left.Oldest?.Arrival < right.Oldest.Arrival;
            merged.Enqueue((fromLeft ? left.TryDequeue() : right.TryDequeue())!);
        }

        return merged;
    }
}

/// <summary>What answers to a key: an activation, or the pool of a stateless worker.</summary>
internal interface IRequestTarget
{
    /// <param name="here">It may start on the caller's thread.</param>
    /// <returns>False once the target is gone; the key is then free for a new one.</returns>
    bool TryReceive(Request request, bool here);

    void Deactivate(DeactivationReason deactivationReason, CancellationToken cancellationToken = default);

    void CollectIfIdle(DateTimeOffset now);

    /// <summary>How many there are of it in memory.</summary>
    int Activations { get; }

    /// <summary>Completes when the target is gone.</summary>
    Task Deactivated { get; }
}
