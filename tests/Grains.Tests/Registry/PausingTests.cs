using Orleans.Personalize.Sending;
using Orleans.Personalize.Testing;

namespace Orleans.Personalize.Grains.Tests.Registry;

/// <summary>What <c>pause</c> and <c>resume</c> come to: a trigger's document with <c>enabled</c> false, and true again.</summary>
public sealed class PausingTests
{
    private const string Running = """{"on":{"event":"Viewed"},"key":"event.properties.id","wait":{"for":"PT10M","mode":"fixed"},"send":{"sender":"mail"}}""";
    private static readonly string Paused = Running.Replace("{\"on\"", "{\"enabled\":false,\"on\"", StringComparison.Ordinal);

    [Fact]
    public async Task What_comes_due_in_a_pause_is_never_sent_and_what_comes_due_later_is()
    {
        await using var fixture = new GrainFixture();
        await fixture.PutTrigger("seen", Running);
        await View(fixture, "due-in-the-pause");
        await fixture.Advance(TimeSpan.FromMinutes(8));
        await View(fixture, "due-after-the-pause");
        await fixture.PutTrigger("seen", Paused);
        await View(fixture, "seen-in-the-pause");
        await fixture.Advance(TimeSpan.FromMinutes(5));
        await fixture.PutTrigger("seen", Running);
        await fixture.Advance(TimeSpan.FromDays(5));

        Assert.Equal(["due-after-the-pause"], fixture.Sender.Delivered.Select(message => message.Job.Key));
        var decisions = (await fixture.Read())!.Decisions.ToDictionary(decision => decision.Key!, decision => decision.Reason);
        Assert.Equal("trigger-disabled", decisions["due-in-the-pause"]);
        Assert.Equal(2, decisions.Count);
    }

    [Fact]
    public async Task A_send_on_its_way_to_another_attempt_is_let_go_in_a_pause_and_stays_so()
    {
        await using var fixture = new GrainFixture();
        fixture.Sender.Script = static (_, _) => Task.FromResult(new Delivery(SendOutcome.Retry, Detail: "busy"));
        await fixture.PutTrigger("seen", """{"on":{"event":"Viewed"},"send":{"sender":"mail"}}""");
        await View(fixture, "a");
        await fixture.Until(() => fixture.Sender.Delivered.Count == 1, TimeSpan.FromSeconds(5));
        await fixture.PutTrigger("seen", """{"on":{"event":"Viewed"},"enabled":false,"send":{"sender":"mail"}}""");
        await fixture.Advance(TimeSpan.FromMinutes(10));
        fixture.Sender.Script = static (_, _) => Task.FromResult(new Delivery(SendOutcome.Sent));
        await fixture.PutTrigger("seen", """{"on":{"event":"Viewed"},"send":{"sender":"mail"}}""");
        await fixture.Advance(TimeSpan.FromDays(5));

        Assert.Single(fixture.Sender.Delivered);
        var send = Assert.Single((await fixture.Read())!.Sends);
        Assert.Equal(("suppressed", "trigger-disabled"), (send.State, send.Reason));
    }

    [Theory]
    [InlineData(1)]
    [InlineData(2)]
    [InlineData(3)]
    [InlineData(4)]
    [InlineData(5)]
    public async Task However_often_it_is_paused_and_resumed_nothing_is_sent_twice_or_after_it_was_suppressed(int seed)
    {
        await using var fixture = new GrainFixture(seed);
        var random = new Random(seed);
        fixture.Sender.Script = (_, _) => Task.FromResult(new Delivery(random.Next(3) == 0 ? SendOutcome.Retry : SendOutcome.Sent));
        await fixture.PutTrigger("seen", Running);
        for (var i = 0; i < 40; i++)
        {
            if (i % 4 == 0)
                await fixture.PutTrigger("seen", i % 8 == 0 ? Running : Paused);
            if (random.Next(10) == 0)
                await fixture.Crash();
            await View(fixture, $"id-{i}");
            await fixture.Advance(TimeSpan.FromSeconds(random.Next(1, 300)));
        }
        await fixture.PutTrigger("seen", Running);
        await fixture.Advance(TimeSpan.FromDays(5));

        var delivered = fixture.Sender.Delivered.GroupBy(message => message.Job.DecisionId).ToDictionary(group => group.Key, group => group.Select(message => message.Job.Attempt).ToArray());
        var profile = (await fixture.Read())!;
        Assert.All(delivered.Values, attempts => Assert.Equal(attempts.Order().Distinct(), attempts));
        Assert.All(profile.Decisions.Where(decision => decision.Reason is not null), decision => Assert.DoesNotContain(decision.DecisionId, delivered.Keys));
        Assert.Contains(profile.Decisions, decision => decision.Reason == "trigger-disabled");
        Assert.NotEmpty(delivered);
    }

    private static Task<Receipt[]> View(GrainFixture fixture, string id) => fixture.Apply(fixture.Happens("Viewed", $$"""{"id":"{{id}}"}"""));
}
