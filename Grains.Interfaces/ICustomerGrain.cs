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

    /// <summary>Records what became of an authorized attempt. An unknown send or a passed attempt is ignored.</summary>
    Task Settle(string decisionId, SendReport report);

    /// <summary>The profile as it is durable now; null for a customer nothing is known of.</summary>
    Task<CustomerView?> Read();

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

    /// <summary>Removes all that is stored of the customer. Durable when it returns.</summary>
    Task Erase();
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
