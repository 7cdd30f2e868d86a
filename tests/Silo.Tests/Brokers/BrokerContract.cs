using System.Text;
using Orleans.Personalize.Gateway.Brokers;
using Orleans.Personalize.Testing;

namespace Orleans.Personalize.Silo.Tests.Brokers;

/// <summary>What every implementation of <see cref="IBroker"/> must do.</summary>
public abstract class BrokerContract
{
    /// <summary>A consumer of the one queue there is.</summary>
    protected abstract IBroker Broker(int prefetch = 20);

    /// <summary>Returns when the broker has them.</summary>
    protected abstract Task PublishAsync(params string[] bodies);

    /// <summary>Messages that wait for a consumer.</summary>
    protected abstract Task<int> WaitingAsync();

    /// <summary>Takes out and returns what was refused, with the reasons.</summary>
    protected abstract Task<(string Body, string? Reason)[]> BuriedAsync();

    /// <summary>Cuts all connections, from the broker's side; the broker can be reached again when it returns.</summary>
    protected abstract Task CutAsync();

    [ContractFact]
    public async Task A_message_is_forgotten_once_it_is_done_and_not_before()
    {
        await PublishAsync("a", "b", "c");
        await using var run = new Run(Broker());
        run.Sink.Answer(MessageFate.Done);
        await run.Sink.HasTakenAsync("a", "b", "c");
        await run.StopAsync();

        await WaitAsync(0);
        Assert.Equal(["a", "b", "c"], run.Sink.Taken);
        Assert.DoesNotContain(run.Sink.Messages, static message => message.IsRedelivered);
    }

    [ContractFact]
    public async Task What_is_not_decided_comes_again_and_says_so()
    {
        await PublishAsync("a");
        await using var run = new Run(Broker());
        run.Sink.Answer(message => new(message.IsRedelivered ? MessageFate.Done : MessageFate.Again));
        await run.Sink.HasTakenAsync("a", "a");
        await run.StopAsync();

        Assert.Equal([false, true], run.Sink.Messages.Select(static message => message.IsRedelivered));
        await WaitAsync(0);
    }

    [ContractFact]
    public async Task What_is_refused_is_kept_with_the_reason_and_stops_nobody()
    {
        await PublishAsync("good", "bad", "good too");
        await using var run = new Run(Broker());
        run.Sink.Answer(static message => Encoding.UTF8.GetString(message.Body.Span) == "bad" ? new(MessageFate.Refused, "It is bad.") : new(MessageFate.Done));
        await run.Sink.HasTakenAsync("good", "bad", "good too");
        await run.StopAsync();

        Assert.Equal([("bad", "It is bad.")], await BuriedAsync());
        await WaitAsync(0);
    }

    [ContractFact]
    public async Task No_more_comes_than_is_settled()
    {
        await PublishAsync([.. Enumerable.Range(0, 50).Select(static number => $"{number}")]);
        await using var run = new Run(Broker(prefetch: 10));
        await run.Sink.HasMessagesAsync(1);
        // Of ten in hand the sink has a batch, and gets no second one before it has answered; the queue keeps the others.
        await WaitAsync(40);
        Assert.InRange(run.Sink.Messages.Length, 1, 10);
        run.Sink.Answer(MessageFate.Done);
        await Eventually.TrueAsync(() => run.Sink.Taken.Length == 50, () => "50 messages are taken");
        await run.StopAsync();
        await WaitAsync(0);
        Assert.Equal(50, run.Sink.Taken.Distinct().Count());
    }

    [ContractFact]
    public async Task A_stop_finishes_what_is_in_hand_and_gives_the_rest_back()
    {
        await PublishAsync([.. Enumerable.Range(0, 20).Select(static number => $"{number}")]);
        await using var run = new Run(Broker(prefetch: 10));
        await run.Sink.HasMessagesAsync(1);
        var stopped = run.StopAsync();
        Assert.False(stopped.IsCompleted);
        run.Sink.Answer(MessageFate.Done);
        await stopped;

        var inHand = run.Sink.Messages.Length;
        Assert.InRange(inHand, 1, 10);
        await WaitAsync(20 - inHand);
        await using var next = new Run(Broker());
        next.Sink.Answer(MessageFate.Done);
        await Eventually.TrueAsync(() => next.Sink.Taken.Length == 20 - inHand, () => $"{20 - inHand} messages are taken");
        Assert.Equal(20, run.Sink.Taken.Concat(next.Sink.Taken).Distinct().Count());
    }

    [ContractFact]
    public async Task A_lost_connection_is_an_exception_and_what_was_not_settled_comes_again()
    {
        await PublishAsync("a", "b");
        var broker = Broker();
        await using (var run = new Run(broker))
        {
            await run.Sink.HasMessagesAsync(1);
            await CutAsync();
            run.Sink.Answer(MessageFate.Done);
            await Assert.ThrowsAnyAsync<Exception>(() => run.EndAsync());
        }

        await using var again = new Run(broker);
        again.Sink.Answer(MessageFate.Done);
        await again.Sink.HasTakenAsync("a", "b");
        await again.StopAsync();
        await WaitAsync(0);
    }

    [ContractFact]
    public async Task Two_consumers_share_the_messages()
    {
        await using var first = new Run(Broker(prefetch: 2));
        await using var second = new Run(Broker(prefetch: 2));
        await first.Sink.IsConnectedAsync();
        await second.Sink.IsConnectedAsync();
        await PublishAsync([.. Enumerable.Range(0, 40).Select(static number => $"{number}")]);
        // Nobody is done before both have some.
        await first.Sink.HasMessagesAsync(1);
        await second.Sink.HasMessagesAsync(1);
        first.Sink.Answer(MessageFate.Done);
        second.Sink.Answer(MessageFate.Done);
        await Eventually.TrueAsync(() => first.Sink.Taken.Length + second.Sink.Taken.Length >= 40, () => "40 messages are taken");
        await first.StopAsync();
        await second.StopAsync();

        Assert.Equal(40, first.Sink.Taken.Concat(second.Sink.Taken).Distinct().Count());
        Assert.Equal(40, first.Sink.Taken.Length + second.Sink.Taken.Length);
        await WaitAsync(0);
    }

    /// <remarks>What was given back may be on its way.</remarks>
    private async Task WaitAsync(int expected)
    {
        var waiting = 0;
        await Eventually.TrueAsync(async () => (waiting = await WaitingAsync()) == expected, () => $"{expected} messages wait at the broker; {waiting} do");
    }

    /// <summary>A consumer at work.</summary>
    protected sealed class Run : IAsyncDisposable
    {
        private readonly CancellationTokenSource stopping = new();
        private readonly Task work;

        public Run(IBroker broker) => work = broker.ConsumeAsync(Sink, stopping.Token);

        internal ScriptedSink Sink { get; } = new();

        public async Task StopAsync()
        {
            await stopping.CancelAsync();
            await EndAsync();
        }

        public Task EndAsync() => work.WaitAsync(Eventually.Patience);

        public async ValueTask DisposeAsync()
        {
            await stopping.CancelAsync();
            Sink.Answer(MessageFate.Again);
            await work.WaitAsync(Eventually.Patience).ConfigureAwait(ConfigureAwaitOptions.SuppressThrowing);
            stopping.Dispose();
        }
    }
}

/// <summary>Keeps what it is given, and answers when and as the test says.</summary>
internal sealed class ScriptedSink : IMessageSink
{
    private readonly Lock gate = new();
    private readonly List<BrokerMessage> messages = [];
    private readonly TaskCompletionSource<Func<BrokerMessage, Verdict>> answer = new(TaskCreationOptions.RunContinuationsAsynchronously);
    private volatile int taken;
    private volatile bool isConnected;

    /// <summary>What was handed over, decided or not.</summary>
    public BrokerMessage[] Messages
    {
        get
        {
            lock (gate)
                return [.. messages];
        }
    }

    /// <summary>What a verdict was given on, in order.</summary>
    public string[] Taken => [.. Messages.Take(taken).Select(static message => Encoding.UTF8.GetString(message.Body.Span))];

    public void Answer(MessageFate fate) => Answer(_ => new(fate));

    public void Answer(Func<BrokerMessage, Verdict> verdict) => answer.TrySetResult(verdict);

    public Task HasMessagesAsync(int count) => Eventually.TrueAsync(() => Messages.Length >= count, () => $"{count} messages came; {Messages.Length} did");

    public Task HasTakenAsync(params string[] bodies) =>
        Eventually.TrueAsync(() => Taken.SequenceEqual(bodies), () => $"{string.Join(", ", bodies)} are taken; taken are {string.Join(", ", Taken)}");

    public Task IsConnectedAsync() => Eventually.TrueAsync(() => isConnected, static () => "the consumer is connected");

    public void OnConnected() => isConnected = true;

    public void OnLag(long messages)
    {
        // What it is worth is for the one who shows it.
    }

    public async Task<Verdict[]> TakeAsync(IReadOnlyList<BrokerMessage> batch, CancellationToken stopping)
    {
        lock (gate)
            messages.AddRange(batch);
        var verdict = await answer.Task;
        taken += batch.Count;
        return [.. batch.Select(verdict)];
    }
}
