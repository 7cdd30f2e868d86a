using Microsoft.Extensions.Logging;
using Orleans.Concurrency;
using Orleans.Personalize.Diagnostics;
using Orleans.Personalize.Engine;
using Orleans.Personalize.Journal;
using Orleans.Personalize.Registry;
using Orleans.Runtime;

namespace Orleans.Personalize.Customers;

/// <summary>
/// A customer: the shell around the pure engine. It decides on its newest state and queues the append before it awaits, so that the
/// events of a busy customer share commits; what it shows is committed. After a failed append the outcome is unknown: it lets go of its
/// memory and reads the journal anew.
/// </summary>
[Reentrant]
public sealed class CustomerGrain(
    IJournal journal, GroupCommitter committer, Catalogs catalogs, TimeProvider clock, ILogger<CustomerGrain> logger) : Grain, ICustomerGrain
{
    private CustomerState state = null!;
    private CustomerEffects effects = null!;
    private Catalog catalog = null!;
    private Task newestCommit = Task.CompletedTask;
    private bool isLost;

    public override async Task OnActivateAsync(CancellationToken cancellationToken)
    {
        var key = CustomerKey.Parse(this.GetPrimaryKeyString());
        catalog = await catalogs.GetAsync(key.Workspace);
        state = CustomerState.Load(key, await journal.ReadAsync(key.ToString(), cancellationToken));
        effects = new(this, GrainFactory, clock, logger);
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
        var turn = await Run(new Input.EventsArrived(events));
        Report.OnArrived(turn, events, clock.GetUtcNow());
        return [.. turn.Receipts];
    }

    public Task Tick() => Run(Input.Tick.Now);

    public async Task<Authorization> Authorize(string decisionId)
    {
        var turn = await Run(new Input.SendRequested(decisionId));
        return turn.Refusal is null
            ? new(Sending.Jobs.Of(turn.Profile, decisionId))
            : new(null, turn.Refusal);
    }

    public Task Settle(string decisionId, SendReport report) => Run(new Input.SendReported(decisionId, report));

    public Task<CustomerView?> Read() => Task.FromResult(state.Committed.Version == 0 ? null : Views.Of(state.Committed));

    public Task<TimelinePage> Timeline(int limit, long? before) =>
        Customers.Timeline.ReadAsync(journal, this.GetPrimaryKeyString(), limit, before);

    public async Task Erase()
    {
        isLost = true;
        try
        {
            await newestCommit.ConfigureAwait(ConfigureAwaitOptions.SuppressThrowing | ConfigureAwaitOptions.ContinueOnCapturedContext);
            await committer.AppendAsync(new JournalWrite.Erase(this.GetPrimaryKeyString()));
        }
        finally
        {
            DeactivateOnIdle();
        }
    }

    private async Task<Turn> Run(Input input)
    {
        if (isLost)
            throw new JournalException("The customer is being reloaded; try again.");
        var now = clock.GetUtcNow();
        var turn = Decider.Decide(state.Newest, input, catalog.Triggers, now);
        var write = state.WriteOf(turn, now);
        if (write is null)
        {
            // What it refers to, such as the first of two deliveries, may not be durable yet.
            await newestCommit;
        }
        else
        {
            await Commit(write, turn);
            Report.OnRecorded(turn);
        }
        effects.Follow(state.Committed);
        return turn;
    }

    private async Task Commit(JournalWrite.Append write, Turn turn)
    {
        var append = committer.AppendAsync(write);
        if (append.IsFaulted)
            await append; // Refused at the door: nothing was queued and the newest state stands.
        state.Advance(write, turn.Profile);
        var commit = Settled(append);
        newestCommit = commit;
        await commit;
        if (state.Commit(turn.Profile) is { } snapshot)
            _ = Keep(snapshot);
    }

    private async Task Settled(Task<WriteStatus> append)
    {
        try
        {
            if (await append == WriteStatus.Committed)
                return;
        }
        catch (Exception failure)
        {
            Lose();
            logger.AppendFailed(this.GetPrimaryKeyString(), failure);
            throw;
        }
        Lose();
        logger.AppendStale(this.GetPrimaryKeyString());
        throw new JournalException("Another activation of this customer has written; this one is out of date. Try again.");
    }

    private void Lose()
    {
        isLost = true;
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
