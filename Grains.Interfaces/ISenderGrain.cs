namespace Orleans.Personalize;

/// <summary>One configured outlet, keyed <c>workspace/senderId</c>: one queue, one breaker for the whole cluster.</summary>
[Alias("ISenderGrain")]
public interface ISenderGrain : IGrainWithStringKey
{
    /// <summary>
    /// Takes a send to deliver when there is room. Nothing is owed for it: the customer's profile remembers the send and offers it again.
    /// </summary>
    Task<OfferReply> Offer(SendOffer offer);

    /// <summary>How the sender is, since it was last activated.</summary>
    Task<SenderStatus> Status();

    /// <summary>
    /// Sends one message at once, so that somebody sees whether the outlet works: past the queue, the rate and the breaker. It is marked as a test, belongs to
    /// no decision, is recorded nowhere and counts for nothing.
    /// </summary>
    /// <returns>Null where the sender or the template is not known to this silo, or not yet.</returns>
    Task<TestReport?> Test(TestMessage message);
}

/// <param name="To">Where it goes, whatever address the profile has.</param>
/// <param name="Profile">Whose data a template is rendered with; null: nobody's.</param>
/// <param name="Template">Null: <paramref name="Text"/> is all there is.</param>
/// <param name="EventProperties">A JSON object or absent.</param>
/// <param name="By">Who wants to know, for the log.</param>
[GenerateSerializer, Immutable, Alias("TestMessage")]
public sealed record TestMessage(
    [property: Id(0)] string To,
    [property: Id(1)] CustomerView? Profile,
    [property: Id(2)] string? Template,
    [property: Id(3)] string? Text,
    [property: Id(4)] string? EventName,
    [property: Id(5)] JsonText EventProperties,
    [property: Id(6)] string By);

/// <param name="ProviderId">The provider's id of the message, where it gave one.</param>
/// <param name="Detail">Why it was not sent, for people. Holds no secrets.</param>
/// <param name="Subject">As it went out; null where there is none.</param>
/// <param name="Took">From the request to the provider's answer.</param>
[GenerateSerializer, Immutable, Alias("TestReport")]
public sealed record TestReport(
    [property: Id(0)] SendOutcome Outcome,
    [property: Id(1)] string? ProviderId,
    [property: Id(2)] string? Detail,
    [property: Id(3)] string? Subject,
    [property: Id(4)] TimeSpan Took);

/// <param name="NotBefore">When it is to be offered again; null: it was taken.</param>
/// <param name="Reason">Why it was not taken, as a code: <c>breaker</c> or <c>rate</c>.</param>
[GenerateSerializer, Immutable, Alias("OfferReply")]
public sealed record OfferReply(
    [property: Id(0)] DateTimeOffset? NotBefore,
    [property: Id(1)] string? Reason)
{
    public static readonly OfferReply Taken = new(null, null);
}

/// <param name="Breaker"><c>closed</c> (all is well), <c>open</c> (the provider does not answer or asked for a pause), or <c>half-open</c> (one attempt will tell).</param>
/// <param name="OpenUntil">When the next attempt is made; null where none has to wait.</param>
/// <param name="Waiting">Sends in the queue.</param>
/// <param name="Delivering">Sends under way.</param>
[GenerateSerializer, Immutable, Alias("SenderStatus")]
public sealed record SenderStatus(
    [property: Id(0)] string Breaker,
    [property: Id(1)] DateTimeOffset? OpenUntil,
    [property: Id(2)] int Waiting,
    [property: Id(3)] int Delivering);

/// <param name="Customer">The key of the customer's grain.</param>
[GenerateSerializer, Immutable, Alias("SendOffer")]
public sealed record SendOffer(
    [property: Id(0)] string Customer,
    [property: Id(1)] string DecisionId);

/// <summary>The answer to <see cref="ICustomerGrain.Authorize"/>: a job to deliver now, or why not.</summary>
[GenerateSerializer, Immutable, Alias("Authorization")]
public sealed record Authorization(
    [property: Id(0)] SendJob? Job,
    [property: Id(1)] string? Refusal = null);

/// <summary>An authorized attempt with all that its rendering needs, as of the authorization.</summary>
[GenerateSerializer, Immutable, Alias("SendJob")]
public sealed record SendJob
{
    /// <summary>128 bits in hex; the same for every attempt: the idempotency key at the provider.</summary>
    [Id(0)] public required string DecisionId { get; init; }
    /// <summary>1 for the first.</summary>
    [Id(1)] public required int Attempt { get; init; }
    [Id(2)] public required string Trigger { get; init; }
    [Id(3)] public required string? Key { get; init; }
    [Id(4)] public required string? Template { get; init; }
    /// <summary>The trigger's own <c>send.data</c>, a JSON object or absent.</summary>
    [Id(5)] public required JsonText Data { get; init; }
    /// <summary>The event that fired the trigger or last kept its wait open.</summary>
    [Id(6)] public required string? EventName { get; init; }
    [Id(7)] public required JsonText EventProperties { get; init; }
    [Id(8)] public required DateTimeOffset DecidedAt { get; init; }
    [Id(9)] public required DateTimeOffset? ExpiresAt { get; init; }
    [Id(10)] public required CustomerView Profile { get; init; }
    /// <summary>Whose consent was asked.</summary>
    [Id(11)] public string Channel { get; init; } = "email";
    [Id(12)] public string? Topic { get; init; }
    /// <summary>What the customer asked for: there is nothing to unsubscribe from.</summary>
    [Id(13)] public bool IsTransactional { get; init; }
}

public enum SendOutcome
{
    /// <summary>The provider took it.</summary>
    Sent = 0,
    /// <summary>It may succeed later; the customer schedules the next attempt or gives up.</summary>
    Retry = 1,
    /// <summary>It cannot succeed.</summary>
    Failed = 2,
    /// <summary>It may have been taken: it was on its way and no answer came.</summary>
    Unknown = 3,
}

/// <summary>What is done about a send by hand.</summary>
public enum SendVerdict
{
    /// <summary>Try again now; all that is asked before a delivery is asked again.</summary>
    Retry = 0,
    /// <summary>Let go of it.</summary>
    Drop = 1,
    /// <summary>It is known to have arrived.</summary>
    Delivered = 2,
}

/// <param name="RetryAfter">What the provider asked for; null leaves it to the schedule.</param>
/// <param name="Content">Which of its template's contents was used; null where the send names no template.</param>
[GenerateSerializer, Immutable, Alias("SendReport")]
public sealed record SendReport(
    [property: Id(0)] int Attempt,
    [property: Id(1)] SendOutcome Outcome,
    [property: Id(2)] string? ProviderId,
    [property: Id(3)] string? Detail,
    [property: Id(4)] TimeSpan? RetryAfter = null,
    [property: Id(5)] string? Content = null);
