namespace Orleans.Personalize.Engine;

public static partial class Decider
{
    /// <summary>An event matched the trigger's <c>on</c>: it fires at once, or opens or prolongs a wait, or is too late for either.</summary>
    private static void Match(TurnBuilder turn, Trigger trigger, KeptEvent happened, DateTimeOffset receivedAt)
    {
        var key = KeyOf(turn, trigger, happened);
        var late = receivedAt - happened.Stamp.At;
        var about = new Subject(trigger.Id, trigger.Version, key, happened.Stamp.At, happened.Stamp, happened.Stamp, null);
        if (trigger.Freshness is { } freshness && late > freshness)
            Suppress(turn, about, Reason.Stale, $"arrived {late.TotalSeconds:0} s after it occurred");
        else if (IsClosed(turn.Profile, trigger.Id, key, happened.Stamp))
            Suppress(turn, about, Reason.Unless, "closed by an event that occurred later and arrived earlier");
        else if (trigger.Wait is null)
            Fire(turn, trigger, about, happened.Trimmed());
        else if (turn.Profile.FindMark(trigger.Id, key)?.DecidedThrough > happened.Stamp.At)
            Suppress(turn, about, Reason.Superseded, "the trigger has decided about that time already");
        else
            Arm(turn, trigger, about);
    }

    private static void Arm(TurnBuilder turn, Trigger trigger, Subject about)
    {
        var wait = turn.Profile.FindWait(trigger.Id, about.Key);
        if (wait is null && turn.Profile.Waits.Length >= Limits.WaitsMax)
        {
            Suppress(turn, about, Reason.WaitLimit, $"{Limits.WaitsMax} waits are open");
            return;
        }
        var deadline = wait?.DeadlineWith(about.ArmedBy, trigger.Wait) ?? Arms.Of(about.ArmedBy).Deadline(trigger.Wait);
        turn.Record(new Fact.WaitArmed(trigger.Id, trigger.Version, about.Key, about.ArmedBy, deadline));
    }

    /// <summary>An event matched the trigger's <c>unless</c>: what occurred before it no longer waits, whether it has arrived yet or not.</summary>
    private static void CloseWaits(TurnBuilder turn, Trigger trigger, KeptEvent happened)
    {
        var key = KeyOf(turn, trigger, happened);
        var by = happened.Stamp;
        if (!(turn.Profile.FindMark(trigger.Id, key)?.UnlessThrough >= by))
            turn.Record(new Fact.UnlessSeen(trigger.Id, key, by));
        foreach (var wait in turn.Profile.Waits)
        {
            if (wait.Trigger != trigger.Id || (key is not null && wait.Key != key) || wait.Arms.First >= by)
                continue;
            var left = wait.Arms.After(by);
            var last = wait.Arms.Newest.LastOrDefault(arm => arm < by, wait.Arms.First);
            var closed = new WaitClosed(by, left?.Deadline(trigger.Wait), Fired: false);
            Suppress(
                turn,
                new(trigger.Id, trigger.Version, wait.Key, by.At, wait.Arms.First, last, closed),
                Reason.Unless,
                happened.Name ?? Evolver.TypeName(happened.Type));
        }
    }

    /// <summary>Fires every wait whose deadline is at or before an instant, in the order of deadlines, priorities and ids.</summary>
    private static void FireDue(TurnBuilder turn, DateTimeOffset until)
    {
        // What is left of a wait may be due as well; each round uses up at least one event that kept a wait open.
        while (NextDue(turn, until) is { } wait)
        {
            var trigger = turn.Triggers.Find(wait.Trigger);
            var last = wait.Arms.LastBefore(wait.Deadline);
            var left = wait.Arms.After(last);
            var closed = new WaitClosed(last, left?.Deadline(trigger?.Wait), Fired: true);
            var about = new Subject(wait.Trigger, trigger?.Version ?? wait.TriggerVersion, wait.Key, wait.Deadline, wait.Arms.First, last, closed);
            if (trigger is null)
                Suppress(turn, about, Reason.TriggerRemoved);
            else
                Fire(turn, trigger, about, wait.Event);
        }
    }

    private static Wait? NextDue(TurnBuilder turn, DateTimeOffset until)
    {
        Wait? next = null;
        foreach (var wait in turn.Profile.Waits)
        {
            if (wait.Deadline <= until && (next is null || wait.Deadline < next.Deadline
                || (wait.Deadline == next.Deadline && PriorityOf(turn, wait) > PriorityOf(turn, next))))
                next = wait;
        }
        return next;
    }

    private static int PriorityOf(TurnBuilder turn, Wait wait) => turn.Triggers.Find(wait.Trigger)?.Priority ?? 0;

    /// <summary>The trigger's key in an event, as text; null where the trigger or the event has none, or one that is too long.</summary>
    private static string? KeyOf(TurnBuilder turn, Trigger trigger, KeptEvent happened)
    {
        var key = trigger.Key?.Read(new Scope(turn.Profile, happened, happened.Stamp.At)) ?? Scalar.Missing;
        return key.Kind is ScalarKind.Text or ScalarKind.Number or ScalarKind.Boolean && key.ToString() is { Length: <= Limits.KeyLengthMax } text
            ? text
            : null;
    }

    /// <summary>Whether an event named under <c>unless</c> occurred after another one: for its key or for all.</summary>
    private static bool IsClosed(Profile profile, string trigger, string? key, Stamp stamp) =>
        profile.FindMark(trigger, key)?.UnlessThrough > stamp
        || (key is not null && profile.FindMark(trigger, null)?.UnlessThrough > stamp);

    /// <summary>What a decision is about.</summary>
    private readonly record struct Subject(
        string Trigger, long TriggerVersion, string? Key, DateTimeOffset At, Stamp ArmedBy, Stamp ArmedThrough, WaitClosed? Wait);
}
