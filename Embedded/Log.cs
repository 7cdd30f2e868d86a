using Microsoft.Extensions.Logging;

namespace Orleans.Runtime;

/// <summary>Everything the runtime has to say.</summary>
internal sealed partial class Log(ILogger logger)
{
    [LoggerMessage(1, LogLevel.Error, "Grain {Grain} failed to activate.")]
    public partial void ActivationFailed(Exception exception, GrainId grain);

    [LoggerMessage(2, LogLevel.Warning, "Grain {Grain} failed while it deactivated; it is gone nevertheless.")]
    public partial void DeactivationFailed(Exception exception, GrainId grain);

    [LoggerMessage(3, LogLevel.Warning, "A timer of grain {Grain} failed; it goes on.")]
    public partial void TimerFailed(Exception exception, GrainId grain);

    [LoggerMessage(4, LogLevel.Warning, "The one-way call {Call} failed.")]
    public partial void OneWayCallFailed(Exception exception, object call);

    [LoggerMessage(5, LogLevel.Warning, "Stopped with {Count} grains still in memory.")]
    public partial void StopTimedOut(int count);
}
