namespace Orleans.Personalize.Silo;

/// <summary>Every log message of the silo's own parts.</summary>
internal static partial class Log
{
    [LoggerMessage(101, LogLevel.Warning, "PostgreSQL does not answer yet: {Problem} Waiting for it.")]
    public static partial void WaitingForServer(this ILogger logger, string problem);

    [LoggerMessage(102, LogLevel.Warning, "The PostgreSQL server runs with fsync or full_page_writes off: a crash of its machine can lose or damage what was acknowledged.")]
    public static partial void ServerIsNotDurable(this ILogger logger);

    [LoggerMessage(103, LogLevel.Information, "PostgreSQL broke off a transaction ({SqlState}) for the sake of another; attempt {Attempt} is repeated.")]
    public static partial void TransactionRepeated(this ILogger logger, string sqlState, int attempt);

    [LoggerMessage(104, LogLevel.Warning, "No partitions could be made ahead: {Problem} Facts go into the default partition until it succeeds.")]
    public static partial void PartitionsMissing(this ILogger logger, string problem);

    [LoggerMessage(110, LogLevel.Information, "{Source} consumes the queue {Queue} at {Host}.")]
    public static partial void BrokerConnected(this ILogger logger, string source, string host, string queue);
}
