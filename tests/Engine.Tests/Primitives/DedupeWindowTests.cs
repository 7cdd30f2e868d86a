using Orleans.Personalize.Engine.Properties;
using static Orleans.Personalize.Engine.Story;

namespace Orleans.Personalize.Engine.Primitives;

public sealed class DedupeWindowTests
{
    /// <summary>The same as a plain list that is copied with every change.</summary>
    private sealed record Model(DateTimeOffset Floor, params (ulong Id, ulong Fingerprint, DateTimeOffset At)[] Entries)
    {
        public Model Add(ulong id, ulong fingerprint, DateTimeOffset at, DateTimeOffset now)
        {
            var entries = Entries.Append((id, fingerprint, at)).ToList();
            var floor = Floor;
            while (entries.Count > Limits.DedupeIdsMax || (entries.Count > Limits.DedupeIdsMin && entries[0].Item3 < now - Limits.LatenessWindow))
            {
                floor = entries[0].Item3 > floor ? entries[0].Item3 : floor;
                entries.RemoveAt(0);
            }
            return new(floor, [.. entries]);
        }
    }

    private static void Same(Model model, DedupeWindow window)
    {
        Assert.Equal(model.Entries, window.Entries());
        Assert.Equal((model.Floor, model.Entries.Length), (window.Floor, window.Count));
    }

    /// <param name="Parent">Which of the windows so far grows, modulo their number: most often the newest, sometimes an old one.</param>
    private sealed record Growth(int Parent, int Count, int Minutes);

    [Fact]
    public void It_is_a_list_to_its_users_even_where_histories_branch() => Property.Holds(
        (random, size) => Enumerable.Range(0, Math.Min(size, 30)).Select(_ => new Growth(
            random.Next(4) == 0 ? random.Next(100) : -1,
            random.Next(10) == 0 ? random.Next(600) : random.Next(1, 20),
            random.Next(3) * random.Next(3000))).ToArray(),
        growths =>
        {
            List<(Model Model, DedupeWindow Window, double Now)> windows = [(new(DateTimeOffset.MinValue), DedupeWindow.Empty, 0)];
            ulong next = 0;
            foreach (var growth in growths)
            {
                var (model, window, now) = windows[growth.Parent < 0 ? ^1 : growth.Parent % windows.Count];
                now += growth.Minutes;
                for (var i = 0; i < growth.Count; i++, next++)
                {
                    var at = At(now - (next * 7 % 5));
                    (model, window) = (model.Add(next, next * 3, at, At(now)), window.Add(next, next * 3, at, At(now)));
                }
                windows.Add((model, window, now));
            }
            foreach (var (model, window, _) in windows)
            {
                Same(model, window);
                Same(model, DedupeWindow.Restore([.. window.Entries()], window.Floor));
            }
        },
        tests: 25);

    [Fact]
    public void It_knows_the_fingerprint_of_what_it_holds()
    {
        var window = DedupeWindow.Empty.Add(7, 70, At(0), At(0)).Add(8, 0, At(0), At(0));
        Assert.Equal((70UL, 0UL, null), (window.Find(7), window.Find(8), window.Find(9)));
    }

    [Fact]
    public void Two_that_grew_from_one_do_not_see_each_other()
    {
        var parent = DedupeWindow.Empty.Add(1, 1, At(0), At(0));
        var (left, right) = (parent.Add(2, 2, At(0), At(0)), parent.Add(3, 3, At(0), At(0)));
        Assert.Equal((2UL, null, null, 3UL, null), (left.Find(2), left.Find(3), right.Find(2), right.Find(3), parent.Find(2)));
    }

    [Fact]
    public void It_never_exceeds_its_bound()
    {
        var window = DedupeWindow.Empty;
        for (ulong id = 0; id < 3 * Limits.DedupeIdsMax; id++)
            window = window.Add(id, id, At(id), At(0));
        Assert.Equal((Limits.DedupeIdsMax, At((2 * Limits.DedupeIdsMax) - 1)), (window.Count, window.Floor));
    }
}
