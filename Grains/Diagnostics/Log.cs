using Microsoft.Extensions.Logging;

namespace Orleans.Personalize.Diagnostics;

/// <summary>Every log message of the grains. Customers are named by key; what they are or did is never logged.</summary>
internal static partial class Log
{
    [LoggerMessage(1, LogLevel.Error, "An append of {Customer} failed; its outcome is unknown and the customer is reloaded.")]
    public static partial void AppendFailed(this ILogger logger, string customer, Exception failure);

    [LoggerMessage(2, LogLevel.Warning, "Another activation of {Customer} has written; this one is reloaded.")]
    public static partial void AppendStale(this ILogger logger, string customer);

    [LoggerMessage(3, LogLevel.Debug, "A snapshot of {Customer} was not kept: {Problem}")]
    public static partial void SnapshotSkipped(this ILogger logger, string customer, string problem);

    [LoggerMessage(4, LogLevel.Warning, "Send {DecisionId} of {Customer} could not be offered: {Problem} It will be offered again.")]
    public static partial void OfferFailed(this ILogger logger, string customer, string decisionId, string problem);

    [LoggerMessage(5, LogLevel.Warning, "Send {DecisionId} of {Customer} was left where it was: {Problem} Its customer will offer it again.")]
    public static partial void SendAbandoned(this ILogger logger, string customer, string decisionId, string problem);

    [LoggerMessage(6, LogLevel.Warning, "The outcome of send {DecisionId} could not be recorded yet: {Problem}")]
    public static partial void SettleRepeated(this ILogger logger, string decisionId, string problem);

    [LoggerMessage(7, LogLevel.Error, "The {Kind} {Id} of workspace {Workspace} cannot be used: {Problem}")]
    public static partial void DocumentUnusable(this ILogger logger, string workspace, string kind, string id, string problem);

    [LoggerMessage(8, LogLevel.Warning, "The registry of {Workspace} did not answer: {Problem}")]
    public static partial void RegistryUnreachable(this ILogger logger, string workspace, string problem);

    [LoggerMessage(9, LogLevel.Error, "A sweep of shard {Shard} failed; the next one follows.")]
    public static partial void SweepFailed(this ILogger logger, int shard, Exception failure);

    [LoggerMessage(10, LogLevel.Warning, "{Customer} could not be woken for its deadline: {Problem}")]
    public static partial void TickFailed(this ILogger logger, string customer, string problem);

    [LoggerMessage(11, LogLevel.Warning, "The shards of the sweep could not be woken: {Problem}")]
    public static partial void ShardsAsleep(this ILogger logger, string problem);

    [LoggerMessage(20, LogLevel.Error, "The journal could not be counted after position {Position}; it is tried again.")]
    public static partial void OutcomesNotCounted(this ILogger logger, long position, Exception failure);

    [LoggerMessage(21, LogLevel.Warning, "The counting of outcomes could not be woken: {Problem}")]
    public static partial void OutcomesAsleep(this ILogger logger, string problem);

    [LoggerMessage(22, LogLevel.Information, "{Sender} was tested by the key {By}: {Outcome}")]
    public static partial void SenderTested(this ILogger logger, string sender, string by, SendOutcome outcome);

    [LoggerMessage(30, LogLevel.Error, "The backtest {Id} failed.")]
    public static partial void BacktestFailed(this ILogger logger, string id, Exception failure);

    [LoggerMessage(40, LogLevel.Warning, "What was settled long ago could not be removed from the quarantine: {Problem}")]
    public static partial void QuarantineNotPruned(this ILogger logger, string problem);

    [LoggerMessage(40, LogLevel.Information, "The merge of {Customer} with another could not go on: {Problem} It will be tried again.")]
    public static partial void MergeUnanswered(this ILogger logger, string customer, string problem);
}
