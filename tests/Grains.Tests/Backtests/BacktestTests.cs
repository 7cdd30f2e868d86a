using Orleans.Personalize.Engine;
using Orleans.Personalize.Testing;

namespace Orleans.Personalize.Grains.Tests.Backtests;

public sealed class BacktestTests
{
    private const string Seen = """{"on":{"event":"Viewed"},"wait":{"for":"PT1H"},"unless":[{"event":"Bought"}],"send":{"sender":"mail"}}""";

    private static IBacktestGrain Grain(IGrainFactory grains, string id = "b1") => grains.GetGrain<IBacktestGrain>($"{GrainFixture.Workspace}/{id}");

    private static Task<BacktestStart> Start(GrainFixture fixture, string? document = Seen, string trigger = "seen", string id = "b1", long max = 1_000_000, DateTimeOffset? from = null, DateTimeOffset? to = null) =>
        fixture.Run(grains => Grain(grains, id).Start(new(trigger, document is null ? default : JsonText.FromString(document), from, to, max)));

    private static async Task<BacktestView> Done(GrainFixture fixture, string id = "b1")
    {
        BacktestView? view = null;
        for (var i = 0; i < 1000 && view is not { State: "done" or "failed" }; i++)
        {
            await fixture.Advance(TimeSpan.FromMilliseconds(20));
            view = await fixture.Run(grains => Grain(grains, id).Status());
        }
        Assert.Equal(("done", 100), (view!.State, view.Percent));
        return view;
    }

    /// <summary>Customers that look around for two days; some of them buy.</summary>
    private static async Task<List<(string Customer, CustomerEvent Event)>> Browse(GrainFixture fixture, int customers)
    {
        var (random, all) = (new System.Random(7), new List<(string, CustomerEvent)>());
        for (var i = 0; i < customers * 8; i++)
        {
            await fixture.Advance(TimeSpan.FromMinutes(random.Next(20)));
            var (customer, happened) = ($"c{random.Next(customers)}", fixture.Happens(random.Next(4) == 0 ? "Bought" : "Viewed"));
            happened = happened with { OccurredAt = happened.OccurredAt.AddMinutes(-random.Next(90)) };
            all.Add((customer, happened));
            await fixture.Run(grains => grains.GetGrain<ICustomerGrain>($"{GrainFixture.Workspace}/{customer}").Apply([happened]));
        }
        // Another workspace is none of its business.
        await fixture.Run(grains => grains.GetGrain<ICustomerGrain>("other/c1").Apply([fixture.Happens("Viewed")]));
        return all;
    }

    [Fact]
    public async Task It_decides_what_a_replay_of_the_same_events_decides()
    {
        await using var fixture = new GrainFixture();
        var events = await Browse(fixture, 15);
        await Start(fixture);
        var view = await Done(fixture);

        var trigger = TriggerParser.Parse("seen", 1, JsonText.FromString(Seen)).Trigger!;
        var replayed = new Replay(GrainFixture.Workspace, new([trigger])).Run(Replay.InOrder(events)).ToArray();
        Assert.Equal(events.Count, view.EventsRead);
        Assert.Equal(replayed.CountBy(static entry => entry.Decision.Reason ?? "send").OrderBy(static pair => pair.Key), view.Result!.ByReason.ToDictionary(static pair => pair.Key, static pair => (int)pair.Value).OrderBy(static pair => pair.Key));
        Assert.Equal(replayed.Length, view.Result.Sample.Length);
        Assert.Equal(
            replayed.Select(static entry => (entry.Customer, entry.Decision.DecisionId, entry.Decision.At, entry.Decision.Reason)).Order(),
            view.Result.Sample.Select(static one => (one.CustomerId, one.DecisionId, one.At, one.Reason)).Order());
        Assert.Equal(replayed.Where(static entry => entry.Decision.IsSend).Select(static entry => entry.Customer).Distinct().Count(), view.Result.Customers);
        Assert.Equal(replayed.Count(static entry => entry.Decision.IsSend), view.Result.Days.Values.Sum(static day => day.Sends));
        Assert.Equal((events.Select(static entry => entry.Customer).Distinct().Count(), 0L), (view.Result.Replayed, view.Result.LeftOut));
        Assert.Equal(view.Result.Sample.OrderByDescending(static one => one.At).Select(static one => one.At), view.Result.Sample.Select(static one => one.At));
    }

    [Fact]
    public async Task Nothing_is_sent_and_nothing_recorded()
    {
        await using var fixture = new GrainFixture();
        await Browse(fixture, 5);
        await fixture.Advance(TimeSpan.FromHours(2));
        var before = fixture.Journal.Appends.Count;
        await Start(fixture);
        Assert.True((await Done(fixture)).Result!.Sends > 0);
        Assert.Equal(before, fixture.Journal.Appends.Count);
        Assert.Empty((await fixture.Read("shop/c1"))!.Sends);
    }

    [Fact]
    public async Task Others_that_would_send_to_the_same_customers_are_named_and_caps_count()
    {
        await using var fixture = new GrainFixture();
        await fixture.PutTrigger("other", """{"on":{"event":"Bought"},"priority":5,"send":{"sender":"mail"}}""");
        await fixture.Put(RegistryKind.Policy, "email", """{"cap":{"max":1,"per":"P30D"}}""");
        await fixture.Advance(TimeSpan.FromSeconds(1));
        foreach (var (customer, name) in ((string, string)[])[("a", "Bought"), ("a", "Viewed"), ("b", "Viewed")])
            await fixture.Run(grains => grains.GetGrain<ICustomerGrain>($"shop/{customer}").Apply([fixture.Happens(name)]));
        await Start(fixture);
        var capped = (await Done(fixture)).Result!;
        Assert.Equal((1L, 1L), (capped.ByReason["send"], capped.ByReason["cap"]));
        Assert.Empty(capped.Overlap);

        await Start(fixture, """{"on":{"event":"Viewed"},"send":{"sender":"mail","transactional":true}}""", id: "b2");
        Assert.Equal(("other", 1L), Assert.Single((await Done(fixture, "b2")).Result!.Overlap) is var pair ? (pair.Key, pair.Value) : default);
    }

    [Fact]
    public async Task From_and_to_and_the_limit_bound_it()
    {
        await using var fixture = new GrainFixture();
        var start = fixture.Now;
        for (var i = 0; i < 3; i++)
        {
            await fixture.Run(grains => grains.GetGrain<ICustomerGrain>($"shop/c{i}").Apply([fixture.Happens("Viewed")]));
            await fixture.Advance(TimeSpan.FromHours(2));
        }
        await Start(fixture, from: start.AddHours(3), to: start.AddHours(4));
        Assert.Equal("c1", Assert.Single((await Done(fixture)).Result!.Sample).CustomerId);
        await Start(fixture, id: "b2", max: 2);
        var limited = (await Done(fixture, "b2")).Result!;
        Assert.Equal((2L, 1L, 2L), (limited.Replayed, limited.LeftOut, limited.Sends));
    }

    [Fact]
    public async Task A_stored_trigger_is_tested_as_it_is_though_it_is_paused()
    {
        await using var fixture = new GrainFixture();
        await fixture.PutTrigger("seen", Seen.Insert(1, "\"enabled\":false,"));
        await fixture.Apply(fixture.Happens("Viewed"));
        await Start(fixture, document: null);
        Assert.Equal(1, (await Done(fixture)).Result!.Sends);
    }

    [Fact]
    public async Task What_cannot_be_tested_is_refused_and_takes_no_place()
    {
        await using var fixture = new GrainFixture();
        Assert.Null(await fixture.Run(grains => Grain(grains).Status()));
        Assert.False(await fixture.Run(grains => Grain(grains).Cancel()));
        for (var i = 0; i < 3; i++)
        {
            Assert.Equal(BacktestStart.Unknown, (await Start(fixture, document: null)).Refusal);
            var invalid = await Start(fixture, """{"on":{}}""");
            Assert.Equal(BacktestStart.Invalid, invalid.Refusal);
            Assert.NotEmpty(invalid.Errors);
        }
        await Start(fixture);
        await Done(fixture);
    }

    [Fact]
    public async Task Two_run_at_a_time_and_one_that_is_cancelled_makes_room()
    {
        await using var fixture = new GrainFixture();
        // Slices come only as time passes.
        var started = new List<string?>();
        foreach (var id in (string[])["b1", "b2", "b3"])
            started.Add((await Start(fixture, id: id)).Refusal);
        Assert.Equal([null, null, BacktestStart.Busy], started);
        Assert.True(await fixture.Run(grains => Grain(grains, "b1").Cancel()));
        Assert.Equal("cancelled", (await fixture.Run(grains => Grain(grains, "b1").Status()))!.State);
        Assert.Null((await Start(fixture, id: "b4")).Refusal);
    }
}
