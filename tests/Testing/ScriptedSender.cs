using System.Collections.Concurrent;
using System.Text.Json;
using Orleans.Personalize.Sending;

namespace Orleans.Personalize.Testing;

/// <summary>Senders of the type <c>test</c>: they do as a test says and remember what they were given.</summary>
public sealed class ScriptedSender : ISenderFactory
{
    private readonly ConcurrentQueue<SendMessage> delivered = new();

    public string Type => "test";

    /// <summary>What the documents do not say otherwise.</summary>
    public bool Deduplicates { get; set; } = true;

    /// <summary>What a delivery comes to; by default it succeeds at once. It runs after the message is remembered.</summary>
    public Func<SendMessage, CancellationToken, Task<Delivery>> Script { get; set; } =
        static (_, _) => Task.FromResult(new Delivery(SendOutcome.Sent, "provider-1"));

    /// <summary>Every message that a sender was asked to deliver, in order.</summary>
    public IReadOnlyList<SendMessage> Delivered => [.. delivered];

    /// <summary>How many senders were made from documents.</summary>
    public int Created { get; private set; }

    public IReadOnlyList<DocumentError> Validate(JsonElement document) =>
        document.TryGetProperty("broken", out _) ? [new("/broken", "is not allowed")] : [];

    public ISender Create(string workspace, string senderId, JsonElement document)
    {
        Created++;
        return new Sender(this);
    }

    private sealed class Sender(ScriptedSender script) : ISender
    {
        public Task<Delivery> DeliverAsync(SendMessage message, CancellationToken cancellation)
        {
            script.delivered.Enqueue(message);
            return script.Script(message, cancellation);
        }
    }
}
