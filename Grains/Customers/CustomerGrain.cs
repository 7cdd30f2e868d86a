using Microsoft.Extensions.Hosting;
using Microsoft.Extensions.Logging;
using Orleans.Concurrency;
using Orleans.Personalize.Diagnostics;
using Orleans.Personalize.Engine;
using Orleans.Personalize.Journal;
using Orleans.Personalize.Registry;
using Orleans.Runtime;

namespace Orleans.Personalize.Customers;

/// <summary>
/// A customer: the shell around the pure engine. It decides on its newest state; what is decided while a commit is under way goes into the
/// next one, so that the events of a busy customer share commits; what it shows is committed. After a failed append the outcome is unknown: it
/// lets go of its memory and reads the journal anew.
/// </summary>
[Reentrant]
public sealed class CustomerGrain(
    IJournal journal, GroupCommitter committer, Catalogs catalogs, TimeProvider clock, ILogger<CustomerGrain> logger,
    IHostApplicationLifetime? lifetime = null, SearchTraits? searchable = null) : Grain, ICustomerGrain
{
    /// <summary>The channel whose addresses the suppression list knows.</summary>
    private const string MailChannel = "email";

    private readonly Followers followers = new(clock, lifetime);
    private CustomerState state = null!;
    private CustomerIdentities identities = null!;
    private CustomerEffects effects = null!;
    private Catalog catalog = null!;
    private Task running = Task.CompletedTask;
    private Task? gathering;
    private bool isLost;

    /// <summary>Something else than an import or a comparison has called, so that it is worth staying in memory.</summary>
    private bool isWanted;

    private CustomerKey Key => CustomerKey.Parse(this.GetPrimaryKeyString());

    public override async Task OnActivateAsync(CancellationToken cancellationToken)
    {
        catalog = await catalogs.GetAsync(Key.Workspace);
        state = await CustomerState.LoadAsync(journal, Key, searchable ?? SearchTraits.None, cancellationToken);
        identities = new(Key, GrainFactory, journal, () => state, input => Run(input, isWanted: false), Durable);
        effects = new(this, GrainFactory, identities, clock, logger);
        effects.Follow(state.Committed);
        Instruments.OnActivated();
    }

    public override async Task OnDeactivateAsync(DeactivationReason reason, CancellationToken cancellationToken)
    {
        Instruments.OnDeactivated();
        if (!isLost && state.SnapshotOnLeaving() is { } snapshot)
            await Keep(snapshot);
    }

    public async Task<Receipt[]> Apply(CustomerEvent[] events)
    {
        using var span = Instruments.Spans.StartActivity("customer.apply");
        if (await identities.FindSurvivor() is { } survivor)
            return await ApplyTo(survivor, events);
        var isHistory = true;
        foreach (var happened in events)
        {
            // It came by way of a customer whose merge is being undone, or was: there it belongs, and whoever sent it asks again.
            if (happened.Via is { } via && state.Newest.FindIdentity(via) is not { State: IdentityState.Linked })
                throw new JournalBusyException();
            isHistory &= happened.IsHistory;
        }
        var turn = Decide(new Input.EventsArrived(events), isWanted: !isHistory);
        await Durable();
        Follow(turn);
        Report.OnArrived(turn, events, clock.GetUtcNow());
        LeaveIfUnwanted();
        return [.. turn.Receipts];
    }

    private Task<Receipt[]> ApplyTo(ICustomerGrain survivor, CustomerEvent[] events) =>
        survivor.Apply(Array.ConvertAll(events, happened => happened with { Via = happened.Via ?? Key.CustomerId }));

    public Task Tick() => Run(Input.Tick.Now);

    public async Task<Authorization> Authorize(string decisionId, bool holds)
    {
        if (await identities.FindSurvivor() is { } survivor)
            return await survivor.Authorize(decisionId, holds);
        var listed = state.Newest.FindSend(decisionId) is { Order.Channel: MailChannel } ? await WhyListed(state.Newest) : null;
        // It may have been merged while that was looked up.
        if (state.Newest.Merge is not null)
            return await Authorize(decisionId, holds);
        var turn = await Run(new Input.SendRequested(decisionId, holds, listed));
        return turn.Refusal is null
            ? new(Sending.Jobs.Of(turn.Profile, decisionId))
            : new(null, turn.Refusal);
    }

    public async Task Park(string decisionId, DateTimeOffset until, string reason) => await (await identities.FindSurvivor() is { } survivor
        ? survivor.Park(decisionId, until, reason)
        : Run(new Input.SendParked(decisionId, until, reason)));

    public async Task<string?> Resolve(string decisionId, SendVerdict verdict, string by, string? note) => await identities.FindSurvivor() is { } survivor
        ? await survivor.Resolve(decisionId, verdict, by, note)
        : (await Run(new Input.SendResolved(decisionId, verdict, by, note))).Refusal;

    public async Task<string?> Operate(WaitOperation operation) => await identities.FindSurvivor() is { } survivor
        ? await survivor.Operate(operation)
        : (await Run(new Input.WaitOperated(operation))).Refusal;

    public async Task Settle(string decisionId, SendReport report) => await (await identities.FindSurvivor() is { } survivor
        ? survivor.Settle(decisionId, report)
        : Run(new Input.SendReported(decisionId, report)));

    public async Task<CustomerView?> Read()
    {
        isWanted = true;
        return await identities.FindSurvivor() is { } survivor ? await survivor.Read() : View();
    }

    public async Task<CustomerView?> Peek()
    {
        if (await identities.FindSurvivor() is { } survivor)
            return await survivor.Peek();
        LeaveIfUnwanted();
        return View();
    }

    private CustomerView? View() => state.Committed.Version == 0 ? null : Views.Of(state.Committed);

    /// <summary>An import tells of very many customers once each: not all of them may stay in memory until they count as idle.</summary>
    private void LeaveIfUnwanted()
    {
        if (!isWanted && Outlook.NextDeadline(state.Committed) is null)
            DeactivateOnIdle();
    }

    public async Task<CustomerChange?> Follow(long version)
    {
        isWanted = true;
        if (await identities.FindSurvivor() is { } survivor)
            return await survivor.Follow(version);
        if (state.Committed.Version == version && !isLost)
            await followers.Wait();
        var profile = state.Committed;
        return profile.Version == version || isLost || profile.Merge is not null ? null : new(profile.Version, profile.Version == 0 ? null : Views.Of(profile));
    }

    public async Task<Explanation?> Explain(string trigger, string? key)
    {
        if (await identities.FindSurvivor() is { } survivor)
            return await survivor.Explain(trigger, key);
        if (catalog.Triggers.Find(trigger) is not { } known)
            return null;
        var listed = known.Send.Channel == MailChannel ? await WhyListed(state.Committed) : null;
        return Views.Of(Decider.Explain(state.Committed, known, key, catalog.Triggers, clock.GetUtcNow(), listed), state.Committed, key);
    }

    public Task<TimelinePage> Timeline(int limit, long? before) =>
        Customers.Timeline.ReadAsync(journal, this.GetPrimaryKeyString(), limit, before);

    public async Task<string?> Link(string id, string by) => await identities.FindSurvivor() is { } survivor
        ? await survivor.Link(id, by)
        : (await Run(new Input.IdentityNamed(id, by))).Refusal;

    public async Task<string?> Part(string id, string by) => await identities.FindSurvivor() is { } survivor
        ? await survivor.Part(id, by)
        : await identities.Part(id, by);

    public Task<JoinReply> Join(JoinRequest request) => identities.Join(request);

    public Task<AbsorbReply> Absorb(Absorption absorption) => identities.Absorb(absorption);

    public Task Undo(UndoneMerge undone) => identities.Undo(undone);

    public async Task<string[]> Erase()
    {
        if (await identities.FindSurvivor() is { } survivor)
            return await survivor.Erase();
        var merged = await identities.SettleAll();
        foreach (var id in merged)
            await GrainFactory.GetGrain<ICustomerGrain>(new CustomerKey(Key.Workspace, id).ToString()).Forget();
        await Forget();
        return [Key.CustomerId, .. merged];
    }

    public async Task Forget()
    {
        isLost = true;
        followers.Tell();
        try
        {
            await (gathering ?? running).ConfigureAwait(ConfigureAwaitOptions.SuppressThrowing | ConfigureAwaitOptions.ContinueOnCapturedContext);
            await committer.AppendAsync(new JournalWrite.Erase(this.GetPrimaryKeyString()));
        }
        finally
        {
            DeactivateOnIdle();
        }
    }

    /// <summary>Why the address that a mail would go to is on the suppression list; null where it is not.</summary>
    private async Task<string?> WhyListed(Profile profile) => profile.Email is { } email
        ? (await GrainFactory.GetGrain<ISuppressionGrain>(Suppressions.Key(profile.Key.Workspace, email)).Find(email))?.Reason
        : null;

    private async Task<Turn> Run(Input input, bool isWanted = true)
    {
        var turn = Decide(input, isWanted);
        await Durable();
        Follow(turn);
        return turn;
    }

    private Turn Decide(Input input, bool isWanted)
    {
        this.isWanted |= isWanted;
        if (isLost)
            throw new JournalException("The customer is being reloaded; try again.");
        if (state.IsFull)
            throw new JournalBusyException();
        if (state.Newest.Merge is not null && !Decider.IsForMerged(input))
            throw new JournalException("The customer is being merged with another; try again.");
        var turn = Decider.Decide(state.Newest, input, catalog.Triggers, clock.GetUtcNow());
        state.Gather(turn);
        return turn;
    }

    private void Follow(Turn turn)
    {
        Report.OnRecorded(turn);
        effects.Follow(state.Committed);
    }

    /// <summary>
    /// Ends when all that was decided so far is durable, also what a turn without facts refers to, such as the first of two deliveries. One
    /// commit is under way at a time: two that build on each other could be torn apart by another activation's write of the same length.
    /// </summary>
    private Task Durable()
    {
        if (gathering is not null)
            return gathering;
        if (!running.IsCompleted)
            return state.HasNews(clock.GetUtcNow()) ? gathering = CommitAfter(running) : running;
        return state.WriteOf(clock.GetUtcNow()) is { } write ? running = Commit(write) : Task.CompletedTask;
    }

    /// <summary>Commits together what is decided while another commit is under way.</summary>
    private async Task CommitAfter(Task before)
    {
        await before;
        gathering = null;
        if (state.WriteOf(clock.GetUtcNow()) is { } write)
            await (running = Commit(write));
    }

    private async Task Commit(JournalWrite.Append write)
    {
        Task<WriteStatus> append;
        try
        {
            append = committer.AppendAsync(write);
            if (append.IsFaulted)
                await append;
        }
        catch
        {
            // Refused at the door: nothing was queued, and all is as it was.
            state.Revert();
            throw;
        }
        var written = state.Advance(write);
        WriteStatus status;
        try
        {
            status = await append;
        }
        catch (Exception failure)
        {
            Lose();
            logger.AppendFailed(this.GetPrimaryKeyString(), failure);
            throw;
        }
        if (status != WriteStatus.Committed)
        {
            Lose();
            logger.AppendStale(this.GetPrimaryKeyString());
            throw new JournalException("Another activation of this customer has written; this one is out of date. Try again.");
        }
        if (state.Commit(written) is { } snapshot)
            _ = Keep(snapshot);
        followers.Tell();
    }

    private void Lose()
    {
        isLost = true;
        // The deactivation would wait for them to run out of patience.
        followers.Tell();
        DeactivateOnIdle();
    }

    /// <summary>A snapshot is only a shortcut: that one could not be kept is not a failure.</summary>
    private async Task Keep(JournalWrite.Snapshot snapshot)
    {
        try
        {
            await committer.AppendAsync(snapshot);
        }
        catch (Exception failure) when (failure is JournalException or JournalBusyException)
        {
            logger.SnapshotSkipped(this.GetPrimaryKeyString(), failure.Message);
        }
    }
}
