using Microsoft.Extensions.DependencyInjection;
using Microsoft.Extensions.Hosting;
using Orleans.Hosting;
using Orleans.Runtime;

namespace Orleans.Personalize.Embedded.Tests;

public interface IMortal : IGrainWithStringKey
{
    Task<int> Touch();

    Task<int> Leave(string gate);

    Task Delay(TimeSpan time);
}

public interface IShortLived : IMortal;

public interface IEternal : IMortal;

/// <summary>Tells the journal of its life; its key says what shall go wrong.</summary>
public abstract class MortalGrain(Journal journal, Gates gates, ScopedThing scoped) : Grain, IMortal, IDisposable
{
    private static int activations;
    private readonly int number = Interlocked.Increment(ref activations);
    private string key = "";
    private int calls;

    public override async Task OnActivateAsync(CancellationToken cancellationToken)
    {
        key = this.GetPrimaryKeyString();
        journal.Add("activating");
        if (key.Contains("slow start"))
            await gates.Pass("start");
        if (key.Contains("failing start") && journal.Lines.Length == 1)
            throw new InvalidDataException("no start");
        if (key.Contains("leaving at start"))
            DeactivateOnIdle();
        journal.Add("active");
    }

    public override async Task OnDeactivateAsync(DeactivationReason reason, CancellationToken cancellationToken)
    {
        journal.Add($"deactivating:{reason.ReasonCode}");
        if (key.Contains("slow end"))
            await gates.Pass("end");
        if (key.Contains("failing end"))
            throw new InvalidDataException("no end");
        Assert.False(scoped.IsDisposed);
        journal.Add("deactivated");
    }

    public Task<int> Touch()
    {
        calls++;
        journal.Add($"touch{calls}");
        return Task.FromResult(number);
    }

    public async Task<int> Leave(string gate)
    {
        DeactivateOnIdle();
        await gates.Pass(gate);
        journal.Add("left");
        return number;
    }

    public Task Delay(TimeSpan time)
    {
        DelayDeactivation(time);
        return Task.CompletedTask;
    }

    public void Dispose()
    {
        journal.Add("disposed");
        GC.SuppressFinalize(this);
    }
}

[CollectionAgeLimit(Minutes = 2)]
public class ShortLivedGrain(Journal journal, Gates gates, ScopedThing scoped) : MortalGrain(journal, gates, scoped), IShortLived;

[CollectionAgeLimit(AlwaysActive = true)]
public class EternalGrain(Journal journal, Gates gates, ScopedThing scoped) : MortalGrain(journal, gates, scoped), IEternal;

/// <summary>https://learn.microsoft.com/dotnet/orleans/grains/grain-lifecycle and …/host/configuration-guide/activation-collection</summary>
public sealed class LifecycleTests
{
    // "Orleans creates grain classes through dependency injection, … and then calls OnActivateAsync."
    [Fact]
    public async Task Activation_is_complete_before_the_first_request()
    {
        await using var harness = new Harness();
        var call = harness.Call(grains => grains.GetGrain<IShortLived>("slow start").Touch());
        Assert.Equal("activating", harness.Journal.ToString());
        harness.Open("start");
        Assert.Equal("activating active touch1", harness.Journal.ToString());
        Assert.True(call.IsCompletedSuccessfully);
    }

    [Fact]
    public async Task The_host_can_tell_what_is_in_memory()
    {
        await using var harness = new Harness();
        var activations = harness.Services.GetRequiredService<EmbeddedActivations>();
        Assert.Empty(activations.Count());
        foreach (var key in (string[])["a", "b"])
            harness.Time.Run(() => harness.Client.GetGrain<IShortLived>(key).Touch());
        harness.Time.Run(() => harness.Client.GetGrain<IEternal>("a").Touch());
        Assert.Equal(["eternal 1", "shortlived 2"], activations.Count().Select(static kind => $"{kind.Key} {kind.Value}").Order());
        Assert.True(EmbeddedActivations.IsActive(harness.Client.GetGrain<IShortLived>("a")));
        Assert.False(EmbeddedActivations.IsActive(harness.Client.GetGrain<IShortLived>("c")));
        await harness.Time.AdvanceAsync(TimeSpan.FromMinutes(4));
        Assert.Equal(["eternal"], activations.Count().Keys);
        Assert.False(EmbeddedActivations.IsActive(harness.Client.GetGrain<IShortLived>("a")));
    }

    // "If activation fails, Orleans doesn't make that activation available for calls."
    [Fact]
    public async Task A_failed_activation_fails_the_waiting_calls_and_the_next_call_activates_anew()
    {
        await using var harness = new Harness();
        var calls = harness.Call(grains => Task.WhenAll(
            grains.GetGrain<IShortLived>("failing start").Touch(),
            grains.GetGrain<IShortLived>("failing start").Touch()));
        await Assert.ThrowsAsync<InvalidDataException>(() => calls);
        harness.Time.Run(() => harness.Client.GetGrain<IShortLived>("failing start").Touch());
        Assert.Equal("activating disposed activating active touch1", harness.Journal.ToString());
    }

    // "DeactivateOnIdle [deactivates] the grain after the current request"; "Queued calls are forwarded to a new or existing activation."
    [Fact]
    public async Task A_grain_that_leaves_finishes_its_request_and_the_queued_ones_go_to_a_new_activation()
    {
        await using var harness = new Harness();
        var leaving = harness.Call(grains => grains.GetGrain<IShortLived>("a").Leave("gate"));
        var queued = harness.Call(grains => grains.GetGrain<IShortLived>("a").Touch());
        Assert.Equal("activating active", harness.Journal.ToString());
        harness.Open("gate");
        Assert.Equal(
            "activating active left deactivating:ApplicationRequested deactivated disposed activating active touch1",
            harness.Journal.ToString());
        Assert.NotEqual(await leaving, await queued);
    }

    [Fact]
    public async Task Calls_during_deactivation_wait_for_the_next_activation()
    {
        await using var harness = new Harness();
        harness.Gates.Open("gate");
        var leaving = harness.Call(grains => grains.GetGrain<IShortLived>("slow end").Leave("gate"));
        Assert.True(leaving.IsCompletedSuccessfully);
        var next = harness.Call(grains => grains.GetGrain<IShortLived>("slow end").Touch());
        Assert.Equal("activating active left deactivating:ApplicationRequested", harness.Journal.ToString());
        harness.Open("end");
        Assert.EndsWith("deactivated disposed activating active touch1", harness.Journal.ToString());
        Assert.NotEqual(await leaving, await next);
    }

    // A grain that left while it activated never was active, so OnDeactivateAsync does not run.
    [Fact]
    public async Task A_grain_that_always_leaves_at_its_start_refuses_calls_after_a_bounded_number_of_activations()
    {
        await using var harness = new Harness();
        var call = harness.Call(grains => grains.GetGrain<IShortLived>("leaving at start").Touch());
        await Assert.ThrowsAsync<OrleansMessageRejectionException>(() => call);
        Assert.DoesNotContain(harness.Journal.Lines, line => line.StartsWith("deactivating", StringComparison.Ordinal));
    }

    [Fact]
    public async Task A_failing_deactivation_ends_the_activation_all_the_same()
    {
        await using var harness = new Harness();
        harness.Gates.Open("gate");
        _ = harness.Call(grains => grains.GetGrain<IShortLived>("failing end").Leave("gate"));
        harness.Time.Run(() => harness.Client.GetGrain<IShortLived>("failing end").Touch());
        Assert.Equal(
            "activating active left deactivating:ApplicationRequested disposed activating active touch1", harness.Journal.ToString());
    }

    [Fact]
    public async Task A_deactivation_that_hangs_is_given_up_in_time()
    {
        await using var harness = new Harness(configure: options => options.DeactivationTimeout = TimeSpan.FromSeconds(10));
        harness.Gates.Open("gate");
        _ = harness.Call(grains => grains.GetGrain<IShortLived>("slow end").Leave("gate"));
        harness.Time.Run(() => harness.Client.GetGrain<IShortLived>("slow end").Touch());
        Assert.Equal(TimeSpan.FromSeconds(10), harness.Time.Elapsed);
    }

    [Fact]
    public async Task An_activation_that_hangs_is_given_up_in_time()
    {
        await using var harness = new Harness(configure: options => options.ActivationTimeout = TimeSpan.FromSeconds(10));
        Assert.ThrowsAny<OperationCanceledException>(
            () => harness.Time.Run(() => harness.Client.GetGrain<IShortLived>("slow start").Touch()));
        Assert.Equal(TimeSpan.FromSeconds(10), harness.Time.Elapsed);
    }

    // "An activation becomes eligible for collection after it has been idle for CollectionAge"; "Orleans scans on CollectionQuantum".
    [Fact]
    public async Task An_idle_grain_is_collected_after_its_age()
    {
        await using var harness = new Harness();
        harness.Time.Run(() => harness.Client.GetGrain<IShortLived>("a").Touch());
        harness.Time.Advance(TimeSpan.FromMinutes(1.5));
        harness.Time.Run(() => harness.Client.GetGrain<IShortLived>("a").Touch());
        harness.Time.Advance(TimeSpan.FromMinutes(2));
        Assert.Equal("activating active touch1 touch2", harness.Journal.ToString());
        harness.Time.Advance(TimeSpan.FromMinutes(2));
        Assert.Equal(
            "activating active touch1 touch2 deactivating:ActivationIdle deactivated disposed", harness.Journal.ToString());
    }

    [Fact]
    public async Task The_age_is_a_quarter_of_an_hour_by_default()
    {
        await using var harness = new Harness();
        harness.Time.Run(() => harness.Client.GetGrain<ITicking>("a").Read());
        harness.Time.Advance(TimeSpan.FromMinutes(15));
        Assert.DoesNotContain("collected", harness.Journal.ToString());
        harness.Time.Advance(TimeSpan.FromMinutes(2));
        Assert.Contains("collected", harness.Journal.ToString());
    }

    [Fact]
    public async Task A_busy_grain_is_not_collected()
    {
        await using var harness = new Harness(configure: options => options.ResponseTimeout = TimeSpan.FromHours(1));
        _ = harness.Call(grains => grains.GetGrain<IWorker>("a").Work("1"));
        harness.Time.Advance(TimeSpan.FromMinutes(40));
        harness.Open("1");
        Assert.Equal("+1 -1", harness.Journal.ToString());
    }

    [Fact]
    public async Task An_always_active_grain_is_not_collected()
    {
        await using var harness = new Harness();
        harness.Time.Run(() => harness.Client.GetGrain<IEternal>("a").Touch());
        harness.Time.Advance(TimeSpan.FromDays(1));
        Assert.Equal("activating active touch1", harness.Journal.ToString());
    }

    // The table of DelayDeactivation: "Call with 20 minutes at minute 0, then make no calls" is eligible at minute 20; zero takes it back.
    [Theory]
    [InlineData(20, null, 20)]
    [InlineData(1, null, 2)]
    [InlineData(20, 0, 2)]
    public async Task Deactivation_can_be_delayed(int minutes, int? thenMinutes, int eligible)
    {
        await using var harness = new Harness();
        harness.Time.Run(() => harness.Client.GetGrain<IShortLived>("a").Delay(TimeSpan.FromMinutes(minutes)));
        if (thenMinutes is { } then)
            harness.Time.Run(() => harness.Client.GetGrain<IShortLived>("a").Delay(TimeSpan.FromMinutes(then)));
        harness.Time.Advance(TimeSpan.FromMinutes(eligible) - TimeSpan.FromSeconds(1));
        Assert.DoesNotContain("disposed", harness.Journal.ToString());
        harness.Time.Advance(TimeSpan.FromMinutes(2));
        Assert.Contains("disposed", harness.Journal.ToString());
    }

    [Fact]
    public async Task Stopping_deactivates_every_grain_and_refuses_new_calls()
    {
        await using var harness = new Harness();
        harness.Gates.Open("gate");
        harness.Time.Run(() => harness.Client.GetGrain<IShortLived>("a").Touch());
        var running = harness.Call(grains => grains.GetGrain<IWorker>("b").Work("1"));
        var queued = harness.Call(grains => grains.GetGrain<IWorker>("b").Work("2"));

        var host = harness.Services.GetRequiredService<IHostedService>();
        var stop = harness.Call(_ => host.StopAsync(CancellationToken.None));
        Assert.EndsWith("deactivating:ShuttingDown deactivated disposed", harness.Journal.ToString());
        Assert.False(stop.IsCompleted);
        await Assert.ThrowsAsync<SiloUnavailableException>(() => harness.Call(grains => grains.GetGrain<IShortLived>("a").Touch()));

        harness.Open("1");
        Assert.True(stop.IsCompletedSuccessfully && running.IsCompletedSuccessfully);
        await Assert.ThrowsAsync<SiloUnavailableException>(() => queued);
    }

    [Fact]
    public async Task Stopping_does_not_wait_for_ever()
    {
        await using var harness = new Harness(configure: options => options.ResponseTimeout = TimeSpan.FromHours(1));
        var stuck = harness.Call(grains => grains.GetGrain<IWorker>("a").Work("1"));
        var host = harness.Services.GetRequiredService<IHostedService>();
        harness.Time.Run(() => host.StopAsync(CancellationToken.None));
        Assert.Equal(TimeSpan.FromSeconds(30), harness.Time.Elapsed);
        harness.Time.Scheduler!.Drain();
        await Assert.ThrowsAsync<SiloUnavailableException>(() => stuck);
    }
}
