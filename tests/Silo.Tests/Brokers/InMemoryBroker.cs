using System.Text;
using Orleans.Personalize.Gateway.Brokers;

namespace Orleans.Personalize.Silo.Tests.Brokers;

/// <summary>A broker with one queue, for tests of what stands around the port: it keeps what is not settled and delivers it again.</summary>
internal sealed class InMemoryBroker
{
    private readonly Lock gate = new();
    private readonly List<Kept> queue = [];
    private TaskCompletionSource changed = new(TaskCreationOptions.RunContinuationsAsynchronously);
    private CancellationTokenSource connections = new();
    private int inHandCount;

    public Func<Exception?> OnConnect { get; set; } = static () => null;

    public List<(string Body, string? Reason)> Buried { get; } = [];

    public int Waiting
    {
        get
        {
            lock (gate)
                return queue.Count;
        }
    }

    /// <summary>Taken out and not settled.</summary>
    public int InHand => Volatile.Read(ref inHandCount);

    public void Publish(params IEnumerable<string> bodies)
    {
        lock (gate)
            queue.AddRange(bodies.Select(static body => new Kept(Encoding.UTF8.GetBytes(body), false)));
        Change();
    }

    public void Cut()
    {
        CancellationTokenSource cut;
        lock (gate)
            (cut, connections) = (connections, new());
        cut.Cancel();
    }

    public IBroker Consumer(int prefetch) => new Connection(this, prefetch);

    private Kept[] Take(int count)
    {
        lock (gate)
        {
            var taken = queue.Take(count).ToArray();
            queue.RemoveRange(0, taken.Length);
            inHandCount += taken.Length;
            return taken;
        }
    }

    private void Return(IEnumerable<Kept> kept)
    {
        lock (gate)
            queue.InsertRange(0, kept.Select(static one => one with { IsRedelivered = true }));
        Change();
    }

    private void Change()
    {
        TaskCompletionSource told;
        lock (gate)
            (told, changed) = (changed, new(TaskCreationOptions.RunContinuationsAsynchronously));
        told.SetResult();
    }

    private sealed record Kept(byte[] Body, bool IsRedelivered);

    private sealed class Connection(InMemoryBroker broker, int prefetch) : IBroker
    {
        public async Task ConsumeAsync(IMessageSink sink, CancellationToken stopping)
        {
            if (broker.OnConnect() is { } refusal)
                throw refusal;
            CancellationToken cut;
            lock (broker.gate)
                cut = broker.connections.Token;
            sink.OnConnected();
            while (!stopping.IsCancellationRequested)
            {
                Task change;
                lock (broker.gate)
                    change = broker.changed.Task;
                var inHand = broker.Take(prefetch);
                if (inHand.Length == 0)
                {
                    await Task.WhenAny(change, Task.Delay(Timeout.Infinite, stopping), Task.Delay(Timeout.Infinite, cut));
                    cut.ThrowIfCancellationRequested();
                    continue;
                }
                sink.OnLag(broker.Waiting);
                await SettleAsync(sink, inHand, cut, stopping);
            }
        }

        private async Task SettleAsync(IMessageSink sink, Kept[] inHand, CancellationToken cut, CancellationToken stopping)
        {
            var verdicts = await sink.TakeAsync([.. inHand.Select(static kept => new BrokerMessage(kept.Body, kept.IsRedelivered))], stopping);
            if (cut.IsCancellationRequested)
                verdicts = Array.ConvertAll(inHand, static _ => new Verdict(MessageFate.Again));
            lock (broker.gate)
                broker.Buried.AddRange(inHand.Zip(verdicts).Where(static pair => pair.Second.Fate == MessageFate.Refused)
                    .Select(static pair => (Encoding.UTF8.GetString(pair.First.Body), pair.Second.Reason)));
            if (inHand.Zip(verdicts).Where(static pair => pair.Second.Fate == MessageFate.Again).Select(static pair => pair.First).ToArray() is { Length: > 0 } again)
                broker.Return(again);
            Interlocked.Add(ref broker.inHandCount, -inHand.Length);
            if (cut.IsCancellationRequested)
                throw new IOException("The connection is lost.");
        }
    }
}
