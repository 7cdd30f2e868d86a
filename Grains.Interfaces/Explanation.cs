namespace Orleans.Personalize;

/// <summary>Why a customer would or would not be sent what a trigger sends, if its time were now.</summary>
/// <param name="Version">Of the trigger.</param>
/// <param name="ProfileVersion">Of the profile that was asked; 0: nothing is known of the customer.</param>
/// <param name="At">The instant for which the question is asked: now, or the deadline of a wait that is over.</param>
/// <param name="About">The event that conditions are asked about; null where none is kept: then its fields are missing.</param>
/// <param name="Checks">In the order in which they are asked; the first that does not hold is the reason.</param>
/// <param name="Condition">The trigger's <c>if</c>, part by part; null where it has none.</param>
/// <param name="Waits">The trigger's open ones.</param>
/// <param name="LastDecisions">The trigger's latest, newest first, at the most 10.</param>
/// <param name="Would"><c>send</c>, or the reason not to, as a code.</param>
[GenerateSerializer, Immutable, Alias("Explanation")]
public sealed record Explanation(
    [property: Id(0)] string Trigger,
    [property: Id(1)] long Version,
    [property: Id(2)] bool Enabled,
    [property: Id(3)] long ProfileVersion,
    [property: Id(4)] DateTimeOffset At,
    [property: Id(5)] ExplainedEvent? About,
    [property: Id(6)] ExplainedCheck[] Checks,
    [property: Id(7)] ExplainedCondition? Condition,
    [property: Id(8)] WaitView[] Waits,
    [property: Id(9)] DecisionView[] LastDecisions,
    [property: Id(10)] string Would)
{
    public const int LastDecisionsMax = 10;
}

/// <param name="KeptBy"><c>wait</c>: it last kept an open wait open; <c>send</c>: the latest send is about it.</param>
[GenerateSerializer, Immutable, Alias("ExplainedEvent")]
public sealed record ExplainedEvent(
    [property: Id(0)] string KeptBy,
    [property: Id(1)] string? Key,
    [property: Id(2)] string MessageId,
    [property: Id(3)] string? Name,
    [property: Id(4)] DateTimeOffset OccurredAt);

/// <param name="Name">
/// <c>event</c>, <c>unless</c>, <c>enabled</c>, <c>rollout</c>, <c>condition</c>, <c>consent</c>, <c>limits</c>, <c>quiet-hours</c>, <c>expires</c>, <c>outbox</c>, <c>holdout</c>, <c>shadow</c>,
/// <c>cap</c> or <c>suppression</c>.
/// </param>
/// <param name="Detail">What was found, for people.</param>
[GenerateSerializer, Immutable, Alias("ExplainedCheck")]
public sealed record ExplainedCheck(
    [property: Id(0)] string Name,
    [property: Id(1)] bool Holds,
    [property: Id(2)] string? Detail);

/// <param name="Pointer">Where in the trigger's document it stands (RFC 6901).</param>
/// <param name="Text">Such as <c>profile.cart.total gte 20</c>; <c>all of</c>, <c>any of</c> and <c>not</c> are said of the children.</param>
/// <param name="Actual">The value that was compared; null where there are children.</param>
[GenerateSerializer, Immutable, Alias("ExplainedCondition")]
public sealed record ExplainedCondition(
    [property: Id(0)] string Pointer,
    [property: Id(1)] string Text,
    [property: Id(2)] string? Actual,
    [property: Id(3)] bool Holds,
    [property: Id(4)] ExplainedCondition[] Children);
