using Orleans.Personalize.Testing;

namespace Orleans.Personalize.Grains.Tests.Customers;

public sealed class FollowTests
{
    private static Task<CustomerChange?> Follow(GrainFixture fixture, long version) =>
        fixture.Start(grains => grains.GetGrain<ICustomerGrain>(GrainFixture.Ada).Follow(version));

    [Fact]
    public async Task A_follower_is_told_at_once_when_a_change_is_durable_and_not_before()
    {
        await using var fixture = new GrainFixture();
        await fixture.Apply(fixture.Happens("Viewed"));
        Assert.Equal(1, (await fixture.Answer(Follow(fixture, -1)))!.Version);
        var (one, other) = (Follow(fixture, 1), Follow(fixture, 1));
        var gate = new TaskCompletionSource();
        fixture.Journal.BeforeCommit = _ => gate.Task;
        var applied = fixture.StartApply(fixture.Happens("Viewed"));
        await fixture.Advance(TimeSpan.FromSeconds(1));
        Assert.False(one.IsCompleted || other.IsCompleted);

        var now = fixture.Now;
        gate.SetResult();
        await fixture.Answer(applied);
        Assert.Equal((2, 2L), ((await fixture.Answer(one))!.Version, (await fixture.Answer(other))!.View!.Version));
        Assert.Equal(now, fixture.Now);
    }

    [Fact]
    public async Task A_follower_of_what_does_not_change_is_answered_after_ten_seconds()
    {
        await using var fixture = new GrainFixture();
        await fixture.Apply(fixture.Happens("Viewed"));
        var following = Follow(fixture, 1);
        await fixture.Advance(TimeSpan.FromSeconds(9));
        Assert.False(following.IsCompleted);
        await fixture.Advance(TimeSpan.FromSeconds(2));
        Assert.Null(await following);
    }

    [Fact]
    public async Task An_erasure_is_a_change()
    {
        await using var fixture = new GrainFixture();
        Assert.Equal(new(0, null), await fixture.Answer(Follow(fixture, -1)));
        await fixture.Apply(fixture.Happens("Viewed"));
        var following = Follow(fixture, 1);
        await fixture.Run(grains => grains.GetGrain<ICustomerGrain>(GrainFixture.Ada).Erase());
        Assert.Null(await fixture.Answer(following));
        Assert.Equal(new(0, null), await fixture.Answer(Follow(fixture, 1)));
    }

    [Fact]
    public async Task A_failed_commit_does_not_leave_a_follower_hanging()
    {
        await using var fixture = new GrainFixture();
        await fixture.Apply(fixture.Happens("Viewed"));
        var following = Follow(fixture, 1);
        fixture.Journal.BeforeCommit = _ => throw new IOException("The disk failed.");
        var now = fixture.Now;
        await Assert.ThrowsAsync<JournalException>(() => fixture.Apply(fixture.Happens("Viewed")));
        Assert.Null(await fixture.Answer(following));
        Assert.Equal(now, fixture.Now);
        fixture.Journal.BeforeCommit = null;
        Assert.Equal(1, (await fixture.Answer(Follow(fixture, -1)))!.Version);
    }
}
