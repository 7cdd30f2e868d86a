using System.Collections.Concurrent;
using System.Reflection;

namespace Orleans.Personalize.Testing;

/// <summary>
/// Grains without a runtime, for tests of what calls them: a registry that can be followed, and customers that remember what they were
/// given. Whatever a test wants to go wrong it sets on the fake.
/// </summary>
public sealed class FakeGrains
{
    private readonly ConcurrentDictionary<(Type, string), object> grains = new();

    public FakeGrains() => Factory = FactoryProxy.For(this);

    /// <summary>Only <c>GetGrain&lt;T&gt;(string, …)</c> works, on either runtime.</summary>
    public IGrainFactory Factory { get; }

    public FakeRegistry Registry(string key) => (FakeRegistry)Get(typeof(IRegistryGrain), key);

    /// <param name="key">As in <see cref="CustomerKey"/>.</param>
    public FakeCustomer Customer(string key) => (FakeCustomer)Get(typeof(ICustomerGrain), key);

    public FakeHistory History(string key) => (FakeHistory)Get(typeof(ICustomerHistoryGrain), key);

    /// <param name="key">workspace/templateId.</param>
    public FakeTemplate Template(string key) => (FakeTemplate)Get(typeof(ITemplateGrain), key);

    /// <param name="key">workspace/senderId.</param>
    public FakeSender Sender(string key) => (FakeSender)Get(typeof(ISenderGrain), key);

    public FakeSearch Search(string workspace) => (FakeSearch)Get(typeof(ICustomerSearchGrain), workspace);

    public FakeContent Content(string workspace) => (FakeContent)Get(typeof(IContentGrain), workspace);

    public FakeOutcomes Outcomes => (FakeOutcomes)Get(typeof(IOutcomesGrain), IOutcomesGrain.All);

    public FakeQuarantine Quarantine(string workspace) => (FakeQuarantine)Get(typeof(IQuarantineGrain), workspace);

    public FakeEventSamples EventSamples(string workspace) => (FakeEventSamples)Get(typeof(IEventSampleGrain), workspace);

    public FakeSuppressions Suppressions(string workspace, string address) =>
        (FakeSuppressions)Get(typeof(ISuppressionGrain), Personalize.Suppressions.Key(workspace, address));

    /// <summary>Every customer that was asked for anything, by key.</summary>
    public IReadOnlyDictionary<string, FakeCustomer> Customers =>
        grains.Where(pair => pair.Value is FakeCustomer).ToDictionary(pair => pair.Key.Item2, pair => (FakeCustomer)pair.Value);

    /// <summary>The one backtest there is, whatever it is called.</summary>
    public FakeBacktest Backtest { get; } = new();

    private object Get(Type type, string key) => grains.GetOrAdd((type, key), pair => pair.Item1 switch
    {
        _ when pair.Item1 == typeof(IRegistryGrain) => new FakeRegistry(),
        _ when pair.Item1 == typeof(ICustomerGrain) => new FakeCustomer(),
        _ when pair.Item1 == typeof(ICustomerHistoryGrain) => new FakeHistory(),
        _ when pair.Item1 == typeof(IBacktestGrain) => Backtest,
        _ when pair.Item1 == typeof(ITemplateGrain) => new FakeTemplate(),
        _ when pair.Item1 == typeof(ICustomerSearchGrain) => new FakeSearch(),
        _ when pair.Item1 == typeof(IContentGrain) => new FakeContent(),
        _ when pair.Item1 == typeof(ISenderGrain) => new FakeSender(),
        _ when pair.Item1 == typeof(IPollGrain) => new FakePoll(),
        _ when pair.Item1 == typeof(IOutcomesGrain) => new FakeOutcomes(),
        _ when pair.Item1 == typeof(IImportGrain) => new FakeImport(),
        _ when pair.Item1 == typeof(IImportsGrain) => new FakeImports(),
        _ when pair.Item1 == typeof(ISuppressionGrain) => new FakeSuppressions(),
        _ when pair.Item1 == typeof(IQuarantineGrain) => new FakeQuarantine(pair.Item2),
        _ when pair.Item1 == typeof(IEventSampleGrain) => new FakeEventSamples(),
        _ => throw new NotSupportedException($"There is no fake of {pair.Item1}."),
    });

    /// <summary>Public and open because the proxy derives from it.</summary>
    public class FactoryProxy : DispatchProxy
    {
        private FakeGrains? grains;

        internal static IGrainFactory For(FakeGrains grains)
        {
            var factory = Create<IGrainFactory, FactoryProxy>();
            ((FactoryProxy)factory).grains = grains;
            return factory;
        }

        protected override object? Invoke(MethodInfo? targetMethod, object?[]? args) => args is [string key, ..] && targetMethod!.IsGenericMethod
            ? grains!.Get(targetMethod.GetGenericArguments()[0], key)
            : throw new NotSupportedException(targetMethod?.Name);
    }
}

/// <summary>A polled source that was asked once.</summary>
public sealed class FakePoll : IPollGrain
{
    public Task Wake() => Task.CompletedTask;

    public Task<PollStatus> Status() =>
        Task.FromResult(new PollStatus(DateTimeOffset.UnixEpoch, null, "c1", "Answered 500.", 2, 10, 1, "/customer is missing."));
}

/// <summary>A customer that is told what to answer and remembers what it was asked.</summary>
public sealed class FakeCustomer : ICustomerGrain
{
    private readonly Lock gate = new();
    private readonly List<CustomerEvent> applied = [];

    /// <summary>What happens instead of remembering the events.</summary>
    public Func<CustomerEvent[], Task<Receipt[]>>? OnApply { get; set; }

    public CustomerView? View
    {
        get => view;
        set
        {
            TaskCompletionSource told;
            lock (gate)
                (view, told, changed) = (value, changed, new(TaskCreationOptions.RunContinuationsAsynchronously));
            told.SetResult();
        }
    }

    /// <summary>How long a follower is kept waiting.</summary>
    public TimeSpan FollowTime { get; set; } = TimeSpan.FromSeconds(10);

    /// <summary>How many followers have asked.</summary>
    public int Follows { get; private set; }

    private CustomerView? view;
    private TaskCompletionSource changed = new(TaskCreationOptions.RunContinuationsAsynchronously);

    public async Task<CustomerChange?> Follow(long version)
    {
        Task change;
        lock (gate)
        {
            Follows++;
            if (Newest() is { } newest && newest.Version != version)
                return newest;
            change = changed.Task;
        }
        await Task.WhenAny(change, Task.Delay(FollowTime));
        return Newest() is { } now && now.Version != version ? now : null;
    }

    private CustomerChange Newest() => new(view?.Version ?? 0, view);

    public Func<int, long?, TimelinePage>? OnTimeline { get; set; }

    public bool IsErased { get; private set; }

    /// <summary>How often <see cref="Apply"/> was called.</summary>
    public int Calls { get; private set; }

    /// <summary>The events that were new, in order.</summary>
    public CustomerEvent[] Applied
    {
        get
        {
            lock (gate)
                return [.. applied];
        }
    }

    public Task<Receipt[]> Apply(CustomerEvent[] events)
    {
        lock (gate)
        {
            Calls++;
            return OnApply is null ? Task.FromResult(Array.ConvertAll(events, Remember)) : OnApply(events);
        }
    }

    public Task Tick() => Task.CompletedTask;

    public Task<Authorization> Authorize(string decisionId, bool holds) => Task.FromResult(new Authorization(null, "fake"));

    public Task Park(string decisionId, DateTimeOffset until, string reason) => Task.CompletedTask;

    /// <summary>What a verdict comes to: null, or why not.</summary>
    public Func<string, string?>? OnResolve { get; set; }

    public ConcurrentQueue<(string DecisionId, SendVerdict Verdict, string By, string? Note)> Resolved { get; } = new();

    public Task<string?> Resolve(string decisionId, SendVerdict verdict, string by, string? note)
    {
        Resolved.Enqueue((decisionId, verdict, by, note));
        return Task.FromResult(OnResolve is null ? "unknown" : OnResolve(decisionId));
    }

    /// <summary>What an operation on a wait comes to: null, or why not.</summary>
    public Func<WaitOperation, string?> OnOperate { get; set; } = static _ => WaitRefusal.Unknown;

    public Task<string?> Operate(WaitOperation operation) => Task.FromResult(OnOperate(operation));

    public Task Settle(string decisionId, SendReport report) => Task.CompletedTask;

    public Task<CustomerView?> Read() => Task.FromResult(View);

    public Task<CustomerView?> Peek() => Read();

    /// <summary>The answer to every question why.</summary>
    public Func<string, string?, Explanation?> OnExplain { get; set; } = static (_, _) => null;

    public Task<Explanation?> Explain(string trigger, string? key) => Task.FromResult(OnExplain(trigger, key));

    public Task<TimelinePage> Timeline(int limit, long? before) => Task.FromResult(OnTimeline?.Invoke(limit, before) ?? new TimelinePage([], null));

    public Task<string[]> Erase()
    {
        IsErased = true;
        return Task.FromResult<string[]>([]);
    }

    public Task Forget() => Task.CompletedTask;

    /// <summary>What merging or parting comes to: null, or why not.</summary>
    public Func<string, string, string?> OnMerge { get; set; } = static (_, _) => null;

    public Task<string?> Link(string id, string by) => Task.FromResult(OnMerge(id, by));

    public Task<string?> Part(string id, string by) => Task.FromResult(OnMerge(id, by));

    public Task<JoinReply> Join(JoinRequest request) => Task.FromResult(new JoinReply(JoinStatus.Refused, request.Into));

    public Task<AbsorbReply> Absorb(Absorption absorption) => Task.FromResult(new AbsorbReply(null, []));

    public Task Undo(UndoneMerge undone) => Task.CompletedTask;

    private Receipt Remember(CustomerEvent one)
    {
        if (applied.Find(other => other.MessageId == one.MessageId) is { } known)
        {
            return known.Fingerprint == one.Fingerprint
                ? new Receipt(one.MessageId, ReceiptStatus.Duplicate, applied.Count)
                : new Receipt(one.MessageId, ReceiptStatus.Conflict, null, "another body");
        }

        applied.Add(one);
        return new Receipt(one.MessageId, ReceiptStatus.Accepted, applied.Count);
    }
}

/// <summary>A customer as a test says it was.</summary>
public sealed class FakeHistory : ICustomerHistoryGrain
{
    public Func<long?, DateTimeOffset?, PastProfile> OnRead { get; set; } = static (_, _) => new(null, PastReason.Unknown, 0);

    public Task<PastProfile> AtVersion(long version) => Task.FromResult(OnRead(version, null));

    public Task<PastProfile> At(DateTimeOffset instant) => Task.FromResult(OnRead(null, instant));

    public Task<PastProfile[]> AtVersions(long from, long to) => Task.FromResult<PastProfile[]>([OnRead(from, null), OnRead(to, null)]);

    public Func<int, long?, ConflictPage> OnConflicts { get; set; } = static (_, _) => new([], null, PastReason.Unknown, 0);

    public Task<ConflictPage> Conflicts(int limit, long? before) => Task.FromResult(OnConflicts(limit, before));
}

/// <summary>A backtest that is as a test says.</summary>
public sealed class FakeBacktest : IBacktestGrain
{
    public BacktestStart Answer { get; set; } = new(null, []);

    public BacktestView? View { get; set; }

    /// <summary>The latest request.</summary>
    public BacktestRequest? Asked { get; private set; }

    public Task<BacktestStart> Start(BacktestRequest request)
    {
        Asked = request;
        return Task.FromResult(Answer);
    }

    public Task<BacktestView?> Status() => Task.FromResult(View);

    public Task<bool> Cancel() => Task.FromResult(View is not null);
}

/// <summary>A registry in memory that followers are told of at once.</summary>
public sealed class FakeRegistry : IRegistryGrain
{
    private readonly Lock gate = new();
    private readonly SortedDictionary<(string Kind, string Id), RegistryDocument> documents = [];
    private readonly Dictionary<(string, string), long> versions = [];
    private readonly Dictionary<(string, string), RegistryVersion[]> history = [];
    private TaskCompletionSource changed = new(TaskCreationOptions.RunContinuationsAsynchronously);
    private long version;

    /// <summary>What is wrong with a document.</summary>
    public Func<RegistryDocument, DocumentError[]> Validate { get; set; } = _ => [];

    /// <summary>Who is told to need a document that is to be deleted.</summary>
    public string[]? Users { get; set; }

    /// <summary>Thrown by every call while it is set.</summary>
    public Exception? Fault { get; set; }

    /// <summary>What others do just before.</summary>
    public Action? BeforeEdit { get; set; }

    public Task<RegistryPut> Put(string kind, string id, JsonText document) => Edit(kind, id, document, new(null, "put"));

    public Task<RegistryPut> Edit(string kind, string id, JsonText document, RegistryEdit edit)
    {
        BeforeEdit?.Invoke();
        lock (gate)
        {
            ThrowIfFaulty();
            var key = (kind, id);
            var stored = documents.GetValueOrDefault(key);
            if (!edit.IsFor(stored?.Version ?? 0))
                return Task.FromResult(new RegistryPut(null, false, [], IsStale: true));
            if (stored?.Document == document && edit.Action == "put")
                return Task.FromResult(new RegistryPut(stored, false, []));
            var next = new RegistryDocument(kind, id, versions.GetValueOrDefault(key) + 1, DateTimeOffset.UnixEpoch, document);
            if (Validate(next) is { Length: > 0 } errors)
                return Task.FromResult(new RegistryPut(null, false, errors));
            documents[key] = next;
            versions[key] = next.Version;
            Note(key, new(next.Version, next.UpdatedAt, edit.Action, edit.By, edit.Reason, document));
            return Task.FromResult(new RegistryPut(next, stored is null, []));
        }
    }

    public Task<DocumentError[]> Check(string kind, string id, JsonText document)
    {
        ThrowIfFaulty();
        return Task.FromResult(Validate(new RegistryDocument(kind, id, 0, DateTimeOffset.UnixEpoch, document)));
    }

    public async Task<bool> Delete(string kind, string id) => await Remove(kind, id, new(null, "delete")) == RegistryRemoval.Removed;

    public Task<RegistryRemoval> Remove(string kind, string id, RegistryEdit edit)
    {
        lock (gate)
        {
            ThrowIfFaulty();
            var known = documents.GetValueOrDefault((kind, id));
            if (!edit.IsFor(known?.Version ?? 0))
                return Task.FromResult(RegistryRemoval.Stale);
            if (Users is not null)
                throw new DocumentInUseException(Users);
            if (known is null)
                return Task.FromResult(RegistryRemoval.Missing);
            documents.Remove((kind, id));
            Note((kind, id), new(known.Version, DateTimeOffset.UnixEpoch, edit.Action, edit.By, edit.Reason, default));
            return Task.FromResult(RegistryRemoval.Removed);
        }
    }

    public Task<RegistryVersion[]> History(string kind, string id)
    {
        lock (gate)
            return Task.FromResult<RegistryVersion[]>([.. history.GetValueOrDefault((kind, id)) ?? []]);
    }

    public Task<RegistryDocument?> Get(string kind, string id)
    {
        lock (gate)
        {
            ThrowIfFaulty();
            return Task.FromResult(documents.GetValueOrDefault((kind, id)));
        }
    }

    public Task<RegistryDocument[]> List(string kind)
    {
        lock (gate)
        {
            ThrowIfFaulty();
            return Task.FromResult(documents.Values.Where(document => document.Kind == kind).ToArray());
        }
    }

    public async Task<RegistrySnapshot?> Follow(long version)
    {
        while (true)
        {
            Task change;
            lock (gate)
            {
                ThrowIfFaulty();
                if (this.version > version)
                    return new RegistrySnapshot(this.version, [.. documents.Values]);
                change = changed.Task;
            }

            await change;
        }
    }

    private void Note((string, string) key, RegistryVersion version)
    {
        history[key] = [version, .. history.GetValueOrDefault(key) ?? []];
        Change();
    }

    private void Change()
    {
        version++;
        changed.SetResult();
        changed = new TaskCompletionSource(TaskCreationOptions.RunContinuationsAsynchronously);
    }

    private void ThrowIfFaulty()
    {
        if (Fault is not null)
            throw Fault;
    }
}

/// <summary>A template that shows what it is told to.</summary>
public sealed class FakeTemplate : ITemplateGrain
{
    public TemplatePreview? Answer { get; set; }

    /// <summary>The latest question.</summary>
    public PreviewRequest? Asked { get; private set; }

    public Task<TemplatePreview?> Preview(PreviewRequest request)
    {
        Asked = request;
        return Task.FromResult(Answer);
    }
}

public sealed class FakeSearch : ICustomerSearchGrain
{
    public CustomerHit[] Hits { get; set; } = [];

    /// <summary>The latest question.</summary>
    public (string Text, int Limit)? Asked { get; private set; }

    Task<CustomerHit[]> ICustomerSearchGrain.Search(string text, int limit)
    {
        Asked = (text, limit);
        return Task.FromResult(Hits);
    }
}

/// <summary>Outcomes as a test says they are.</summary>
public sealed class FakeOutcomes : IOutcomesGrain
{
    public Func<string, string?, OutcomesView> OnCount { get; set; } = static (_, _) => new(DateTimeOffset.UnixEpoch, []);

    public List<AttentionEntry> Entries { get; } = [];

    /// <summary>The latest question.</summary>
    public (string Workspace, string Sender, string? State, int Limit, long? After)? Asked { get; private set; }

    public List<string> Forgotten { get; } = [];

    public List<RecentDecision> Decisions { get; } = [];

    public Task<RecentView> Recent(string workspace, int limit) => Task.FromResult(new RecentView(DateTimeOffset.UnixEpoch, [.. Decisions.Take(limit)], Decisions.Count));

    public Task Wake() => Task.CompletedTask;

    public Task<OutcomesView> Count(string workspace, string? trigger) => Task.FromResult(OnCount(workspace, trigger));

    public Task<AttentionView> Attention(string workspace, string sender, string? state, int limit, long? after)
    {
        Asked = (workspace, sender, state, limit, after);
        var page = Entries.Where(entry => entry.Number < (after ?? long.MaxValue) && (state ?? entry.State) == entry.State).Take(limit).ToArray();
        return Task.FromResult(new AttentionView(DateTimeOffset.UnixEpoch, page, page.Length == limit ? page[^1].Number : null, 0));
    }

    public Task Forget(string customer)
    {
        Forgotten.Add(customer);
        return Task.CompletedTask;
    }
}

/// <summary>Content as a test says it is.</summary>
public sealed class FakeContent : IContentGrain
{
    public Func<SlotRequest, Task<SlotContent>> OnRender { get; set; } = static _ => Task.FromResult(new SlotContent(null, default, null, SlotReason.NoSlot));

    public ConcurrentQueue<SlotRequest> Asked { get; } = new();

    public Task<SlotContent> Render(SlotRequest request)
    {
        Asked.Enqueue(request);
        return OnRender(request);
    }
}

/// <summary>A sender whose provider does not answer.</summary>
public sealed class FakeSender : ISenderGrain
{
    public Task<OfferReply> Offer(SendOffer offer) => Task.FromResult(OfferReply.Taken);

    public Task<SenderStatus> Status() => Task.FromResult(new SenderStatus("open", DateTimeOffset.UnixEpoch, 7, 1));

    /// <summary>What a test comes to.</summary>
    public Func<TestMessage, TestReport?> OnTest { get; set; } = static _ => null;

    public Task<TestReport?> Test(TestMessage message) => Task.FromResult(OnTest(message));
}

/// <summary>A part of the suppression list in memory.</summary>
public sealed class FakeSuppressions : ISuppressionGrain
{
    private readonly Lock gate = new();
    private readonly SortedDictionary<string, Suppression> entries = new(StringComparer.Ordinal);

    /// <summary>Thrown by every change while it is set.</summary>
    public Exception? Fault { get; set; }

    public Task<Suppression?> Find(string address)
    {
        lock (gate)
            return Task.FromResult(entries.GetValueOrDefault(Suppressions.Canonical(address)));
    }

    public Task<int> Add(Suppression[] entries)
    {
        lock (gate)
        {
            return Fault is not null ? throw Fault : Task.FromResult(
                entries.Count(entry => this.entries.TryAdd(Suppressions.Canonical(entry.Address), entry with { Address = Suppressions.Canonical(entry.Address) })));
        }
    }

    public Task<bool> Remove(string address)
    {
        lock (gate)
            return Fault is not null ? throw Fault : Task.FromResult(entries.Remove(Suppressions.Canonical(address)));
    }

    public Task<Suppression[]> List(string? after, int limit)
    {
        lock (gate)
            return Task.FromResult(entries.Values.Where(entry => string.CompareOrdinal(entry.Address, after) > 0).Take(limit).ToArray());
    }
}
