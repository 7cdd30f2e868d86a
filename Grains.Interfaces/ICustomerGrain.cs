using Orleans.Concurrency;

namespace Orleans.Personalize;

/// <summary>One customer, keyed by <see cref="CustomerKey"/>. Everything it shows is durable.</summary>
[Alias("ICustomerGrain")]
public interface ICustomerGrain : IGrainWithStringKey
{
    /// <summary>Applies events in the order they occurred and answers in the order given, after they are durable.</summary>
    /// <exception cref="JournalBusyException">The journal's queue is full; nothing was applied; try again later.</exception>
    /// <exception cref="JournalException">The outcome is unknown; repeating the call is safe.</exception>
    Task<Receipt[]> Apply(CustomerEvent[] events);

    /// <summary>Looks at the clock: fires what is due and arms what comes next. Harmless at any time.</summary>
    Task Tick();

    /// <summary>
    /// Asks, at the last moment before delivery, whether a send is still wanted. The answer is recorded before it is given.
    /// </summary>
    /// <param name="holds">Should the outcome of the attempt stay unknown, it must not be repeated.</param>
    Task<Authorization> Authorize(string decisionId, bool holds);

    /// <summary>The sender has no room for a send: it is to be offered again at an instant, if it is of use then.</summary>
    /// <param name="reason">Why, as a code: <c>breaker</c> or <c>rate</c>.</param>
    Task Park(string decisionId, DateTimeOffset until, string reason);

    /// <summary>Does by hand what the rules do not: repeats, drops or closes a send that failed, is held or waits.</summary>
    /// <param name="by">Who, for the record.</param>
    /// <param name="note">Why, for the record.</param>
    /// <returns>Null when it is done and durable; else why not, as a code: <c>unknown</c>, <c>in-flight</c>, or what the send has come to.</returns>
    Task<string?> Resolve(string decisionId, SendVerdict verdict, string by, string? note);

    /// <summary>Ends, moves or closes an open wait by hand.</summary>
    /// <returns>Null when it is done and durable; else why not: one of <see cref="WaitRefusal"/>.</returns>
    Task<string?> Operate(WaitOperation operation);

    /// <summary>Records what became of an authorized attempt. An unknown send or a passed attempt is ignored.</summary>
    Task Settle(string decisionId, SendReport report);

    /// <summary>The profile as it is durable now; null for a customer nothing is known of.</summary>
    Task<CustomerView?> Read();

    /// <summary>As <see cref="Read"/>, for who reads very many customers once: one that was not in memory does not stay there for it.</summary>
    Task<CustomerView?> Peek();

    /// <summary>
    /// The profile as soon as its durable version is another than <paramref name="version"/>; null when it was not within about ten seconds (ask again).
    /// A follower starts with −1.
    /// </summary>
    [AlwaysInterleave]
    Task<CustomerChange?> Follow(long version);

    /// <summary>Why the customer would or would not be sent what a trigger sends now.</summary>
    /// <param name="key">Only about the wait or send of this key; null: about the wait that ends first, else the latest send.</param>
    /// <returns>Null where there is no such trigger.</returns>
    [AlwaysInterleave]
    Task<Explanation?> Explain(string trigger, string? key);

    /// <summary>Recorded facts, newest first.</summary>
    /// <param name="limit">1 to 500.</param>
    /// <param name="before">Only facts with a lower version; null starts at the newest.</param>
    Task<TimelinePage> Timeline(int limit, long? before);

    /// <summary>Removes all that is stored of the customer, also under the ids that were merged into it. Durable when it returns.</summary>
    /// <returns>The ids that were erased.</returns>
    Task<string[]> Erase();

    /// <summary>Says that another id is the same customer's: what is known under it is merged into this customer, however known it is.</summary>
    /// <param name="by">Who and why, for the record.</param>
    /// <returns>Null when it is done, or will be by itself; else why not: one of <see cref="MergeRefusal"/>.</returns>
    Task<string?> Link(string id, string by);

    /// <summary>Undoes the merge of another id into this customer: each gets back what its own events made of it.</summary>
    /// <returns>Null when it is done, or will be by itself; else why not: one of <see cref="MergeRefusal"/>.</returns>
    Task<string?> Part(string id, string by);

    /// <summary>Another customer claims to be this one. The answer is durable.</summary>
    Task<JoinReply> Join(JoinRequest request);

    /// <summary>Takes over all that another customer knows. Repeating it is harmless.</summary>
    Task<AbsorbReply> Absorb(Absorption absorption);

    /// <summary>The merge of this customer was undone. Repeating it is harmless.</summary>
    Task Undo(UndoneMerge undone);

    /// <summary>Removes what is stored under this id alone.</summary>
    Task Forget();
}

/// <summary>Why two customers are not merged, or a merge is not undone.</summary>
public static class MergeRefusal
{
    /// <summary>Both are the same id.</summary>
    public const string Same = "same";
    /// <summary>It is a known customer of its own, and nobody but an event says that they are one.</summary>
    public const string Known = "known";
    /// <summary>The customer has as many other ids as it may.</summary>
    public const string TooMany = "too-many";
    /// <summary>Its merge is being undone.</summary>
    public const string Parting = "parting";
    /// <summary>There is no such merge into this customer.</summary>
    public const string Unknown = "unknown";
    /// <summary>The customer has too long a history, or one of which facts were erased, to be told apart.</summary>
    public const string TooLong = "too-long";
}

/// <param name="Into">The id of the customer that is to survive.</param>
/// <param name="By">Who and why, for the record; null where an event said so.</param>
/// <param name="IsForced">Also if it is a known customer.</param>
/// <param name="Path">The ids that were asked before, oldest first.</param>
[GenerateSerializer, Immutable, Alias("JoinRequest")]
public sealed record JoinRequest(
    [property: Id(0)] string Into,
    [property: Id(1)] string MergeId,
    [property: Id(2)] string? By,
    [property: Id(3)] bool IsForced,
    [property: Id(4)] string[] Path);

public enum JoinStatus
{
    /// <summary>They are one, or about to be.</summary>
    Joined = 0,
    /// <summary>It is another known customer.</summary>
    Refused = 1,
    /// <summary>It cannot be told now; ask again.</summary>
    Busy = 2,
}

/// <param name="Customer">Whose id it is.</param>
[GenerateSerializer, Immutable, Alias("JoinReply")]
public sealed record JoinReply(
    [property: Id(0)] JoinStatus Status,
    [property: Id(1)] string Customer);

/// <param name="Id">Whose state it is.</param>
/// <param name="State">The state, as the engine stores it. Empty: it is only asked whether the merge goes round in a circle.</param>
/// <param name="Path">The ids that are handing over themselves and passed it on, oldest first; the first is <paramref name="Id"/>.</param>
[GenerateSerializer, Immutable, Alias("Absorption")]
public sealed record Absorption(
    [property: Id(0)] string Id,
    [property: Id(1)] string MergeId,
    [property: Id(2)] byte[] State,
    [property: Id(3)] string[] Path);

/// <param name="Into">Who took it; null where nobody could.</param>
/// <param name="Cycle">The ids that are merging into each other in a circle, if that is why nobody could.</param>
[GenerateSerializer, Immutable, Alias("AbsorbReply")]
public sealed record AbsorbReply(
    [property: Id(0)] string? Into,
    [property: Id(1)] string[] Cycle);

/// <param name="Handback">What it takes back, as the engine stores it.</param>
[GenerateSerializer, Immutable, Alias("UndoneMerge")]
public sealed record UndoneMerge(
    [property: Id(0)] string MergeId,
    [property: Id(1)] string By,
    [property: Id(2)] JsonText Handback);

/// <summary>What is done to a wait by hand.</summary>
public enum WaitVerb
{
    /// <summary>Its time is now; all that is asked of a wait that runs out is asked.</summary>
    Fire = 0,
    /// <summary>It runs out earlier or later.</summary>
    Shift = 1,
    /// <summary>It is closed, and nothing is sent.</summary>
    Cancel = 2,
}

/// <param name="Key">Null for the wait without one.</param>
/// <param name="To">Of a shift: when it runs out.</param>
/// <param name="Shift">Of a shift without <paramref name="To"/>: so much later, or earlier where it is negative.</param>
/// <param name="By">Who, for the record.</param>
/// <param name="Note">Why, for the record.</param>
[GenerateSerializer, Immutable, Alias("WaitOperation")]
public sealed record WaitOperation(
    [property: Id(0)] WaitVerb Verb,
    [property: Id(1)] string Trigger,
    [property: Id(2)] string? Key,
    [property: Id(3)] DateTimeOffset? To,
    [property: Id(4)] TimeSpan? Shift,
    [property: Id(5)] string By,
    [property: Id(6)] string? Note);

/// <summary>Why a wait is left as it is.</summary>
public static class WaitRefusal
{
    /// <summary>There is no such open wait.</summary>
    public const string Unknown = "unknown";
    /// <summary>It would have run out before now: that is what firing is for.</summary>
    public const string Past = "past";
    /// <summary>It would run out later than any trigger may wait, 400 days from now.</summary>
    public const string TooFar = "too-far";
}

/// <param name="Version">0: nothing is known of the customer, or no longer.</param>
/// <param name="View">Null where nothing is known.</param>
[GenerateSerializer, Immutable, Alias("CustomerChange")]
public sealed record CustomerChange(
    [property: Id(0)] long Version,
    [property: Id(1)] CustomerView? View);

/// <summary>The journal has no room for another append now; nothing was written.</summary>
[GenerateSerializer, Alias("JournalBusyException")]
public sealed class JournalBusyException() : Exception("The journal's queue is full.");

/// <summary>An append failed or its outcome is unknown.</summary>
[GenerateSerializer, Alias("JournalException")]
public sealed class JournalException : Exception
{
    public JournalException(string message) : base(message) { }

    public JournalException(string message, Exception inner) : base(message, inner) { }
}
