namespace Orleans.Personalize.Engine.Properties;

/// <summary>An explanation says what the decision then is.</summary>
public sealed class ExplainProperties
{
    private static readonly Dictionary<string, string> CheckOf = new()
    {
        [Reason.Unless] = "unless", [Reason.TriggerDisabled] = "enabled", [Reason.Rollout] = "rollout", [Reason.Condition] = "condition",
        [Reason.Consent] = "consent", [Reason.Cooldown] = "limits", [Reason.Limit] = "limits", [Reason.QuietHours] = "quiet-hours",
        [Reason.Expired] = "expires", [Reason.OutboxFull] = "outbox", [Reason.Holdout] = "holdout", [Reason.Shadow] = "shadow", [Reason.Cap] = "cap",
        [Reason.NoEvent] = "event",
    };

    [Fact]
    public void What_a_wait_is_explained_to_come_to_is_what_it_comes_to() => Property.Holds(History.Make, static history => history.Shrink(), static history =>
    {
        foreach (var moment in history.Run())
        {
            var profile = moment.Turn.Profile;
            // The first of all, so that no other decision comes in between.
            if (profile.Waits.Length != 1 || profile.Waits[0] is not { } wait || moment.Triggers.Find(wait.Trigger) is not { } trigger)
                continue;
            foreach (var now in (DateTimeOffset[])[wait.Deadline, wait.Deadline.AddMinutes(7)])
            {
                var explained = Decider.Explain(profile, trigger, wait.Key, moment.Triggers, now);
                var decided = Decider.Decide(profile, Input.Tick.Now, moment.Triggers, now).Facts.OfType<Fact.Decided>().First();
                Assert.Equal(decided.Reason ?? "send", explained.Would);
                Assert.Equal(decided.Reason is { } reason ? CheckOf[reason] : null, explained.Checks.FirstOrDefault(static check => !check.Holds)?.Name);
                Assert.Equal(trigger.If is null || explained.Checks.Single(static check => check.Name == "condition").Holds, explained.Condition?.Holds ?? true);
            }
        }
    });
}
