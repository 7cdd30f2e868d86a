using Orleans.Personalize.Testing;

namespace Orleans.Personalize.Grains.Tests.Customers;

/// <summary>Customers that turn out to be one, through the grains: who answers, what survives a crash, and what an undone merge gives back.</summary>
public sealed class MergeTests
{
    private const string Visitor = "visitor-1";

    private static ICustomerGrain Grain(IGrainFactory grains, string id) => grains.GetGrain<ICustomerGrain>($"{GrainFixture.Workspace}/{id}");

    private static Task<Receipt[]> Apply(GrainFixture fixture, string id, params CustomerEvent[] events) => fixture.Run(grains => Grain(grains, id).Apply(events));

    private static CustomerEvent Anonymous(GrainFixture fixture, string name) => fixture.Happens(name) with { IsProvisional = true };

    private static Task<CustomerView?> Read(GrainFixture fixture, string id) => fixture.Read($"{GrainFixture.Workspace}/{id}");

    private static async Task<string?> StateOf(GrainFixture fixture, string id, string other) =>
        (await Read(fixture, id))!.Identities.FirstOrDefault(identity => identity.Id == other)?.State;

    private static async Task<GrainFixture> LoggedIn()
    {
        var fixture = new GrainFixture();
        await fixture.PutTrigger("seen", """{"on":{"event":"Viewed"},"wait":{"for":"PT1H"},"send":{"sender":"mail"}}""");
        await Apply(fixture, Visitor, Anonymous(fixture, "Viewed"));
        await Apply(fixture, "ada", fixture.Happens("Logged In") with { Identities = [Visitor] });
        await fixture.Advance(TimeSpan.FromSeconds(1));
        return fixture;
    }

    [Fact]
    public async Task Who_logs_in_is_the_visitor_from_then_on_and_gets_the_mail_once()
    {
        await using var fixture = await LoggedIn();
        Assert.Equal("linked", await StateOf(fixture, "ada", Visitor));
        var view = await Read(fixture, Visitor);
        Assert.Equal("ada", view!.Customer);
        Assert.Equal(["Logged In", "Viewed"], view.Counters.Select(static counter => counter.Name));
        Assert.Equal("seen", Assert.Single(view.Waits).Trigger);

        await fixture.Crash();
        await fixture.Advance(TimeSpan.FromHours(2));
        Assert.Equal("sent", Assert.Single((await Read(fixture, "ada"))!.Sends).State);
        Assert.Single(fixture.Sender.Delivered);
    }

    [Fact]
    public async Task A_late_event_of_the_merged_id_lands_on_the_survivor()
    {
        await using var fixture = await LoggedIn();
        await fixture.Crash();
        var late = Anonymous(fixture, "Searched");
        Assert.Equal(ReceiptStatus.Accepted, Assert.Single(await Apply(fixture, Visitor, late)).Status);
        Assert.Equal(ReceiptStatus.Duplicate, Assert.Single(await Apply(fixture, Visitor, late)).Status);
        Assert.Contains((await Read(fixture, "ada"))!.Counters, static counter => counter is { Name: "Searched", Count: 1 });
    }

    [Fact]
    public async Task Two_known_customers_are_merged_by_somebodys_word_only()
    {
        await using var fixture = new GrainFixture();
        await Apply(fixture, "eve", fixture.Happens("Viewed"));
        await Apply(fixture, "ada", fixture.Happens("Logged In") with { Identities = ["eve"] });
        await fixture.Advance(TimeSpan.FromSeconds(1));
        Assert.Equal("refused", await StateOf(fixture, "ada", "eve"));
        Assert.Equal("eve", (await Read(fixture, "eve"))!.Customer);

        Assert.Null(await fixture.Run(grains => Grain(grains, "ada").Link("eve", "key 7: the same person")));
        await fixture.Advance(TimeSpan.FromSeconds(1));
        Assert.Equal("linked", await StateOf(fixture, "ada", "eve"));
        Assert.Equal("ada", (await Read(fixture, "eve"))!.Customer);
    }

    [Fact]
    public async Task A_merge_survives_a_crash_between_any_two_of_its_steps()
    {
        for (var commits = 0; commits < 6; commits++)
        {
            await using var fixture = new GrainFixture(seed: commits);
            await Apply(fixture, Visitor, Anonymous(fixture, "Viewed"));
            var left = commits;
            fixture.Journal.BeforeCommit = _ => left-- > 0 ? Task.CompletedTask : Task.FromException(new IOException("The disk is gone."));
            try
            {
                await Apply(fixture, "ada", fixture.Happens("Logged In") with { Identities = [Visitor] });
                await fixture.Advance(TimeSpan.FromSeconds(1));
            }
            catch (JournalException)
            {
                // The first commit was the event's own.
            }
            fixture.Journal.BeforeCommit = null;
            await fixture.Crash();
            if (commits == 0)
                continue;
            await fixture.Advance(TimeSpan.FromMinutes(3));
            Assert.Equal("linked", await StateOf(fixture, "ada", Visitor));
            Assert.Contains((await Read(fixture, Visitor))!.Counters, static counter => counter is { Name: "Viewed", Count: 1 });
        }
    }

    [Fact]
    public async Task Undone_each_has_its_own_again_also_what_came_since()
    {
        await using var fixture = await LoggedIn();
        await Apply(fixture, Visitor, Anonymous(fixture, "Searched"));
        Assert.Null(await fixture.Run(grains => Grain(grains, "ada").Part(Visitor, "key 7: another person")));
        await fixture.Advance(TimeSpan.FromSeconds(1));
        await fixture.Crash();

        Assert.Equal("parted", await StateOf(fixture, "ada", Visitor));
        Assert.Equal(["Logged In"], (await Read(fixture, "ada"))!.Counters.Select(static counter => counter.Name));
        Assert.Empty((await Read(fixture, "ada"))!.Waits);
        var visitor = await Read(fixture, Visitor);
        Assert.Equal(Visitor, visitor!.Customer);
        Assert.Equal(["Searched", "Viewed"], visitor.Counters.Select(static counter => counter.Name));
        Assert.Single(visitor.Waits);
        Assert.Equal(MergeRefusal.Unknown, await fixture.Run(grains => Grain(grains, "ada").Part("nobody", "key 7")));
    }

    [Fact]
    public async Task Erasing_any_id_erases_the_person()
    {
        await using var fixture = await LoggedIn();
        var erased = await fixture.Run(grains => Grain(grains, Visitor).Erase());
        Assert.Equal(["ada", Visitor], erased);
        Assert.Null(await Read(fixture, "ada"));
        Assert.Null(await Read(fixture, Visitor));
        Assert.Empty((await fixture.Journal.ReadAsync($"{GrainFixture.Workspace}/{Visitor}", CancellationToken.None)).Records);
    }
}
