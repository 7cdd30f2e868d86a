using System.Collections.Immutable;

namespace Orleans.Personalize.Engine;

/// <summary>What a condition is evaluated on.</summary>
/// <param name="Event">The event that fires the trigger or last kept its wait open; null where there is none.</param>
/// <param name="At">The instant for which the question is asked.</param>
public readonly record struct Scope(Profile Profile, KeptEvent? Event, DateTimeOffset At);

/// <summary>A compiled condition. Closed: all, any, not, field, count.</summary>
/// <param name="Pointer">Where in the trigger's document it stands (RFC 6901).</param>
public abstract record Condition(string Pointer)
{
    public abstract bool Holds(in Scope scope);

    /// <summary>Of a condition that does not hold, the innermost part to blame, in words and with actual values.</summary>
    public abstract string WhyNot(in Scope scope);

    public sealed record All(string Pointer, ImmutableArray<Condition> Parts) : Condition(Pointer)
    {
        public override bool Holds(in Scope scope)
        {
            foreach (var part in Parts)
            {
                if (!part.Holds(scope))
                    return false;
            }
            return true;
        }

        public override string WhyNot(in Scope scope)
        {
            foreach (var part in Parts)
            {
                if (!part.Holds(scope))
                    return part.WhyNot(scope);
            }
            return Pointer;
        }
    }

    public sealed record Any(string Pointer, ImmutableArray<Condition> Parts) : Condition(Pointer)
    {
        public override bool Holds(in Scope scope)
        {
            foreach (var part in Parts)
            {
                if (part.Holds(scope))
                    return true;
            }
            return false;
        }

        public override string WhyNot(in Scope scope)
        {
            var reasons = new List<string>(Parts.Length);
            foreach (var part in Parts)
                reasons.Add(part.WhyNot(scope));
            return $"{Pointer}: none of ({string.Join("; ", reasons)})";
        }
    }

    public sealed record Not(string Pointer, Condition Part) : Condition(Pointer)
    {
        public override bool Holds(in Scope scope) => !Part.Holds(scope);

        public override string WhyNot(in Scope scope) => $"{Pointer}: what must not hold holds";
    }

    public sealed record Field(string Pointer, FieldPath Path, Comparison Comparison, ImmutableArray<Scalar> Values) : Condition(Pointer)
    {
        public override bool Holds(in Scope scope) => Comparisons.Holds(Comparison, Path.Read(scope), Values);

        public override string WhyNot(in Scope scope) =>
            Detail.Of($"{Pointer}: {Path} is {Path.Read(scope)}, not {Comparisons.Name(Comparison)} {string.Join(", ", Values)}")!;
    }

    /// <summary>How often an event occurred within a time before the instant; exact up to <see cref="Limits.CounterTimesMax"/>.</summary>
    public sealed record Count(string Pointer, string Event, TimeSpan? Within, Comparison Comparison, ImmutableArray<Scalar> Values) : Condition(Pointer)
    {
        public override bool Holds(in Scope scope) => Comparisons.Holds(Comparison, Scalar.Of(Occurrences(scope)), Values);

        public override string WhyNot(in Scope scope) =>
            $"{Pointer}: {Event} occurred {Occurrences(scope)} times, not {Comparisons.Name(Comparison)} {string.Join(", ", Values)}";

        internal decimal Occurrences(in Scope scope)
        {
            if (scope.Profile.FindCounter(Event) is not { } counter)
                return 0;
            if (Within is not { } within)
                return counter.Count;
            var since = scope.At - within;
            var count = 0;
            for (var i = counter.Times.Count - 1; i >= 0 && counter.Times[i] > since; i--)
                count++;
            return count;
        }
    }
}

public enum Comparison
{
    Equal,
    NotEqual,
    Greater,
    GreaterOrEqual,
    Less,
    LessOrEqual,
    In,
    Contains,
    StartsWith,
    EndsWith,
    Exists,
}

/// <summary>
/// The operators. A value that is missing, or of another kind than the one it is compared with, satisfies none of them but <c>ne</c> (and
/// <c>exists: false</c>). <c>null</c> does not exist.
/// </summary>
public static class Comparisons
{
    private static readonly (string Name, Comparison Comparison)[] Names =
    [
        ("eq", Comparison.Equal), ("ne", Comparison.NotEqual), ("gt", Comparison.Greater), ("gte", Comparison.GreaterOrEqual),
        ("lt", Comparison.Less), ("lte", Comparison.LessOrEqual), ("in", Comparison.In), ("contains", Comparison.Contains),
        ("startsWith", Comparison.StartsWith), ("endsWith", Comparison.EndsWith), ("exists", Comparison.Exists),
    ];

    public static IEnumerable<string> AllNames => Names.Select(static entry => entry.Name);

    public static string Name(Comparison comparison) => Names.First(entry => entry.Comparison == comparison).Name;

    public static Comparison? Find(string name)
    {
        foreach (var entry in Names)
        {
            if (entry.Name == name)
                return entry.Comparison;
        }
        return null;
    }

    public static bool Holds(Comparison comparison, in Scalar actual, ImmutableArray<Scalar> values)
    {
        var value = values[0];
        return comparison switch
        {
            Comparison.Equal => actual.SameAs(value),
            Comparison.NotEqual => !actual.SameAs(value),
            Comparison.Greater => actual.CompareTo(value) > 0,
            Comparison.GreaterOrEqual => actual.CompareTo(value) >= 0,
            Comparison.Less => actual.CompareTo(value) < 0,
            Comparison.LessOrEqual => actual.CompareTo(value) <= 0,
            Comparison.In => ContainsSame(values, actual),
            Comparison.Contains when actual.Kind == ScalarKind.Text => value.Text is { } part && actual.Text!.Contains(part, StringComparison.Ordinal),
            Comparison.Contains when actual.Kind == ScalarKind.Composite => ContainsSame(Json.Elements(actual.Json), value),
            Comparison.StartsWith => value.Text is { } start && actual.Text?.StartsWith(start, StringComparison.Ordinal) == true,
            Comparison.EndsWith => value.Text is { } end && actual.Text?.EndsWith(end, StringComparison.Ordinal) == true,
            Comparison.Exists => actual.Kind is not (ScalarKind.Missing or ScalarKind.Null) == (value.Number != 0),
            _ => false,
        };
    }

    private static bool ContainsSame(IEnumerable<Scalar> values, Scalar wanted)
    {
        foreach (var value in values)
        {
            if (value.SameAs(wanted))
                return true;
        }
        return false;
    }
}
