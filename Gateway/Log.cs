using Microsoft.Extensions.Logging;

namespace Orleans.Personalize.Gateway;

/// <summary>Every log message of the gateway. None holds a key.</summary>
internal static partial class Log
{
    [LoggerMessage(1, LogLevel.Information,
        "This is the first start. The admin key is in {Path}, readable by you only. Open {Address} and paste it there, or:\n  curl -H \"Authorization: Bearer $(cat '{Path}')\" {Address}/v1/customers")]
    public static partial void AdminKeyCreated(this ILogger logger, string path, string address);

    [LoggerMessage(2, LogLevel.Warning, "The API keys could not be followed; the known ones stay valid; trying again in {Delay}")]
    public static partial void KeysNotFollowed(this ILogger logger, Exception exception, TimeSpan delay);

    [LoggerMessage(3, LogLevel.Warning, "The stored API key {Id} is unreadable and therefore not accepted")]
    public static partial void UnreadableKey(this ILogger logger, string id);

    [LoggerMessage(4, LogLevel.Warning, "Of {Count} Segment events {Refused} were refused; the first because: {Reason}")]
    public static partial void SegmentEventsRefused(this ILogger logger, int count, int refused, string reason);

    [LoggerMessage(5, LogLevel.Warning, "Events of {Customers} customers have no known outcome; their sender was asked to repeat them")]
    public static partial void OutcomeUnknown(this ILogger logger, Exception exception, int customers);

    [LoggerMessage(6, LogLevel.Warning, "The registry of {Workspace} could not be followed; what is known of it stays in force")]
    public static partial void RulesNotFollowed(this ILogger logger, Exception exception, string workspace);

    [LoggerMessage(10, LogLevel.Warning, "The registry of {Workspace} could not be read, so its events were not taken; their sender was asked to repeat them")]
    public static partial void RulesUnknown(this ILogger logger, Exception exception, string workspace);

    [LoggerMessage(8, LogLevel.Warning, "The quarantine of {Workspace} is full: {Events} events were not taken, and their sender was asked to repeat them")]
    public static partial void QuarantineFull(this ILogger logger, string workspace, int events);

    [LoggerMessage(9, LogLevel.Warning, "A sample of an event that a schema of {Workspace} warned of could not be kept; the event itself was let in")]
    public static partial void SampleNotKept(this ILogger logger, Exception exception, string workspace);

    [LoggerMessage(7, LogLevel.Information, "The erasure of {Count} ids was asked for by the source {Source} of {Workspace} and is done")]
    public static partial void ErasedBySource(this ILogger logger, int count, string source, string workspace);

    [LoggerMessage(20, LogLevel.Warning, "The broker of {Source} is not reached, or no longer: {Problem} Trying again in {Pause}")]
    public static partial void BrokerLost(this ILogger logger, string source, string problem, TimeSpan pause);

    [LoggerMessage(21, LogLevel.Warning, "{Events} events of {Source} find no room; they are offered again in {Pause}, and until then no more are fetched")]
    public static partial void BrokerWaitsForRoom(this ILogger logger, string source, int events, TimeSpan pause);

    [LoggerMessage(22, LogLevel.Warning, "The source {Source} cannot be used: {Problem}")]
    public static partial void SourceUnusable(this ILogger logger, string source, string problem);

    [LoggerMessage(23, LogLevel.Warning, "The sources could not be looked after: {Problem} It is tried again.")]
    public static partial void SourcesNotKept(this ILogger logger, string problem);
}
