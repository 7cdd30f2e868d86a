using Orleans.Concurrency;
using Orleans.Runtime;

namespace Orleans.Personalize.Embedded.Tests;

public interface IService : IGrainWithStringKey
{
    Task<string> Greet(string name, int times = 1);

    ValueTask<int> Square(int number);

    ValueTask Note(string text);

    Task Throw(bool now);

    Task<int> Cancel();

    Task WaitFor(CancellationToken cancellation);

    [OneWay]
    Task Tell(string text);

    Task<IService> Self();

    Task<string> Identity();

    Task<int?> AmbientValue();
}

public sealed class OddException(string message) : Exception(message);

public class ServiceGrain(Journal journal, TimeProvider time) : Grain, IService
{
    internal static readonly AsyncLocal<int?> Ambient = new();

    public Task<string> Greet(string name, int times = 1) => Task.FromResult(string.Concat(Enumerable.Repeat($"hello {name}", times)));

    public ValueTask<int> Square(int number) => new(number * number);

    public async ValueTask Note(string text)
    {
        await Task.Yield();
        journal.Add(text);
    }

    public Task Throw(bool now) => now ? throw new OddException("now") : ThrowLater();

    public Task<int> Cancel() => Task.FromCanceled<int>(new CancellationToken(canceled: true));

    public Task WaitFor(CancellationToken cancellation) => Task.Delay(Timeout.InfiniteTimeSpan, time, cancellation);

    public async Task Tell(string text)
    {
        await Task.Delay(TimeSpan.FromSeconds(1), time);
        journal.Add(text);
        throw new OddException("nobody hears");
    }

    public Task<IService> Self() => Task.FromResult(this.AsReference<IService>());

    public Task<string> Identity() => Task.FromResult($"{this.GetGrainId()} {this.GetPrimaryKeyString()} {IdentityString}");

    public Task<int?> AmbientValue() => Task.FromResult(Ambient.Value);

    private static async Task ThrowLater()
    {
        await Task.Yield();
        throw new OddException("later");
    }
}

public interface IPooled : IGrainWithStringKey
{
    Task<int> Work(string gate);
}

[StatelessWorker(3)]
public class PooledGrain(Gates gates) : Grain, IPooled
{
    private static int activations;
    private readonly int number = Interlocked.Increment(ref activations);

    public async Task<int> Work(string gate)
    {
        await gates.Pass(gate);
        return number;
    }
}

public interface IUnimplemented : IGrainWithStringKey;

/// <summary>https://learn.microsoft.com/dotnet/orleans/grains/ (index, grain-references, oneway, stateless-worker-grains)</summary>
public sealed class CallTests
{
    [Fact]
    public async Task Arguments_and_results_travel()
    {
        await using var harness = new Harness();
        var grain = harness.Client.GetGrain<IService>("a");
        Assert.Equal("hello youhello you", harness.Time.Run(() => grain.Greet("you", 2)));
        Assert.Equal(49, harness.Time.Run(() => grain.Square(7).AsTask()));
        harness.Time.Run(() => grain.Note("noted").AsTask());
        Assert.Equal("noted", harness.Journal.ToString());
    }

    // Orleans serializes a callee's exception and throws it at the caller.
    [Theory, InlineData(true), InlineData(false)]
    public async Task Exceptions_reach_the_caller_with_their_type(bool now)
    {
        await using var harness = new Harness();
        var exception = Assert.Throws<OddException>(() => harness.Time.Run(() => harness.Client.GetGrain<IService>("a").Throw(now)));
        Assert.Equal(now ? "now" : "later", exception.Message);
        Assert.Throws<TaskCanceledException>(() => harness.Time.Run(() => harness.Client.GetGrain<IService>("a").Cancel()));
        Assert.Equal(4, harness.Time.Run(() => harness.Client.GetGrain<IService>("a").Square(2).AsTask()));
    }

    // https://learn.microsoft.com/dotnet/orleans/grains/cancellation-tokens
    [Fact]
    public async Task A_cancellation_token_reaches_the_grain()
    {
        await using var harness = new Harness();
        using var source = new CancellationTokenSource();
        var call = harness.Call(grains => grains.GetGrain<IService>("a").WaitFor(source.Token));
        Assert.False(call.IsCompleted);
        await source.CancelAsync();
        harness.Time.Scheduler!.Drain();
        await Assert.ThrowsAnyAsync<OperationCanceledException>(() => call);
    }

    // ResponseTimeout is 30 s by default; the callee is not stopped, and what has expired in the queue is dropped.
    [Fact]
    public async Task A_call_times_out_and_its_callee_runs_on()
    {
        await using var harness = new Harness();
        var running = harness.Call(grains => grains.GetGrain<IWorker>("a").Work("1"));
        harness.Time.Advance(TimeSpan.FromSeconds(20));
        var expiring = harness.Call(grains => grains.GetGrain<IWorker>("a").Work("2"));
        harness.Time.Advance(TimeSpan.FromSeconds(9));
        Assert.False(running.IsCompleted);
        harness.Time.Advance(TimeSpan.FromSeconds(3));
        await Assert.ThrowsAsync<TimeoutException>(() => running);
        Assert.False(expiring.IsCompleted);
        harness.Time.Advance(TimeSpan.FromSeconds(20));
        await Assert.ThrowsAsync<TimeoutException>(() => expiring);

        harness.Gates.Open("3");
        var waiting = harness.Call(grains => grains.GetGrain<IWorker>("a").Work("3"));
        harness.Open("1");
        Assert.Equal("+1 -1 +3 -3", harness.Journal.ToString());
        Assert.True(waiting.IsCompletedSuccessfully);
    }

    // "The caller receives no completion signal, result, or exception."
    [Fact]
    public async Task A_one_way_call_is_over_when_it_is_sent()
    {
        await using var harness = new Harness();
        var call = harness.Call(grains => grains.GetGrain<IService>("a").Tell("told"));
        Assert.True(call.IsCompletedSuccessfully);
        Assert.Equal("", harness.Journal.ToString());
        harness.Time.Advance(TimeSpan.FromSeconds(1));
        Assert.Equal("told", harness.Journal.ToString());
    }

    // https://learn.microsoft.com/dotnet/orleans/grains/request-context: nothing but the RequestContext flows with a call.
    [Fact]
    public async Task Ambient_values_of_the_caller_do_not_reach_the_grain()
    {
        await using var harness = new Harness(realThreads: true);
        var grain = harness.Client.GetGrain<IService>("a");
        ServiceGrain.Ambient.Value = 1;
        Assert.Null(await grain.AmbientValue());
        // Once it is there, a call may start on the thread of its caller.
        var values = await Task.Run(async () => (Grain: await grain.AmbientValue(), Caller: ServiceGrain.Ambient.Value));
        Assert.Equal((null, 1), values);
    }

    [Fact]
    public async Task A_grain_knows_who_it_is()
    {
        await using var harness = new Harness();
        var grain = harness.Client.GetGrain<IService>("a/b");
        Assert.Equal("service/a/b a/b service/a/b", harness.Time.Run(grain.Identity));
        Assert.Equal("a/b", grain.GetPrimaryKeyString());
        Assert.Equal(GrainId.Create("service", "a/b"), grain.GetGrainId());
        Assert.Equal(GrainId.Parse("service/a/b"), grain.GetGrainId());
        Assert.Equal(grain, harness.Time.Run(grain.Self));
        Assert.Equal(grain, grain.AsReference<IService>());
        Assert.NotEqual(grain, harness.Client.GetGrain<IService>("a"));
    }

    [Fact]
    public async Task An_interface_needs_exactly_one_class()
    {
        await using var harness = new Harness();
        Assert.Throws<ArgumentException>(() => harness.Client.GetGrain<IUnimplemented>("a"));
        Assert.Throws<ArgumentException>(() => harness.Client.GetGrain<IMortal>("a"));
        Assert.Throws<ArgumentException>(() => harness.Client.GetGrain<IService>(" "));
    }

    // "If all local activations are busy and the per-silo limit hasn't been reached, Orleans can create another."
    [Fact]
    public async Task A_stateless_worker_has_activations_up_to_its_limit()
    {
        await using var harness = new Harness();
        var calls = Enumerable.Range(0, 6).Select(_ => harness.Call(grains => grains.GetGrain<IPooled>("0").Work("gate"))).ToArray();
        Assert.DoesNotContain(calls, call => call.IsCompleted);
        harness.Open("gate");
        var workers = await Task.WhenAll(calls);
        Assert.Equal(3, workers.Distinct().Count());
        Assert.All(workers.CountBy(worker => worker), pair => Assert.Equal(2, pair.Value));

        // An idle one is preferred to a new one, and collection ends them all.
        Assert.Contains(harness.Time.Run(() => harness.Client.GetGrain<IPooled>("0").Work("gate")), workers);
        harness.Time.Advance(TimeSpan.FromMinutes(18));
        Assert.DoesNotContain(harness.Time.Run(() => harness.Client.GetGrain<IPooled>("0").Work("gate")), workers);
    }
}
