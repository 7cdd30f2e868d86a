using static Orleans.Personalize.Engine.Story;

namespace Orleans.Personalize.Engine.Deciding;

public sealed class RolloutTests
{
    private static readonly SipHash[] Customers = [.. Enumerable.Range(0, 20_000).Select(i => SipHash.KeyedBy($"shop/customer-{i}"))];

    private static double Share(Func<SipHash, bool> isIn) => Customers.Count(isIn) / (double)Customers.Length;

    [Theory]
    [InlineData(0)]
    [InlineData(0.5)]
    [InlineData(10)]
    [InlineData(33.33)]
    [InlineData(50)]
    [InlineData(99.9)]
    [InlineData(100)]
    public void The_share_of_customers_is_about_the_percentage(double percent)
    {
        var rule = new RolloutRule((decimal)percent, (decimal)percent, false);
        // Four standard deviations of a fair draw; the hash is fixed, so this holds always or never.
        var share = percent / 100;
        var tolerance = 4 * Math.Sqrt(share * (1 - share) / Customers.Length);
        Assert.InRange(Share(customer => rule.Includes(customer, "t")), share - tolerance, share + tolerance);
        Assert.InRange(Share(customer => rule.HoldsOut(customer, "t")), share - tolerance, share + tolerance);
    }

    [Fact]
    public void Who_is_in_stays_in_when_the_percentage_grows()
    {
        decimal[] percents = [0, 0.01m, 1, 10, 20, 50, 99.99m, 100];
        foreach (var customer in Customers.Take(2000))
        {
            var isIn = percents.Select(percent => new RolloutRule(percent, 0, false).Includes(customer, "t")).ToArray();
            Assert.Equal(isIn.Order(), isIn);
        }
    }

    [Fact]
    public void Triggers_and_control_groups_draw_independently()
    {
        var half = new RolloutRule(50, 50, false);
        Assert.InRange(Share(customer => half.Includes(customer, "a") && half.Includes(customer, "b")), 0.235, 0.265);
        Assert.InRange(Share(customer => half.Includes(customer, "a") && half.HoldsOut(customer, "a")), 0.235, 0.265);
    }

    [Fact]
    public void Outside_of_the_percentage_nothing_is_sent_and_nothing_counts()
    {
        var story = With("""{ "rollout": { "percent": 0 }, "limits": { "cooldown": "P1D" } }""");
        story.Hears("Added", 0);
        story.Hears("Added", 1);
        Assert.Equal(["rollout @ 0", "rollout @ 1"], story.Outcomes);
    }

    [Theory]
    [InlineData("""{ "holdout": 100 }""", "holdout")]
    [InlineData("""{ "mode": "shadow" }""", "shadow")]
    public void The_control_group_and_the_shadow_send_nothing_and_meet_the_same_limits(string rollout, string reason)
    {
        var story = With($$"""{ "rollout": {{rollout}}, "limits": { "cooldown": "P1D" } }""");
        story.Hears("Added", 0);
        story.Hears("Added", 1);
        story.Hears("Added", Day);
        Assert.Equal([$"{reason} @ 0", "cooldown @ 1", $"{reason} @ 1440"], story.Outcomes);
        Assert.Empty(story.Profile.Sends);
    }
}
