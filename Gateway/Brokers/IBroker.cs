using Orleans.Personalize.Gateway.Connectors;

namespace Orleans.Personalize.Gateway.Brokers;

/// <summary>
/// The port of a message broker: one implementation a product, made from a source document by an <see cref="IBrokerFactory"/>. It knows how to get
/// messages and how to settle them; what they mean is its caller's business.
/// </summary>
public interface IBroker
{
    /// <summary>
    /// Connects and hands over messages in batches, one batch at a time, in the order of their arrival. Each is settled only after the sink's verdict. When it
    /// is told to stop it finishes the batch in hand, gives the rest back to the broker and returns. It may be called again.
    /// </summary>
    /// <exception cref="Exception">The broker cannot be reached, refuses, or the connection is lost. What was not settled, the broker delivers again.</exception>
    Task ConsumeAsync(IMessageSink sink, CancellationToken stopping);
}

/// <summary>Makes brokers of one type from their sources.</summary>
public interface IBrokerFactory : ISourceType
{
    /// <exception cref="ArgumentException">The document is no longer valid: what is allowed has changed.</exception>
    IBroker Create(string workspace, Source source);
}

/// <summary>Where a broker's messages go.</summary>
public interface IMessageSink
{
    /// <summary>The connection stands and messages may come.</summary>
    void OnConnected();

    /// <summary>How many messages wait at the broker for whoever is free.</summary>
    void OnLag(long messages);

    /// <summary>Says what is to become of each message, after all that is to be kept of it is durable.</summary>
    /// <param name="batch">One message or more.</param>
    /// <param name="stopping">An answer is wanted soon; what is not decided goes back to the broker.</param>
    Task<Verdict[]> TakeAsync(IReadOnlyList<BrokerMessage> batch, CancellationToken stopping);
}

/// <param name="Body">The taker's to keep.</param>
/// <param name="IsRedelivered">It was delivered before, to whomever.</param>
public sealed record BrokerMessage(ReadOnlyMemory<byte> Body, bool IsRedelivered);

public enum MessageFate
{
    /// <summary>Durable: the broker may forget it.</summary>
    Done = 0,
    /// <summary>Nobody knows yet: the broker delivers it again.</summary>
    Again = 1,
    /// <summary>No delivery would be better: it goes where people look at such messages.</summary>
    Refused = 2,
}

/// <param name="Reason">Why it is refused, for people, in printable characters; null unless it is.</param>
public readonly record struct Verdict(MessageFate Fate, string? Reason = null);
