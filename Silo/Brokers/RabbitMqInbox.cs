using System.Threading.Channels;
using RabbitMQ.Client;
using RabbitMQ.Client.Events;

namespace Orleans.Personalize.Brokers;

internal sealed record RabbitMqMessage(ulong Tag, bool IsRedelivered, IReadOnlyBasicProperties Properties, ReadOnlyMemory<byte> Body);

/// <summary>What was delivered and is not yet taken up; the prefetch bounds it. Its end is an exception that says why.</summary>
internal sealed class RabbitMqInbox(IChannel channel) : AsyncDefaultBasicConsumer(channel)
{
    private readonly Channel<RabbitMqMessage> messages = System.Threading.Channels.Channel.CreateUnbounded<RabbitMqMessage>(
        new UnboundedChannelOptions { SingleReader = true, SingleWriter = true });

    private Task<bool>? waiting;

    /// <summary>Whether there is anything to take; false when the time is over, null when it is told to stop.</summary>
    /// <exception cref="BrokerLostException">No more will come.</exception>
    public async Task<bool?> WaitAsync(TimeSpan time, TimeProvider clock, CancellationToken stopping)
    {
        if (stopping.IsCancellationRequested)
            return null;
        waiting ??= messages.Reader.WaitToReadAsync(CancellationToken.None).AsTask();
        try
        {
            await waiting.WaitAsync(time > TimeSpan.Zero ? time : TimeSpan.Zero, clock, stopping);
        }
        catch (TimeoutException)
        {
            return false;
        }
        catch (OperationCanceledException) when (stopping.IsCancellationRequested)
        {
            return null;
        }
        waiting = null;
        return true;
    }

    public RabbitMqMessage[] Take(int count)
    {
        var taken = new List<RabbitMqMessage>();
        while (taken.Count < count && messages.Reader.TryRead(out var message))
            taken.Add(message);
        return [.. taken];
    }

    /// <remarks>The body is the library's again after this.</remarks>
    public override Task HandleBasicDeliverAsync(
        string consumerTag, ulong deliveryTag, bool redelivered, string exchange, string routingKey, IReadOnlyBasicProperties properties,
        ReadOnlyMemory<byte> body, CancellationToken cancellationToken = default)
    {
        messages.Writer.TryWrite(new(deliveryTag, redelivered, new BasicProperties(properties), body.ToArray()));
        return Task.CompletedTask;
    }

    /// <summary>The broker has ended it: the queue was deleted, or its leader is gone.</summary>
    public override Task HandleBasicCancelAsync(string consumerTag, CancellationToken cancellationToken = default)
    {
        messages.Writer.TryComplete(new BrokerLostException("the broker has cancelled the consumer; is the queue still there?"));
        return base.HandleBasicCancelAsync(consumerTag, cancellationToken);
    }

    public override Task HandleChannelShutdownAsync(object channel, ShutdownEventArgs reason)
    {
        messages.Writer.TryComplete(new BrokerLostException($"the channel was closed: {reason.ReplyCode} {reason.ReplyText}"));
        return base.HandleChannelShutdownAsync(channel, reason);
    }
}

internal sealed class BrokerLostException(string message) : Exception(message);
