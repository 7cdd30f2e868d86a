using Orleans.Personalize.Engine;
using Orleans.Personalize.Journal;

namespace Orleans.Personalize.Simulation;

/// <summary>
/// A journal that reads along: what is durable, by an account of its own. It throws nothing; what is wrong it writes down, for an exception
/// here would look to the grains like a fault of the disk.
/// </summary>
internal sealed class Ledger(IJournal inner) : IJournal
{
    private readonly Dictionary<string, Account> accounts = [];

    public List<string> Violations { get; } = [];

    /// <summary>Triggers whose <c>unless</c> is in force throughout: trigger → names of the events that close it.</summary>
    public Dictionary<string, string> Unless { get; } = [];

    /// <summary>How late a wait was decided at the most, measured from when it was due and known to be: an edited rule may shorten a wait.</summary>
    public TimeSpan LatenessMax { get; private set; }

    public IReadOnlyDictionary<string, Account> Accounts => accounts;

    public Account Of(string customer)
    {
        if (!accounts.TryGetValue(customer, out var account))
            accounts.Add(customer, account = new Account());
        return account;
    }

    public async Task<WriteStatus[]> CommitAsync(IReadOnlyList<JournalWrite> batch, CancellationToken cancellation)
    {
        var statuses = await inner.CommitAsync(batch, cancellation);
        for (var i = 0; i < statuses.Length; i++)
        {
            if (statuses[i] == WriteStatus.Committed && batch[i] is JournalWrite.Append append)
                Enter(append);
        }
        return statuses;
    }

    private void Enter(JournalWrite.Append append)
    {
        var account = Of(append.Customer);
        account.Writes++;
        if (append.Payload.IsEmpty)
            return;
        foreach (var fact in FactCodec.Decode(append.Payload))
        {
            account.Version++;
            Enter(append, account, fact);
        }
        Check(account.Version == append.Version, $"{append.Customer}: the record ends at {append.Version}, the facts at {account.Version}.");
    }

    private void Enter(JournalWrite.Append append, Account account, Fact fact)
    {
        switch (fact)
        {
            case Fact.EventApplied applied:
                Check(account.Events.TryAdd(applied.Event.MessageId, account.Version) || account.GivenBack.Remove(applied.Event.MessageId), $"{append.Customer}: {applied.Event.MessageId} was applied twice.");
                if (!applied.Late)
                    account.Applied.Add(applied.Event);
                break;
            case Fact.WaitArmed armed:
                account.ArmedAt[(armed.Trigger, armed.Key)] = append.RecordedAt;
                account.Waits.Add((armed.Trigger, armed.Key));
                break;
            case Fact.Decided decided:
                Check(account.Decisions.TryAdd(decided.DecisionId, decided), $"{append.Customer}: {decided.DecisionId} was decided twice: {account.Decisions[decided.DecisionId]} and {decided}.");
                if (decided.Wait is { Fired: true })
                    CheckTimes(append, account, decided);
                if (decided.Wait is { NextDeadline: null })
                    account.Waits.Remove((decided.Trigger, decided.Key));
                else if (decided.Wait is not null)
                    account.ArmedAt[(decided.Trigger, decided.Key)] = append.RecordedAt;
                break;
            case Fact.SendAuthorized authorized:
                Check(account.Authorized.Add((authorized.DecisionId, authorized.Attempt)), $"{authorized.DecisionId} was authorized twice.");
                CheckRelevance(account, account.Decisions[authorized.DecisionId]);
                break;
            case Fact.MergeStarted:
                account.IsMerged = true;
                break;
            case Fact.MergeAbandoned:
                account.IsMerged = false;
                break;
            case Fact.IdentityParting parting:
                account.GiveBack(parting.Handback);
                break;
            case Fact.MergeUndone undone:
                account.TakeBack(undone.Handback, append.RecordedAt);
                break;
            case Fact.CustomerAbsorbed absorbed:
                account.TakeOver(Of(new CustomerKey(Shop.Workspace, absorbed.Id).ToString()), absorbed, append.RecordedAt);
                break;
            case Fact.SendSettled settled:
                account.Settled[settled.DecisionId] = settled.State;
                break;
        }
    }

    private void CheckTimes(JournalWrite.Append append, Account account, Fact.Decided decided)
    {
        Check(decided.DecidedAt >= decided.At, $"{decided.DecisionId} of {decided.Trigger} was decided before it was due.");
        var armed = account.ArmedAt[(decided.Trigger, decided.Key)];
        var late = append.RecordedAt - (armed > decided.At ? armed : decided.At);
        if (late > LatenessMax)
            LatenessMax = late;
    }

    private void CheckRelevance(Account account, Fact.Decided decided)
    {
        if (!Unless.TryGetValue(decided.Trigger, out var name))
            return;
        var closing = account.Applied.Find(happened =>
            happened.Name == name && Stamp.Of(happened) > decided.ArmedThrough && (Shop.CartOf(happened) is null || Shop.CartOf(happened) == decided.Key));
        Check(closing is null, $"{decided.DecisionId} was authorized although {closing?.MessageId} had closed it.");
    }

    public void Check(bool holds, string violation)
    {
        if (!holds)
            Violations.Add(violation);
    }

    public Task<CustomerHistory> ReadAsync(string customer, CancellationToken cancellation) => inner.ReadAsync(customer, cancellation);

    public Task<IReadOnlyList<JournalRecord>> ReadBackAsync(string customer, long? before, int limit, CancellationToken cancellation) =>
        inner.ReadBackAsync(customer, before, limit, cancellation);

    public Task<IReadOnlyList<DueCustomer>> ReadDueAsync(int shard, DateTimeOffset until, DueCustomer? after, int limit, CancellationToken cancellation) =>
        inner.ReadDueAsync(shard, until, after, limit, cancellation);

    public IAsyncEnumerable<JournalEntry> ReadAllAsync(long afterPosition, CancellationToken cancellation) => inner.ReadAllAsync(afterPosition, cancellation);

    public Task<IReadOnlyList<CustomerHit>> SearchAsync(string workspace, string text, int limit, CancellationToken cancellation) =>
        inner.SearchAsync(workspace, text, limit, cancellation);
}

/// <summary>What is durable of one customer.</summary>
internal sealed class Account
{
    public long Version { get; set; }

    /// <summary>Committed appends, with and without facts.</summary>
    public int Writes { get; set; }

    /// <summary>Message id → the version that holds it.</summary>
    public Dictionary<string, long> Events { get; } = [];

    /// <summary>What went to another customer whose merge was undone; should they become one again, it comes back.</summary>
    public HashSet<string> GivenBack { get; } = [];

    /// <summary>Those that were not late.</summary>
    public List<CustomerEvent> Applied { get; } = [];

    public Dictionary<(string Trigger, string? Key), DateTimeOffset> ArmedAt { get; } = [];

    public HashSet<(string Trigger, string? Key)> Waits { get; } = [];

    public Dictionary<string, Fact.Decided> Decisions { get; } = [];

    public HashSet<(string DecisionId, int Attempt)> Authorized { get; } = [];

    public Dictionary<string, SendState> Settled { get; } = [];

    /// <summary>Another customer decides for it.</summary>
    public bool IsMerged { get; set; }

    public void GiveBack(Handback handback)
    {
        GivenBack.UnionWith(Applied.Where(happened => happened.Via is { } via && handback.Ids.Contains(via)).Select(static happened => happened.MessageId));
        Waits.ExceptWith(handback.Waits.Select(static wait => (wait.Trigger, wait.Key)));
        foreach (var send in handback.Sends)
            Settled[send.DecisionId] = SendState.Suppressed;
    }

    public void TakeBack(Handback handback, DateTimeOffset at)
    {
        IsMerged = false;
        Waits.Clear();
        foreach (var wait in handback.Waits)
        {
            ArmedAt[(wait.Trigger, wait.Key)] = at;
            Waits.Add((wait.Trigger, wait.Key));
        }
        // What does not come back was settled by the other, or is still.
        foreach (var decided in Decisions.Values)
            Settled[decided.DecisionId] = handback.Sends.FirstOrDefault(send => send.DecisionId == decided.DecisionId)?.State ?? SendState.Suppressed;
    }

    public void TakeOver(Account other, Fact.CustomerAbsorbed absorbed, DateTimeOffset at)
    {
        foreach (var wait in absorbed.Waits)
        {
            ArmedAt[(wait.Trigger, wait.Key)] = at;
            Waits.Add((wait.Trigger, wait.Key));
        }
        foreach (var (id, decided) in other.Decisions)
            Decisions.TryAdd(id, decided);
        foreach (var (id, state) in other.Settled)
            Settled.TryAdd(id, state);
        Authorized.UnionWith(other.Authorized);
    }

    /// <summary>Nothing is open: no wait, and no send that is not finished.</summary>
    public bool IsAtRest => IsMerged || Waits.Count == 0 && Decisions.Values.All(decided => !decided.IsSend || StateOf(decided) is not (SendState.Pending or SendState.Parked or SendState.Authorized));

    public SendState StateOf(Fact.Decided decided) => Settled.GetValueOrDefault(decided.DecisionId, SendState.Pending);
}
