using Orleans.Personalize.Journal;

namespace Orleans.Personalize.Engine.Properties;

/// <summary>What holds at every moment of any history.</summary>
public sealed class HistoryProperties
{
    private static void Always(Action<Moment[]> claim) =>
        Property.Holds(History.Make, static history => history.Shrink(), history => claim([.. history.Run()]));

    [Fact]
    public void Replaying_the_stored_facts_gives_the_live_profile_from_any_snapshot_on() => Always(static moments =>
    {
        var fromTheStart = Profile.New(Story.Ada);
        foreach (var (_, _, before, turn) in moments)
        {
            var facts = FactCodec.Decode(FactCodec.Encode(turn.Facts));
            var fromHere = facts.Aggregate(SnapshotCodec.Decode(SnapshotCodec.Encode(before))!, Evolver.Evolve);
            fromTheStart = facts.Aggregate(fromTheStart, Evolver.Evolve);
            var live = SnapshotCodec.Encode(turn.Profile);
            Assert.Equal(live, SnapshotCodec.Encode(fromHere));
            Assert.Equal(live, SnapshotCodec.Encode(fromTheStart));
        }
    });

    [Fact]
    public void Deciding_on_a_replayed_profile_gives_the_same_facts() => Always(static moments =>
    {
        foreach (var (step, triggers, before, turn) in moments)
        {
            if (step is not Step.Arrive arrive)
                continue;
            var replayed = SnapshotCodec.Decode(SnapshotCodec.Encode(before))!;
            var again = Decider.Decide(replayed, new Input.EventsArrived(arrive.Events), triggers, Story.At(step.Now));
            Assert.Equal(FactCodec.Encode(turn.Facts), FactCodec.Encode(again.Facts));
            Assert.Equal(turn.Receipts.ToArray(), again.Receipts.ToArray());
        }
    });

    [Fact]
    public void A_second_tick_at_the_same_instant_yields_no_facts() => Always(static moments =>
    {
        foreach (var moment in moments)
        {
            var ticked = Decider.Decide(moment.Turn.Profile, Input.Tick.Now, moment.Triggers, moment.Now).Profile;
            Assert.Empty(Decider.Decide(ticked, Input.Tick.Now, moment.Triggers, moment.Now).Facts);
        }
    });

    [Fact]
    public void After_a_tick_nothing_is_due_but_what_was_offered() => Always(static moments =>
    {
        foreach (var moment in moments)
        {
            var ticked = Decider.Decide(moment.Turn.Profile, Input.Tick.Now, moment.Triggers, moment.Now).Profile;
            var next = Outlook.NextDeadline(ticked, offeredUntil: moment.Now);
            Assert.True(next is null || next > moment.Now, $"{next:O} is due at {moment.Now:O}");
        }
    });

    [Fact]
    public void A_request_that_is_put_off_is_put_off_into_the_future() => Always(static moments =>
    {
        foreach (var moment in moments)
        {
            foreach (var settled in moment.Turn.Facts.OfType<Fact.SendSettled>())
                Assert.True(settled.State != SendState.Pending || settled.NextAttemptAt > moment.Now);
        }
    });

    [Fact]
    public void Versions_have_no_gaps() => Always(static moments =>
    {
        long version = 0;
        foreach (var moment in moments)
        {
            var receipts = moment.Turn.Receipts.Where(static receipt => receipt.Status is ReceiptStatus.Accepted or ReceiptStatus.Late).ToArray();
            var versions = receipts.Select(static receipt => receipt.Version!.Value).ToArray();
            Assert.Equal(versions.Length, versions.Distinct().Count());
            Assert.All(versions, held => Assert.InRange(held, version + 1, version + moment.Turn.Facts.Length));
            foreach (var receipt in receipts)
                Assert.Equal(receipt.MessageId, Assert.IsType<Fact.EventApplied>(moment.Turn.Facts[(int)(receipt.Version!.Value - version - 1)]).Event.MessageId);
            version += moment.Turn.Facts.Length;
            Assert.Equal(version, moment.Turn.Profile.Version);
        }
    });

    [Fact]
    public void An_event_is_applied_once_and_a_decision_is_decided_once() => Always(static moments =>
    {
        var facts = moments.SelectMany(static moment => moment.Turn.Facts).ToArray();
        var decisions = facts.OfType<Fact.Decided>().Select(static decided => decided.DecisionId).ToArray();
        Assert.Equal(decisions.Length, decisions.Distinct().Count());
        var applied = facts.OfType<Fact.EventApplied>().Select(static fact => fact.Event.MessageId).ToArray();
        Assert.Equal(applied.Length, applied.Distinct().Count());
    });

    [Fact]
    public void Every_event_is_answered() => Always(static moments =>
    {
        foreach (var moment in moments.Where(static moment => moment.Step is Step.Arrive))
        {
            Assert.Equal(
                ((Step.Arrive)moment.Step).Events.Select(static happened => happened.MessageId),
                moment.Turn.Receipts.Select(static receipt => receipt.MessageId));
            Assert.All(moment.Turn.Receipts, static receipt => Assert.Equal(receipt.Status == ReceiptStatus.Rejected, receipt.Version is null));
        }
    });

    [Fact]
    public void Limits_hold() => Always(static moments => Assert.All(moments, static moment => ProfileLimits.Hold(moment.Turn.Profile)));

    [Fact]
    public void Cooldown_and_max_hold_between_sends_that_were_not_withdrawn() => Always(static moments =>
    {
        var counted = new List<Fact.Decided>();
        foreach (var moment in moments)
        {
            foreach (var fact in moment.Turn.Facts)
            {
                if (fact is Fact.SendSettled { State: SendState.Suppressed or SendState.Expired or SendState.Failed } settled)
                    counted.RemoveAll(decided => decided.DecisionId == settled.DecisionId);
                if (fact is not Fact.Decided { Reason: null or Reason.Holdout or Reason.Shadow } decision)
                    continue;
                var earlier = counted.Where(decided => decided.Trigger == decision.Trigger).ToArray();
                if (moment.Triggers.Find(decision.Trigger)!.Limits is { } limits)
                {
                    Assert.DoesNotContain(earlier, decided => decision.DecidedAt - decided.DecidedAt < limits.Cooldown);
                    Assert.True(limits.Max is null || earlier.Count(decided => decision.DecidedAt - decided.DecidedAt < limits.Per) < limits.Max);
                }
                counted.Add(decision);
            }
        }
    });

    [Fact]
    public void Nothing_is_authorized_after_an_unless_that_is_newer_than_what_armed_it() => Always(static moments =>
    {
        // What closed which trigger and key, by an account of its own. A null key closes all.
        var closings = new List<(string Trigger, string? Key, Stamp By)>();
        foreach (var moment in moments)
        {
            foreach (var fact in moment.Turn.Facts)
            {
                if (fact is Fact.EventApplied { Late: false } applied)
                {
                    closings.AddRange(moment.Triggers.All
                        .Where(trigger => trigger.Unless.Any(pattern => pattern.Event == applied.Event.Name))
                        .Select(trigger => (trigger.Id, trigger.Key is null ? null : CartOf(applied.Event), Stamp.Of(applied.Event))));
                }
                if (fact is Fact.SendAuthorized authorized)
                {
                    var send = moment.Before.FindSend(authorized.DecisionId)!;
                    Assert.DoesNotContain(closings, closing =>
                        closing.Trigger == send.Trigger && (closing.Key is null || closing.Key == send.Key) && closing.By > send.ArmedThrough);
                }
            }
        }
    });

    private static string? CartOf(CustomerEvent happened) => happened.Properties.ToString() switch
    {
        var text when text.Contains("\"cart\":\"a\"") => "a",
        var text when text.Contains("\"cart\":\"b\"") => "b",
        var text when text.Contains("\"cart\":7") => "7",
        _ => null,
    };
}
