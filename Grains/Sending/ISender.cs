namespace Orleans.Personalize.Sending;

/// <summary>The port of an outlet: one implementation a provider, made by an <see cref="ISenderFactory"/> from a sender document.</summary>
public interface ISender
{
    /// <summary>
    /// Tries once to deliver. An expected refusal or fault of the provider is a value; an exception is treated as
    /// <see cref="SendOutcome.Retry"/>. The implementation bounds its own time.
    /// </summary>
    Task<Delivery> DeliverAsync(SendMessage message, CancellationToken cancellation);
}

/// <summary>Makes senders of one type from their documents.</summary>
public interface ISenderFactory
{
    /// <summary>The document's <c>type</c>, such as <c>webhook</c>.</summary>
    string Type { get; }

    /// <summary>What is wrong with a document of this type; empty when nothing is. It sees the whole document.</summary>
    IReadOnlyList<DocumentError> Validate(System.Text.Json.JsonElement document);

    /// <summary>Makes a sender from a valid document.</summary>
    ISender Create(string workspace, string senderId, System.Text.Json.JsonElement document);
}

/// <summary>A job with its rendered content.</summary>
/// <param name="Workspace">Whose it is.</param>
/// <param name="Content">Null where the send names no template.</param>
public sealed record SendMessage(string Workspace, string CustomerId, SendJob Job, RenderedContent? Content);

public sealed record RenderedContent(string? Subject, string? Html, string? Text);

/// <param name="ProviderId">The provider's id of the message, where it gives one.</param>
/// <param name="Detail">Why it was not sent; for people. Holds no secrets.</param>
public sealed record Delivery(SendOutcome Outcome, string? ProviderId = null, string? Detail = null, TimeSpan? RetryAfter = null);
