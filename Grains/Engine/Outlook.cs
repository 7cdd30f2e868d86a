namespace Orleans.Personalize.Engine;

/// <summary>What must happen next, derived from the profile and never remembered on the side.</summary>
public static class Outlook
{
    /// <summary>The next instant at which the profile wants to be looked at; null when there is nothing to wait for. It may have passed.</summary>
    /// <param name="offeredUntil">Leaves out sends whose attempt was due by then: they have been offered to their sender.</param>
    public static DateTimeOffset? NextDeadline(Profile profile, DateTimeOffset? offeredUntil = null)
    {
        DateTimeOffset? next = null;
        foreach (var wait in profile.Waits)
            next = Earlier(next, wait.Deadline);
        foreach (var send in profile.Sends)
        {
            if (!send.IsOpen)
                continue;
            if (!send.IsWaiting || !(send.NextAttemptAt <= offeredUntil))
                next = Earlier(next, send.NextAttemptAt);
            if (send.IsWaiting && send.Order.ExpiresAt is { } expires)
                next = Earlier(next, expires);
        }
        return next;
    }

    /// <summary>Sends that want to be offered to their sender now, the most important first.</summary>
    public static IEnumerable<Send> PendingSends(Profile profile, DateTimeOffset now) => profile.Sends
        .Where(send => send.IsWaiting && send.NextAttemptAt <= now)
        .OrderByDescending(static send => send.Order.Priority);

    private static DateTimeOffset Earlier(DateTimeOffset? left, DateTimeOffset right) => left < right ? left.Value : right;
}
