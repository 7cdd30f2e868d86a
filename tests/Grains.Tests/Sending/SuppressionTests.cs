using Orleans.Personalize.Testing;

namespace Orleans.Personalize.Grains.Tests.Sending;

public sealed class SuppressionTests
{
    private static readonly DateTimeOffset At = new(2026, 1, 1, 0, 0, 0, TimeSpan.Zero);

    [Fact]
    public async Task An_address_is_found_however_it_is_written_and_survives_a_crash()
    {
        await using var fixture = new GrainFixture();
        Assert.Equal(1, await Add(fixture, " Ada@Example.COM "));
        await fixture.Crash();

        Assert.Equal(Entry("ada@example.com"), await Find(fixture, "ADA@example.com"));
        Assert.Null(await Find(fixture, "ada@example.org"));
    }

    [Fact]
    public async Task The_first_reason_is_kept_and_a_repetition_costs_no_write()
    {
        await using var fixture = new GrainFixture();
        await Add(fixture, "ada@example.com");
        var writes = fixture.Storage.Writes;
        var again = Entry("ADA@example.com") with { Reason = Suppressions.Complaint, At = At.AddDays(1) };

        Assert.Equal(0, await fixture.Run(grains => Shard(grains, again.Address).Add([again, again])));

        Assert.Equal(Suppressions.Bounce, (await Find(fixture, "ada@example.com"))!.Reason);
        Assert.Equal(writes, fixture.Storage.Writes);
    }

    [Fact]
    public async Task An_address_that_is_taken_off_gets_mail_again()
    {
        await using var fixture = new GrainFixture();
        await Add(fixture, "ada@example.com");

        Assert.True(await fixture.Run(grains => Shard(grains, "Ada@example.com").Remove("Ada@example.com")));
        Assert.False(await fixture.Run(grains => Shard(grains, "ada@example.com").Remove("ada@example.com")));

        await fixture.Crash();
        Assert.Null(await Find(fixture, "ada@example.com"));
    }

    [Fact]
    public async Task Entries_are_listed_in_order_a_page_at_a_time()
    {
        await using var fixture = new GrainFixture();
        var addresses = Enumerable.Range(0, 25).Select(static number => $"{number:00}@example.com").ToArray();
        await fixture.Run(grains => grains.GetGrain<ISuppressionGrain>("shop/0").Add([.. addresses.Reverse().Select(Entry)]));

        var listed = new List<string>();
        while (await fixture.Run(grains => grains.GetGrain<ISuppressionGrain>("shop/0").List(listed.LastOrDefault(), 10)) is { Length: > 0 } page)
            listed.AddRange(page.Select(static entry => entry.Address));

        Assert.Equal(addresses, listed);
        Assert.Equal("05@example.com", (await fixture.Run(grains => grains.GetGrain<ISuppressionGrain>("shop/0").List("04@example.org", 1)))[0].Address);
    }

    [Fact]
    public async Task An_address_that_may_not_have_been_stored_is_looked_up_anew()
    {
        await using var fixture = new GrainFixture();
        fixture.Storage.AfterWrite = static () => throw new IOException("No answer.");
        await Assert.ThrowsAnyAsync<Exception>(() => Add(fixture, "ada@example.com"));
        fixture.Storage.AfterWrite = null;
        fixture.Storage.BeforeWrite = static () => throw new IOException("Disk full.");
        await Assert.ThrowsAnyAsync<Exception>(() => Add(fixture, "bob@example.com"));
        fixture.Storage.BeforeWrite = null;

        Assert.NotNull(await Find(fixture, "ada@example.com"));
        Assert.Null(await Find(fixture, "bob@example.com"));
    }

    [Fact]
    public async Task A_full_shard_refuses_and_stays_as_it_was()
    {
        await using var fixture = new GrainFixture();
        var full = Enumerable.Range(0, Suppressions.ShardEntriesMax).Select(static number => Entry($"{number}@example.com")).ToArray();
        Assert.Equal(full.Length, await fixture.Run(grains => grains.GetGrain<ISuppressionGrain>("shop/0").Add(full)));

        await Assert.ThrowsAsync<SuppressionListFullException>(() => fixture.Run(grains => grains.GetGrain<ISuppressionGrain>("shop/0").Add([Entry("one@more.com")])));
        Assert.Null(await fixture.Run(grains => grains.GetGrain<ISuppressionGrain>("shop/0").Find("one@more.com")));
    }

    /// <summary>Stored: another hash would lose every entry.</summary>
    [Fact]
    public void An_address_stays_in_its_shard()
    {
        Assert.Equal("shop/18", Suppressions.Key("shop", "ada@example.com"));
        Assert.Equal("shop/18", Suppressions.Key("shop", " ADA@example.com"));
        var shards = Enumerable.Range(0, 6_400).CountBy(static number => Suppressions.ShardOf($"customer{number}@example.com")).ToArray();
        Assert.Equal(Suppressions.Shards, shards.Length);
        Assert.All(shards, static shard => Assert.InRange(shard.Value, 50, 200));
    }

    [Theory]
    [InlineData("a@b", true)]
    [InlineData("ada+list@example.com", true)]
    [InlineData("ädä@exämple.com", true)]
    [InlineData("ada", false)]
    [InlineData("@example.com", false)]
    [InlineData("ada@", false)]
    [InlineData("a da@example.com", false)]
    [InlineData("Ada <ada@example.com>", false)]
    [InlineData("ada@example.com,bob@example.com", false)]
    [InlineData(null, false)]
    public void Addresses_are_told_from_other_text(string? text, bool isAddress) => Assert.Equal(isAddress, Suppressions.IsAddress(text));

    private static Suppression Entry(string address) => new(address, Suppressions.Bounce, "550 no such user", At, "test", "d1");

    private static Task<int> Add(GrainFixture fixture, string address) => fixture.Run(grains => Shard(grains, address).Add([Entry(address)]));

    private static Task<Suppression?> Find(GrainFixture fixture, string address) => fixture.Run(grains => Shard(grains, address).Find(address));

    private static ISuppressionGrain Shard(IGrainFactory grains, string address) =>
        grains.GetGrain<ISuppressionGrain>(Suppressions.Key(GrainFixture.Workspace, address));
}
