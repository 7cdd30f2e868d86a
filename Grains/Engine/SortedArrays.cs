using System.Collections.Immutable;

namespace Orleans.Personalize.Engine;

/// <summary>
/// Small sorted immutable arrays: the shape of almost everything a profile holds. A profile has tens of each, and an array of tens is
/// smaller and faster than any tree.
/// </summary>
internal static class SortedArrays
{
    /// <summary>Adds an item in its place, after its equals.</summary>
    public static ImmutableArray<T> Insert<T>(this ImmutableArray<T> items, T item, Func<T, T, int> compare)
    {
        var at = items.Length;
        while (at > 0 && compare(items[at - 1], item) > 0)
            at--;
        return items.Insert(at, item);
    }

    /// <summary>The index of the item with a key, or the complement of where it belongs.</summary>
    public static int Find<T>(this ImmutableArray<T> items, string key, Func<T, string> keyOf)
    {
        int low = 0, high = items.Length - 1;
        while (low <= high)
        {
            var middle = (low + high) >>> 1;
            var order = string.CompareOrdinal(keyOf(items[middle]), key);
            if (order == 0)
                return middle;
            if (order < 0)
                low = middle + 1;
            else
                high = middle - 1;
        }
        return ~low;
    }

    /// <summary>Puts an item at the place that <see cref="Find"/> told.</summary>
    public static ImmutableArray<T> Put<T>(this ImmutableArray<T> items, int found, T item) =>
        found >= 0 ? items.SetItem(found, item) : items.Insert(~found, item);

    /// <summary>Drops the item that comes first by another order until no more than <paramref name="max"/> are left.</summary>
    public static ImmutableArray<T> DropLowest<T>(this ImmutableArray<T> items, int max, Func<T, T, int> compare)
    {
        while (items.Length > max)
        {
            var lowest = 0;
            for (var i = 1; i < items.Length; i++)
            {
                if (compare(items[i], items[lowest]) < 0)
                    lowest = i;
            }
            items = items.RemoveAt(lowest);
        }
        return items;
    }

    /// <summary>Drops from the front until no more than <paramref name="max"/> are left.</summary>
    public static ImmutableArray<T> KeepLast<T>(this ImmutableArray<T> items, int max) =>
        items.Length <= max ? items : items.RemoveRange(0, items.Length - max);
}
