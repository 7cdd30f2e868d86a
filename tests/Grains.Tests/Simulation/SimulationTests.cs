using Xunit.Abstractions;

namespace Orleans.Personalize.Simulation;

/// <summary>Many histories, each wholly determined by its seed.</summary>
public sealed class SimulationTests(ITestOutputHelper output)
{
    private const int Histories = 300;

    /// <summary>A seed that failed, to see it again.</summary>
    private const string SeedVariable = "PERSONALIZE_SEED";

    [Fact]
    public void What_was_acknowledged_is_kept_and_what_was_decided_is_decided_once_whatever_fails()
    {
        var (acknowledged, delivered) = (0, 0);
        foreach (var seed in Seeds())
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
            if (Environment.GetEnvironmentVariable("DUMP") is not null) File.WriteAllLines("/tmp/dump.txt", world.History());
            Assert.True(world.Violations.Count == 0, $"Seed {seed} (replay it with {SeedVariable}={seed}):\n{string.Join('\n', world.Violations)}");
            if (Environment.GetEnvironmentVariable("DUMP") is not null) File.WriteAllLines("/tmp/dump.txt", world.History());
            acknowledged += world.Acknowledged;
            delivered += world.Delivered;
        }
        output.WriteLine($"{acknowledged} events were acknowledged, {delivered} deliveries attempted.");
        Assert.True(acknowledged > 0 && delivered > 0, "Nothing happened.");
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

    private static IEnumerable<int> Seeds() => Environment.GetEnvironmentVariable(SeedVariable) is { Length: > 0 } seed
        ? [int.Parse(seed)]
        : Enumerable.Range(1, Histories);
}
