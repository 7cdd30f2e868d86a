using Orleans.Personalize.Quarantine;

namespace Orleans.Personalize.Testing;

/// <summary>A quarantine in memory, and what goes wrong with it when a test says so.</summary>
public sealed class FakeQuarantine(string workspace) : IQuarantineGrain
{
    /// <summary>The store; with other limits it is another.</summary>
    public InMemoryQuarantine Store { get; set; } = new(new QuarantineLimits());

    /// <summary>Thrown by every call while it is set.</summary>
    public Exception? Fault { get; set; }

    /// <summary>Thrown by every change of an item while it is set: as if the process had ended just before.</summary>
    public Exception? ChangeFault { get; set; }

    /// <summary>How often events were added, however many at once.</summary>
    public int Adds { get; private set; }

    public Task<long[]?> Add(QuarantineEntry[] entries)
    {
        Adds++;
        return Checked().AddAsync(workspace, entries, CancellationToken.None);
    }

    public Task<QuarantineItem?> Find(long id) => Checked().FindAsync(workspace, id, CancellationToken.None);

    public async Task<QuarantineItem[]> List(QuarantineFilter filter, int limit, long? before) =>
        [.. await Checked().ListAsync(workspace, filter, limit, before, CancellationToken.None)];

    public Task<QuarantineItem?> Change(long id, long version, QuarantineEntry entry, QuarantineNote note) =>
        ChangeFault is not null ? throw ChangeFault : Checked().ChangeAsync(workspace, id, version, entry, note, CancellationToken.None);

    public async Task<QuarantineCount[]> Count() => [.. await Checked().CountAsync(workspace, CancellationToken.None)];

    public Task Forget(string customer) => Checked().ForgetAsync(workspace, customer, CancellationToken.None);

    private InMemoryQuarantine Checked() => Fault is null ? Store : throw Fault;
}

/// <summary>Recorded events as a test says they are.</summary>
public sealed class FakeEventSamples : IEventSampleGrain
{
    public Func<EventType, string?, EventSample> OnSample { get; set; } = static (_, _) => new EventSample([], 0, null, null);

    public Task<EventSample> Sample(EventType type, string? name) => Task.FromResult(OnSample(type, name));
}
