#if !ORLEANS
using Orleans.Hosting;
using Orleans.Personalize.Journal;

namespace Orleans.Personalize.Testing;

public sealed partial class GrainFixture
{
    private readonly SimulatedSilo silo;

    public GrainFixture(int seed = 1, GroupCommitterOptions? committer = null)
    {
        Time = new VirtualTime(new SeededScheduler(seed));
        Journal = new ScriptedJournal(new InMemoryJournal());
        silo = new SimulatedSilo(Time, Journal, Storage, Sender)
        {
            CommitterOptions = committer ?? new(),
            Poller = Poller,
            Configure = static options => (options.CollectionAge, options.CollectionQuantum) = (CollectionAge, TimeSpan.FromSeconds(10)),
        };
        silo.Start();
    }

    /// <summary>How long an unused activation stays in memory; it is gone half a minute later at the latest.</summary>
    public static TimeSpan CollectionAge => TimeSpan.FromMinutes(2);

    /// <summary>Calls grains; what can run without time passing has run when this returns.</summary>
    public Task<T> Start<T>(Func<IGrainFactory, Task<T>> call)
    {
        var answer = silo.Call(call);
        Time.Scheduler!.Drain();
        return answer;
    }

    /// <summary>Calls grains and lets the system run, and time pass, until they have answered.</summary>
    public async Task<T> Run<T>(Func<IGrainFactory, Task<T>> call)
    {
        var answer = silo.Call(call);
        Time.RunUntil(() => answer.IsCompleted);
        return await answer;
    }

    /// <summary>Lets time pass; afterwards nothing is ready that could run.</summary>
    public Task Advance(TimeSpan by) => Time.AdvanceAsync(by);

    /// <summary>Lets the system run, and time pass, until the condition holds.</summary>
    /// <exception cref="TimeoutException">It did not within that much virtual time.</exception>
    public Task Until(Func<bool> condition, TimeSpan within)
    {
        Time.RunUntil(condition, within);
        return Task.CompletedTask;
    }

    /// <summary>The silo dies and another starts.</summary>
    public Task Crash()
    {
        silo.Crash();
        silo.Start();
        return Task.CompletedTask;
    }

    public ValueTask DisposeAsync()
    {
        silo.Crash();
        return ValueTask.CompletedTask;
    }
}
#endif
