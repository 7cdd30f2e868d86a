using System.Collections.Immutable;

namespace Orleans.Personalize.Engine.Primitives;

public sealed class SortedArraysTests
{
    [Fact]
    public void Inserting_with_a_bound_is_inserting_and_keeping_the_last()
    {
        for (var count = 0; count <= 6; count++)
        {
            ImmutableArray<int> items = [.. Enumerable.Range(0, count).Select(static number => number * 2)];
            for (var max = 1; max <= 5; max++)
            {
                for (var item = -1; item <= (count * 2) + 1; item++)
                    Assert.Equal(items.Insert(item, Compare).KeepLast(max).ToArray(), items.Insert(item, Compare, max).ToArray());
            }
        }
    }

    private static int Compare(int left, int right) => left.CompareTo(right);
}
