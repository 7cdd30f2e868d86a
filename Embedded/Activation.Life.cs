namespace Orleans.Runtime;

/// <summary>From construction to disposal. The pump starts each step when no request is running; the phases only move forward.</summary>
internal sealed partial class Activation
{
    private async Task ActivateAsync()
    {
        Exception? failure = null;
        try
        {
            using var timeout = new CancellationTokenSource(Options.ActivationTimeout, Time);
            await LoadAsync(timeout.Token).WaitAsync(timeout.Token);
        }
        catch (Exception exception)
        {
            failure = exception;
            Class.Runtime.Log.ActivationFailed(exception, GrainId);
        }

        lock (gate)
        {
            running--;
            if (failure is not null)
                phase = Phase.Finishing;
            else if (phase == Phase.Activating)
                (phase, wasValid) = (Phase.Valid, true);
        }

        if (failure is null)
            Turns.QueuePump();
        else
            await RetireAsync(failure);
    }

    private async Task LoadAsync(CancellationToken cancellation)
    {
        Instance = Class.CreateInstance(this, out var states);
        foreach (var state in states)
            await state.ReadStateAsync();
        await Instance.OnActivateAsync(cancellation);
    }

    public void Deactivate(DeactivationReason deactivationReason, CancellationToken cancellationToken = default)
    {
        lock (gate)
        {
            if (phase >= Phase.Deactivating)
                return;
            BeginDeactivating(deactivationReason);
        }

        Turns.QueuePump();
    }

    private void BeginDeactivating(DeactivationReason why) => (phase, reason) = (Phase.Deactivating, why);

    public void DelayDeactivation(TimeSpan timeSpan)
    {
        var now = Time.GetUtcNow();
        var forever = timeSpan == Timeout.InfiniteTimeSpan || timeSpan >= DateTimeOffset.MaxValue - now;
        lock (gate)
            keepAliveUntil = forever ? DateTimeOffset.MaxValue : timeSpan > TimeSpan.Zero ? now + timeSpan : DateTimeOffset.MinValue;
    }

    /// <summary>
    /// Deactivates what has been idle for the collection age. Idleness is counted from the first sweep that sees the activation unused since
    /// the sweep before, which spares every call a look at the clock.
    /// </summary>
    public void CollectIfIdle(DateTimeOffset now)
    {
        lock (gate)
        {
            if (phase != Phase.Valid || running > 0 || ordinary.Count + interleaving.Count > 0)
                return;
            if (used)
                (used, idleSince) = (false, now);
            if (now - idleSince < Class.CollectionAge || keepAliveUntil > now)
                return;
            BeginDeactivating(new DeactivationReason(DeactivationReasonCode.ActivationIdle, "The activation was idle."));
        }

        Turns.QueuePump();
    }

    private async Task FinishDeactivatingAsync()
    {
        DisposeTimers();
        if (wasValid)
        {
            try
            {
                using var timeout = new CancellationTokenSource(Options.DeactivationTimeout, Time);
                await UnloadAsync(timeout.Token).WaitAsync(timeout.Token);
            }
            catch (Exception exception)
            {
                Class.Runtime.Log.DeactivationFailed(exception, GrainId);
            }
        }

        await RetireAsync(failure: null);
    }

    private async Task UnloadAsync(CancellationToken cancellation) => await Instance!.OnDeactivateAsync(reason, cancellation);

    /// <summary>Only when the instance is disposed of does the key become free for another activation, which then gets the requests left here.</summary>
    private async Task RetireAsync(Exception? failure)
    {
        DisposeTimers();
        try
        {
            await DisposeInstanceAsync().WaitAsync(Options.DeactivationTimeout, Time);
        }
        catch (Exception exception)
        {
            Class.Runtime.Log.DeactivationFailed(exception, GrainId);
        }

        RequestQueue left;
        lock (gate)
        {
            phase = Phase.Invalid;
            left = RequestQueue.Merge(ref ordinary, ref interleaving);
        }

        if (pool is null)
            Class.Remove(Key, this);
        else
            pool.Remove(this);
        while (left.TryDequeue() is { } request)
        {
            if (failure is null)
                request.Forward();
            else
                request.Fail(failure);
        }

        deactivated.TrySetResult();
    }

    private async Task DisposeInstanceAsync()
    {
        if (Instance is IAsyncDisposable asynchronous)
            await asynchronous.DisposeAsync();
        else
            (Instance as IDisposable)?.Dispose();
        if (scope is { } services)
            await services.DisposeAsync();
    }

    /// <returns>False once the activation is being finished; then the timer has no activation to tick for.</returns>
    public bool TryAdd(GrainTimer timer)
    {
        lock (gate)
        {
            if (phase >= Phase.Finishing)
                return false;
            (timers ??= []).Add(timer);
            return true;
        }
    }

    public void Remove(GrainTimer timer)
    {
        lock (gate)
            timers?.Remove(timer);
    }

    private void DisposeTimers()
    {
        List<GrainTimer>? disposing;
        lock (gate)
            (disposing, timers) = (timers, null);
        disposing?.ForEach(timer => timer.Dispose());
    }
}
