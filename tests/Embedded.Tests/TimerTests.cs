using Orleans.Runtime;

namespace Orleans.Personalize.Embedded.Tests;

public interface ITicking : IGrainWithStringKey
{
    Task Start(string name, int due, int period, bool interleave = false, bool keepAlive = false, int duration = 0);

    Task Change(int due, int period);

    Task ChangeInTick(int due, int period);

    Task FailTicks();

    Task Stop();

    Task Leave();

    Task Read();

    Task Wait(string gate);
}

/// <summary>Times are in seconds; −1 is infinite.</summary>
public class TickingGrain(Journal journal, Gates gates, TimeProvider time) : Grain, ITicking
{
    private readonly DateTimeOffset start = time.GetUtcNow();
    private IGrainTimer? timer;
    private (int Due, int Period)? change;
    private bool failing;

    public Task Start(string name, int due, int period, bool interleave = false, bool keepAlive = false, int duration = 0)
    {
        timer = this.RegisterGrainTimer(
            (name, cancellation) => Tick(name, duration, cancellation),
            name,
            new() { DueTime = Seconds(due), Period = Seconds(period), Interleave = interleave, KeepAlive = keepAlive });
        return Task.CompletedTask;
    }

    public Task Change(int due, int period)
    {
        timer!.Change(Seconds(due), Seconds(period));
        return Task.CompletedTask;
    }

    public Task ChangeInTick(int due, int period)
    {
        change = (due, period);
        return Task.CompletedTask;
    }

    public Task FailTicks()
    {
        failing = true;
        return Task.CompletedTask;
    }

    public Task Stop()
    {
        timer!.Dispose();
        return Task.CompletedTask;
    }

    public Task Leave()
    {
        DeactivateOnIdle();
        return Task.CompletedTask;
    }

    public Task Read() => Task.CompletedTask;

    public async Task Wait(string gate)
    {
        await gates.Pass(gate);
        journal.Add("waited");
    }

    public override Task OnDeactivateAsync(DeactivationReason reason, CancellationToken cancellationToken)
    {
        if (reason.ReasonCode == DeactivationReasonCode.ActivationIdle)
            journal.Add("collected");
        return Task.CompletedTask;
    }

    private async Task Tick(string name, int duration, CancellationToken cancellation)
    {
        journal.Add($"{name}@{(time.GetUtcNow() - start).TotalSeconds}");
        using var registration = cancellation.Register(() => journal.Add("cancelled"));
        if (change is { } next)
        {
            change = null;
            timer!.Change(Seconds(next.Due), Seconds(next.Period));
        }

        if (failing)
            throw new InvalidDataException("no tick");
        if (duration > 0)
            await Task.Delay(TimeSpan.FromSeconds(duration), time, CancellationToken.None);
    }

    private static TimeSpan Seconds(int seconds) => seconds < 0 ? Timeout.InfiniteTimeSpan : TimeSpan.FromSeconds(seconds);
}

/// <summary>https://learn.microsoft.com/dotnet/orleans/grains/timers</summary>
public sealed class TimerTests
{
    private static ITicking Grain(IGrainFactory grains) => grains.GetGrain<ITicking>("a");

    // "Delays the next callback after the current callback completes."; "A timer callback never overlaps itself."
    [Fact]
    public async Task The_period_counts_from_the_end_of_a_tick()
    {
        await using var harness = new Harness();
        await harness.Call(grains => Grain(grains).Start("t", due: 5, period: 10, duration: 15));
        harness.Time.Advance(TimeSpan.FromSeconds(60));
        Assert.Equal("t@5 t@30 t@55", harness.Journal.ToString());
    }

    [Theory]
    [InlineData(3, -1, "t@3")]
    [InlineData(0, 20, "t@0 t@20 t@40 t@60")]
    [InlineData(-1, 20, "")]
    public async Task An_infinite_due_time_pauses_and_an_infinite_period_ticks_once(int due, int period, string expected)
    {
        await using var harness = new Harness();
        await harness.Call(grains => Grain(grains).Start("t", due, period));
        harness.Time.Advance(TimeSpan.FromSeconds(60));
        Assert.Equal(expected, harness.Journal.ToString());
    }

    // "A non-reentrant grain processes the callback without interleaving it with other requests."
    [Theory]
    [InlineData(false, "waited t@10")]
    [InlineData(true, "t@5 waited")]
    public async Task A_tick_waits_for_the_running_request_unless_it_interleaves(bool interleave, string expected)
    {
        await using var harness = new Harness();
        await harness.Call(grains => Grain(grains).Start("t", due: 5, period: -1, interleave));
        var waiting = harness.Call(grains => Grain(grains).Wait("gate"));
        harness.Time.Advance(TimeSpan.FromSeconds(10));
        harness.Open("gate");
        Assert.True(waiting.IsCompletedSuccessfully);
        Assert.Equal(expected, harness.Journal.ToString());
    }

    [Fact]
    public async Task A_request_waits_for_the_running_tick()
    {
        await using var harness = new Harness();
        await harness.Call(grains => Grain(grains).Start("t", due: 5, period: -1, duration: 10));
        harness.Time.Advance(TimeSpan.FromSeconds(6));
        harness.Gates.Open("gate");
        var waiting = harness.Call(grains => Grain(grains).Wait("gate"));
        Assert.False(waiting.IsCompleted);
        harness.Time.Advance(TimeSpan.FromSeconds(10));
        Assert.True(waiting.IsCompletedSuccessfully);
    }

    // "The new due time schedules the next callback, and the new period applies after that callback completes."
    [Fact]
    public async Task A_timer_can_be_changed()
    {
        await using var harness = new Harness();
        await harness.Call(grains => Grain(grains).Start("t", due: 5, period: 5));
        await harness.Call(grains => Grain(grains).Change(due: 20, period: 15));
        harness.Time.Advance(TimeSpan.FromSeconds(60));
        Assert.Equal("t@20 t@35 t@50", harness.Journal.ToString());
    }

    // "A change made inside a running callback takes effect after the callback completes."
    [Fact]
    public async Task A_change_during_a_tick_counts_from_its_end()
    {
        await using var harness = new Harness();
        await harness.Call(grains => Grain(grains).Start("t", due: 5, period: 5, duration: 4));
        await harness.Call(grains => Grain(grains).ChangeInTick(due: 20, period: -1));
        harness.Time.Advance(TimeSpan.FromSeconds(60));
        Assert.Equal("t@5 t@29", harness.Journal.ToString());
    }

    // Orleans' GrainTimer forgets the due time of a change that was made between a tick's being due and its start, so a grain that changes its
    // timers elsewhere re-arms them in every callback.
    [Fact]
    public async Task A_change_while_a_tick_is_queued_leaves_only_its_period()
    {
        await using var harness = new Harness();
        await harness.Call(grains => Grain(grains).Start("t", due: 5, period: 100));
        _ = harness.Call(grains => Grain(grains).Wait("gate"));
        _ = harness.Call(grains => Grain(grains).Change(due: 7, period: 20));
        harness.Time.Advance(TimeSpan.FromSeconds(10));
        harness.Open("gate");
        harness.Time.Advance(TimeSpan.FromSeconds(30));
        Assert.Equal("waited t@10 t@30", harness.Journal.ToString());
    }

    // "Dispose IGrainTimer to cancel its callback token and stop future callbacks."
    [Fact]
    public async Task A_disposed_timer_stops()
    {
        await using var harness = new Harness();
        await harness.Call(grains => Grain(grains).Start("t", due: 5, period: 5, interleave: true, duration: 30));
        harness.Time.Advance(TimeSpan.FromSeconds(6));
        await harness.Call(grains => Grain(grains).Stop());
        harness.Time.Advance(TimeSpan.FromMinutes(2));
        Assert.Equal("t@5 cancelled", harness.Journal.ToString());
    }

    // "Orleans logs exceptions returned by a timer callback and schedules the next callback after the configured period."
    [Fact]
    public async Task A_failing_tick_does_not_stop_the_timer()
    {
        await using var harness = new Harness();
        await harness.Call(grains => Grain(grains).Start("t", due: 5, period: 5));
        await harness.Call(grains => Grain(grains).FailTicks());
        harness.Time.Advance(TimeSpan.FromSeconds(11));
        Assert.Equal("t@5 t@10", harness.Journal.ToString());
    }

    // "Orleans also cancels the token and disposes the timer when the activation begins deactivating."
    [Fact]
    public async Task Timers_end_with_the_activation()
    {
        await using var harness = new Harness();
        await harness.Call(grains => Grain(grains).Start("t", due: 5, period: 5));
        await harness.Call(grains => Grain(grains).Leave());
        harness.Time.Advance(TimeSpan.FromMinutes(1));
        Assert.Equal("", harness.Journal.ToString());
    }

    // "Timer callbacks leave the activation's idle lifetime unchanged by default." "With KeepAlive set to true, each callback extends [it]."
    [Theory]
    [InlineData(false, true)]
    [InlineData(true, false)]
    public async Task Only_a_timer_that_says_so_keeps_its_grain_alive(bool keepAlive, bool collected)
    {
        await using var harness = new Harness();
        await harness.Call(grains => Grain(grains).Start("t", due: 30, period: 30, keepAlive: keepAlive));
        harness.Time.Advance(TimeSpan.FromHours(1));
        Assert.Equal(collected, harness.Journal.Lines.Contains("collected"));
    }
}
