namespace Orleans.Personalize.Sources;

/// <summary>The port by which a polled source is asked; it knows the source's document, and hands what it finds to the customers.</summary>
public interface IPoller
{
    /// <summary>How the source is to be asked now; null where there is no such source any more, or it is switched off.</summary>
    Task<PollPlan?> PlanAsync(string workspace, string source);

    /// <summary>
    /// Asks once. It returns when all that was found is durable. A fault of the source is a value; what it throws counts as one. The implementation bounds its
    /// own time.
    /// </summary>
    Task<PollOutcome> PollAsync(string workspace, string source, PollPosition position, CancellationToken cancellation);
}

/// <param name="Address">What is asked; where it changes, positions mean nothing any more.</param>
public sealed record PollPlan(string Address, TimeSpan Interval);

/// <param name="Cursor">As the source gave it; null at the beginning.</param>
/// <param name="ETag">Of the last answer to this very question.</param>
public sealed record PollPosition(string? Cursor, string? ETag);

/// <param name="Position">Where to go on; as it was where there is an error.</param>
/// <param name="HasMore">There is another page to be had at once.</param>
/// <param name="Error">Why it came to nothing; null where it did not.</param>
/// <param name="RetryAfter">How long the source wants to be left alone.</param>
public sealed record PollOutcome(
    PollPosition Position, bool HasMore = false, int Events = 0, int Refused = 0, string? Refusal = null, string? Error = null, TimeSpan? RetryAfter = null);
