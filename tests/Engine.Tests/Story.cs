using System.Globalization;
using System.Text.Json;
using System.Text.Json.Nodes;
using Orleans.Personalize.Journal;

namespace Orleans.Personalize.Engine;

/// <summary>
/// One customer's story, told in minutes since <see cref="Start"/>. Whatever a test tells, each step is checked to be the fold of its own stored facts.
/// </summary>
internal sealed class Story
{
    public const double Day = 24 * 60;

    /// <summary>Noon, UTC, of a Monday in winter.</summary>
    public static readonly DateTimeOffset Start = new(2026, 1, 12, 12, 0, 0, TimeSpan.Zero);

    public static readonly CustomerKey Ada = new("shop", "ada");

    private readonly List<(DateTimeOffset At, Fact Fact)> facts = [];

    private Story(TriggerSet triggers, CustomerKey customer)
    {
        Triggers = triggers;
        Profile = Profile.New(customer);
    }

    public Profile Profile { get; private set; }

    public TriggerSet Triggers { get; private set; }

    public IEnumerable<Fact> Facts => facts.Select(static entry => entry.Fact);

    public IEnumerable<Fact.Decided> Decisions => Facts.OfType<Fact.Decided>();

    /// <summary>Every decision as <c>outcome [key] @ minute</c>, such as <c>send @ 60</c> or <c>unless a @ 30</c>.</summary>
    public IEnumerable<string> Outcomes => Decisions.Select(static decided =>
        $"{decided.Reason ?? "send"}{(decided.Key is null ? "" : " " + decided.Key)} @ {Minute(decided.At)}");

    /// <summary>Every decision as <c>trigger outcome</c>.</summary>
    public IEnumerable<string> OutcomesByTrigger => Decisions.Select(static decided => $"{decided.Trigger} {decided.Reason ?? "send"}");

    public Send OnlySend => Assert.Single(Profile.Sends);

    public double WaitsUntil => Minute(Assert.Single(Profile.Waits).Deadline);

    public double? NextDeadline => Outlook.NextDeadline(Profile) is { } next ? Minute(next) : null;

    public static Story With(params string[] triggers) => Of(Ada, triggers);

    public static Story Of(CustomerKey customer, params string[] triggers) => new(Set(triggers), customer);

    /// <summary>From now on these are the triggers, each one version further.</summary>
    public void Edit(params string[] triggers) => Triggers = Set(triggers, version: 2);

    /// <summary>The same triggers under a policy of the channel <c>email</c>.</summary>
    public Story Under(string policy)
    {
        using var document = JsonDocument.Parse(policy);
        var (parsed, errors) = Policy.Parse("email", document.RootElement);
        Assert.Empty(errors);
        Triggers = new(Triggers.All, [parsed!]);
        return this;
    }

    private static TriggerSet Set(string[] triggers, long version = 1) =>
        new(triggers.Select((trigger, index) => Trigger(trigger, $"t{index + 1}", version)));

    /// <summary>A trigger of which only what matters is written: without <c>on</c> it listens to "Added", without <c>send</c> it sends by "mail".</summary>
    public static Trigger Trigger(string json, string id = "t1", long version = 1)
    {
        var document = JsonNode.Parse(json)!.AsObject();
        document.TryAdd("on", JsonNode.Parse("""{ "event": "Added" }"""));
        document.TryAdd("send", JsonNode.Parse("""{ "sender": "mail" }"""));
        var (trigger, errors) = TriggerParser.Parse((string?)document["id"] ?? id, version, JsonText.FromString(document.ToJsonString()));
        Assert.Empty(errors);
        return trigger!;
    }

    public static DateTimeOffset At(double minute) => Start + TimeSpan.FromMinutes(minute);

    public static double Minute(DateTimeOffset at) => (at - Start).TotalMinutes;

    /// <param name="received">The minute it is received in; null: as it occurs.</param>
    /// <param name="id">Null: the name and the minute.</param>
    public static CustomerEvent Event(
        string name, double at, string? id = null, string? properties = null, string? traits = null, string? consent = null,
        double? received = null, int priority = 0, ulong body = 0, EventType type = EventType.Track) => new()
        {
            MessageId = id ?? $"{name}{at.ToString(CultureInfo.InvariantCulture)}",
            Type = type,
            Name = name.Length == 0 ? null : name,
            OccurredAt = At(at),
            ReceivedAt = At(received ?? at),
            Source = "test",
            SourcePriority = priority,
            Properties = properties is null ? default : JsonText.FromString(properties),
            Traits = traits is null ? default : JsonText.FromString(traits),
            Consent = consent is null ? default : JsonText.FromString(consent),
            Fingerprint = body,
        };

    /// <summary>An event of a cart.</summary>
    public static CustomerEvent InCart(string cart, string name, double at, double? received = null, string? id = null) =>
        Event(name, at, id ?? $"{name}-{cart}-{at}", $$"""{"cart":"{{cart}}"}""", received: received);

    /// <summary>The event arrives, at its <c>ReceivedAt</c>.</summary>
    public Receipt Hears(CustomerEvent happened) => Assert.Single(Decide(new Input.EventsArrived([happened]), happened.ReceivedAt).Receipts);

    public Receipt Hears(string name, double at, double? received = null, string? properties = null) =>
        Hears(Event(name, at, received: received, properties: properties));

    public Receipt[] HearsAll(double now, params CustomerEvent[] events) => [.. Decide(new Input.EventsArrived(events), At(now)).Receipts];

    public Story Ticks(double now)
    {
        Decide(Input.Tick.Now, At(now));
        return this;
    }

    /// <returns>Why the send must not go out; null when it may.</returns>
    public string? Requests(double now, string? decision = null, bool holds = false, string? listed = null) =>
        Decide(new Input.SendRequested(decision ?? Profile.Sends[^1].DecisionId, holds, listed), At(now)).Refusal;

    public Send Parks(double now, double until, string reason = Reason.Breaker)
    {
        Decide(new Input.SendParked(Profile.Sends[^1].DecisionId, At(until), reason), At(now));
        return Profile.Sends[^1];
    }

    /// <returns>Why it cannot be done; null when it is done.</returns>
    public string? Resolves(double now, SendVerdict verdict, string? note = null) =>
        Decide(new Input.SendResolved(Profile.Sends[^1].DecisionId, verdict, "key 7", note), At(now)).Refusal;

    /// <returns>Why it cannot be done; null when it is done.</returns>
    public string? Operates(double now, WaitVerb verb, string? key = null, double? to = null, double? by = null, string trigger = "t1") => Decide(
        new Input.WaitOperated(new(verb, trigger, key, to is { } at ? At(at) : null, by is { } minutes ? TimeSpan.FromMinutes(minutes) : null, "key 7", "they called")),
        At(now)).Refusal;

    public Send Reports(double now, SendOutcome outcome, int attempt = 1, TimeSpan? retryAfter = null)
    {
        var send = Profile.Sends[^1].DecisionId;
        Decide(new Input.SendReported(send, new(attempt, outcome, "provider-1", "said so", retryAfter)), At(now));
        return Profile.FindSend(send)!;
    }

    public Turn Decides(Input input, double now) => Decide(input, At(now));

    /// <summary>Another customer turns out to be this one.</summary>
    public void Absorbs(Story other, double now)
    {
        var state = other.Profile;
        other.Decides(new Input.MergeRequested(Profile.Key.CustomerId, "m", "support", IsForced: true), now);
        Decides(new Input.AbsorptionOffered(state.Key.CustomerId, "m", state), now);
        other.Decides(new Input.MergeAnswered("m", Profile.Key.CustomerId), now);
    }

    /// <summary>That was a mistake.</summary>
    public void Parts(Story other, double now)
    {
        var id = other.Profile.Key.CustomerId;
        var own = OwnPart.Of(Profile.Key, [.. Facts], new HashSet<string>(Profile.IdsWith(id)) { id });
        Assert.Null(Decides(new Input.PartingRequested(id, "support", own.Profile, own.Messages), now).Refusal);
        other.Decides(new Input.UndoRequested("m", "support", Profile.FindIdentity(id)!.Handback!), now);
        Decides(new Input.PartingAnswered(id), now);
    }

    public Turn Decide(Input input, DateTimeOffset now)
    {
        var before = Profile;
        var turn = Decider.Decide(before, input, Triggers, now);
        Assert.Equal(before.Version + turn.Facts.Length, turn.Profile.Version);
        var replayed = FactCodec.Decode(FactCodec.Encode(turn.Facts)).Aggregate(before, Evolver.Evolve);
        Assert.Equal(SnapshotCodec.Encode(turn.Profile), SnapshotCodec.Encode(replayed));
        facts.AddRange(turn.Facts.Select(fact => (now, fact)));
        Profile = turn.Profile;
        return turn;
    }
}
