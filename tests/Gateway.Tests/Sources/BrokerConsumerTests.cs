using Microsoft.Extensions.DependencyInjection;
using Microsoft.Extensions.Logging;
using Orleans.Personalize.Gateway;
using Orleans.Personalize.Gateway.Brokers;
using Orleans.Personalize.Gateway.Connectors;
using Orleans.Personalize.Silo.Tests.Brokers;
using Orleans.Personalize.Testing;

namespace Orleans.Personalize.Tests.Sources;

public sealed class BrokerConsumerTests : IAsyncDisposable
{
    private readonly InMemoryBroker broker = new();
    private readonly FakeGrains grains = new();
    private readonly LogRecorder log = new();
    private readonly CancellationTokenSource stopping = new();
    private readonly List<Task> work = [];

    [Fact]
    public async Task A_message_is_done_when_all_its_events_have_receipts()
    {
        Start();
        broker.Publish("""{"events":[{"messageId":"1","customer":"ada","name":"A"},{"messageId":"2","customer":"bob","name":"B"}]}""", """{"messageId":"3","customer":"ada","name":"C"}""");
        await AppliedAsync(ada: 2, bob: 1);
        await SettledAsync();
        Assert.Empty(broker.Buried);
    }

    [Fact]
    public async Task An_event_without_an_id_is_the_same_when_it_comes_again()
    {
        Start();
        const string Body = """{"customer":"ada","name":"A","occurredAt":"2026-01-01T00:00:00Z"}""";
        broker.Publish(Body, Body, Body.Replace("\"A\"", "\"B\""));
        await SettledAsync();
        await AppliedAsync(ada: 2, bob: 0);
        Assert.All(Ada.Applied, happened => Assert.StartsWith("orders-", happened.MessageId, StringComparison.Ordinal));
    }

    [Fact]
    public async Task A_bad_event_is_quarantined_and_its_message_is_done()
    {
        Start();
        broker.Publish("""{"events":[{"messageId":"1","customer":"ada","name":"A"},{"messageId":"2","name":"B"}]}""");
        await AppliedAsync(ada: 1, bob: 0);
        await SettledAsync();
        Assert.Empty(broker.Buried);
        var item = Assert.Single(await grains.Quarantine("shop").List(new(), 10, null));
        Assert.Equal(("orders", "parse", "/customer", "2"), (item.Entry.Source, item.Entry.Reason, item.Entry.Pointer, item.Entry.MessageId));
    }

    [Fact]
    public async Task A_message_that_is_none_is_put_aside_with_the_reason_and_not_quarantined()
    {
        Ada.OnApply = static events => Task.FromResult(Array.ConvertAll(events, static one => new Receipt(one.MessageId, ReceiptStatus.Conflict, null, "Another event has this id.")));
        Start();
        broker.Publish("{", """{"events":7}""", """{"messageId":"1","customer":"ada","name":"A"}""");
        await Eventually.TrueAsync(() => broker.Buried.Count == 3, () => "three are put aside");
        Assert.All(broker.Buried, letter => Assert.False(string.IsNullOrEmpty(letter.Reason)));
        Assert.Equal("Another event has this id.", broker.Buried[2].Reason);
        Assert.Empty(await grains.Quarantine("shop").List(new(), 10, null));
    }

    [Fact]
    public async Task Where_the_quarantine_has_no_room_a_message_waits()
    {
        grains.Quarantine("shop").Fault = new JournalBusyException();
        Start();
        broker.Publish("""{"messageId":"2","name":"B"}""");
        await Eventually.TrueAsync(() => log.Lines.Any(static line => line.Text.Contains("room", StringComparison.Ordinal)), () => "it waits");
        grains.Quarantine("shop").Fault = null;
        await SettledAsync();
        Assert.Empty(broker.Buried);
        Assert.Single(await grains.Quarantine("shop").List(new(), 10, null));
    }

    [Fact]
    public async Task Where_there_is_no_room_nothing_more_is_fetched_and_nothing_dropped()
    {
        var busy = true;
        Ada.OnApply = events => busy
            ? throw new JournalBusyException()
            : Task.FromResult(Array.ConvertAll(events, static one => new Receipt(one.MessageId, ReceiptStatus.Accepted, 1)));
        Start(prefetch: 2);
        broker.Publish(Enumerable.Range(0, 6).Select(static number => $$"""{"messageId":"{{number}}","customer":"ada","name":"A"}"""));
        await Eventually.TrueAsync(() => Ada.Calls >= 3, () => "it is offered again and again");
        Assert.Equal(4, broker.Waiting);
        busy = false;
        await SettledAsync();
        Assert.Empty(broker.Buried);
    }

    [Fact]
    public async Task A_stop_gives_back_what_found_no_room()
    {
        Ada.OnApply = static _ => throw new JournalBusyException();
        Start();
        broker.Publish("""{"messageId":"1","customer":"ada","name":"A"}""");
        await Eventually.TrueAsync(() => Ada.Calls >= 1, () => "it is offered");
        await stopping.CancelAsync();
        await Task.WhenAll(work).WaitAsync(Eventually.Patience);
        Assert.Equal(1, broker.Waiting);
        Assert.Empty(broker.Buried);
    }

    [Fact]
    public async Task An_unknown_outcome_is_asked_again_and_counted_once()
    {
        var calls = 0;
        Ada.OnApply = events => Interlocked.Increment(ref calls) == 1
            ? throw new JournalException("It may have been written.")
            : Task.FromResult(Array.ConvertAll(events, static one => new Receipt(one.MessageId, ReceiptStatus.Duplicate, 1)));
        Start();
        broker.Publish("""{"messageId":"1","customer":"ada","name":"A"}""");
        await Eventually.TrueAsync(() => calls == 2, () => "it is asked again");
        await SettledAsync();
        Assert.Empty(broker.Buried);
    }

    [Fact]
    public async Task It_connects_again_by_itself_and_its_log_holds_no_body()
    {
        var refusals = 2;
        broker.OnConnect = () => refusals-- > 0 ? new IOException("Nobody answers.") : null;
        Start();
        broker.Publish("""{"messageId":"1","customer":"ada","name":"A","properties":{"word":"confidential"}}""");
        await AppliedAsync(ada: 1, bob: 0);
        broker.Cut();
        await Eventually.TrueAsync(() => log.Lines.Count(line => line.Level == LogLevel.Warning) == 3, () => "three failures are told");
        broker.Publish("""{"messageId":"2","customer":"ada","name":"A"}""");
        await AppliedAsync(ada: 2, bob: 0);
        Assert.DoesNotContain(log.Lines, static line => line.Text.Contains("confidential", StringComparison.Ordinal));
    }

    [Fact]
    public async Task Two_consumers_take_each_message_once()
    {
        Start(prefetch: 2);
        Start(prefetch: 2);
        broker.Publish(Enumerable.Range(0, 100).Select(static number => $$"""{"messageId":"{{number}}","customer":"{{(number % 2 == 0 ? "ada" : "bob")}}","name":"A"}"""));
        await AppliedAsync(ada: 50, bob: 50);
        await SettledAsync();
    }

    public async ValueTask DisposeAsync()
    {
        await stopping.CancelAsync();
        await Task.WhenAll(work).WaitAsync(Eventually.Patience);
        stopping.Dispose();
    }

    private FakeCustomer Ada => grains.Customer("shop/ada");

    private Intake IntakeOf(ILoggerFactory loggers)
    {
        var lifetime = new Microsoft.Extensions.Hosting.Internal.ApplicationLifetime(loggers.CreateLogger<Microsoft.Extensions.Hosting.Internal.ApplicationLifetime>());
        return new(
            grains.Factory, new WorkspaceRules(grains.Factory, TimeProvider.System, lifetime, loggers.CreateLogger<WorkspaceRules>()),
            new(grains.Factory, loggers.CreateLogger<Gateway.Quality.WarningSamples>()), new(TimeProvider.System), TimeProvider.System,
            Microsoft.Extensions.Options.Options.Create(new Gateway.GatewayOptions()), loggers.CreateLogger<Intake>());
    }

    private void Start(int prefetch = 20)
    {
        var source = Source.Of(new(RegistryKind.Source, "orders", 1, DateTimeOffset.UnixEpoch, JsonText.FromString("""{"type":"rabbitmq","format":"native"}""")))!;
        using var loggers = LoggerFactory.Create(logging => logging.AddProvider(log));
        var consumer = new BrokerConsumer(
            "shop", source, broker.Consumer(prefetch), (body, receivedAt) => ItemFormats.ReadMessage(source, body, receivedAt),
            IntakeOf(loggers), TimeProvider.System, log);
        work.Add(consumer.RunAsync(stopping.Token));
    }

    private Task AppliedAsync(int ada, int bob) => Eventually.TrueAsync(
        () => Ada.Applied.Length == ada && grains.Customer("shop/bob").Applied.Length == bob,
        () => $"{ada} and {bob} are applied; {Ada.Applied.Length} and {grains.Customer("shop/bob").Applied.Length} are");

    private Task SettledAsync() => Eventually.TrueAsync(() => broker is { Waiting: 0, InHand: 0 }, () => "all is settled");
}
