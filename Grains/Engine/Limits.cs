namespace Orleans.Personalize.Engine;

/// <summary>Every bound of a profile, in one place, each with its reason. Changing one changes no stored fact, only what a fold keeps.</summary>
public static class Limits
{
    /// <summary>How late an event may be and still count: a phone that was offline over a long weekend.</summary>
    public static readonly TimeSpan LatenessWindow = TimeSpan.FromHours(72);

    /// <summary>How far a source's clock may run ahead of ours; more is a wrong clock, not an event.</summary>
    public static readonly TimeSpan FutureMax = TimeSpan.FromMinutes(5);

    /// <summary>Message ids kept however old they are, so that a quiet customer's repeats are called duplicates, not late events.</summary>
    public const int DedupeIdsMin = 256;

    /// <summary>Message ids kept at the most: 24 bytes each. When it overflows the lateness window of that customer shrinks instead.</summary>
    public const int DedupeIdsMax = 4096;

    /// <summary>Traits kept, the most recently written ones.</summary>
    public const int TraitsMax = 256;

    /// <summary>UTF-16 code units of a trait's name, as of any other name.</summary>
    public const int TraitNameLengthMax = 256;

    /// <summary>Bytes of one trait's JSON value; larger ones belong into another store with a link here.</summary>
    public const int TraitBytesMax = 8 * 1024;

    /// <summary>UTF-16 code units of a topic's name, which with its channel is a name of consent.</summary>
    public const int TopicLengthMax = 64;

    /// <summary>Channels and topics of consent kept: refusals first, then the most recently written ones.</summary>
    public const int ConsentsMax = 64;

    /// <summary>Event names counted, the most recently seen ones.</summary>
    public const int CountersMax = 128;

    /// <summary>Exact instants kept of each event name, the newest: what <c>count … within</c> can count to.</summary>
    public const int CounterTimesMax = 128;

    /// <summary>Events shown as the latest activity.</summary>
    public const int RecentMax = 50;

    /// <summary>Cart operations since the last order that the cart is folded from, the newest.</summary>
    public const int CartOperationsMax = 128;

    /// <summary>UTF-16 code units of an id, a name or an address of the cart and of orders: what browsers take as a URL. A longer text counts as absent.</summary>
    public const int CommerceTextLengthMax = 2048;

    /// <summary>Orders kept, the newest.</summary>
    public const int OrdersMax = 64;

    /// <summary>Open waits of one customer; a wait beyond it is a suppressed decision.</summary>
    public const int WaitsMax = 64;

    /// <summary>UTF-16 code units of a trigger's key in an event: a longer text is no id of anything and counts as none.</summary>
    public const int KeyLengthMax = 256;

    /// <summary>Events remembered as keeping one wait open: its first one and the newest.</summary>
    public const int WaitArmsMax = 32;

    /// <summary>Bytes of the arming event's properties that a wait or a send keeps for its template; larger ones are left out.</summary>
    public const int KeptPropertiesBytesMax = 8 * 1024;

    /// <summary>Sends that are not finished; a decision beyond it is suppressed.</summary>
    public const int OpenSendsMax = 64;

    /// <summary>Finished sends kept for people to look at.</summary>
    public const int FinishedSendsMax = 50;

    /// <summary>UTF-16 code units of a decision's detail: a sentence or two, not the value of a field.</summary>
    public const int DetailLengthMax = 512;

    /// <summary>Decisions kept for people to look at; all of them are in the journal.</summary>
    public const int DecisionsMax = 50;

    /// <summary>Pairs of trigger and key whose last closing or decision is remembered for events that arrive out of order.</summary>
    public const int MarksMax = 256;

    /// <summary>Channels whose recent sends are remembered for their caps.</summary>
    public const int ChannelTalliesMax = 16;

    /// <summary>Triggers whose recent sends are remembered for their limits.</summary>
    public const int TalliesMax = 128;

    /// <summary>Sends remembered for the limits of one trigger or channel; a <c>max</c> cannot be higher.</summary>
    public const int TallyMax = 64;

    /// <summary>
    /// Other ids that one customer may claim: orders of many years are among them; more are the mark of a broken source, and stay customers of their own. What comes
    /// with a merged customer comes on top, for its events must be known.
    /// </summary>
    public const int IdentitiesMax = 256;

    /// <summary>How long an authorized attempt may go unsettled before it is taken for lost: longer than any sender's time-out.</summary>
    public static readonly TimeSpan AuthorizationLease = TimeSpan.FromMinutes(2);

    /// <summary>So long before a parked send expires its sender is asked once more whether it has room.</summary>
    public static readonly TimeSpan LastChance = TimeSpan.FromSeconds(30);

    /// <summary>How long a send is held for somebody to say what became of it; then it counts as failed and is not repeated.</summary>
    public static readonly TimeSpan HoldMax = TimeSpan.FromDays(7);

    /// <summary>
    /// Pauses between attempts, the example schedule of Standard Webhooks
    /// (https://github.com/standard-webhooks/standard-webhooks/blob/main/spec/standard-webhooks.md). After the last one a send has failed.
    /// </summary>
    public static readonly TimeSpan[] RetryPauses =
    [
        TimeSpan.FromSeconds(5), TimeSpan.FromMinutes(5), TimeSpan.FromMinutes(30), TimeSpan.FromHours(2), TimeSpan.FromHours(5),
        TimeSpan.FromHours(10), TimeSpan.FromHours(14), TimeSpan.FromHours(20), TimeSpan.FromHours(24),
    ];

    /// <summary>The longest pause a provider can ask for; after that asking again costs nothing.</summary>
    public static readonly TimeSpan RetryAfterMax = TimeSpan.FromDays(1);

    /// <summary>The longest wait, cooldown or window of a trigger: what is decided later than this was not caused by the event.</summary>
    public static readonly TimeSpan TriggerDurationMax = TimeSpan.FromDays(400);
}
