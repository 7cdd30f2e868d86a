using System.Text;
using Orleans.Personalize.Journal;

namespace Orleans.Personalize.Engine.Properties;

/// <summary>What "the same profile" means for two orders of the same events, in one place.</summary>
internal static class Convergence
{
    /// <summary>
    /// The snapshot's text without what tells of the arrival and not of the customer: the version (a wait that another order never opened needs no facts), the
    /// notes on decisions (an <c>unless</c> closes three events at once, or refuses them one by one), and the order inside of the dedupe window.
    /// </summary>
    public static string Of(Profile profile) => Encoding.UTF8.GetString(SnapshotCodec.Encode(profile with
    {
        Version = 0,
        Decisions = [],
        Window = DedupeWindow.Restore([.. profile.Window.Entries().Order()], profile.Window.Floor),
    }));
}
