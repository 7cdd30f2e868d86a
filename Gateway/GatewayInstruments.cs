using System.Diagnostics.Metrics;
using Orleans.Personalize.Gateway.Brokers;

namespace Orleans.Personalize.Gateway;

/// <summary>What the gateway itself counts. It shares the name of the engine's meter, so one subscription exports both.</summary>
internal static class GatewayInstruments
{
    private static readonly Meter Meter = new("Orleans.Personalize");

    private static readonly Counter<long> Events =
        Meter.CreateCounter<long>("personalize.gateway.events", "{event}", "Events that arrived, by connector and what is known of them.");

    private static readonly UpDownCounter<long> UnderWay =
        Meter.CreateUpDownCounter<long>("personalize.gateway.underway", "{event}", "Events that are being taken in.");

    private static readonly Counter<long> TurnedAway = Meter.CreateCounter<long>(
        "personalize.gateway.turned_away", "{request}", "Requests that were answered 429 unread, because too many events were being taken in.");

    private static readonly Counter<long> Quarantined = Meter.CreateCounter<long>(
        "personalize.gateway.quarantined", "{event}", "Events that went to quarantine, or that a schema warned of, by connector, schema and reason.");

    private static readonly Counter<long> Deliveries =
        Meter.CreateCounter<long>("personalize.broker.deliveries", "{message}", "Messages that brokers delivered, by source and whether it was for the first time.");

    private static readonly Counter<long> Settled =
        Meter.CreateCounter<long>("personalize.broker.settled", "{message}", "Messages by source and what became of them: acknowledged, returned or dead-lettered.");

    private static readonly Counter<long> BrokerFailures =
        Meter.CreateCounter<long>("personalize.broker.failures", "{failure}", "Connections to brokers that failed or were lost, by source.");

    private static readonly UpDownCounter<long> BrokerConnections =
        Meter.CreateUpDownCounter<long>("personalize.broker.connections", "{connection}", "Connections to brokers, by source.");

    private static readonly Gauge<long> BrokerLag =
        Meter.CreateGauge<long>("personalize.broker.lag", "{message}", "Messages that wait at the broker, by source.");

    private static readonly string[] FateNames = ["acknowledged", "returned", "dead-lettered"];

    public static void OnUnderWay(int change) => UnderWay.Add(change);

    public static void OnTurnedAway() => TurnedAway.Add(1);

    public static void OnBrokerConnected(string source, int change) => BrokerConnections.Add(change, new KeyValuePair<string, object?>("source", source));

    public static void OnBrokerFailed(string source) => BrokerFailures.Add(1, new KeyValuePair<string, object?>("source", source));

    public static void OnBrokerLag(string source, long messages) => BrokerLag.Record(messages, new KeyValuePair<string, object?>("source", source));

    public static void OnBrokerSettled(string source, IReadOnlyList<BrokerMessage> batch, Verdict[] verdicts)
    {
        foreach (var group in batch.CountBy(static message => message.IsRedelivered))
            Deliveries.Add(group.Value, new("source", source), new("redelivered", group.Key));
        foreach (var group in verdicts.CountBy(static verdict => verdict.Fate))
            Settled.Add(group.Value, new("source", source), new("outcome", FateNames[(int)group.Key]));
    }

    /// <summary>Events of mails that are not ours: others may use the same account of the provider.</summary>
    public static void OnForeignEvents(string connector, int count)
    {
        if (count > 0)
            Events.Add(count, new("connector", connector), new("outcome", "foreign"));
    }

    /// <summary>What a source sends besides and nobody asked for.</summary>
    public static void OnEventsIgnored(string connector, int count) => Events.Add(count, new("connector", connector), new("outcome", "ignored"));

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
