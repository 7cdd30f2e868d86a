using Orleans.Personalize.Journal;

namespace Orleans.Personalize.Engine.Properties;

internal static class ProfileLimits
{
    /// <summary>The size of a snapshot that no profile may exceed, whatever happened: far below what the journal takes.</summary>
    private const int SnapshotBytesMax = JournalLimits.PayloadBytesMax / 2;

    /// <summary>Throws where a bound of <see cref="Limits"/> or an order that lists promise does not hold.</summary>
    public static void Hold(Profile profile)
    {
        AtMost(Limits.TraitsMax, profile.Traits.Length, "traits");
        AtMost(Limits.ConsentsMax, profile.Consents.Length, "consents");
        AtMost(Limits.CountersMax, profile.Counters.Length, "counters");
        AtMost(Limits.RecentMax, profile.Recent.Count, "recent events");
        AtMost(Limits.CartOperationsMax, profile.Cart.Operations.Length, "cart operations");
        AtMost(Limits.OrdersMax, profile.Orders.Length, "orders");
        AtMost(Limits.WaitsMax, profile.Waits.Length, "waits");
        AtMost(Limits.MarksMax, profile.Marks.Length, "marks");
        AtMost(Limits.TalliesMax, profile.Tallies.Length, "tallies");
        AtMost(Limits.OpenSendsMax, profile.Sends.Count(static send => send.IsOpen), "open sends");
        AtMost(Limits.FinishedSendsMax, profile.Sends.Count(static send => !send.IsOpen), "finished sends");
        AtMost(Limits.DecisionsMax, profile.Decisions.Length, "decisions");
        AtMost(Limits.DedupeIdsMax, profile.Window.Count, "message ids");
        Assert.All(profile.Counters, static counter => AtMost(Limits.CounterTimesMax, counter.Times.Count, "times"));
        Assert.All(profile.Tallies, static tally => AtMost(Limits.TallyMax, tally.Entries.Length, "entries"));
        Assert.All(profile.Waits, static wait => Assert.InRange(wait.Arms.Newest.Length, 1, Limits.WaitArmsMax));
        Assert.All(profile.Waits, static wait => Assert.True(wait.Arms.First <= wait.Arms.Newest[0]));
        Assert.All(profile.Traits, static trait => AtMost(Limits.TraitBytesMax, trait.Value.Span.Length, "bytes of a trait"));
        Sorted(profile.Traits.Select(static trait => trait.Name));
        Sorted(profile.Counters.Select(static counter => counter.Name));
        Sorted(profile.Orders.Select(static order => order.OrderId));
        Assert.All(profile.Counters, static counter => Assert.Equal(counter.Times.Order(), counter.Times));
        Assert.Equal(profile.Cart.Operations.OrderBy(static operation => operation.Stamp), profile.Cart.Operations);
        Assert.Equal(profile.Recent.OrderBy(static activity => activity.Stamp), profile.Recent);
        AtMost(SnapshotBytesMax, SnapshotCodec.Encode(profile).Length, "bytes of a snapshot");
    }

    private static void AtMost(int max, int actual, string what) => Assert.True(actual <= max, $"{actual} {what}, at most {max} are allowed");

    private static void Sorted(IEnumerable<string> names) => Assert.Equal(names.Distinct().Order(StringComparer.Ordinal), names);
}
