using System.Diagnostics.Metrics;

namespace Orleans.Personalize.Gateway;

/// <summary>What the gateway itself counts. It shares the name of the engine's meter, so one subscription exports both.</summary>
internal static class GatewayInstruments
{
    private static readonly Meter Meter = new("Orleans.Personalize");

    private static readonly Counter<long> Events =
        Meter.CreateCounter<long>("personalize.gateway.events", "{event}", "Events that arrived, by connector and what is known of them.");

    public static void OnEventsTaken(string connector, Taken[] taken)
    {
        if (!Events.Enabled)
            return;
        foreach (var group in taken.CountBy(one => one switch
                 {
                     { Fate: Fate.Busy } => "busy",
                     { Fate: Fate.Unknown } => "unknown",
                     { Receipt.Status: ReceiptStatus.Rejected } => "rejected",
                     _ => "taken",
                 }))
            Events.Add(group.Value, new("connector", connector), new("outcome", group.Key));
    }
}
