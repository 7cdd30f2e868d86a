using Orleans.Personalize.Testing;

namespace Orleans.Personalize.Grains.Tests.Customers;

/// <summary>Waits that are moved by hand: what is durable of it, and that the end comes when it was moved to, also in another process.</summary>
public sealed class OperateTests
{
    private static Task<string?> Operate(GrainFixture fixture, WaitVerb verb, TimeSpan? shift = null) =>
        fixture.Run(grains => grains.GetGrain<ICustomerGrain>(GrainFixture.Ada).Operate(new(verb, "seen", null, null, shift, "key 7", "they called")));

    private static async Task<GrainFixture> Waiting()
    {
        var fixture = new GrainFixture();
        await fixture.PutTrigger("seen", """{"on":{"event":"Viewed"},"wait":{"for":"PT1H"},"send":{"sender":"mail"}}""");
        await fixture.Apply(fixture.Happens("Viewed"));
        return fixture;
    }

    private static async Task<string[]> Outcomes(GrainFixture fixture) => [.. (await fixture.Read())!.Decisions.Select(static decision => decision.Reason ?? "send")];

    [Theory]
    [InlineData(false)]
    [InlineData(true)]
    public async Task A_wait_that_is_shifted_runs_out_then_though_the_process_is_lost(bool earlier)
    {
        await using var fixture = await Waiting();
        Assert.Null(await Operate(fixture, WaitVerb.Shift, TimeSpan.FromMinutes(earlier ? -30 : 30)));
        await fixture.Crash();
        await fixture.Advance(TimeSpan.FromMinutes(earlier ? 29 : 89));
        Assert.Empty(await Outcomes(fixture));
        await fixture.Advance(TimeSpan.FromMinutes(3));
        Assert.Equal(["send"], await Outcomes(fixture));
    }

    [Fact]
    public async Task A_wait_that_is_fired_is_delivered_and_its_record_says_who_and_why()
    {
        await using var fixture = await Waiting();
        Assert.Null(await Operate(fixture, WaitVerb.Fire));
        await fixture.Advance(TimeSpan.FromSeconds(5));
        Assert.Equal("sent", Assert.Single((await fixture.Read())!.Sends).State);
        Assert.Equal(["eventApplied", "waitArmed", "waitMoved", "decided", "sendAuthorized", "sendSettled"], await fixture.Facts());
        var moved = (await fixture.Run(grains => grains.GetGrain<ICustomerGrain>(GrainFixture.Ada).Timeline(10, null))).Items.Single(static item => item.Type == "waitMoved");
        Assert.Contains("by key 7: they called", moved.Fact.ToString(), StringComparison.Ordinal);
        Assert.Equal(WaitRefusal.Unknown, await Operate(fixture, WaitVerb.Fire));
    }

    [Fact]
    public async Task A_wait_that_is_cancelled_stays_cancelled()
    {
        await using var fixture = await Waiting();
        Assert.Null(await Operate(fixture, WaitVerb.Cancel));
        await fixture.Crash();
        await fixture.Advance(TimeSpan.FromHours(2));
        Assert.Equal(["operator"], await Outcomes(fixture));
        Assert.Equal(WaitRefusal.Unknown, await Operate(fixture, WaitVerb.Cancel));
    }

    [Fact]
    public async Task An_operation_of_unknown_outcome_has_happened_or_not_and_once()
    {
        await using var fixture = await Waiting();
        fixture.Journal.BeforeCommit = _ => throw new IOException("The disk failed.");
        await Assert.ThrowsAsync<JournalException>(() => Operate(fixture, WaitVerb.Fire));
        fixture.Journal.BeforeCommit = null;
        Assert.Null(await Operate(fixture, WaitVerb.Fire));
        Assert.Equal(["send"], await Outcomes(fixture));
    }
}
