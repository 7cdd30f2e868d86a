using System.Collections;
using System.Runtime.CompilerServices;

namespace Orleans.Personalize.Engine;

/// <summary>The newest items of a sorted sequence, oldest first, bounded by whoever adds to it.</summary>
/// <remarks>
/// Immutable to its users. Tails that grew out of one another share an array of which each sees a stretch; what comes last, as most does, is written behind the
/// end of the newest. It is copied only where something comes in between, where somebody else already wrote there, or where the array is full: an item a
/// few dozen bytes instead of the whole.
/// </remarks>
[CollectionBuilder(typeof(Tail), nameof(Tail.Create))]
public sealed class Tail<T> : IReadOnlyList<T>
{
    private readonly Log log;
    private readonly int start;
    private readonly int end;

    internal Tail(ReadOnlySpan<T> items)
        : this(new Log(items.Length) { Used = items.Length }, 0, items.Length) => items.CopyTo(log.Items);

    private Tail(Log log, int start, int end)
    {
        this.log = log;
        this.start = start;
        this.end = end;
    }

    public int Count => end - start;

    public T this[int index] => Span[index];

    public ReadOnlySpan<T> Span => log.Items.AsSpan(start, Count);

    /// <summary>Adds an item in its place, after its equals, and drops from the front until no more than <paramref name="max"/> are left.</summary>
    public Tail<T> Insert(T item, Func<T, T, int> compare, int max)
    {
        var at = end;
        while (at > start && compare(log.Items[at - 1], item) > 0)
            at--;
        var from = Math.Max(start, end + 1 - max);
        if (at < from)
            return this;
        // Whoever appended to this array first owns what is behind our end.
        if (at == end && end < log.Items.Length && Interlocked.CompareExchange(ref log.Used, end + 1, end) == end)
        {
            log.Items[end] = item;
            return new(log, from, end + 1);
        }
        var count = end - from;
        var copy = new Log(count + 1 + (count / 2)) { Used = count + 1 };
        log.Items.AsSpan(from, at - from).CopyTo(copy.Items);
        copy.Items[at - from] = item;
        log.Items.AsSpan(at, end - at).CopyTo(copy.Items.AsSpan(at - from + 1));
        return new(copy, 0, count + 1);
    }

    public IEnumerator<T> GetEnumerator()
    {
        for (var i = start; i < end; i++)
            yield return log.Items[i];
    }

    IEnumerator IEnumerable.GetEnumerator() => GetEnumerator();

    private sealed class Log(int capacity)
    {
        public readonly T[] Items = new T[capacity];
        public int Used;
    }
}

public static class Tail
{
    public static Tail<T> Create<T>(ReadOnlySpan<T> items) => new(items);
}
