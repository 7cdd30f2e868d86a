using System.Collections.Immutable;

namespace Orleans.Personalize.Engine;

/// <summary>The fold: what a fact makes of a profile. Total and pure; it knows neither triggers nor the clock.</summary>
public static partial class Evolver
{
    public static Profile Evolve(Profile profile, Fact fact)
    {
        // By far the most frequent, and it counts itself: a copy of the profile less.
        if (fact is Fact.EventApplied applied)
            return Applied(profile, applied);
        var evolved = fact switch
        {
            Fact.UnlessSeen seen => Marked(profile, seen.Trigger, seen.Key, seen.By, null),
            Fact.WaitArmed armed => Armed(profile, armed),
            Fact.WaitMoved moved => Moved(profile, moved),
            Fact.Decided decided => Decided(profile, decided),
            Fact.SendAuthorized authorized => Authorized(profile, authorized),
            Fact.SendSettled settled => Settled(profile, settled),
            Fact.IdentityClaimed claimed => WithIdentity(profile, new(claimed.Id, IdentityState.Claimed, claimed.MergeId, claimed.At, claimed.By, IsForced: claimed.IsForced)),
            Fact.IdentityRefused refused => WithIdentity(profile, refused.Id, known => known with { State = IdentityState.Refused, At = refused.At, Other = refused.Other }),
            Fact.IdentityLinked linked => WithIdentity(profile, linked.Id, known => known with { State = IdentityState.Linked, At = linked.At, Through = linked.Through }),
            Fact.MergeStarted started => profile with { Merge = new(started.Into, started.MergeId, started.At, IsHandedOver: false) },
            Fact.MergeAbandoned => profile with { Merge = null },
            Fact.MergeCompleted completed => profile with { Merge = new(completed.Into, completed.MergeId, completed.At, IsHandedOver: true) },
            Fact.CustomerAbsorbed absorbed => Absorbed(profile, absorbed),
            Fact.IdentityParting parting => Parting(profile, parting),
            Fact.IdentityParted parted => WithIdentity(profile, parted.Id, known => known with { State = IdentityState.Parted, At = parted.At, Handback = null }),
            Fact.MergeUndone undone => profile with { Merge = null, Waits = undone.Handback.Waits, Sends = TakenBack(profile.Sends, undone.Handback.Sends) },
            _ => throw new InvalidOperationException($"No fold for {fact.GetType().Name}."),
        };
        return evolved with { Version = profile.Version + 1 };
    }

    private static Profile Applied(Profile profile, Fact.EventApplied fact)
    {
        var happened = fact.Event;
        var version = profile.Version + 1;
        var window = profile.Window.Add(profile.Hash.Hash(happened.MessageId), happened.Fingerprint, happened.OccurredAt, happened.ReceivedAt);
        var traits = Written(profile.Traits, happened, happened.Traits).DropLowest(Limits.TraitsMax, CompareWrites);
        var consents = Written(profile.Consents, happened, happened.Consent).DropLowest(Limits.ConsentsMax, CompareConsents);
        var isKnown = profile.IsKnown || (!happened.IsProvisional && happened.Via is null);
        if (fact.Late)
            return profile with { Version = version, Window = window, Traits = traits, Consents = consents, IsKnown = isKnown, Latest = happened };
        var stamp = Stamp.Of(happened);
        var (counters, counter) = Counted(profile.Counters, happened.Name ?? TypeName(happened.Type), stamp.At);
        // One string for all events of a name.
        var name = happened.Name is null ? null : counter.Name;
        return profile with
        {
            Version = version,
            Window = window,
            Traits = traits,
            Consents = consents,
            IsKnown = isKnown,
            Latest = happened,
            Sends = Engagement.Apply(profile, happened),
            FirstSeenAt = profile.FirstSeenAt < stamp.At ? profile.FirstSeenAt : stamp.At,
            LastSeenAt = profile.LastSeenAt > stamp.At ? profile.LastSeenAt : stamp.At,
            Counters = counters,
            Recent = profile.Recent
                .Insert(new Activity(stamp, happened.Type, name, happened.Source), static (a, b) => a.Stamp.CompareTo(b.Stamp), Limits.RecentMax),
            Cart = profile.Cart.Apply(happened),
            Orders = Order.Apply(profile.Orders, happened),
        };
    }

    /// <summary>Whether a trait or a consent of an event is newer than what the profile has.</summary>
    internal static bool Writes(Profile profile, CustomerEvent happened) =>
        Written(profile.Traits, happened, happened.Traits) != profile.Traits || Written(profile.Consents, happened, happened.Consent) != profile.Consents;

    private static ImmutableArray<Trait> Written(ImmutableArray<Trait> fields, CustomerEvent happened, JsonText written)
    {
        if (written.IsAbsent)
            return fields;
        foreach (var write in WritesOf(happened, written))
            fields = WithWrite(fields, write);
        return fields;
    }

    internal static IEnumerable<Trait> WritesOf(CustomerEvent happened, JsonText written) =>
        Json.Members(written).Select(member => new Trait(member.Key, member.Value, Stamp.Of(happened), happened.Source, happened.SourcePriority));

    internal static ImmutableArray<Trait> WithWrite(ImmutableArray<Trait> fields, Trait written)
    {
        var found = fields.Find(written.Name, static field => field.Name);
        return found < 0 || Trait.CompareWrites(written, fields[found]) > 0 ? fields.Put(found, written) : fields;
    }

    internal static int CompareWrites(Trait left, Trait right) =>
        Trait.CompareWrites(left, right) is not 0 and var order ? order : string.CompareOrdinal(left.Name, right.Name);

    /// <summary>A refusal outlives any agreement.</summary>
    internal static int CompareConsents(Trait left, Trait right) =>
        left.IsRefusal.CompareTo(right.IsRefusal) is not 0 and var order ? order : CompareWrites(left, right);

    private static (ImmutableArray<Counter> Counters, Counter Counter) Counted(ImmutableArray<Counter> counters, string name, DateTimeOffset at)
    {
        var found = counters.Find(name, static counter => counter.Name);
        var counter = found < 0
            ? new Counter(name, 1, at, at, [at])
            : counters[found] with
            {
                Count = counters[found].Count + 1,
                FirstAt = at < counters[found].FirstAt ? at : counters[found].FirstAt,
                LastAt = at > counters[found].LastAt ? at : counters[found].LastAt,
                Times = counters[found].Times.Insert(at, static (a, b) => a.CompareTo(b), Limits.CounterTimesMax),
            };
        return (counters.Put(found, counter).DropLowest(Limits.CountersMax, CompareCounters), counter);
    }

    internal static int CompareCounters(Counter left, Counter right) =>
        left.LastAt.CompareTo(right.LastAt) is not 0 and var order ? order : string.CompareOrdinal(left.Name, right.Name);

    private static Profile Marked(Profile profile, string trigger, string? key, Stamp? unless, DateTimeOffset? decided) =>
        profile with { Marks = WithMark(profile.Marks, trigger, key, unless, decided) };

    internal static ImmutableArray<Mark> WithMark(ImmutableArray<Mark> marks, string trigger, string? key, Stamp? unless, DateTimeOffset? decided)
    {
        var known = marks.FirstOrDefault(mark => mark.Trigger == trigger && mark.Key == key);
        var mark = new Mark(trigger, key, Later(unless, known?.UnlessThrough), Later(decided, known?.DecidedThrough));
        marks = known is null
            ? marks.Insert(mark, static (a, b) => CompareSlots(a.Trigger, a.Key, b.Trigger, b.Key))
            : marks.Replace(known, mark);
        return marks.DropLowest(Limits.MarksMax, static (a, b) => a.LastAt.CompareTo(b.LastAt));
    }

    private static Profile Armed(Profile profile, Fact.WaitArmed fact)
    {
        var happened = KeptEvent.Of(profile.Latest ?? throw new InvalidOperationException("A wait was armed without an event.")).Trimmed();
        var known = profile.FindWait(fact.Trigger, fact.Key);
        var arms = known?.Arms.With(fact.Arm) ?? Arms.Of(fact.Arm);
        var wait = new Wait(
            fact.Trigger, fact.TriggerVersion, fact.Key, arms, fact.Deadline, known is null || arms.Last == fact.Arm ? happened : known.Event, known is { IsMoved: true });
        return profile with { Waits = WithWait(profile.Waits, wait) };
    }

    private static ImmutableArray<Wait> WithWait(ImmutableArray<Wait> waits, Wait wait) =>
        waits.FirstOrDefault(known => known.Trigger == wait.Trigger && known.Key == wait.Key) is { } known
            ? waits.Replace(known, wait)
            : waits.Insert(wait, static (a, b) => CompareSlots(a.Trigger, a.Key, b.Trigger, b.Key));

    private static Profile Moved(Profile profile, Fact.WaitMoved fact)
    {
        var wait = profile.FindWait(fact.Trigger, fact.Key) ?? throw new InvalidOperationException("A wait was moved that is not open.");
        return profile with { Waits = profile.Waits.Replace(wait, wait with { Deadline = fact.Deadline, IsMoved = true }) };
    }

    private static Profile Decided(Profile profile, Fact.Decided fact)
    {
        KeptEvent? happened = null;
        if (fact.Wait is { } closed)
        {
            var wait = profile.FindWait(fact.Trigger, fact.Key) ?? throw new InvalidOperationException("A decision closes a wait that is not open.");
            happened = wait.Event;
            profile = profile with
            {
                Waits = wait.Arms.After(closed.Through) is { } left && closed.NextDeadline is { } deadline
                    ? profile.Waits.Replace(wait, wait with { Arms = left, Deadline = deadline, IsMoved = false })
                    : profile.Waits.Remove(wait),
            };
            if (closed.Fired)
                profile = Marked(profile, fact.Trigger, fact.Key, null, fact.At);
        }
        profile = profile with
        {
            Decisions = profile.Decisions
                .Add(new(fact.DecisionId, fact.Trigger, fact.TriggerVersion, fact.Key, fact.At, fact.IsSend, fact.Reason, fact.Detail))
                .KeepLast(Limits.DecisionsMax),
        };
        if (fact.IsSend || fact.Reason is Reason.Holdout or Reason.Shadow)
            profile = profile with { Tallies = Tallied(profile.Tallies, fact.Trigger, new(fact.DecisionId, fact.DecidedAt), Limits.TalliesMax) };
        if (fact.Send is not { } order)
            return profile;
        profile = TalliedByChannel(profile, order, new(fact.DecisionId, fact.DecidedAt));
        happened ??= KeptEvent.Of(profile.Latest ?? throw new InvalidOperationException("A send without an event.")).Trimmed();
        var send = new Send(
            fact.DecisionId, fact.Trigger, fact.Key, order, fact.DecidedAt, fact.ArmedThrough, happened, SendState.Pending, 0, order.NotBefore);
        return profile with { Sends = profile.Sends.Add(send) };
    }

    private static Profile TalliedByChannel(Profile profile, SendOrder order, TallyEntry entry) => order.IsTransactional
        ? profile
        : profile with { ChannelTallies = Tallied(profile.ChannelTallies, order.Channel, entry, Limits.ChannelTalliesMax) };

    private static ImmutableArray<Tally> Tallied(ImmutableArray<Tally> tallies, string name, TallyEntry entry, int max)
    {
        var found = tallies.Find(name, static tally => tally.Name);
        var entries = found < 0 ? [] : tallies[found].Entries;
        var tally = new Tally(name, entries.Insert(entry, static (a, b) => a.At.CompareTo(b.At)).KeepLast(Limits.TallyMax));
        return tallies.Put(found, tally).DropLowest(max, static (a, b) => a.Entries[^1].At.CompareTo(b.Entries[^1].At));
    }

    private static Profile Authorized(Profile profile, Fact.SendAuthorized fact) => WithSend(profile, fact.DecisionId, send => send with
    {
        State = SendState.Authorized,
        Attempts = fact.Attempt,
        NextAttemptAt = fact.At + Limits.AuthorizationLease,
        Holds = fact.Holds,
    });

    private static Profile Settled(Profile profile, Fact.SendSettled fact)
    {
        if (fact.State == SendState.Pending && profile.FindSend(fact.DecisionId) is { State: SendState.Failed } dead)
            profile = TalliedAgain(profile, dead);
        profile = WithSend(profile, fact.DecisionId, send => send with
        {
            State = fact.State,
            Reason = fact.Reason,
            ProviderId = fact.ProviderId ?? send.ProviderId,
            Content = fact.Content ?? send.Content,
            NextAttemptAt = fact.NextAttemptAt ?? fact.At,
        });
        // What may have arrived after all still counts.
        if (fact.State is SendState.Suppressed or SendState.Expired or SendState.Failed && fact.Reason != Reason.Unknown)
            profile = WithoutTally(profile, fact.DecisionId);
        return profile with { Sends = WithoutOldFinished(profile.Sends) };
    }

    /// <summary>A dead letter that is tried again counts again.</summary>
    private static Profile TalliedAgain(Profile profile, Send dead)
    {
        var entry = new TallyEntry(dead.DecisionId, dead.DecidedAt);
        profile = WithoutTally(profile, dead.DecisionId);
        profile = profile with { Tallies = Tallied(profile.Tallies, dead.Trigger, entry, Limits.TalliesMax) };
        return TalliedByChannel(profile, dead.Order, entry);
    }

    private static Profile WithoutTally(Profile profile, string decisionId) => profile with
    {
        Tallies = Untallied(profile.Tallies, decisionId),
        ChannelTallies = Untallied(profile.ChannelTallies, decisionId),
    };

    private static Profile WithSend(Profile profile, string decisionId, Func<Send, Send> change)
    {
        var send = profile.FindSend(decisionId) ?? throw new InvalidOperationException($"There is no send {decisionId}.");
        return profile with { Sends = profile.Sends.Replace(send, change(send)) };
    }

    /// <summary>What did not go out does not count against a limit.</summary>
    private static ImmutableArray<Tally> Untallied(ImmutableArray<Tally> tallies, string decisionId)
    {
        for (var i = 0; i < tallies.Length; i++)
        {
            var left = tallies[i].Entries.RemoveAll(entry => entry.DecisionId == decisionId);
            if (left.Length != tallies[i].Entries.Length)
                return left.IsEmpty ? tallies.RemoveAt(i) : tallies.SetItem(i, tallies[i] with { Entries = left });
        }
        return tallies;
    }

    internal static ImmutableArray<Send> WithoutOldFinished(ImmutableArray<Send> sends)
    {
        var finished = sends.Count(static send => !send.IsOpen);
        for (var i = 0; finished > Limits.FinishedSendsMax; i++)
        {
            if (sends[i].IsOpen)
                continue;
            sends = sends.RemoveAt(i--);
            finished--;
        }
        return sends;
    }

    private static T? Later<T>(T? left, T? right) where T : struct, IComparable<T> =>
        Nullable.Compare(left, right) > 0 ? left : right;

    private static int CompareSlots(string trigger, string? key, string otherTrigger, string? otherKey) =>
        string.CompareOrdinal(trigger, otherTrigger) is not 0 and var order ? order : string.CompareOrdinal(key, otherKey);

    /// <summary>The name under which a nameless call is counted and listened to.</summary>
    internal static string TypeName(EventType type) => TypeNames[(int)type];

    internal static EventType? FindType(string name) => Array.IndexOf(TypeNames, name) is >= 0 and var found ? (EventType)found : null;

    private static readonly string[] TypeNames = ["track", "identify", "page", "screen", "group", "alias"];
}
