namespace Orleans.Personalize.Engine;

/// <summary>
/// What triggers would have decided about recorded events: the same engine in virtual time. Every event arrives when it occurred, every deadline
/// is kept to the tick, and every send is delivered at once. Nothing leaves.
/// </summary>
public sealed class Replay(string workspace, TriggerSet triggers)
{
    /// <summary>By id, also of those that are another customer's by now.</summary>
    private readonly Dictionary<string, Profile> profiles = [];
    private readonly PriorityQueue<string, (DateTimeOffset At, string Customer)> deadlines = new();

    /// <summary>Customers seen so far.</summary>
    public int Customers => profiles.Values.Count(static profile => profile.Merge is null);

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
            var survivor = CustomerOf(customer);
            var arrived = happened with { ReceivedAt = happened.OccurredAt, Via = survivor == customer ? happened.Via : customer };
            foreach (var decision in Turn(survivor, new Input.EventsArrived([arrived]), arrived.OccurredAt))
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

    /// <summary>A turn, and what follows from it for customers that turn out to be one.</summary>
    private IEnumerable<ReplayedDecision> Turn(string customer, Input input, DateTimeOffset now)
    {
        IEnumerable<ReplayedDecision> decisions = Decide(customer, input, now);
        while (profiles[customer].Identities.FirstOrDefault(static identity => identity.State == IdentityState.Claimed) is { } claim)
            decisions = decisions.Concat(Merge(customer, claim, now));
        return decisions;
    }

    private ReplayedDecision[] Merge(string survivor, Identity claim, DateTimeOffset now)
    {
        var other = CustomerOf(claim.Id);
        var theirs = profiles.GetValueOrDefault(other) ?? Profile.New(new(workspace, other));
        var asked = other == survivor ? null : Decider.Decide(theirs, new Input.MergeRequested(survivor, claim.MergeId, claim.By, claim.IsForced), triggers, now);
        if (asked is not { Refusal: null })
            return Decide(survivor, new Input.ClaimAnswered(claim.Id, claim.MergeId, other, IsRefused: asked is not null), now);
        profiles[other] = Decider.Decide(asked.Profile, new Input.MergeAnswered(claim.MergeId, survivor), triggers, now).Profile;
        ReplayedDecision[] decisions = Decide(survivor, new Input.AbsorptionOffered(other, claim.MergeId, theirs), now);
        return [.. decisions, .. Decide(survivor, new Input.ClaimAnswered(claim.Id, claim.MergeId, other, IsRefused: false), now)];
    }

    /// <summary>Whose id it is by now.</summary>
    private string CustomerOf(string id)
    {
        while (profiles.GetValueOrDefault(id)?.Merge is { } merge)
            id = merge.Into;
        return id;
    }

    private ReplayedDecision[] Decide(string customer, Input input, DateTimeOffset now)
    {
        var decisions = new List<ReplayedDecision>();
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
                decisions.Add(new(customer, decided));
        }
        return [.. decisions];
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
