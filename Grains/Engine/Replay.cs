namespace Orleans.Personalize.Engine;

/// <summary>
/// What triggers would have decided about recorded events: the same engine in virtual time. Every event arrives when it occurred, every deadline
/// is kept to the tick, and every send is delivered at once. Nothing leaves.
/// </summary>
public sealed class Replay(string workspace, TriggerSet triggers)
{
    private readonly Dictionary<string, Profile> profiles = [];
    private readonly PriorityQueue<string, (DateTimeOffset At, string Customer)> deadlines = new();

    /// <summary>Customers seen so far.</summary>
    public int Customers => profiles.Count;

    /// <summary>Events by what became of them.</summary>
    public Dictionary<ReceiptStatus, int> Receipts { get; } = [];

    /// <summary>Sends that were decided and then suppressed before their delivery.</summary>
    public int Withdrawn { get; private set; }

    /// <summary>Events in the order in which they occurred, across customers.</summary>
    public static IEnumerable<(string Customer, CustomerEvent Event)> InOrder(IEnumerable<(string Customer, CustomerEvent Event)> events) =>
        events.OrderBy(static entry => Stamp.Of(entry.Event));

    /// <summary>Yields the decisions in the order in which they are made.</summary>
    /// <param name="events">In order (<see cref="InOrder"/>).</param>
    /// <param name="until">Where to stop: later events are left out, and waits that run out later stay open. Null: when all have run out.</param>
    public IEnumerable<ReplayedDecision> Run(IEnumerable<(string Customer, CustomerEvent Event)> events, DateTimeOffset? until = null)
    {
        var end = until ?? DateTimeOffset.MaxValue;
        foreach (var (customer, happened) in events)
        {
            if (happened.OccurredAt > end)
                break;
            foreach (var decision in KeepDeadlines(happened.OccurredAt))
                yield return decision;
            var arrived = happened with { ReceivedAt = happened.OccurredAt };
            foreach (var decision in Turn(customer, new Input.EventsArrived([arrived]), arrived.OccurredAt))
                yield return decision;
        }
        foreach (var decision in KeepDeadlines(end))
            yield return decision;
    }

    private IEnumerable<ReplayedDecision> KeepDeadlines(DateTimeOffset until)
    {
        while (deadlines.TryPeek(out var customer, out var due) && due.At <= until)
        {
            deadlines.Dequeue();
            // A deadline that has moved since has its own entry.
            if (Outlook.NextDeadline(profiles[customer]) != due.At)
                continue;
            foreach (var decision in Turn(customer, Input.Tick.Now, due.At))
                yield return decision;
        }
    }

    private IEnumerable<ReplayedDecision> Turn(string customer, Input input, DateTimeOffset now)
    {
        var profile = profiles.GetValueOrDefault(customer) ?? Profile.New(new(workspace, customer));
        var turn = Decider.Decide(profile, input, triggers, now);
        foreach (var receipt in turn.Receipts)
            Receipts[receipt.Status] = Receipts.GetValueOrDefault(receipt.Status) + 1;
        profile = turn.Profile;
        foreach (var send in Outlook.PendingSends(profile, now))
            profile = Deliver(profile, send, now);
        profiles[customer] = profile;
        if (Outlook.NextDeadline(profile) is { } next)
            deadlines.Enqueue(customer, (next, customer));
        foreach (var fact in turn.Facts)
        {
            if (fact is Fact.Decided decided)
                yield return new(customer, decided);
        }
    }

    private Profile Deliver(Profile profile, Send send, DateTimeOffset now)
    {
        var requested = Decider.Decide(profile, new Input.SendRequested(send.DecisionId), triggers, now);
        if (requested.Refusal is not null)
        {
            if (requested.Profile.FindSend(send.DecisionId) is not { IsOpen: true })
                Withdrawn++;
            return requested.Profile;
        }
        var sent = new SendReport(send.Attempts + 1, SendOutcome.Sent, null, null);
        return Decider.Decide(requested.Profile, new Input.SendReported(send.DecisionId, sent), triggers, now).Profile;
    }
}

public sealed record ReplayedDecision(string Customer, Fact.Decided Decision);
