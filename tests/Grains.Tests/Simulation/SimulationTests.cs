using Xunit.Abstractions;

namespace Orleans.Personalize.Simulation;

/// <summary>Many histories, each wholly determined by its seed.</summary>
public sealed class SimulationTests(ITestOutputHelper output)
{
    private const int Histories = 120;

    /// <summary>Each has more to tell.</summary>
    private const int MergeHistories = 50;

    /// <summary>A seed that failed, to see it again, or a range of seeds such as <c>1000-2000</c>, to look for more.</summary>
    private const string SeedVariable = "PERSONALIZE_SEED";

    [Fact]
    public void What_was_acknowledged_is_kept_and_what_was_decided_is_decided_once_whatever_fails()
    {
        var (acknowledged, delivered) = (0, 0);
        foreach (var seed in Seeds(Histories))
        {
            var world = new World(seed);
            try
            {
                world.Run();
            }
            catch (Exception failure)
            {
                Assert.Fail($"Seed {seed} (replay it with {SeedVariable}={seed}): {string.Join('\n', world.Violations)}\n{failure}");
            }
            Assert.True(world.Violations.Count == 0, $"Seed {seed} (replay it with {SeedVariable}={seed}):\n{string.Join('\n', world.Violations)}");
            acknowledged += world.Acknowledged;
            delivered += world.Delivered;
        }
        output.WriteLine($"{acknowledged} events were acknowledged, {delivered} deliveries attempted.");
        Assert.True(acknowledged > 0 && delivered > 0, "Nothing happened.");
    }

    [Fact]
    public void Customers_that_turn_out_to_be_one_lose_nothing_whatever_fails()
    {
        var (acknowledged, merged, abandoned, parted) = (0, 0, 0, 0);
        foreach (var seed in Seeds(MergeHistories))
        {
            var world = new MergeWorld(seed);
            try
            {
                world.Run();
            }
            catch (Exception failure)
            {
                Assert.Fail($"Seed {seed} (replay it with {SeedVariable}={seed}): {string.Join('\n', world.Violations)}\n{failure}");
            }
            Assert.True(world.Violations.Count == 0, $"Seed {seed} (replay it with {SeedVariable}={seed}):\n{string.Join('\n', world.Violations)}\n{string.Join('\n', world.Merges)}");
            (acknowledged, merged, abandoned, parted) = (acknowledged + world.Acknowledged, merged + world.Merged, abandoned + world.Abandoned, parted + world.Parted);
        }
        output.WriteLine($"{acknowledged} events were acknowledged, {merged} customers merged, {abandoned} merges in a circle abandoned, {parted} undone.");
        Assert.True(acknowledged > 0 && merged > 0 && parted > 0, "Nothing happened.");
    }

    [Theory]
    [InlineData(1)]
    [InlineData(2)]
    public void A_seed_gives_the_same_history_again(int seed)
    {
        var (first, second) = (new World(seed), new World(seed));
        first.Run();
        second.Run();
        Assert.Equal(first.History(), second.History());
    }

    private static IEnumerable<int> Seeds(int histories)
    {
        var chosen = Environment.GetEnvironmentVariable(SeedVariable);
        if (string.IsNullOrEmpty(chosen))
            return Enumerable.Range(1, histories);
        var range = Array.ConvertAll(chosen.Split('-'), int.Parse);
        return Enumerable.Range(range[0], range[^1] - range[0] + 1);
    }
}
