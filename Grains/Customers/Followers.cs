using Microsoft.Extensions.Hosting;

namespace Orleans.Personalize.Customers;

/// <summary>Calls that wait for the next change. Each is answered after a while, change or not, so that none outlives its caller for long.</summary>
internal sealed class Followers(TimeProvider clock, IHostApplicationLifetime? lifetime)
{
    /// <summary>Well under the calls' time-out.</summary>
    private static readonly TimeSpan Patience = TimeSpan.FromSeconds(10);

    /// <summary>The same while the process stops: that waits for calls under way.</summary>
    private static readonly TimeSpan PatienceAtStop = TimeSpan.FromMilliseconds(250);

    private readonly CancellationToken stopping = lifetime?.ApplicationStopping ?? CancellationToken.None;
    private TaskCompletionSource? changed;

    public async Task Wait()
    {
        changed ??= new();
        await (stopping.IsCancellationRequested ? changed.Task.WaitAsync(PatienceAtStop, clock) : changed.Task.WaitAsync(Patience, clock, stopping))
            .ConfigureAwait(ConfigureAwaitOptions.SuppressThrowing | ConfigureAwaitOptions.ContinueOnCapturedContext);
    }

    public void Tell()
    {
        var waiting = changed;
        changed = null;
        waiting?.SetResult();
    }
}
