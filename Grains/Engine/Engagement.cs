using System.Collections.Immutable;
using System.Text.Json.Serialization;

namespace Orleans.Personalize.Engine;

/// <summary>
/// What became of a message after it was sent, from the events that providers report: the first time of each. A machine's open is kept apart, for it
/// says nothing of the person.
/// </summary>
public sealed record Engagement(
    DateTimeOffset? DeliveredAt = null,
    DateTimeOffset? OpenedAt = null,
    DateTimeOffset? MachineOpenedAt = null,
    DateTimeOffset? ClickedAt = null,
    DateTimeOffset? BouncedAt = null,
    DateTimeOffset? ComplainedAt = null,
    DateTimeOffset? UnsubscribedAt = null)
{
    /// <summary>The member of the event's properties that names the send.</summary>
    private const string DecisionMember = "decision_id";

    /// <summary>The events' names are those of Segment's e-mail specification (https://segment.com/docs/connections/spec/email/).</summary>
    private static readonly Dictionary<string, Func<Engagement, DateTimeOffset, bool, Engagement>> Folds = new()
    {
        ["Email Delivered"] = static (known, at, _) => known with { DeliveredAt = First(known.DeliveredAt, at) },
        ["Email Opened"] = static (known, at, byMachine) => byMachine
            ? known with { MachineOpenedAt = First(known.MachineOpenedAt, at) }
            : known with { OpenedAt = First(known.OpenedAt, at) },
        ["Email Link Clicked"] = static (known, at, _) => known with { ClickedAt = First(known.ClickedAt, at) },
        ["Email Bounced"] = static (known, at, _) => known with { BouncedAt = First(known.BouncedAt, at) },
        ["Email Marked as Spam"] = static (known, at, _) => known with { ComplainedAt = First(known.ComplainedAt, at) },
        ["Unsubscribed"] = static (known, at, _) => known with { UnsubscribedAt = First(known.UnsubscribedAt, at) },
    };

    /// <summary>Whether the provider is known to have taken the message: whatever happened to it later, it left.</summary>
    [JsonIgnore]
    public bool ProvesDelivery => DeliveredAt is not null || OpenedAt is not null || MachineOpenedAt is not null || ClickedAt is not null
        || ComplainedAt is not null || UnsubscribedAt is not null;

    /// <summary>The send that an event reports on; null where it is of another kind or the send is no longer remembered.</summary>
    public static Send? Subject(Profile profile, CustomerEvent happened) =>
        happened.Name is { } name && Folds.ContainsKey(name) && !profile.Sends.IsEmpty
        && Json.Find(happened.Properties, DecisionMember) is { Kind: ScalarKind.Text, Text: { } decisionId }
            ? profile.FindSend(decisionId)
            : null;

    public static ImmutableArray<Send> Apply(Profile profile, CustomerEvent happened)
    {
        if (Subject(profile, happened) is not { } send)
            return profile.Sends;
        var byMachine = Json.Find(happened.Properties, "machine") is { Kind: ScalarKind.Boolean, Number: 1 };
        var engagement = Folds[happened.Name!](send.Engagement ?? new(), happened.OccurredAt, byMachine);
        return profile.Sends.Replace(send, send with { Engagement = engagement });
    }

    private static DateTimeOffset First(DateTimeOffset? known, DateTimeOffset at) => known < at ? known.Value : at;
}
