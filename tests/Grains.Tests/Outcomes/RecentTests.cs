using Orleans.Personalize.Testing;

namespace Orleans.Personalize.Grains.Tests.Outcomes;

public sealed class RecentTests
{
    private static readonly TimeSpan Moment = TimeSpan.FromSeconds(10);

    private static async Task<RecentDecision[]> Recent(GrainFixture fixture, int limit = RecentDecision.KeptMax, string workspace = GrainFixture.Workspace)
    {
        await fixture.Run(grains => grains.GetGrain<IOutcomesGrain>(IOutcomesGrain.All).Wake());
        await fixture.Advance(Moment);
        return (await fixture.Run(grains => grains.GetGrain<IOutcomesGrain>(IOutcomesGrain.All).Recent(workspace, limit))).Decisions;
    }

    [Fact]
    public async Task The_newest_decisions_are_kept_through_a_crash_and_no_more_than_fit()
    {
        await using var fixture = new GrainFixture();
        await fixture.PutTrigger("seen", """{"on":{"event":"Viewed"},"limits":{"cooldown":"P1D"},"send":{"sender":"mail"}}""");
        await fixture.Apply(fixture.Happens("Viewed"));
        Assert.Equal((null, "ada"), Assert.Single(await Recent(fixture)) is var one ? (one.Reason, one.CustomerId) : default);
        await fixture.Crash();
        for (var i = 0; i < RecentDecision.KeptMax; i++)
            await fixture.Apply(fixture.Happens("Viewed"));
        var decisions = await Recent(fixture);
        Assert.Equal(RecentDecision.KeptMax, decisions.Length);
        Assert.All(decisions, static decision => Assert.Equal("cooldown", decision.Reason));
        Assert.Equal(decisions.Take(3), await Recent(fixture, 3));
        Assert.Equal(RecentDecision.KeptMax, decisions.Select(static decision => decision.DecisionId).Distinct().Count());
        Assert.Empty(await Recent(fixture, workspace: "other"));
    }

    [Fact]
    public async Task An_erased_customer_is_forgotten()
    {
        await using var fixture = new GrainFixture();
        await fixture.PutTrigger("seen", """{"on":{"event":"Viewed"},"send":{"sender":"mail"}}""");
        await fixture.Apply(fixture.Happens("Viewed"));
        Assert.Single(await Recent(fixture));
        await fixture.Run(grains => grains.GetGrain<ICustomerGrain>(GrainFixture.Ada).Erase());
        await fixture.Run(grains => grains.GetGrain<IOutcomesGrain>(IOutcomesGrain.All).Forget(GrainFixture.Ada));
        await fixture.Crash();
        Assert.Empty(await Recent(fixture));
    }
}
