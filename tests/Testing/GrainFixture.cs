#if !ORLEANS
using Orleans.Personalize.Journal;

namespace Orleans.Personalize.Testing;

/// <summary>
/// A silo for tests of grains that do not care which runtime they are on. This half is the same on any; the other one is the embedded
/// runtime, where everything runs in virtual time from a seed.
/// </summary>
public sealed partial class GrainFixture : IAsyncDisposable
{
    /// <summary>The workspace that the short forms below mean.</summary>
    public const string Workspace = "shop";

    public const string Ada = $"{Workspace}/ada";

    private int events;

    public VirtualTime Time { get; }

    /// <summary>It and <see cref="Storage"/> survive a crash.</summary>
    public ScriptedJournal Journal { get; }

    public SimulatedStorage Storage { get; } = new();

    public ScriptedSender Sender { get; } = new();

    public ScriptedPoller Poller { get; } = new();

    public DateTimeOffset Now => Time.GetUtcNow();

    /// <summary>Calls grains and lets the system run until they have answered.</summary>
    public Task Run(Func<IGrainFactory, Task> call) => Run(async grains =>
    {
        await call(grains);
        return true;
    });

    /// <summary>Lets the system run until a call that was started has its answer.</summary>
    public async Task<T> Answer<T>(Task<T> call)
    {
        await Until(() => call.IsCompleted, TimeSpan.FromMinutes(1));
        return await call;
    }

    public Task<Receipt[]> Apply(params CustomerEvent[] happened) => Run(Applying(happened));

    /// <summary>Applies events without waiting for the answer.</summary>
    public Task<Receipt[]> StartApply(params CustomerEvent[] happened) => Start(Applying(happened));

    public Task<CustomerView?> Read(string customer = Ada) => Run(grains => grains.GetGrain<ICustomerGrain>(customer).Read());

    public Task Tick(string customer = Ada) => Run(grains => grains.GetGrain<ICustomerGrain>(customer).Tick());

    /// <exception cref="InvalidDataException">The document is not valid.</exception>
    public async Task<RegistryPut> Put(string kind, string id, string document)
    {
        var put = await Run(grains => grains.GetGrain<IRegistryGrain>(Workspace).Put(kind, id, JsonText.FromString(document)));
        return put.Errors is [var error, ..] ? throw new InvalidDataException($"{error.Pointer} {error.Detail}") : put;
    }

    /// <summary>A trigger with a sender of the type <c>test</c>; when it returns, customers act on it.</summary>
    public async Task PutTrigger(string id, string document)
    {
        await Put(RegistryKind.Sender, "mail", """{"type":"test"}""");
        await Put(RegistryKind.Trigger, id, document);
        await Advance(TimeSpan.FromSeconds(1));
    }

    /// <summary>An event of now, with an id that no other has.</summary>
    public CustomerEvent Happens(string name, string? properties = null) => new()
    {
        MessageId = $"message-{++events}",
        Type = EventType.Track,
        Name = name,
        OccurredAt = Now,
        ReceivedAt = Now,
        Source = "test",
        Properties = properties is null ? default : JsonText.FromString(properties),
        Fingerprint = (ulong)events,
    };

    /// <summary>What is recorded of a customer, the names of the facts in order.</summary>
    public async Task<string[]> Facts(string customer = Ada)
    {
        var records = await Journal.ReadBackAsync(customer, null, JournalLimits.ReadBackMax, CancellationToken.None);
        return [.. records.Reverse().SelectMany(static record => FactCodec.Read(record.Payload)).Select(static fact => fact.Type)];
    }

    private static Func<IGrainFactory, Task<Receipt[]>> Applying(CustomerEvent[] happened) =>
        grains => grains.GetGrain<ICustomerGrain>(Ada).Apply(happened);
}
#endif
