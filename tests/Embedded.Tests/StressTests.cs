using System.Collections.Concurrent;
using System.Diagnostics;
using Microsoft.Extensions.DependencyInjection;
using Orleans.Concurrency;
using Orleans.Runtime;

namespace Orleans.Personalize.Embedded.Tests;

public interface IStressed : IGrainWithStringKey
{
    Task<int> Work(int number);

    [AlwaysInterleave]
    Task<int> Peek(int number);
}

/// <summary>Who is active, and what ought not to have happened.</summary>
public sealed class Census
{
    public ConcurrentDictionary<string, StressedGrain> Active { get; } = new();

    public ConcurrentQueue<string> Violations { get; } = new();
}

/// <summary>Checks that it is alone, in its turn and under its key, and leaves at random.</summary>
public class StressedGrain(Census census, Random random, TimeProvider time) : Grain, IStressed
{
    private string key = "";
    private int inTurn;
    private bool working;

    public override async Task OnActivateAsync(CancellationToken cancellationToken)
    {
        key = this.GetPrimaryKeyString();
        if (!census.Active.TryAdd(key, this))
            census.Violations.Enqueue($"two activations of {key}");
        await Task.Yield();
        if (random.Next(20) == 0)
        {
            census.Active.TryRemove(KeyValuePair.Create(key, this));
            throw new OddException("not today");
        }

        this.RegisterGrainTimer(Tick, new() { DueTime = TimeSpan.FromMilliseconds(1), Period = TimeSpan.FromMilliseconds(1) });
    }

    public override async Task OnDeactivateAsync(DeactivationReason reason, CancellationToken cancellationToken)
    {
        Turn();
        await Task.Yield();
        if (!census.Active.TryRemove(KeyValuePair.Create(key, this)))
            census.Violations.Enqueue($"{key} left twice");
    }

    public async Task<int> Work(int number)
    {
        Turn();
        if (working)
            census.Violations.Enqueue($"{key} interleaved");
        working = true;
        try
        {
            if (number % 3 == 0)
                await Task.Yield();
            else if (number % 5 == 0)
                await Task.Delay(TimeSpan.FromMilliseconds(1), time);
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

    private async Task Tick(CancellationToken cancellation)
    {
        Turn();
        if (working)
            census.Violations.Enqueue($"a tick of {key} interleaved");
        working = true;
        await Task.Yield();
        working = false;
        Turn();
    }

    private void Turn()
    {
        if (!census.Active.TryGetValue(key, out var active) || active != this)
            census.Violations.Enqueue($"{key} runs while it is not active");
        if (Interlocked.Exchange(ref inTurn, 1) != 0)
            census.Violations.Enqueue($"two turns of {key} at once");
        Thread.SpinWait(20);
        Volatile.Write(ref inTurn, 0);
    }
}

public sealed class StressTests
{
    private sealed class NoRequest : Request
    {
        public override bool Interleaves => false;

        public override bool KeepsAlive => false;

        public override void Start(Activation activation) => throw new InvalidOperationException("It was taken.");

        public override void Forward() { }

        public override void Fail(Exception exception) { }
    }

    /// <summary>The same, small, over many interleavings; a failure names the seed that repeats it.</summary>
    [Fact]
    public async Task Whatever_the_interleaving_no_call_is_lost_and_no_grain_is_ever_twice()
    {
        for (var seed = 0; seed < 60; seed++)
        {
            await using var harness = new Harness(seed, configure: options =>
                options.CollectionAge = options.CollectionQuantum = TimeSpan.FromMilliseconds(2));
            var answers = harness.Time.Run(() => Task.WhenAll(Enumerable.Range(0, 10).Select(async caller =>
            {
                var answered = 0;
                for (var number = caller; number < 200; number += 10)
                {
                    var grain = harness.Client.GetGrain<IStressed>($"key{number % 3}");
                    try
                    {
                        answered += number == await (number % 4 == 0 ? grain.Peek(number) : grain.Work(number)) ? 1 : 0;
                    }
                    catch (OddException)
                    {
                        answered++;
                    }
                }

                return answered;
            })), within: TimeSpan.FromSeconds(20));
            var violations = harness.Services.GetRequiredService<Census>().Violations;
            Assert.True(violations.IsEmpty && answers.Sum() == 200, $"seed {seed}: {answers.Sum()} answers, {string.Join(", ", violations)}");
            Assert.Equal(0, harness.Time.Scheduler!.Strays);
        }
    }

    [Fact]
    public async Task Under_load_no_call_is_lost_and_no_grain_is_ever_twice()
    {
        await using var harness = new Harness(realThreads: true, configure: options =>
            options.CollectionAge = options.CollectionQuantum = TimeSpan.FromMilliseconds(5));
        var watch = Stopwatch.StartNew();
        long calls = 0, refusals = 0;
        await Task.WhenAll(Enumerable.Range(0, 64).Select(caller => Task.Run(async () =>
        {
            for (var number = caller; watch.Elapsed < TimeSpan.FromSeconds(2); number += 17)
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
        Assert.Empty(harness.Services.GetRequiredService<Census>().Violations);
        Assert.True(calls > 1000 && refusals < calls, $"{calls} calls, {refusals} refused");
    }

    // The window between an activation's end and its removal from the directory is too small for the tests above.
    [Fact]
    public async Task An_activation_that_is_gone_takes_no_request()
    {
        await using var harness = new Harness();
        var runtime = harness.Services.GetRequiredService<EmbeddedRuntime>();
        var activation = new Activation(runtime.ReferenceTo(typeof(IStressed), "a").Class, "a");
        activation.Deactivate(EmbeddedRuntime.Stopping);
        harness.Time.Scheduler!.Drain();
        Assert.True(activation.Deactivated.IsCompletedSuccessfully);
        Assert.False(activation.TryReceive(new NoRequest(), here: false));
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
