using System.Diagnostics.Metrics;

namespace Orleans.Personalize.Gateway;

/// <summary>What the gateway itself counts. It shares the name of the engine's meter, so one subscription exports both.</summary>
internal static class GatewayInstruments
{
    private static readonly Meter Meter = new("Orleans.Personalize");

    private static readonly Counter<long> Events =
        Meter.CreateCounter<long>("personalize.gateway.events", "{event}", "Events that arrived, by connector and what is known of them.");

    private static readonly Counter<long> Quarantined = Meter.CreateCounter<long>(
        "personalize.gateway.quarantined", "{event}", "Events that went to quarantine, or that a schema warned of, by connector, schema and reason.");

    /// <summary>Events of mails that are not ours: others may use the same account of the provider.</summary>
    public static void OnForeignEvents(string connector, int count)
    {
        if (count > 0)
            Events.Add(count, new("connector", connector), new("outcome", "foreign"));
    }

    public static void OnEventsTaken(string connector, Taken[] taken)
    {
        if (!Events.Enabled)
            return;
        foreach (var group in taken.CountBy(one => one switch
                 {
                     { Fate: Fate.Busy } => "busy",
                     { Fate: Fate.Unknown } => "unknown",
                     { Quarantined: not null } => "quarantined",
                     { Receipt.Status: ReceiptStatus.Rejected } => "rejected",
                     _ => "taken",
                 }))
            Events.Add(group.Value, new("connector", connector), new("outcome", group.Key));
    }

    public static void OnEventsQuarantined(string connector, Taken[] taken)
    {
        if (!Quarantined.Enabled)
            return;
        foreach (var one in taken)
        {
            if (one.Quarantined is { } entry)
                Quarantined.Add(1, new("connector", connector), new("schema", entry.Schema), new("reason", entry.Reason), new("state", QuarantineState.Open));
        }
    }

    public static void OnEventWarned(string connector, string schema, string reason) =>
        Quarantined.Add(1, new("connector", connector), new("schema", schema), new("reason", reason), new("state", QuarantineState.Warned));
}
