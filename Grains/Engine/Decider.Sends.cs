namespace Orleans.Personalize.Engine;

public static partial class Decider
{
    /// <summary>The last look before delivery: a send goes out only if it is still wanted now.</summary>
    private static Turn Request(TurnBuilder turn, Input.SendRequested requested)
    {
        var decisionId = requested.DecisionId;
        if (turn.Profile.FindSend(decisionId) is not { } send)
            return turn.Build([], "unknown");
        if (!send.IsWaiting)
            return turn.Build([], send.State == SendState.Authorized ? "in-flight" : send.Reason ?? send.State.ToString());
        if (send.NextAttemptAt > turn.Now)
            return turn.Build([], "not-due");
        if (send.Order.ExpiresAt <= turn.Now)
            return Refuse(turn, send, SendState.Expired, Reason.Expired, $"at {send.Order.ExpiresAt:O}");
        if (IsClosed(turn.Profile, send.Trigger, send.Key, send.ArmedThrough))
            return Refuse(turn, send, SendState.Suppressed, Reason.Unless, "seen after the decision");
        if (turn.Triggers.Find(send.Trigger) is not { } trigger)
            return Refuse(turn, send, SendState.Suppressed, Reason.TriggerRemoved, null);
        if (!trigger.Enabled)
            return Refuse(turn, send, SendState.Suppressed, Reason.TriggerDisabled, null);
        if (requested.Listed is { } listed)
            return Refuse(turn, send, SendState.Suppressed, Reason.Suppression, listed);
        if (WhyIrrelevant(trigger, new Scope(turn.Profile, send.Event, turn.Now), turn.Now, decisionId) is { Reason: { } reason } why)
            return Refuse(turn, send, SendState.Suppressed, reason, why.Detail);
        if (WhyCapped(turn, trigger.Send, decisionId) is { Reason: { } cap } capped)
            return Refuse(turn, send, SendState.Suppressed, cap, capped.Detail);
        if (trigger.QuietHours?.EndAfter(turn.Now, turn.Profile) is { } end)
            return InQuietHours(turn, send, trigger.QuietHours, end);
        turn.Record(new Fact.SendAuthorized(decisionId, send.Attempts + 1, turn.Now, requested.Holds));
        return turn.Build([]);
    }

    private static Turn InQuietHours(TurnBuilder turn, Send send, QuietHours quiet, DateTimeOffset end)
    {
        if (!quiet.Delays)
            return Refuse(turn, send, SendState.Suppressed, Reason.QuietHours, $"until {end:O}");
        if (send.Order.ExpiresAt <= end)
            return Refuse(turn, send, SendState.Expired, Reason.Expired, $"at {send.Order.ExpiresAt:O}, in quiet hours");
        turn.Record(new Fact.SendSettled(send.DecisionId, SendState.Pending, turn.Now, Reason.QuietHours, NextAttemptAt: end));
        return turn.Build([], Reason.QuietHours);
    }

    private static Turn Refuse(TurnBuilder turn, Send send, SendState state, string reason, string? detail)
    {
        turn.Record(new Fact.SendSettled(send.DecisionId, state, turn.Now, reason, Detail.Of(detail)));
        return turn.Build([], reason);
    }

    /// <summary>An attempt was made. A report of another attempt than the authorized one changes nothing, except that sent is sent.</summary>
    private static Turn Report(TurnBuilder turn, string decisionId, SendReport report)
    {
        if (turn.Profile.FindSend(decisionId) is not { IsOpen: true } send || report.Attempt > send.Attempts || report.Attempt < 1)
            return turn.Build([]);
        report = report with { Detail = Detail.Of(report.Detail) };
        var isCurrent = send.State is SendState.Authorized or SendState.Held && report.Attempt == send.Attempts;
        switch (report.Outcome)
        {
            case SendOutcome.Sent:
                turn.Record(new Fact.SendSettled(
                    decisionId, SendState.Sent, turn.Now, ProviderId: report.ProviderId, Detail: report.Detail, Content: report.Content));
                break;
            case SendOutcome.Failed when isCurrent:
                turn.Record(new Fact.SendSettled(decisionId, SendState.Failed, turn.Now, Reason.Provider, report.Detail, report.ProviderId));
                break;
            case SendOutcome.Retry when isCurrent:
                turn.Record(NextAttempt(turn, send, Reason.Provider, report.Detail, report.RetryAfter));
                break;
            case SendOutcome.Unknown when isCurrent && send.State == SendState.Authorized:
                turn.Record(Unsettled(turn, send, Reason.Unknown, report.Detail, report.Content));
                break;
        }
        return turn.Build([]);
    }

    /// <summary>Nobody knows what became of an attempt: it is repeated where that is harmless, and held where it is not.</summary>
    private static Fact.SendSettled Unsettled(TurnBuilder turn, Send send, string reason, string? detail, string? content = null) => send.Holds
        ? new(send.DecisionId, SendState.Held, turn.Now, reason, detail, NextAttemptAt: turn.Now + Limits.HoldMax, Content: content)
        : NextAttempt(turn, send, reason, detail, null);

    /// <summary>
    /// The sender has no room: it is asked again when it may have, or shortly before the send expires; the sender's guess may be wrong.
    /// </summary>
    private static Turn Park(TurnBuilder turn, Input.SendParked parked)
    {
        if (turn.Profile.FindSend(parked.DecisionId) is not { IsWaiting: true } send || send.NextAttemptAt > turn.Now || parked.Until <= turn.Now)
            return turn.Build([]);
        var until = send.Order.ExpiresAt - Limits.LastChance is { } last && last < parked.Until ? last : parked.Until;
        if (until <= turn.Now)
            return Refuse(turn, send, SendState.Expired, Reason.Expired, $"at {send.Order.ExpiresAt:O}, before its sender has room ({parked.Reason})");
        turn.Record(new Fact.SendSettled(send.DecisionId, SendState.Parked, turn.Now, parked.Reason, NextAttemptAt: until));
        return turn.Build([]);
    }

    /// <summary>What may be done by hand: an attempt that is under way is left alone, and what was sent stays sent.</summary>
    private static Turn Resolve(TurnBuilder turn, Input.SendResolved resolved)
    {
        if (turn.Profile.FindSend(resolved.DecisionId) is not { } send)
            return turn.Build([], "unknown");
        var (decisionId, by) = (send.DecisionId, Detail.Of(resolved.Note is null ? $"by {resolved.By}" : $"by {resolved.By}: {resolved.Note}"));
        Fact.SendSettled? settled = (resolved.Verdict, send.State) switch
        {
            (SendVerdict.Retry, SendState.Failed or SendState.Held or SendState.Parked or SendState.Pending) =>
                new(decisionId, SendState.Pending, turn.Now, Reason.Operator, by, NextAttemptAt: turn.Now),
            (SendVerdict.Drop, SendState.Failed or SendState.Held or SendState.Parked or SendState.Pending) =>
                new(decisionId, SendState.Suppressed, turn.Now, Reason.Operator, by),
            (SendVerdict.Delivered, SendState.Failed or SendState.Held) => new(decisionId, SendState.Sent, turn.Now, Reason.Operator, by),
            _ => null,
        };
        if (settled is null)
            return turn.Build([], send.State == SendState.Authorized ? "in-flight" : send.Reason ?? send.State.ToString());
        turn.Record(settled);
        return turn.Build([]);
    }

    /// <summary>What a provider reports of a message tells what became of an attempt that nobody knew of.</summary>
    private static void Reconcile(TurnBuilder turn, CustomerEvent happened)
    {
        if (Engagement.Subject(turn.Profile, happened) is not { State: SendState.Held, Engagement: { } engagement } send)
            return;
        var detail = Detail.Of($"{happened.Name}, reported by {happened.Source}");
        if (engagement.ProvesDelivery)
            turn.Record(new Fact.SendSettled(send.DecisionId, SendState.Sent, turn.Now, Detail: detail));
        else
            turn.Record(new Fact.SendSettled(send.DecisionId, SendState.Failed, turn.Now, Reason.Provider, detail));
    }

    private static Fact.SendSettled NextAttempt(TurnBuilder turn, Send send, string reason, string? detail, TimeSpan? atLeast)
    {
        if (send.Attempts > Limits.RetryPauses.Length)
            return new(send.DecisionId, SendState.Failed, turn.Now, reason, Detail.Of($"gave up after {send.Attempts} attempts; {detail}"));
        var pause = Jittered(turn.Profile.Hash, send);
        var asked = atLeast > Limits.RetryAfterMax ? Limits.RetryAfterMax : atLeast;
        var next = turn.Now + (asked > pause ? asked.Value : pause);
        return send.Order.ExpiresAt <= next
            ? new(send.DecisionId, SendState.Expired, turn.Now, Reason.Expired, Detail.Of($"at {send.Order.ExpiresAt:O}, before the next attempt; {detail}"))
            : new(send.DecisionId, SendState.Pending, turn.Now, reason, detail, NextAttemptAt: next);
    }

    /// <summary>The pause after an attempt, lengthened by up to a fifth: by a hash, for a decision must be repeatable.</summary>
    private static TimeSpan Jittered(SipHash hash, Send send)
    {
        var pause = Limits.RetryPauses[send.Attempts - 1];
        var share = hash.Hash($"{send.DecisionId}:{send.Attempts}") % 1000 / 1000.0;
        return pause + (pause * (0.2 * share));
    }

    /// <summary>Takes back attempts that were lost with their process, and lets go of what has expired.</summary>
    private static void LookAfterSends(TurnBuilder turn)
    {
        foreach (var send in turn.Profile.Sends)
        {
            if (send.State == SendState.Authorized && send.NextAttemptAt <= turn.Now)
                turn.Record(Unsettled(turn, send, Reason.Lost, "the attempt was never settled"));
            else if (send.State == SendState.Held && send.NextAttemptAt <= turn.Now)
                turn.Record(new Fact.SendSettled(send.DecisionId, SendState.Failed, turn.Now, Reason.Unknown, $"nobody said what became of it within {Limits.HoldMax.TotalDays:0} days"));
            else if (send.IsWaiting && send.Order.ExpiresAt <= turn.Now)
                turn.Record(new Fact.SendSettled(send.DecisionId, SendState.Expired, turn.Now, Reason.Expired, $"at {send.Order.ExpiresAt:O}"));
        }
    }
}
