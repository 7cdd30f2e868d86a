using Orleans.Concurrency;
using Orleans.Personalize.Testing;

namespace Orleans.Personalize.Embedded.Tests;

public interface IRacer : IGrainWithStringKey
{
    [AlwaysInterleave]
    Task Run(int steps);
}

/// <summary>Walks to the next grain, waits, and is ticked at, so that everything the runtime schedules takes part.</summary>
public class RacerGrain(Journal journal, TimeProvider time) : Grain, IRacer
{
    public override Task OnActivateAsync(CancellationToken cancellationToken)
    {
        this.RegisterGrainTimer(Tick, new() { DueTime = TimeSpan.FromSeconds(1), Period = TimeSpan.FromSeconds(2) });
        return Task.CompletedTask;
    }

    public async Task Run(int steps)
    {
        var key = this.GetPrimaryKeyString();
        journal.Add($"{key}:{steps}");
        await Task.Delay(TimeSpan.FromSeconds(steps % 2), time);
        if (steps > 0)
            await GrainFactory.GetGrain<IRacer>(((char)(key[0] + 1)).ToString()).Run(steps - 1);
        journal.Add($"{key}:{steps} done");
    }

    private Task Tick(CancellationToken cancellation)
    {
        journal.Add($"{this.GetPrimaryKeyString()} tick");
        return Task.CompletedTask;
    }
}

/// <summary>The reason the runtime takes its clock and its scheduler from outside.</summary>
public sealed class DeterminismTests
{
    [Fact]
    public void A_seed_is_an_interleaving()
    {
        var traces = Enumerable.Range(0, 20).Select(Trace).ToArray();
        Assert.Equal(traces, Enumerable.Range(0, 20).Select(Trace));
        Assert.True(traces.Distinct().Count() > 10, "Different seeds ought to give different interleavings.");

        // Whatever the order, the same things happen.
        Assert.Single(traces.Select(trace => string.Join(' ', trace.Split('|').Order(StringComparer.Ordinal))).Distinct());
    }

    [Fact]
    public void Virtual_time_fires_timers_by_due_time_and_then_creation()
    {
        var time = new VirtualTime(new SeededScheduler(1));
        var fired = new List<string>();
        using var late = time.CreateTimer(_ => fired.Add($"late@{time.Elapsed.TotalSeconds}"), null, TimeSpan.FromSeconds(3), Timeout.InfiniteTimeSpan);
        using var first = time.CreateTimer(_ => fired.Add($"first@{time.Elapsed.TotalSeconds}"), null, TimeSpan.FromSeconds(2), TimeSpan.FromSeconds(2));
        using var second = time.CreateTimer(_ => fired.Add($"second@{time.Elapsed.TotalSeconds}"), null, TimeSpan.FromSeconds(2), Timeout.InfiniteTimeSpan);
        time.Advance(TimeSpan.FromSeconds(5));
        Assert.Equal(["first@2", "second@2", "late@3", "first@4"], fired);
        Assert.Equal(TimeSpan.FromSeconds(5), time.GetElapsedTime(0));
    }

    [Fact]
    public void A_system_that_never_rests_is_reported_with_its_seed()
    {
        var scheduler = new SeededScheduler(42);
        _ = scheduler.Start(async () =>
        {
            while (true)
                await Task.Yield();
        });
        var exception = Assert.Throws<InvalidOperationException>(() => scheduler.Drain(stepsMax: 1000));
        Assert.Contains("Seed 42", exception.Message);
    }

    private static string Trace(int seed)
    {
        var harness = new Harness(seed);
        harness.Time.Run(() => Task.WhenAll(
            harness.Client.GetGrain<IRacer>("a").Run(5),
            harness.Client.GetGrain<IRacer>("b").Run(5),
            harness.Client.GetGrain<IRacer>("c").Run(5)));
        return string.Join('|', harness.Journal.Lines);
    }
}
