using FsCheck;
using FsCheck.Fluent;
using Microsoft.FSharp.Core;

namespace Orleans.Personalize.Engine.Properties;

/// <summary>
/// Checks a claim on random inputs, shrinks what refutes it, and prints the seed. To run a failure again, set the environment variable
/// PERSONALIZE_PROPERTY_SEED to the two numbers that were printed, such as <c>123,456</c>.
/// </summary>
internal static class Property
{
    /// <param name="make">An input of about the given size (1 to 100), from nothing but the random numbers.</param>
    /// <param name="claim">Throws where it does not hold.</param>
    public static void Holds<T>(Func<System.Random, int, T[]> make, Action<T[]> claim, int tests = 300) =>
        Check(make, Shrink, claim, tests, static items => string.Join("\n", items));

    public static void Holds<T>(Func<System.Random, int, T> make, Func<T, IEnumerable<T>> shrink, Action<T> claim, int tests = 300) =>
        Check(make, shrink, claim, tests, static item => $"{item}");

    private static void Check<T>(Func<System.Random, int, T> make, Func<T, IEnumerable<T>> shrink, Action<T> claim, int tests, Func<T, string> show)
    {
        var inputs = Gen.Sized(size => Gen.Choose(0, int.MaxValue).Select(seed => new Shown<T>(make(new(seed), Math.Max(size, 1)), show)));
        var arbitrary = FsCheck.Fluent.Arb.From(inputs, shown => shrink(shown.Value).Select(value => new Shown<T>(value, show)));
        FsCheck.Check.One(
            Config.QuickThrowOnFailure.WithMaxTest(tests).WithQuietOnSuccess(true).WithReplay(Seed()),
            Prop.ForAll(arbitrary, shown => claim(shown.Value)));
    }

    /// <summary>Halves first, then without one item at a time.</summary>
    public static IEnumerable<T[]> Shrink<T>(T[] items)
    {
        if (items.Length > 3)
        {
            yield return items[..(items.Length / 2)];
            yield return items[(items.Length / 2)..];
        }
        for (var i = 0; i < items.Length; i++)
            yield return [.. items[..i], .. items[(i + 1)..]];
    }

    private static FSharpOption<FsCheck.Replay> Seed() =>
        Environment.GetEnvironmentVariable("PERSONALIZE_PROPERTY_SEED")?.Split(',') is [var seed, var gamma]
            ? FSharpOption<FsCheck.Replay>.Some(new(new Rnd(ulong.Parse(seed), ulong.Parse(gamma)), null))
            : FSharpOption<FsCheck.Replay>.None;

    private sealed record Shown<T>(T Value, Func<T, string> Show)
    {
        public override string ToString() => Show(Value);
    }
}
