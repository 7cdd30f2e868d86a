using System.Text.Json;
using Orleans.Personalize.Engine;
using Orleans.Personalize.Journal;

namespace Orleans.Personalize.Customers;

/// <summary>
/// How customers become one, and two again. Each step is recorded by the customer that takes it before the next one is asked for, and can be repeated:
/// the survivor claims an id; the customer of that id records that it is merged, from when on it decides nothing, and hands over its state; the survivor
/// records that it has it; the other records that it was taken, and is a signpost from then on.
/// </summary>
internal sealed class CustomerIdentities(CustomerKey key, IGrainFactory grains, IJournal journal, Func<CustomerState> state, Func<Input, Task<Turn>> run, Func<Task> durable)
{
    /// <summary>How often parting begins anew because the customer went on meanwhile.</summary>
    private const int PartingAttemptsMax = 8;

    /// <summary>How many events go back with one call.</summary>
    private const int EventsBackMax = 500;

    private Task? handing;

    private string Id => key.CustomerId;

    /// <summary>It has not given back yet all that is another's.</summary>
    private bool OwesEvents => state().Newest.Identities.Any(static identity => identity.State == IdentityState.Parting);

    /// <summary>The customer that decides instead of this one; null where this one does.</summary>
    /// <exception cref="JournalBusyException">Two are merging into each other, and it is not settled yet which one stays.</exception>
    public ValueTask<ICustomerGrain?> FindSurvivor() => state().Newest.Merge is null ? default : FindSurvivorOfMerged();

    private async ValueTask<ICustomerGrain?> FindSurvivorOfMerged()
    {
        while (state().Newest.Merge is not null)
        {
            if (state().Committed.Merge is { IsHandedOver: true } merge)
                return Customer(merge.Into);
            await HandOver();
        }
        return null;
    }

    public Task HandOver() => handing is { IsCompleted: false } ? handing : handing = HandOverNow();

    private async Task HandOverNow()
    {
        await durable();
        if (state().Committed.Merge is not { IsHandedOver: false } merge)
            return;
        var reply = await Customer(merge.Into).Absorb(new(Id, merge.MergeId, SnapshotCodec.Encode(state().Committed), [Id]));
        if (reply.Into is { } into)
            await run(new Input.MergeAnswered(merge.MergeId, into));
        // Of those that merge into each other the first by name stays; each of them sees the same circle.
        else if (reply.Cycle.Min(StringComparer.Ordinal) == Id)
            await run(new Input.MergeAnswered(merge.MergeId, null));
        else
            throw new JournalBusyException();
    }

    public async Task<JoinReply> Join(JoinRequest request)
    {
        if (request.Into == Id)
            return new(JoinStatus.Joined, Id);
        if (request.Path.Contains(Id))
            return new(JoinStatus.Busy, Id);
        if (state().Newest.Merge is { } merge)
        {
            if (merge.MergeId == request.MergeId)
                return await HandOverTo(request);
            var survivor = await FindSurvivor();
            return await (survivor ?? Customer(Id)).Join(request with { Path = survivor is null ? request.Path : [.. request.Path, Id] });
        }
        if (OwesEvents)
            return new(JoinStatus.Busy, Id);
        if ((await run(new Input.MergeRequested(request.Into, request.MergeId, request.By, request.IsForced))).Refusal is not null)
            return new(JoinStatus.Refused, Id);
        return await HandOverTo(request);
    }

    /// <summary>Whoever asked may have been merged when this was handed over, and have been parted again since: what was taken stays with whoever took it.</summary>
    private async Task<JoinReply> HandOverTo(JoinRequest request)
    {
        await HandOver();
        return state().Committed.Merge is { IsHandedOver: true, Into: var into } && into != request.Into
            ? new(JoinStatus.Refused, into)
            : new(JoinStatus.Joined, Id);
    }

    public async Task<AbsorbReply> Absorb(Absorption absorption)
    {
        // Taken before, and the answer was lost. It is this one's even if it has merged since: that may be undone.
        if (state().Committed.FindIdentity(absorption.Id) is { State: IdentityState.Linked } taken && taken.MergeId == absorption.MergeId)
            return new(Id, []);
        if (state().Committed.Merge is { IsHandedOver: true } done)
            return await Customer(done.Into).Absorb(absorption);
        if (state().Newest.Merge is { } merge)
        {
            // It may yet stay: nobody further on may take what was given to it. But there may be a circle.
            var before = Array.IndexOf(absorption.Path, Id);
            return before >= 0
                ? new(null, absorption.Path[before..])
                : await Customer(merge.Into).Absorb(absorption with { State = [], Path = [.. absorption.Path, Id] });
        }
        if (absorption.State.Length == 0)
            return new(null, []);
        var handed = SnapshotCodec.Decode(absorption.State)
            ?? throw new JournalException($"The state of {absorption.Id} is of another version; it can be merged when all silos are of one version.");
        await run(new Input.AbsorptionOffered(absorption.Id, absorption.MergeId, handed));
        return new(Id, []);
    }

    public async Task<string?> Part(string id, string by)
    {
        for (var attempt = 1; ; attempt++)
        {
            await durable();
            if (state().Newest.FindIdentity(id) is null)
                return MergeRefusal.Unknown;
            if (await ReadFacts() is not { } facts)
                return MergeRefusal.TooLong;
            // What happened while it was read would be lost.
            if (state().Newest.Version != facts.Count)
            {
                if (attempt == PartingAttemptsMax)
                    throw new JournalBusyException();
                continue;
            }
            var own = OwnPart.Of(key, facts, new HashSet<string>(state().Newest.IdsWith(id)) { id });
            return (await run(new Input.PartingRequested(id, by, own.Profile, own.Messages))).Refusal;
        }
    }

    public Task Undo(UndoneMerge undone) => run(new Input.UndoRequested(
        undone.MergeId, undone.By, JsonSerializer.Deserialize(undone.Handback.Span, FactJson.Default.Handback) ?? throw new JournalException("There is nothing to take back.")));

    /// <summary>Brings to an end what is unsettled.</summary>
    /// <returns>The ids that are merged into this customer.</returns>
    /// <exception cref="Exception">Another customer could not be reached.</exception>
    public async Task<string[]> SettleAll()
    {
        foreach (var identity in state().Newest.Identities.Where(Outlook.IsUnsettled).OrderByDescending(static identity => identity.State == IdentityState.Parting))
            await Settle(identity);
        return [.. state().Newest.Identities.Where(static identity => identity.State == IdentityState.Linked).Select(static identity => identity.Id)];
    }

    /// <summary>Does what an unsettled identity waits for.</summary>
    /// <exception cref="Exception">The other customer could not be reached; to be repeated.</exception>
    public async Task Settle(Identity identity)
    {
        if (identity.State == IdentityState.Claimed)
        {
            // It could bring back whom this one still owes events.
            if (OwesEvents)
                throw new JournalBusyException();
            var reply = await Customer(identity.Id).Join(new(Id, identity.MergeId, identity.By, identity.IsForced, []));
            if (reply.Status == JoinStatus.Busy)
                throw new JournalBusyException();
            await run(new Input.ClaimAnswered(identity.Id, identity.MergeId, reply.Customer, reply.Status == JoinStatus.Refused));
        }
        else if (identity is { State: IdentityState.Parting, Handback: { } handback })
        {
            await Customer(identity.Id).Undo(new(identity.MergeId, identity.By!, new(JsonSerializer.SerializeToUtf8Bytes(handback, FactJson.Default.Handback))));
            foreach (var (id, events) in await ReadTheirs(handback.Ids))
                await Customer(id).Apply(events);
            await run(new Input.PartingAnswered(identity.Id));
        }
    }

    /// <summary>
    /// What came under another customer's ids since its merge, by id, as history: it happened, and was answered. Each id knows best whose it is: the other one
    /// may have parted from it already.
    /// </summary>
    private async Task<IEnumerable<(string Id, CustomerEvent[] Events)>> ReadTheirs(IReadOnlyCollection<string> ids)
    {
        var facts = await ReadFacts() ?? throw new JournalException($"The history of {key} cannot be read as a whole.");
        return
            from happened in facts.OfType<Fact.EventApplied>().Select(static applied => applied.Event)
            where happened.Via is { } via && ids.Contains(via)
            group happened with { Via = null, Identities = null, IsHistory = true } by happened.Via into theirs
            from events in theirs.Chunk(EventsBackMax)
            select (theirs.Key, events);
    }

    private async Task<List<Fact>?> ReadFacts()
    {
        var past = await Past.ReadAsync(journal, key, state().Committed.Version);
        return past.Reason is null ? [.. past.Facts] : null;
    }

    private ICustomerGrain Customer(string id) => grains.GetGrain<ICustomerGrain>(new CustomerKey(key.Workspace, id).ToString());
}
