namespace Orleans.Personalize.Engine;

public static partial class Decider
{
    /// <summary>
    /// What may be done to a wait by hand: end it now, move its end, or close it. A wait that fires by hand is asked all that one is asked whose
    /// time has come; one that is cancelled counts as decided, so that no event of that time opens it again.
    /// </summary>
    private static Turn Operate(TurnBuilder turn, Input.WaitOperated asked)
    {
        var operation = asked.Operation;
        if (turn.Profile.FindWait(operation.Trigger, operation.Key) is not { } wait)
            return turn.Build([], WaitRefusal.Unknown);
        var by = Detail.Of(operation.Note is null ? $"by {operation.By}" : $"by {operation.By}: {operation.Note}")!;
        switch (operation.Verb)
        {
            case WaitVerb.Fire:
                turn.Record(new Fact.WaitMoved(wait.Trigger, wait.Key, turn.Now, turn.Now, by));
                FireDue(turn, turn.Now);
                break;
            case WaitVerb.Cancel:
                var (version, last) = (turn.Triggers.Find(wait.Trigger)?.Version ?? wait.TriggerVersion, wait.Arms.Last);
                var closed = new WaitClosed(last, null, Fired: true);
                var at = last.At > turn.Now ? last.At : turn.Now;
                Suppress(turn, new(wait.Trigger, version, wait.Key, at, wait.Arms.First, last, closed), Reason.Operator, by);
                break;
            default:
                if (Moved(wait, operation, turn.Now) is not { } deadline)
                    return turn.Build([], WaitRefusal.TooFar);
                if (deadline <= turn.Now)
                    return turn.Build([], WaitRefusal.Past);
                turn.Record(new Fact.WaitMoved(wait.Trigger, wait.Key, deadline, turn.Now, by));
                break;
        }
        return turn.Build([]);
    }

    /// <returns>Null where it is further away than any trigger may wait.</returns>
    private static DateTimeOffset? Moved(Wait wait, WaitOperation operation, DateTimeOffset now)
    {
        var latest = now + Limits.TriggerDurationMax;
        if (operation.To is { } to)
            return to <= latest ? to : null;
        var by = operation.Shift ?? TimeSpan.Zero;
        return by <= latest - wait.Deadline ? by < DateTimeOffset.MinValue - wait.Deadline ? DateTimeOffset.MinValue : wait.Deadline + by : null;
    }
}
