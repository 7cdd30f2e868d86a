namespace Orleans.Personalize.Sending;

/// <summary>The port of an outlet: one implementation a provider, made by an <see cref="ISenderFactory"/> from a sender document.</summary>
public interface ISender
{
    /// <summary>
    /// Tries once to deliver. An expected refusal or fault of the provider is a value; an exception is treated as
    /// <see cref="SendOutcome.Unknown"/>, which is also the answer where the request was on its way and nothing tells whether it was taken: a
    /// time-out, a connection that ended early. The implementation bounds its own time.
    /// </summary>
    Task<Delivery> DeliverAsync(SendMessage message, CancellationToken cancellation);
}

/// <summary>Makes senders of one type from their documents.</summary>
public interface ISenderFactory
{
    /// <summary>The document's <c>type</c>, such as <c>webhook</c>.</summary>
    string Type { get; }

    /// <summary>
    /// Whether the receiver takes a repeated attempt for the same message (by the decision id). Where it does not, an attempt of unknown outcome is
    /// held instead of repeated, unless the document says otherwise.
    /// </summary>
    bool Deduplicates { get; }

    /// <summary>What is wrong with a document of this type; empty when nothing is. It sees the whole document.</summary>
    IReadOnlyList<DocumentError> Validate(System.Text.Json.JsonElement document);

    /// <summary>Makes a sender from a valid document.</summary>
    ISender Create(string workspace, string senderId, System.Text.Json.JsonElement document);
}

/// <summary>What a template can link to, made for one message.</summary>
/// <param name="Unsubscribe">Null where nothing is to be unsubscribed from.</param>
/// <param name="Content">Where a slot's content is shown to the recipient, by the slot's id; null leads nowhere.</param>
public sealed record MailLinks(string? Unsubscribe, string? Preferences, Func<string, string>? Content = null);

/// <summary>A job with its rendered content.</summary>
/// <param name="Workspace">Whose it is.</param>
/// <param name="Content">Null where the send names no template.</param>
/// <param name="Unsubscribe">
/// Where the recipient unsubscribes by one click (RFC 8058) and finds the page for it; null where nothing is to be unsubscribed from.
/// </param>
/// <param name="Reference">What the provider may be told of whom the message is for; its reports bring it back. Null where links are not configured.</param>
public sealed record SendMessage(
    string Workspace, string CustomerId, SendJob Job, RenderedContent? Content, Uri? Unsubscribe = null, string? Reference = null);

/// <param name="Text">Never null where there is html.</param>
/// <param name="Preheader">The line that mail clients show behind the subject; the html has it already, hidden.</param>
/// <param name="Name">Which of the template's contents it is.</param>
public sealed record RenderedContent(string? Subject, string? Html, string? Text, string? Preheader = null, string Name = "default");

/// <param name="ProviderId">The provider's id of the message, where it gives one.</param>
/// <param name="Detail">Why it was not sent; for people. Holds no secrets.</param>
public sealed record Delivery(SendOutcome Outcome, string? ProviderId = null, string? Detail = null, TimeSpan? RetryAfter = null);
