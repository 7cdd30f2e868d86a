using Orleans.Concurrency;

namespace Orleans.Personalize;

/// <summary>
/// What came of the triggers and which sends need somebody's attention, of all workspaces, derived from the journal: each fact is counted once,
/// whatever crashed in between, a few seconds after it was recorded. There is one, keyed <see cref="All"/>.
/// </summary>
[Alias("IOutcomesGrain")]
public interface IOutcomesGrain : IGrainWithStringKey
{
    public const string All = "all";

    /// <summary>Keeps it awake. Every silo calls this now and then.</summary>
    Task Wake();

    /// <param name="trigger">Null for all of the workspace, ordered by id.</param>
    [AlwaysInterleave]
    Task<OutcomesView> Count(string workspace, string? trigger);

    /// <summary>The sends of a sender that failed or are held, newest first.</summary>
    /// <param name="state">Only those in this state; null for all.</param>
    /// <param name="limit">1 to 1,000.</param>
    /// <param name="after">Only entries with a lower number; null starts at the newest.</param>
    [AlwaysInterleave]
    Task<AttentionView> Attention(string workspace, string sender, string? state, int limit, long? after);

    /// <summary>The newest decisions of a workspace.</summary>
    /// <param name="limit">1 to <see cref="RecentDecision.KeptMax"/>.</param>
    [AlwaysInterleave]
    Task<RecentView> Recent(string workspace, int limit);

    /// <summary>Lets go of what names a customer that was erased. Durable when it returns. Its decisions stay counted.</summary>
    /// <param name="customer">The key of the customer's grain.</param>
    Task Forget(string customer);
}

/// <param name="AsOf">All that was acknowledged before this is counted.</param>
[GenerateSerializer, Immutable, Alias("OutcomesView")]
public sealed record OutcomesView(
    [property: Id(0)] DateTimeOffset AsOf,
    [property: Id(1)] TriggerOutcomes[] Triggers);

/// <param name="Hours">By the hour in which it was decided or settled, in hours since 1970 UTC; at the most the last 48.</param>
/// <param name="Versions">By the version of the trigger that decided; at the most the newest 10.</param>
/// <param name="LastAt">The latest fact that was counted.</param>
[GenerateSerializer, Immutable, Alias("TriggerOutcomes")]
public sealed record TriggerOutcomes(
    [property: Id(0)] string Trigger,
    [property: Id(1)] OutcomeCounts Total,
    [property: Id(2)] Dictionary<long, OutcomeCounts> Hours,
    [property: Id(3)] Dictionary<long, OutcomeCounts> Versions,
    [property: Id(4)] DateTimeOffset LastAt);

/// <param name="Decisions">By outcome: <c>send</c>, or the reason not to.</param>
/// <param name="Sends">By the state that a send came to. One that an operator has tried again counts in each state it came to.</param>
/// <param name="Suppressed">The suppressed ones among <paramref name="Sends"/>, by reason.</param>
[GenerateSerializer, Immutable, Alias("OutcomeCounts")]
public sealed record OutcomeCounts(
    [property: Id(0)] Dictionary<string, long> Decisions,
    [property: Id(1)] Dictionary<string, long> Sends,
    [property: Id(2)] Dictionary<string, long> Suppressed);

/// <param name="AsOf">All that was acknowledged before this is taken in.</param>
/// <param name="Next">The <c>after</c> of the next page; null at the end.</param>
/// <param name="Forgotten">Older entries that had to make room for newer ones; their customers' profiles still hold them.</param>
[GenerateSerializer, Immutable, Alias("AttentionView")]
public sealed record AttentionView(
    [property: Id(0)] DateTimeOffset AsOf,
    [property: Id(1)] AttentionEntry[] Entries,
    [property: Id(2)] long? Next,
    [property: Id(3)] long Forgotten);

/// <param name="Number">Rises with each entry.</param>
/// <param name="State"><c>failed</c> or <c>held</c>.</param>
[GenerateSerializer, Immutable, Alias("AttentionEntry")]
public sealed record AttentionEntry(
    [property: Id(0)] long Number,
    [property: Id(1)] string CustomerId,
    [property: Id(2)] string DecisionId,
    [property: Id(3)] string Trigger,
    [property: Id(4)] string? Template,
    [property: Id(5)] string State,
    [property: Id(6)] string? Reason,
    [property: Id(7)] string? Detail,
    [property: Id(8)] DateTimeOffset At);

/// <param name="AsOf">All that was acknowledged before this is taken in.</param>
/// <param name="Decisions">Newest first.</param>
/// <param name="Decided">How many decisions of the workspace are counted, of its triggers that are.</param>
[GenerateSerializer, Immutable, Alias("RecentView")]
public sealed record RecentView(
    [property: Id(0)] DateTimeOffset AsOf,
    [property: Id(1)] RecentDecision[] Decisions,
    [property: Id(2)] long Decided = 0);

/// <param name="Reason">Null for a send.</param>
[GenerateSerializer, Immutable, Alias("RecentDecision")]
public sealed record RecentDecision(
    [property: Id(0)] DateTimeOffset DecidedAt,
    [property: Id(1)] string CustomerId,
    [property: Id(2)] string DecisionId,
    [property: Id(3)] string Trigger,
    [property: Id(4)] long TriggerVersion,
    [property: Id(5)] string? Key,
    [property: Id(6)] string? Reason,
    [property: Id(7)] string? Detail)
{
    /// <summary>Of a workspace: what somebody looks at, some 60 KB.</summary>
    public const int KeptMax = 200;
}
