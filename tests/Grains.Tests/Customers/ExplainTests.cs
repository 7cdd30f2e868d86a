using Orleans.Personalize.Testing;

namespace Orleans.Personalize.Grains.Tests.Customers;

public sealed class ExplainTests
{
    private static Task<Explanation?> Explain(GrainFixture fixture, string trigger = "seen") =>
        fixture.Run(grains => grains.GetGrain<ICustomerGrain>(GrainFixture.Ada).Explain(trigger, null));

    [Fact]
    public async Task An_explanation_has_the_waits_and_decisions_of_its_trigger_and_asks_the_suppression_list()
    {
        await using var fixture = new GrainFixture();
        await fixture.PutTrigger("seen", """{"on":{"event":"Viewed"},"wait":{"for":"PT10M"},"send":{"sender":"mail"}}""");
        await fixture.PutTrigger("other", """{"on":{"event":"Viewed"},"send":{"sender":"mail"}}""");
        await fixture.Apply(fixture.Happens("Viewed") with { Traits = JsonText.FromString("""{"email":"ada@example.com"}""") });
        await fixture.Advance(TimeSpan.FromMinutes(11));
        await fixture.Apply(fixture.Happens("Viewed"));

        var explained = (await Explain(fixture))!;
        Assert.Equal(("seen", 1L, "send", "wait"), (explained.Trigger, explained.Version, explained.Would, explained.About!.KeptBy));
        Assert.Equal((await fixture.Read())!.Version, explained.ProfileVersion);
        Assert.Equal("seen", Assert.Single(explained.Waits).Trigger);
        Assert.Equal(("seen", "send"), (Assert.Single(explained.LastDecisions).Trigger, explained.LastDecisions[0].Outcome));

        await fixture.Run(grains => grains.GetGrain<ISuppressionGrain>(Suppressions.Key(GrainFixture.Workspace, "ada@example.com"))
            .Add([new Suppression("ada@example.com", "manual", null, fixture.Now, "test")]));
        Assert.Equal("suppression", (await Explain(fixture))!.Would);
    }

    [Fact]
    public async Task A_question_is_answered_while_a_commit_hangs_and_from_what_is_durable()
    {
        await using var fixture = new GrainFixture();
        await fixture.PutTrigger("seen", """{"on":{"event":"Viewed"},"wait":{"for":"PT10M"},"send":{"sender":"mail"}}""");
        var gate = new TaskCompletionSource();
        fixture.Journal.BeforeCommit = _ => gate.Task;
        var applied = fixture.StartApply(fixture.Happens("Viewed"));
        Assert.Equal(("no-event", 0L), ((await Explain(fixture))!.Would, (await Explain(fixture))!.ProfileVersion));
        Assert.Null(await Explain(fixture, "none"));
        gate.SetResult();
        await fixture.Answer(applied);
        Assert.Equal("send", (await Explain(fixture))!.Would);
    }
}
