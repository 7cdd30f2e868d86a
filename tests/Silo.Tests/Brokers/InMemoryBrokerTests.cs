using Orleans.Personalize.Gateway.Brokers;

namespace Orleans.Personalize.Silo.Tests.Brokers;

public sealed class InMemoryBrokerTests : BrokerContract
{
    private readonly InMemoryBroker broker = new();

    protected override IBroker Broker(int prefetch = 20) => broker.Consumer(prefetch);

    protected override Task PublishAsync(params string[] bodies)
    {
        broker.Publish(bodies);
        return Task.CompletedTask;
    }

    protected override Task<int> WaitingAsync() => Task.FromResult(broker.Waiting);

    protected override Task<(string Body, string? Reason)[]> BuriedAsync() => Task.FromResult(broker.Buried.ToArray());

    protected override Task CutAsync()
    {
        broker.Cut();
        return Task.CompletedTask;
    }
}
