namespace Orleans.Runtime;

/// <summary>One call of a grain's method: what to do, and the task that the caller waits on.</summary>
internal abstract class GrainCall(GrainReference target, GrainMethod method, object?[] arguments) : Request, IThreadPoolWorkItem
{
    /// <summary>How often a call may find its activation going away before it is refused; only a grain that never stays gets there.</summary>
    private const int ForwardsMax = 100;

    private int forwards;
    private object? outcome;

    // The list of calls that wait for an answer, kept by PendingCalls.
    public PendingCalls.Stripe? Stripe;
    public GrainCall? Older;
    public GrainCall? Newer;
    public long SentAt;

    /// <summary>What the caller waits on.</summary>
    public abstract Task Answer { get; }

    public override bool Interleaves => method.AlwaysInterleaves;

    public override bool KeepsAlive => true;

    /// <param name="outcome">The callee's task, or an exception.</param>
    protected abstract bool TryAnswer(object outcome);

    /// <summary>A failed task of the method's type.</summary>
    protected abstract Task Failed(Exception exception);

    public Task Send()
    {
        if (!method.IsOneWay)
            Runtime.Pending.Add(this);
        target.Class.Dispatch(target.Key, this);
        return method.IsOneWay ? Task.CompletedTask : Answer;
    }

    public override void Start(Activation activation)
    {
        // Whoever waited has given up; as in Orleans an expired request is dropped.
        if (Answer.IsCompleted)
        {
            activation.OnCompleted(this, Answer);
            return;
        }

        var task = Invoke(activation.Instance!);
        if (task.IsCompleted)
            Finish(activation, task);
        else
            _ = task.ContinueWith(
                static (task, self) => ((GrainCall)self!).Finish(Activation.Current!, task),
                this,
                CancellationToken.None,
                TaskContinuationOptions.ExecuteSynchronously,
                activation.Turns);
    }

    public override void Forward()
    {
        if (++forwards <= ForwardsMax)
            target.Class.Dispatch(target.Key, this);
        else
            Fail(new OrleansMessageRejectionException($"{this}: the grain deactivated {ForwardsMax} times before it took the call."));
    }

    public override void Fail(Exception exception)
    {
        PendingCalls.Remove(this);
        Reply(exception);
    }

    /// <summary>The caller gives up; the callee, if it has started, runs on.</summary>
    public void TimeOut(TimeSpan timeout) =>
        Reply(new TimeoutException($"Response did not arrive on time in {timeout} for {this}."));

    public override string ToString() => $"{method} to {target.GrainId}";

    private EmbeddedRuntime Runtime => target.Class.Runtime;

    private Task Invoke(Grain instance)
    {
        try
        {
            return method.Invoke(instance, arguments)
                ?? Failed(new InvalidOperationException($"{method} returned null instead of a task."));
        }
        catch (Exception exception)
        {
            return Failed(exception);
        }
    }

    private void Finish(Activation activation, Task outcome)
    {
        activation.OnCompleted(this, outcome);
        if (method.IsOneWay)
        {
            if (outcome.IsFaulted)
                Runtime.Log.OneWayCallFailed(outcome.Exception!.InnerException!, this);
            return;
        }

        PendingCalls.Remove(this);
        this.outcome = outcome;
        activation.Turns.GiveAfterwards(this);
    }

    /// <summary>Gives the answer, and runs what follows it. Only outside any turn.</summary>
    public void Give() => TryAnswer(outcome!);

    void IThreadPoolWorkItem.Execute() => Give();

    private void Reply(Exception failure)
    {
        outcome = failure;
        TurnScheduler.Post(this, Runtime.Options.Scheduler);
    }
}

internal sealed class PlainCall(GrainReference target, GrainMethod method, object?[] arguments) : GrainCall(target, method, arguments)
{
    private readonly TaskCompletionSource answer = new();

    public override Task Answer => answer.Task;

    protected override bool TryAnswer(object outcome) =>
        outcome is Task task ? answer.TrySetFromTask(task) : answer.TrySetException((Exception)outcome);

    protected override Task Failed(Exception exception) => Task.FromException(exception);
}

internal sealed class ResultCall<T>(GrainReference target, GrainMethod method, object?[] arguments) : GrainCall(target, method, arguments)
{
    private readonly TaskCompletionSource<T> answer = new();

    public override Task Answer => answer.Task;

    protected override bool TryAnswer(object outcome) =>
        outcome is Task<T> task ? answer.TrySetFromTask(task) : answer.TrySetException((Exception)outcome);

    protected override Task Failed(Exception exception) => Task.FromException<T>(exception);
}
