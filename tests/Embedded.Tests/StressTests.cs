using System.Collections.Concurrent;
using System.Diagnostics;
using Orleans.Concurrency;
using Orleans.Runtime;

namespace Orleans.Personalize.Embedded.Tests;

public interface IStressed : IGrainWithStringKey
{
    Task<int> Work(int number);

    [AlwaysInterleave]
    Task<int> Peek(int number);
}

/// <summary>Checks that it is alone, in its turn and under its key, and leaves at random.</summary>
public class StressedGrain : Grain, IStressed
{
    private static readonly ConcurrentDictionary<string, StressedGrain> Active = new();
    public static readonly ConcurrentQueue<string> Violations = new();
    private string key = "";
    private int inTurn;
    private bool working;

    public override async Task OnActivateAsync(CancellationToken cancellationToken)
    {
        key = this.GetPrimaryKeyString();
        if (!Active.TryAdd(key, this))
            Violations.Enqueue($"two activations of {key}");
        await Task.Yield();
        if (Random.Shared.Next(20) == 0)
        {
            Active.TryRemove(KeyValuePair.Create(key, this));
            throw new OddException("not today");
        }
    }

    public override async Task OnDeactivateAsync(DeactivationReason reason, CancellationToken cancellationToken)
    {
        Turn();
        await Task.Yield();
        if (!Active.TryRemove(KeyValuePair.Create(key, this)))
            Violations.Enqueue($"{key} left twice");
    }

    public async Task<int> Work(int number)
    {
        Turn();
        if (working)
            Violations.Enqueue($"{key} interleaved");
        working = true;
        try
        {
            if (number % 3 == 0)
                await Task.Yield();
            Turn();
            if (number % 7 == 0)
                await GrainFactory.GetGrain<IStressed>(key + "x").Peek(number);
        }
        finally
        {
            working = false;
        }

        if (number % 11 == 0)
            DeactivateOnIdle();
        return number;
    }

    public async Task<int> Peek(int number)
    {
        Turn();
        await Task.Yield();
        Turn();
        return number;
    }

    private void Turn()
    {
        if (!Active.TryGetValue(key, out var active) || active != this)
            Violations.Enqueue($"{key} runs while it is not active");
        if (Interlocked.Exchange(ref inTurn, 1) != 0)
            Violations.Enqueue($"two turns of {key} at once");
        Thread.SpinWait(20);
        Volatile.Write(ref inTurn, 0);
    }
}

public sealed class StressTests
{
    [Fact]
    public async Task Under_load_no_call_is_lost_and_no_grain_is_ever_twice()
    {
        await using var harness = new Harness(realThreads: true, configure: options =>
            options.CollectionAge = options.CollectionQuantum = TimeSpan.FromMilliseconds(5));
        var watch = Stopwatch.StartNew();
        long calls = 0, refusals = 0;
        await Task.WhenAll(Enumerable.Range(0, 64).Select(caller => Task.Run(async () =>
        {
            for (var number = caller; watch.Elapsed < TimeSpan.FromSeconds(3); number += 17)
            {
                var grain = harness.Client.GetGrain<IStressed>($"key{number % 5}");
                try
                {
                    Assert.Equal(number, await (number % 4 == 0 ? grain.Peek(number) : grain.Work(number)).WaitAsync(TimeSpan.FromSeconds(20)));
                }
                catch (Exception exception) when (exception is OddException or OrleansMessageRejectionException)
                {
                    Interlocked.Increment(ref refusals);
                }

                Interlocked.Increment(ref calls);
            }
        })));
        Assert.Empty(StressedGrain.Violations);
        Assert.True(calls > 1000 && refusals < calls, $"{calls} calls, {refusals} refused");
    }

    [Fact]
    public async Task Stopping_under_load_leaves_no_call_without_an_answer()
    {
        var harness = new Harness(realThreads: true);
        using var stopped = new CancellationTokenSource();
        var callers = Enumerable.Range(0, 32).Select(caller => Task.Run(async () =>
        {
            for (var number = caller; ; number++)
            {
                try
                {
                    await harness.Client.GetGrain<IStressed>($"stop{number % 50}").Peek(number).WaitAsync(TimeSpan.FromSeconds(20));
                }
                catch (OddException)
                {
                    // An activation that failed on purpose.
                }
                catch (SiloUnavailableException)
                {
                    return;
                }
            }
        })).ToArray();
        await Task.Delay(200);
        await harness.DisposeAsync();
        await Task.WhenAll(callers).WaitAsync(TimeSpan.FromSeconds(30));
    }
}
