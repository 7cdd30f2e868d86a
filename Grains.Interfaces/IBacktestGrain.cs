using Orleans.Concurrency;

namespace Orleans.Personalize;

/// <summary>
/// One backtest, keyed <c>workspace/id</c>: what a trigger would have decided about the recorded events of its workspace. Nothing is sent. It lives in the
/// memory of its silo: a quarter of an hour after the last question it is forgotten, and with its silo.
/// </summary>
[Alias("IBacktestGrain")]
public interface IBacktestGrain : IGrainWithStringKey
{
    /// <summary>Begins, once; it goes on by itself.</summary>
    Task<BacktestStart> Start(BacktestRequest request);

    /// <returns>Null where it was never begun or is forgotten.</returns>
    [AlwaysInterleave]
    Task<BacktestView?> Status();

    /// <summary>Stops it where it is.</summary>
    /// <returns>False where it was never begun or is forgotten.</returns>
    [AlwaysInterleave]
    Task<bool> Cancel();
}

/// <param name="Document">The trigger as it would be; absent: as it is stored.</param>
/// <param name="From">Only decisions from here on count; events before it are replayed all the same.</param>
/// <param name="To">Where to stop; null: when all waits have run out.</param>
/// <param name="EventsMax">Once so many were read no further customer is replayed.</param>
[GenerateSerializer, Immutable, Alias("BacktestRequest")]
public sealed record BacktestRequest(
    [property: Id(0)] string Trigger,
    [property: Id(1)] JsonText Document,
    [property: Id(2)] DateTimeOffset? From,
    [property: Id(3)] DateTimeOffset? To,
    [property: Id(4)] long EventsMax);

/// <param name="Refusal">Null: it has begun; <c>unknown</c>: there is no such trigger; <c>busy</c>: its silo has as many to do as it may; <c>invalid</c>: see the errors.</param>
/// <param name="Errors">Of the document.</param>
[GenerateSerializer, Immutable, Alias("BacktestStart")]
public sealed record BacktestStart(
    [property: Id(0)] string? Refusal,
    [property: Id(1)] DocumentError[] Errors)
{
    public const string Unknown = "unknown";
    public const string Busy = "busy";
    public const string Invalid = "invalid";
}

/// <param name="State"><c>reading</c> (who there is), <c>replaying</c>, <c>done</c>, <c>cancelled</c> or <c>failed</c>.</param>
/// <param name="Percent">Of the customers, 0 to 100.</param>
/// <param name="Result">Where it is done.</param>
[GenerateSerializer, Immutable, Alias("BacktestView")]
public sealed record BacktestView(
    [property: Id(0)] string Trigger,
    [property: Id(1)] string State,
    [property: Id(2)] long EventsRead,
    [property: Id(3)] int Percent,
    [property: Id(4)] BacktestResult? Result);

/// <param name="Customers">To so many of them.</param>
/// <param name="Replayed">Customers that were replayed.</param>
/// <param name="LeftOut">Customers that were not: for the limit of events, or because their own history is too long.</param>
/// <param name="ByReason">Decisions by outcome: <c>send</c>, or the reason not to.</param>
/// <param name="Days">By days since 1970-01-01 UTC.</param>
/// <param name="Overlap">By other trigger: customers that both would have sent to.</param>
/// <param name="Sample">The newest decisions, newest first.</param>
[GenerateSerializer, Immutable, Alias("BacktestResult")]
public sealed record BacktestResult(
    [property: Id(0)] long Sends,
    [property: Id(1)] long Customers,
    [property: Id(2)] long Replayed,
    [property: Id(3)] long LeftOut,
    [property: Id(4)] Dictionary<string, long> ByReason,
    [property: Id(5)] Dictionary<long, BacktestDay> Days,
    [property: Id(6)] Dictionary<string, long> Overlap,
    [property: Id(7)] BacktestDecision[] Sample);

[GenerateSerializer, Immutable, Alias("BacktestDay")]
public sealed record BacktestDay(
    [property: Id(0)] long Sends,
    [property: Id(1)] long Suppressed);

[GenerateSerializer, Immutable, Alias("BacktestDecision")]
public sealed record BacktestDecision(
    [property: Id(0)] DateTimeOffset At,
    [property: Id(1)] string CustomerId,
    [property: Id(2)] string? Key,
    [property: Id(3)] string DecisionId,
    [property: Id(4)] string? Reason,
    [property: Id(5)] string? Detail);
