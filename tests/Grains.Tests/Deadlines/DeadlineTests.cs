using Orleans.Personalize.Journal;
using Orleans.Personalize.Testing;

namespace Orleans.Personalize.Grains.Tests.Deadlines;

public sealed class DeadlineTests
{
    private static readonly TimeSpan Second = TimeSpan.FromSeconds(1);

    [Theory]
    [InlineData(2)]
    [InlineData(60)]
    [InlineData(90)]
    [InlineData(91)]
    [InlineData(600)]
    public async Task A_wait_is_decided_when_it_is_due(int seconds)
    {
        await using var fixture = new GrainFixture();
        var due = await Wait(fixture, seconds);
        await fixture.Until(() => fixture.Sender.Delivered.Count > 0, TimeSpan.FromHours(1));
        Assert.InRange(fixture.Now, due, due + Second);
    }

    [Fact]
    public async Task A_customer_out_of_memory_is_woken_in_time()
    {
        await using var fixture = new GrainFixture();
        var due = await Wait(fixture, 3_600);
        await fixture.Advance(TimeSpan.FromMinutes(30));
        var activations = fixture.Journal.Histories.Count;
        await fixture.Until(() => fixture.Sender.Delivered.Count > 0, TimeSpan.FromHours(1));
        Assert.InRange(fixture.Now, due, due + Second);
        Assert.Equal(activations + 1, fixture.Journal.Histories.Count);
    }

    [Fact]
    public async Task A_wait_outlives_a_crash()
    {
        await using var fixture = new GrainFixture();
        var due = await Wait(fixture, 600);
        await fixture.Advance(TimeSpan.FromMinutes(1));
        await fixture.Crash();
        await fixture.Until(() => fixture.Sender.Delivered.Count > 0, TimeSpan.FromHours(1));
        Assert.InRange(fixture.Now, due, due + Second);
    }

    [Fact]
    public async Task What_came_due_during_an_outage_is_decided_at_the_next_start()
    {
        await using var fixture = new GrainFixture();
        await Wait(fixture, 30);
        fixture.Journal.BeforeCommit = static _ => throw new IOException("The disk is away.");
        await fixture.Advance(TimeSpan.FromMinutes(5));
        Assert.Empty(fixture.Sender.Delivered);
        fixture.Journal.BeforeCommit = null;
        await fixture.Crash();
        await fixture.Until(() => fixture.Sender.Delivered.Count > 0, TimeSpan.FromSeconds(30));
    }

    [Fact]
    public async Task After_a_failed_commit_a_wait_is_decided_within_the_period_of_the_sweep()
    {
        await using var fixture = new GrainFixture();
        await Wait(fixture, 30);
        fixture.Journal.BeforeCommit = static _ => throw new IOException("The disk is away.");
        await fixture.Advance(TimeSpan.FromMinutes(2));
        fixture.Journal.BeforeCommit = null;
        await fixture.Until(() => fixture.Sender.Delivered.Count > 0, TimeSpan.FromSeconds(20));
    }

    [Fact]
    public async Task A_prolonged_wait_costs_no_write_of_its_deadline()
    {
        await using var fixture = new GrainFixture();
        await Wait(fixture, 120);
        for (var i = 0; i < 20; i++)
        {
            await fixture.Advance(TimeSpan.FromSeconds(2));
            await fixture.Apply(fixture.Happens("Viewed"));
        }
        Assert.Single(fixture.Journal.Appends, append => append.Deadline is not null);
        var due = fixture.Now + TimeSpan.FromSeconds(120);
        await fixture.Until(() => fixture.Sender.Delivered.Count > 0, TimeSpan.FromHours(1));
        Assert.InRange(fixture.Now, due, due + Second);
    }

    [Fact]
    public async Task A_customer_with_nothing_to_wait_for_has_no_deadline()
    {
        await using var fixture = new GrainFixture();
        await Wait(fixture, 30);
        await fixture.Until(() => fixture.Sender.Delivered.Count > 0, TimeSpan.FromHours(1));
        // The lease of the delivered attempt is looked at once more.
        await fixture.Advance(TimeSpan.FromMinutes(3));
        Assert.Null((await fixture.Journal.ReadAsync(GrainFixture.Ada, CancellationToken.None)).Deadline);
        var writes = fixture.Journal.Writes.Count;
        await fixture.Advance(TimeSpan.FromMinutes(10));
        Assert.Equal(writes, fixture.Journal.Writes.Count);
    }

    [Fact]
    public async Task Every_shard_is_kept_awake()
    {
        await using var fixture = new GrainFixture();
        await fixture.PutTrigger("soon", """{"on":{"event":"Viewed"},"wait":{"for":"PT10M"},"send":{"sender":"mail"}}""");
        var customers = Enumerable.Range(0, 1_000).Select(number => $"{GrainFixture.Workspace}/customer-{number}")
            .DistinctBy(CustomerKey.ShardOf).Order(StringComparer.Ordinal).ToArray();
        Assert.Equal(CustomerKey.Shards, customers.Length);
        foreach (var customer in customers)
            await fixture.Run(grains => grains.GetGrain<ICustomerGrain>(customer).Apply([fixture.Happens("Viewed")]));
        await fixture.Crash();
        await fixture.Until(() => fixture.Sender.Delivered.Count == customers.Length, TimeSpan.FromMinutes(11));
    }

    [Fact]
    public async Task A_tick_too_many_changes_nothing()
    {
        await using var fixture = new GrainFixture();
        await Wait(fixture, 30);
        var writes = fixture.Journal.Writes.Count;
        await fixture.Tick();
        await fixture.Tick("shop/nobody");
        Assert.Equal(writes, fixture.Journal.Writes.Count);
        Assert.Null(await fixture.Read("shop/nobody"));
    }

    /// <returns>When the wait that an event of now opens will be due.</returns>
    private static async Task<DateTimeOffset> Wait(GrainFixture fixture, int seconds)
    {
        await fixture.PutTrigger("soon", $$$"""{"on":{"event":"Viewed"},"wait":{"for":"PT{{{seconds}}}S"},"send":{"sender":"mail"}}""");
        var happened = fixture.Happens("Viewed");
        await fixture.Apply(happened);
        return happened.OccurredAt + TimeSpan.FromSeconds(seconds);
    }
}
