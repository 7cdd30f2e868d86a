using Orleans.Personalize.Journal;
using Orleans.Personalize.Outcomes;
using Orleans.Personalize.Sending;
using Orleans.Personalize.Testing;

namespace Orleans.Personalize.Grains.Tests.Outcomes;

public sealed class OutcomesTests
{
    private const string AtOnce = """{"on":{"event":"Viewed"},"send":{"sender":"mail"}}""";
    private static readonly TimeSpan Moment = TimeSpan.FromSeconds(10);

    [Fact]
    public async Task Decisions_and_what_became_of_sends_are_counted()
    {
        await using var fixture = new GrainFixture();
        fixture.Sender.Script = (_, _) => Task.FromResult(new Delivery(fixture.Sender.Delivered.Count == 2 ? SendOutcome.Failed : SendOutcome.Sent));
        await fixture.PutTrigger("seen", AtOnce);
        await fixture.Put(RegistryKind.Trigger, "shadowed", """{"on":{"event":"Viewed"},"rollout":{"mode":"shadow"},"send":{"sender":"mail"}}""");
        await fixture.Advance(Moment);
        for (var i = 0; i < 3; i++)
        {
            await fixture.Apply(fixture.Happens("Viewed"));
            await fixture.Advance(Moment);
        }
        await Count(fixture);
        await fixture.Advance(Moment);

        var outcomes = await Count(fixture);

        Assert.Equal(["seen", "shadowed"], outcomes.Triggers.Select(one => one.Trigger));
        Assert.Equal("decisions send=3; sends failed=1 sent=2; suppressed ", Text(outcomes.Triggers[0].Total));
        Assert.Equal("decisions shadow=3; sends ; suppressed ", Text(outcomes.Triggers[1].Total));
        Assert.Equal(Text(outcomes.Triggers[0].Total), Text(Assert.Single(outcomes.Triggers[0].Hours).Value));
        Assert.Equal([1L], outcomes.Triggers[0].Versions.Keys);
        Assert.InRange(outcomes.AsOf, fixture.Now - Moment, fixture.Now);
    }

    [Fact]
    public async Task A_send_suppressed_at_the_last_moment_is_counted_by_its_reason()
    {
        await using var fixture = new GrainFixture();
        fixture.Sender.Script = static (_, _) => Task.FromResult(new Delivery(SendOutcome.Retry));
        await fixture.PutTrigger("seen", """{"on":{"event":"Viewed"},"unless":[{"event":"Bought"}],"send":{"sender":"mail"}}""");
        await fixture.Apply(fixture.Happens("Viewed"));
        await fixture.Advance(TimeSpan.FromSeconds(1));
        await fixture.Apply(fixture.Happens("Bought"));
        await Count(fixture);
        await fixture.Advance(TimeSpan.FromMinutes(10));

        Assert.Equal("decisions send=1; sends suppressed=1; suppressed unless=1", Text((await Count(fixture, "seen")).Triggers.Single().Total));
    }

    [Theory]
    [InlineData(1)]
    [InlineData(4)]
    [InlineData(7)]
    [InlineData(60)]
    public async Task Nothing_is_counted_twice_or_lost_in_a_crash(int secondsBetweenCrashes)
    {
        await using var fixture = new GrainFixture(seed: secondsBetweenCrashes);
        await fixture.PutTrigger("seen", AtOnce);
        for (var round = 0; round < 10; round++)
        {
            await Count(fixture);
            await fixture.Apply(fixture.Happens("Viewed"), fixture.Happens("Viewed"));
            await fixture.Advance(TimeSpan.FromSeconds(secondsBetweenCrashes));
            await fixture.Crash();
        }
        await Count(fixture);
        await fixture.Advance(TimeSpan.FromMinutes(10));

        Assert.Equal("decisions send=20; sends sent=20; suppressed ", Text((await Count(fixture, "seen")).Triggers.Single().Total));
    }

    [Fact]
    public async Task A_failed_save_neither_loses_nor_repeats_anything()
    {
        await using var fixture = new GrainFixture();
        await fixture.PutTrigger("seen", AtOnce);
        await Count(fixture);
        var fails = 0;
        fixture.Storage.BeforeWrite = () => ++fails % 3 == 1 ? throw new IOException("The disk failed.") : Task.CompletedTask;
        fixture.Storage.AfterWrite = () => fails % 3 == 2 ? throw new IOException("The disk failed late.") : Task.CompletedTask;
        for (var round = 0; round < 12; round++)
        {
            await fixture.Apply(fixture.Happens("Viewed"));
            await fixture.Advance(Moment);
            await Count(fixture);
        }
        await fixture.Advance(Moment);

        Assert.True(fails > 3);
        Assert.Equal("decisions send=12; sends sent=12; suppressed ", Text((await Count(fixture, "seen")).Triggers.Single().Total));
    }

    [Fact]
    public async Task A_send_settled_long_after_its_decision_is_found_in_its_customers_records()
    {
        await using var fixture = new GrainFixture();
        var delivery = new TaskCompletionSource<Delivery>();
        fixture.Sender.Script = (_, _) => delivery.Task;
        await fixture.PutTrigger("seen", AtOnce);
        await fixture.Apply(fixture.Happens("Viewed"));
        for (var i = 0; i < 250; i++)
            await fixture.Apply(fixture.Happens("Other"), fixture.Happens("Other"));
        await Count(fixture);
        await fixture.Advance(Moment);
        await fixture.Crash();
        fixture.Sender.Script = static (_, _) => Task.FromResult(new Delivery(SendOutcome.Sent));
        await Count(fixture);
        await fixture.Advance(TimeSpan.FromHours(1));

        Assert.Equal("decisions send=1; sends sent=1; suppressed ", Text((await Count(fixture, "seen")).Triggers.Single().Total));
    }

    [Fact]
    public async Task Hours_are_shown_for_two_days_and_totals_for_ever()
    {
        await using var fixture = new GrainFixture();
        await fixture.PutTrigger("seen", AtOnce);
        for (var day = 0; day < 4; day++)
        {
            await fixture.Apply(fixture.Happens("Viewed"));
            await Count(fixture);
            await fixture.Advance(TimeSpan.FromHours(20));
        }

        var seen = (await Count(fixture, "seen")).Triggers.Single();

        Assert.Equal(4, seen.Total.Decisions["send"]);
        Assert.Equal(2, seen.Hours.Count);
        await fixture.Advance(TimeSpan.FromHours(48));
        Assert.Empty((await Count(fixture, "seen")).Triggers.Single().Hours);
    }

    [Fact]
    public async Task A_failed_send_needs_attention_until_its_customer_is_erased()
    {
        await using var fixture = new GrainFixture();
        fixture.Sender.Script = static (_, _) => Task.FromResult(new Delivery(SendOutcome.Failed, Detail: "no such address"));
        await fixture.PutTrigger("seen", AtOnce);
        for (var i = 0; i < 3; i++)
            await fixture.Apply(fixture.Happens("Viewed"));
        await Count(fixture);
        await fixture.Advance(Moment);

        var first = await Attention(fixture, 2, null);
        var second = await Attention(fixture, 2, first.Next);

        Assert.Equal(3, first.Entries.Concat(second.Entries).Select(entry => entry.DecisionId).Distinct().Count());
        Assert.Null(second.Next);
        Assert.Equal(("ada", "seen", "failed", "provider", "no such address"), Tuple(second.Entries.Single()));

        await fixture.Run(grains => grains.GetGrain<ICustomerGrain>(GrainFixture.Ada).Erase());
        await fixture.Run(grains => grains.GetGrain<IOutcomesGrain>(IOutcomesGrain.All).Forget(GrainFixture.Ada));
        await fixture.Crash();
        Assert.Empty((await Attention(fixture, 10, null)).Entries);
        Assert.Equal(3, (await Count(fixture, "seen")).Triggers.Single().Total.Sends["failed"]);
    }

    [Theory]
    [InlineData(SendVerdict.Retry, "sent=1")]
    [InlineData(SendVerdict.Drop, "suppressed=1")]
    [InlineData(SendVerdict.Delivered, "sent=1")]
    public async Task What_an_operator_resolves_needs_no_attention_any_more(SendVerdict verdict, string counted)
    {
        await using var fixture = new GrainFixture();
        fixture.Sender.Script = static (message, _) => Task.FromResult(new Delivery(message.Job.Attempt == 1 ? SendOutcome.Failed : SendOutcome.Sent));
        await fixture.PutTrigger("seen", AtOnce);
        await fixture.Apply(fixture.Happens("Viewed"));
        await Count(fixture);
        await fixture.Advance(Moment);
        var entry = Assert.Single((await Attention(fixture, 10, null)).Entries);

        Assert.Null(await fixture.Run(grains => grains.GetGrain<ICustomerGrain>(GrainFixture.Ada).Resolve(entry.DecisionId, verdict, "key-1", "so it is")));
        await fixture.Advance(Moment);

        Assert.Empty((await Attention(fixture, 10, null)).Entries);
        Assert.Contains($"sends failed=1 {counted};", Text((await Count(fixture, "seen")).Triggers.Single().Total), StringComparison.Ordinal);
    }

    [Fact]
    public async Task A_held_send_needs_attention()
    {
        await using var fixture = new GrainFixture();
        fixture.Sender.Deduplicates = false;
        fixture.Sender.Script = static (_, _) => Task.FromResult(new Delivery(SendOutcome.Unknown, Detail: "no answer"));
        await fixture.PutTrigger("seen", AtOnce);
        await fixture.Apply(fixture.Happens("Viewed"));
        await Count(fixture);
        await fixture.Advance(Moment);

        Assert.Equal("held", Assert.Single((await Attention(fixture, 10, null, "held")).Entries).State);
        Assert.Empty((await Attention(fixture, 10, null, "failed")).Entries);
        Assert.Equal(1, (await Count(fixture, "seen")).Triggers.Single().Total.Sends["held"]);
    }

    [Fact]
    public async Task Without_news_nothing_is_written()
    {
        await using var fixture = new GrainFixture();
        await fixture.PutTrigger("seen", AtOnce);
        await fixture.Apply(fixture.Happens("Viewed"));
        await Count(fixture);
        await fixture.Advance(TimeSpan.FromMinutes(1));
        var writes = fixture.Storage.Writes;
        await fixture.Advance(TimeSpan.FromMinutes(10));
        Assert.Equal(writes, fixture.Storage.Writes);
    }

    [Fact]
    public void A_crowded_list_lets_go_of_its_oldest_entries_and_says_so()
    {
        var state = new OutcomesState();
        var origin = new Origin("seen", 1, "mail", null);
        for (var i = 0; i < OutcomesState.AttentionMax + 5; i++)
            state.Apply(new("shop", "ada"), new($"decision-{i}", Engine.SendState.Failed, DateTimeOffset.UnixEpoch), origin);

        var list = state.Senders["shop/mail"];

        Assert.Equal((OutcomesState.AttentionMax, 5L, "decision-5"), (list.Entries.Count, list.Forgotten, list.Entries[0].DecisionId));
    }

    /// <summary>The first call of all wakes it; from then on it follows the journal by itself.</summary>
    private static Task<OutcomesView> Count(GrainFixture fixture, string? trigger = null) =>
        fixture.Run(grains => grains.GetGrain<IOutcomesGrain>(IOutcomesGrain.All).Count(GrainFixture.Workspace, trigger));

    private static Task<AttentionView> Attention(GrainFixture fixture, int limit, long? after, string? state = null) =>
        fixture.Run(grains => grains.GetGrain<IOutcomesGrain>(IOutcomesGrain.All).Attention(GrainFixture.Workspace, "mail", state, limit, after));

    private static (string, string, string, string?, string?) Tuple(AttentionEntry entry) =>
        (entry.CustomerId, entry.Trigger, entry.State, entry.Reason, entry.Detail);

    private static string Text(OutcomeCounts counts) =>
        $"decisions {Text(counts.Decisions)}; sends {Text(counts.Sends)}; suppressed {Text(counts.Suppressed)}";

    private static string Text(Dictionary<string, long> counts) =>
        string.Join(' ', counts.OrderBy(static count => count.Key, StringComparer.Ordinal).Select(static count => $"{count.Key}={count.Value}"));
}
