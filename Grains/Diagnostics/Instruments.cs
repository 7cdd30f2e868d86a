using System.Diagnostics;
using System.Diagnostics.Metrics;

namespace Orleans.Personalize.Diagnostics;

/// <summary>
/// Every metric and span of the engine. A method is a thing that happened; none of them throws. Names follow the OpenTelemetry
/// conventions: durations in seconds, sizes as counts of the unit in braces.
/// </summary>
public static class Instruments
{
    /// <summary>The name of the meter and of the activity source.</summary>
    public const string Name = "Orleans.Personalize";

    public static readonly ActivitySource Spans = new(Name);

    private static readonly Meter Meter = new(Name);

    // From a fast commit to a wait that an outage made an hour late; the default bounds are meant for milliseconds and would tell nothing below 5 s.
    private static readonly InstrumentAdvice<double> Seconds = new()
    {
        HistogramBucketBoundaries = [0.001, 0.0025, 0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1, 2.5, 5, 10, 30, 60, 300, 3600],
    };

    private static readonly Counter<long> Events = Meter.CreateCounter<long>("personalize.events", "{event}", "Events that reached a customer, by receipt status.");
    private static readonly Counter<long> Decisions = Meter.CreateCounter<long>("personalize.decisions", "{decision}", "Decisions by outcome and reason.");
    private static readonly Counter<long> Sends = Meter.CreateCounter<long>("personalize.sends", "{send}", "Delivery attempts by sender type and outcome.");
    private static readonly Counter<long> Parked = Meter.CreateCounter<long>("personalize.sends.parked", "{send}", "Sends that found no room at their sender, by reason.");
    private static readonly UpDownCounter<long> OpenBreakers = Meter.CreateUpDownCounter<long>("personalize.senders.open", "{sender}", "Senders whose circuit breaker is open: their provider does not answer.");
    private static readonly Counter<long> Stale = Meter.CreateCounter<long>("personalize.journal.stale", "{write}", "Writes that the version fence refused.");
    private static readonly Counter<long> Failures = Meter.CreateCounter<long>("personalize.journal.failures", "{commit}", "Commits with an unknown outcome.");
    private static readonly Counter<long> Rejections = Meter.CreateCounter<long>("personalize.journal.rejections", "{write}", "Writes refused because the queue was full.");
    private static readonly UpDownCounter<long> Queued = Meter.CreateUpDownCounter<long>("personalize.journal.queue", "{write}", "Writes that wait for their commit.");
    private static readonly Histogram<long> CommitSize = Meter.CreateHistogram<long>("personalize.journal.commit.size", "{write}", "Writes in one commit.");
    private static readonly Histogram<double> CommitDuration = Meter.CreateHistogram<double>("personalize.journal.commit.duration", "s", "Duration of one commit.", advice: Seconds);
    private static readonly Histogram<double> DecisionLatency = Meter.CreateHistogram<double>("personalize.decision.latency", "s", "From an event's receipt to its durable decision.", advice: Seconds);
    private static readonly Histogram<double> DeadlineLateness = Meter.CreateHistogram<double>("personalize.deadline.lateness", "s", "How long after its deadline a wait was decided.", advice: Seconds);
    private static readonly UpDownCounter<long> Activations = Meter.CreateUpDownCounter<long>("personalize.activations", "{activation}", "Customers in memory.");

    public static void OnReceipt(ReceiptStatus status) => Events.Add(1, new KeyValuePair<string, object?>("status", StatusNames[(int)status]));

    public static void OnDecided(string outcome, string? reason) =>
        Decisions.Add(1, new("outcome", outcome), new("reason", reason ?? ""));

    public static void OnSend(string senderType, SendOutcome outcome) =>
        Sends.Add(1, new("sender", senderType), new("outcome", OutcomeNames[(int)outcome]));

    public static void OnParked(string reason) => Parked.Add(1, new KeyValuePair<string, object?>("reason", reason));

    public static void OnBreaker(bool isOpen) => OpenBreakers.Add(isOpen ? 1 : -1);

    public static void OnStaleWrite() => Stale.Add(1);

    public static void OnCommitFailed() => Failures.Add(1);

    public static void OnWriteRejected() => Rejections.Add(1);

    public static void OnQueued(int writes) => Queued.Add(writes);

    public static void OnBatchCommitted(int writes, TimeSpan duration)
    {
        CommitSize.Record(writes);
        CommitDuration.Record(duration.TotalSeconds);
    }

    public static void OnDecisionDurable(TimeSpan sinceReceipt) => DecisionLatency.Record(Math.Max(0, sinceReceipt.TotalSeconds));

    public static void OnDeadlineDecided(TimeSpan lateness) => DeadlineLateness.Record(Math.Max(0, lateness.TotalSeconds));

    public static void OnActivated() => Activations.Add(1);

    public static void OnDeactivated() => Activations.Add(-1);

    private static readonly string[] StatusNames = ["accepted", "duplicate", "late", "conflict", "rejected"];
    private static readonly string[] OutcomeNames = ["sent", "retry", "failed", "unknown"];
}
