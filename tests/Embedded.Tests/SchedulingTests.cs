using Orleans.Concurrency;

namespace Orleans.Personalize.Embedded.Tests;

public interface IWork : IGrainWithStringKey
{
    Task Work(string name);

    [AlwaysInterleave]
    Task Peek(string name);

    Task<bool> StaysOnItsScheduler();
}

public interface IWorker : IWork;

public interface IReentrantWorker : IWork;

public abstract class WorkGrain(Journal journal, Gates gates, TimeProvider time) : Grain, IWork
{
    public async Task Work(string name)
    {
        journal.Add($"+{name}");
        await gates.Pass(name);
        journal.Add($"-{name}");
    }

    public Task Peek(string name) => Work(name);

    public async Task<bool> StaysOnItsScheduler()
    {
        var before = TaskScheduler.Current;
        await Task.Delay(TimeSpan.FromSeconds(1), time);
        var after = TaskScheduler.Current;
        await Task.Yield();
        return before != TaskScheduler.Default && before == after && after == TaskScheduler.Current;
    }
}

public class WorkerGrain(Journal journal, Gates gates, TimeProvider time) : WorkGrain(journal, gates, time), IWorker;

[Reentrant]
public class ReentrantWorkerGrain(Journal journal, Gates gates, TimeProvider time) : WorkGrain(journal, gates, time), IReentrantWorker;

public interface IPingPong : IGrainWithStringKey
{
    Task<int> Ping(int rounds);
}

/// <summary>Calls itself through another grain.</summary>
public class PingGrain : Grain, IPingPong
{
    public async Task<int> Ping(int rounds) =>
        rounds == 0 ? 0 : 1 + await GrainFactory.GetGrain<IPong>(this.GetPrimaryKeyString()).Pong(rounds - 1);
}

public interface IPong : IGrainWithStringKey
{
    Task<int> Pong(int rounds);
}

public class PongGrain : Grain, IPong
{
    public async Task<int> Pong(int rounds) =>
        rounds == 0 ? 0 : 1 + await GrainFactory.GetGrain<IPingPong>(this.GetPrimaryKeyString()).Ping(rounds - 1);
}

/// <summary>https://learn.microsoft.com/dotnet/orleans/grains/request-scheduling</summary>
public sealed class SchedulingTests
{
    // "By default, an activation doesn't start a different request while the current request is incomplete."
    [Fact]
    public async Task A_request_starts_when_the_one_before_is_complete()
    {
        await using var harness = new Harness();
        var first = harness.Call(grains => grains.GetGrain<IWorker>("a").Work("1"));
        var second = harness.Call(grains => grains.GetGrain<IWorker>("a").Work("2"));
        Assert.Equal("+1", harness.Journal.ToString());

        harness.Open("1");
        Assert.Equal("+1 -1 +2", harness.Journal.ToString());
        harness.Open("2");
        Assert.True(first.IsCompletedSuccessfully && second.IsCompletedSuccessfully);
    }

    [Fact]
    public async Task Grains_do_not_wait_for_each_other()
    {
        await using var harness = new Harness();
        _ = harness.Call(grains => grains.GetGrain<IWorker>("a").Work("1"));
        _ = harness.Call(grains => grains.GetGrain<IWorker>("b").Work("2"));
        Assert.Equal("+1 +2", harness.Journal.ToString());
    }

    // "AlwaysInterleaveAttribute: The marked interface method can interleave with any request."
    [Fact]
    public async Task An_interleaving_request_starts_while_another_is_incomplete()
    {
        await using var harness = new Harness();
        _ = harness.Call(grains => grains.GetGrain<IWorker>("a").Work("1"));
        _ = harness.Call(grains => grains.GetGrain<IWorker>("a").Work("2"));
        _ = harness.Call(grains => grains.GetGrain<IWorker>("a").Peek("3"));
        _ = harness.Call(grains => grains.GetGrain<IWorker>("a").Peek("4"));
        Assert.Equal("+1 +3 +4", harness.Journal.ToString());
        harness.Open("3");
        harness.Open("1");
        Assert.Equal("+1 +3 +4 -3 -1 +2", harness.Journal.ToString());
    }

    // As above: it interleaves "with any request", so it holds up no other.
    [Fact]
    public async Task A_request_starts_while_only_interleaving_ones_are_incomplete()
    {
        await using var harness = new Harness();
        _ = harness.Call(grains => grains.GetGrain<IWorker>("a").Peek("1"));
        _ = harness.Call(grains => grains.GetGrain<IWorker>("a").Work("2"));
        Assert.Equal("+1 +2", harness.Journal.ToString());
    }

    // "ReentrantAttribute: All requests to the grain class can interleave."
    [Fact]
    public async Task Requests_to_a_reentrant_grain_interleave()
    {
        await using var harness = new Harness();
        _ = harness.Call(grains => grains.GetGrain<IReentrantWorker>("a").Work("1"));
        _ = harness.Call(grains => grains.GetGrain<IReentrantWorker>("a").Work("2"));
        harness.Open("2");
        harness.Open("1");
        Assert.Equal("+1 +2 -2 -1", harness.Journal.ToString());
    }

    [Fact]
    public async Task Requests_of_one_caller_start_in_the_order_they_were_sent()
    {
        await using var harness = new Harness();
        var names = Enumerable.Range(0, 50).Select(number => number.ToString()).ToArray();
        foreach (var name in names)
            harness.Gates.Open(name);
        await harness.Call(grains => Task.WhenAll(names.Select((name, index) =>
            index % 3 == 0 ? grains.GetGrain<IWorker>("a").Peek(name) : grains.GetGrain<IWorker>("a").Work(name))));
        Assert.Equal(names, harness.Journal.Lines.Where(line => line[0] == '+').Select(line => line[1..]));
    }

    // "Normal await resumes grain code on the activation scheduler."
    [Theory, InlineData(false), InlineData(true)]
    public async Task Awaits_come_back_to_the_scheduler_of_the_activation(bool realThreads)
    {
        await using var harness = new Harness(realThreads: realThreads);
        Assert.True(realThreads
            ? await harness.Client.GetGrain<IWorker>("a").StaysOnItsScheduler()
            : harness.Time.Run(() => harness.Client.GetGrain<IWorker>("a").StaysOnItsScheduler()));
    }

    // The last answer of a turn is given on its thread: after the turn, so that whoever got it may do there what he likes.
    [Fact]
    public async Task A_caller_that_blocks_after_its_answer_does_not_hold_up_the_grain()
    {
        await using var harness = new Harness(realThreads: true);
        var grain = harness.Client.GetGrain<IWorker>("a");
        harness.Gates.Open("open");
        await grain.Work("open");
        var answered = Task.Run(async () =>
        {
            await grain.Work("slow");
            return ((IAsyncResult)grain.Work("open")).AsyncWaitHandle.WaitOne(Testing.Eventually.Patience);
        });
        harness.Gates.Open("slow");
        Assert.True(await answered);
    }

    [Fact]
    public async Task Grains_call_grains()
    {
        await using var harness = new Harness();
        Assert.Equal(1, harness.Time.Run(() => harness.Client.GetGrain<IPingPong>("a").Ping(1)));
    }

    // A cycle of calls deadlocks a non-reentrant grain; as in Orleans the response time-out ends it.
    [Fact]
    public async Task A_cycle_of_calls_ends_by_time_out()
    {
        await using var harness = new Harness();
        Assert.Throws<TimeoutException>(() => harness.Time.Run(() => harness.Client.GetGrain<IPingPong>("a").Ping(2)));
        Assert.InRange(harness.Time.Elapsed, TimeSpan.FromSeconds(30), TimeSpan.FromSeconds(31));
        Assert.Equal(1, harness.Time.Run(() => harness.Client.GetGrain<IPingPong>("a").Ping(1)));
    }
}
