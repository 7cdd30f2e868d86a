using Orleans.Personalize.Sources;
using Orleans.Personalize.Testing;

namespace Orleans.Personalize.Tests.Sources;

public sealed class PollTests
{
    private static readonly TimeSpan Interval = TimeSpan.FromMinutes(5);

    [Fact]
    public async Task It_is_asked_once_an_interval_and_pages_follow_at_once()
    {
        await using var silo = new GrainFixture();
        silo.Poller.Plan = new("https://erp.test/orders", Interval);
        silo.Poller.OnPoll = static position => new(new(position.Cursor switch { null => "a", "a" => "b", _ => "b" }, "\"t\""), HasMore: position.Cursor != "b", Events: 2, Refused: 1, Refusal: "why");
        await Wake(silo);
        await silo.Advance(TimeSpan.FromSeconds(1));
        Assert.Equal([null, "a", "b"], silo.Poller.Asked.Select(static position => position.Cursor));
        await silo.Advance(Interval - TimeSpan.FromSeconds(10));
        Assert.Equal(3, silo.Poller.Asked.Count);
        await silo.Advance(TimeSpan.FromSeconds(15));
        Assert.Equal(4, silo.Poller.Asked.Count);

        var status = await Status(silo);
        Assert.Equal(("b", 8, 4, "why", 0, null), (status.Cursor, status.Events, status.Refused, status.Refusal, status.Failures, status.Error));
        Assert.Equal(status.LastAt + Interval, status.NextAt);
    }

    [Fact]
    public async Task After_a_crash_it_goes_on_where_it_was_and_repeats_what_was_not_saved()
    {
        await using var silo = new GrainFixture();
        silo.Poller.Plan = new("https://erp.test/orders", Interval);
        silo.Poller.OnPoll = static _ => new(new("a", null));
        await Wake(silo);
        await silo.Advance(TimeSpan.FromSeconds(1));
        await silo.Crash();
        await Wake(silo);
        await silo.Advance(Interval + TimeSpan.FromSeconds(10));
        Assert.Equal([null, "a"], silo.Poller.Asked.Select(static position => position.Cursor));
    }

    [Fact]
    public async Task A_source_that_fails_is_asked_less_and_less_and_never_sooner_than_it_wants()
    {
        await using var silo = new GrainFixture();
        silo.Poller.Plan = new("https://erp.test/orders", TimeSpan.FromSeconds(10));
        silo.Poller.OnPoll = static position => new(position, Error: "Answered 500.");
        await Wake(silo);
        await silo.Advance(TimeSpan.FromMinutes(5));
        // After 0, 10, 30, 70, 150 and 310 seconds, each up to the next look of five seconds.
        Assert.Equal(5, silo.Poller.Asked.Count);
        var status = await Status(silo);
        Assert.Equal(("Answered 500.", 5), (status.Error, status.Failures));

        silo.Poller.OnPoll = static position => new(position, Error: "Answered 503.", RetryAfter: TimeSpan.FromMinutes(30));
        await silo.Advance(TimeSpan.FromMinutes(29));
        Assert.Equal(6, silo.Poller.Asked.Count);

        silo.Poller.OnPoll = static _ => throw new InvalidOperationException("It is not valid.");
        await silo.Advance(TimeSpan.FromMinutes(20));
        Assert.Equal("It is not valid.", (await Status(silo)).Error);
        silo.Poller.OnPoll = static position => new(position);
        await silo.Advance(TimeSpan.FromHours(2));
        Assert.Equal((0, null), ((await Status(silo)).Failures, (await Status(silo)).Error));
    }

    [Fact]
    public async Task Another_address_starts_from_the_beginning_and_a_source_that_is_gone_is_left_alone()
    {
        await using var silo = new GrainFixture();
        silo.Poller.Plan = new("https://erp.test/orders", Interval);
        silo.Poller.OnPoll = static _ => new(new("a", null));
        await Wake(silo);
        await silo.Advance(TimeSpan.FromSeconds(1));
        silo.Poller.Plan = silo.Poller.Plan with { Address = "https://erp.test/customers" };
        await silo.Advance(TimeSpan.FromSeconds(6));
        Assert.Equal([null, null], silo.Poller.Asked.Select(static position => position.Cursor));
        silo.Poller.Plan = null;
        await silo.Advance(TimeSpan.FromHours(1));
        Assert.Equal(2, silo.Poller.Asked.Count);
    }

    private static Task Wake(GrainFixture silo) => silo.Run(static grains => grains.GetGrain<IPollGrain>("shop/erp").Wake());

    private static Task<PollStatus> Status(GrainFixture silo) => silo.Run(static grains => grains.GetGrain<IPollGrain>("shop/erp").Status());
}
