using Orleans.Concurrency;

namespace Orleans.Personalize;

/// <summary>What fetches from one polled source, keyed by <c>workspace/source</c>: there is one in the cluster, so nothing is fetched twice at a time.</summary>
[Alias("IPollGrain")]
public interface IPollGrain : IGrainWithStringKey
{
    /// <summary>Keeps it awake. Every silo calls this for every such source now and then.</summary>
    [AlwaysInterleave]
    Task Wake();

    [AlwaysInterleave]
    Task<PollStatus> Status();
}

/// <param name="LastAt">When it was last asked; null before the first time.</param>
/// <param name="NextAt">When it is asked next; null where that is not known yet.</param>
/// <param name="Cursor">From where it goes on; null at the beginning, and where the source has none.</param>
/// <param name="Error">Why the last attempt came to nothing; null where it did not.</param>
/// <param name="Failures">Attempts in a row that came to nothing.</param>
/// <param name="Events">Taken in so far, repeated ones included.</param>
/// <param name="Refused">Of those, how many were of no use.</param>
/// <param name="Refusal">Why the last of those was refused.</param>
[GenerateSerializer, Immutable, Alias("PollStatus")]
public sealed record PollStatus(
    [property: Id(0)] DateTimeOffset? LastAt,
    [property: Id(1)] DateTimeOffset? NextAt,
    [property: Id(2)] string? Cursor,
    [property: Id(3)] string? Error,
    [property: Id(4)] int Failures,
    [property: Id(5)] long Events,
    [property: Id(6)] long Refused,
    [property: Id(7)] string? Refusal);
