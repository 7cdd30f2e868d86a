using System.Text;
using System.Text.Json.Nodes;
using Microsoft.Extensions.Logging.Abstractions;
using Orleans.Personalize.Brokers;
using Orleans.Personalize.Gateway.Brokers;
using Orleans.Personalize.Gateway.Connectors;
using Orleans.Personalize.Sources;
using Orleans.Personalize.Testing;
using RabbitMQ.Client;

namespace Orleans.Personalize.Silo.Tests.Brokers;

/// <summary>The tests that share a server, which some of them kill.</summary>
[CollectionDefinition("rabbit")]
public sealed class RabbitCollection : ICollectionFixture<RabbitFixture>;

public sealed class RabbitFixture : IAsyncLifetime
{
    /// <summary>Only where it is installed.</summary>
    public RabbitServer Server { get; private set; } = null!;

    public async Task InitializeAsync()
    {
        if (RabbitServer.Program is not null)
            Server = await RabbitServer.StartAsync();
    }

    public async Task DisposeAsync()
    {
        if (Server is not null)
            await Server.DisposeAsync();
    }
}

[RabbitRequired]
[Collection("rabbit")]
public sealed class RabbitMqContractTests(RabbitFixture rabbit) : BrokerContract, IAsyncLifetime
{
    private readonly RabbitQueue queue = new(rabbit.Server);

    public Task InitializeAsync() => queue.DeclareAsync();

    public Task DisposeAsync() => Task.CompletedTask;

    protected override IBroker Broker(int prefetch = 20) => queue.Broker(prefetch);

    protected override Task PublishAsync(params string[] bodies) => queue.PublishAsync(bodies);

    protected override Task<int> WaitingAsync() => queue.CountAsync(queue.Name);

    protected override Task<(string Body, string? Reason)[]> BuriedAsync() => queue.BuriedAsync();

    protected override async Task CutAsync()
    {
        await rabbit.Server.StopAsync();
        await rabbit.Server.StartAgainAsync();
    }
}

/// <summary>A queue that no other test has, and what a test does to it beside the code under test.</summary>
internal sealed class RabbitQueue(RabbitServer server)
{
    public string Name { get; } = $"events-{Guid.NewGuid():n}";

    public JsonObject Document(int prefetch = 20) => new()
    {
        ["type"] = "rabbitmq",
        ["uri"] = server.Address,
        ["queue"] = Name,
        ["username"] = "guest",
        ["password"] = "guest",
        ["prefetch"] = prefetch,
    };

    public IBroker Broker(int prefetch = 20, Action<JsonObject>? change = null, SourceOptions? options = null)
    {
        var document = Document(prefetch);
        change?.Invoke(document);
        var factory = new RabbitMqFactory(options ?? new SourceOptions { AllowPrivateTargets = true }, TimeProvider.System, NullLogger<RabbitMqBroker>.Instance);
        var source = new Source("orders", "rabbitmq", 1, true, 0, [], null, Api.Parse(document.ToJsonString()));
        return factory.Create("shop", source);
    }

    /// <summary>As the source itself does when it first connects.</summary>
    public async Task DeclareAsync()
    {
        using var stopping = new CancellationTokenSource();
        var sink = new ScriptedSink();
        var run = Broker().ConsumeAsync(sink, stopping.Token);
        await Eventually.TrueAsync(() => sink.IsConnectedAsync().IsCompletedSuccessfully || run.IsFaulted, static () => "the queue is declared");
        await stopping.CancelAsync();
        await run;
    }

    public Task PublishAsync(params IEnumerable<string> bodies) => UseAsync(async channel =>
    {
        foreach (var body in bodies)
            await channel.BasicPublishAsync("", Name, mandatory: true, new BasicProperties { Persistent = true }, Encoding.UTF8.GetBytes(body));
        return true;
    });

    public Task<uint> ConsumersAsync() => UseAsync(channel => channel.ConsumerCountAsync(Name));

    public Task<int> CountAsync(string name) => UseAsync(async channel => (int)await channel.MessageCountAsync(name));

    public Task<(string Body, string? Reason)[]> BuriedAsync() => UseAsync(async channel =>
    {
        var found = new List<(string, string?)>();
        while (await channel.BasicGetAsync($"{Name}.dead", autoAck: true) is { } letter)
            found.Add((Encoding.UTF8.GetString(letter.Body.Span), Reason(letter.BasicProperties)));
        return found.ToArray();
    });

    private static string? Reason(IReadOnlyBasicProperties properties) =>
        properties.Headers is { } headers && headers.TryGetValue(RabbitMqBroker.ReasonHeader, out var value) && value is byte[] text ? Encoding.UTF8.GetString(text) : null;

    public async Task<T> UseAsync<T>(Func<IChannel, Task<T>> use)
    {
        var factory = new ConnectionFactory { Uri = new Uri(server.Address) };
        await using var connection = await factory.CreateConnectionAsync();
        await using var channel = await connection.CreateChannelAsync(new CreateChannelOptions(true, true));
        return await use(channel);
    }
}
