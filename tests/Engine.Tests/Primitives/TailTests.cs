using Orleans.Personalize.Engine.Properties;

namespace Orleans.Personalize.Engine.Primitives;

public sealed class TailTests
{
    private const int Max = 7;

    /// <param name="Parent">Which of the tails so far grows, modulo their number; negative: the newest.</param>
    private sealed record Growth(int Parent, (int Order, int Number)[] Items);

    [Fact]
    public void It_is_a_sorted_list_cut_to_its_bound_even_where_histories_branch() => Property.Holds(
        (random, size) => Enumerable.Range(0, Math.Min(size, 30)).Select(_ => new Growth(
            random.Next(3) == 0 ? random.Next(100) : -1,
            [.. Enumerable.Range(0, random.Next(1, 12)).Select(_ => (random.Next(20), random.Next()))])).ToArray(),
        growths =>
        {
            List<((int, int)[] Model, Tail<(int Order, int Number)> Tail)> known = [([], [])];
            foreach (var growth in growths)
            {
                var (model, tail) = known[growth.Parent < 0 ? ^1 : growth.Parent % known.Count];
                foreach (var item in growth.Items)
                {
                    // A stable sort: after its equals.
                    model = [.. model.Append(item).OrderBy(static one => one.Item1).TakeLast(Max)];
                    tail = tail.Insert(item, static (a, b) => a.Order.CompareTo(b.Order), Max);
                }
                known.Add((model, tail));
            }
            foreach (var (model, tail) in known)
            {
                Assert.Equal(model, tail);
                Assert.Equal(model, tail.Span.ToArray());
                Assert.Equal(model.Length, tail.Count);
            }
        },
        tests: 200);
}
