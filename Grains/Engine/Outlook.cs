namespace Orleans.Personalize.Engine;

/// <summary>What must happen next, derived from the profile and never remembered on the side.</summary>
public static class Outlook
{
    /// <summary>The next instant at which the profile wants to be looked at; null when there is nothing to wait for. It may have passed.</summary>
    /// <param name="offeredUntil">Leaves out what was due by then and waits for others: sends that were offered to their sender, ids whose customers were asked.</param>
    public static DateTimeOffset? NextDeadline(Profile profile, DateTimeOffset? offeredUntil = null)
    {
        // What has been merged waits for nothing but its handing over.
        if (profile.Merge is { } merge)
            return merge.IsHandedOver || merge.At <= offeredUntil ? null : merge.At;
        DateTimeOffset? next = null;
        foreach (var identity in profile.Identities)
        {
            if (IsUnsettled(identity) && !(identity.At <= offeredUntil))
                next = Earlier(next, identity.At);
        }
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
    public static IEnumerable<Send> PendingSends(Profile profile, DateTimeOffset now) => (profile.Merge is null ? profile.Sends : [])
        .Where(send => send.IsWaiting && send.NextAttemptAt <= now)
        .OrderByDescending(static send => send.Order.Priority);

    /// <summary>The other customer has not answered yet.</summary>
    public static bool IsUnsettled(Identity identity) => identity.State is IdentityState.Claimed or IdentityState.Parting;

    private static DateTimeOffset Earlier(DateTimeOffset? left, DateTimeOffset right) => left < right ? left.Value : right;
}
