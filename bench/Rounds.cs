namespace Orleans.Personalize.Bench;

/// <summary>How long everything is measured. What is compared takes turns, round by round, so that it shares the machine's moods.</summary>
internal static class Rounds
{
    /// <summary>Just long enough to show that it runs.</summary>
    public static bool AreShort { get; set; }

    public static int Count => AreShort ? 1 : 7;

    /// <summary>Rounds that are not counted: the compiler replaces the hot path's code several times, for some seconds.</summary>
    public static int WarmUps => AreShort ? 1 : 8;

    public static TimeSpan Time => TimeSpan.FromSeconds(AreShort ? 0.1 : 1);

    public static double Median(IEnumerable<double> values) => values.Order().ToArray() is var sorted ? sorted[sorted.Length / 2] : 0;

    /// <summary>Round by round.</summary>
    public static double[] Ratio(IEnumerable<double> left, IEnumerable<double> right) => [.. left.Zip(right, static (a, b) => a / b)];
}
