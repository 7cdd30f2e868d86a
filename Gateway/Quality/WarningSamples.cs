using System.Collections.Concurrent;
using Microsoft.Extensions.Logging;

namespace Orleans.Personalize.Gateway.Quality;

/// <summary>
/// Keeps a sample of the events that a schema warned of, in quarantine, where they can be looked at and are erased with their customer. They were let in, so
/// nobody waits for the sample, and none is missed.
/// </summary>
internal sealed class WarningSamples(IGrainFactory grains, ILogger<WarningSamples> logger)
{
    /// <summary>Of a schema, a keyword and this process: enough to see what is wrong, too little to be a load.</summary>
    private const int SamplesMax = 5;

    private static readonly TimeSpan Period = TimeSpan.FromMinutes(10);

    /// <summary>Schemas and keywords that are told apart; beyond them there are no samples until some are forgotten.</summary>
    private const int WindowsMax = 10_000;

    private readonly ConcurrentDictionary<(string Workspace, string Schema, string Keyword), Window> windows = new();

    public void Offer(string workspace, string customer, CustomerEvent one, EventSchema schema, SchemaFailure failure, DateTimeOffset now)
    {
        if (windows.Count >= WindowsMax)
        {
            foreach (var old in windows.Where(pair => pair.Value.Since + Period < now))
                windows.TryRemove(old);
            if (windows.Count >= WindowsMax)
                return;
        }
        var window = windows.AddOrUpdate(
            (workspace, schema.Id, failure.Keyword),
            static (_, at) => new Window(at, 1),
            static (_, known, at) => known.Since + Period < at ? new Window(at, 1) : known with { Samples = known.Samples + 1 },
            now);
        if (window.Samples <= SamplesMax)
            _ = KeepAsync(workspace, Quarantining.OfFailed(customer, one, schema, failure));
    }

    private async Task KeepAsync(string workspace, QuarantineEntry entry)
    {
        try
        {
            await grains.GetGrain<IQuarantineGrain>(workspace).Add([entry]);
        }
        catch (Exception failure)
        {
            logger.SampleNotKept(failure, workspace);
        }
    }

    private sealed record Window(DateTimeOffset Since, int Samples);
}
