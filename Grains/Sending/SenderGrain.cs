using Microsoft.Extensions.Logging;
using Orleans.Concurrency;
using Orleans.Personalize.Diagnostics;
using Orleans.Personalize.Engine;
using Orleans.Personalize.Registry;
using Orleans.Runtime;

namespace Orleans.Personalize.Sending;

/// <summary>
/// A configured outlet. For each offered send: authorize at its customer, render with the profile of that moment, deliver, settle. It keeps
/// nothing: what it loses, the customer offers again; what it has no room for, the customer parks.
/// </summary>
[Reentrant]
public sealed class SenderGrain(Catalogs catalogs, TimeProvider clock, ILogger<SenderGrain> logger, SignedLinks? links = null) : Grain, ISenderGrain
{
    /// <summary>Sends taken and not yet finished; more are parked.</summary>
    private const int QueueMax = 1_000;

    /// <summary>What a rate lets through within this time is queued; more is parked.</summary>
    private static readonly TimeSpan QueueTime = TimeSpan.FromSeconds(5);

    /// <summary>Tests under way at the same time: they pass by the rate, so that they must be few.</summary>
    private const int TestsMax = 4;

    /// <summary>Attempts at recording what became of a delivery before it is left to the lease.</summary>
    private const int SettleAttemptsMax = 3;

    private static readonly TimeSpan SettlePause = TimeSpan.FromSeconds(1);

    private readonly HashSet<SendOffer> taken = [];
    private readonly Queue<SendOffer> waiting = [];
    private readonly SenderPipeline pipeline = new(clock);
    private int delivering;
    private int testing;
    private Catalog catalog = null!;
    private string senderId = null!;

    private SenderTerms? Terms => catalog.FindSender(senderId)?.Terms;

    public override async Task OnActivateAsync(CancellationToken cancellationToken)
    {
        // A sender's key has the form of a customer's: workspace/senderId.
        (var workspace, senderId) = CustomerKey.Parse(this.GetPrimaryKeyString());
        catalog = await catalogs.GetAsync(workspace);
    }

    public override Task OnDeactivateAsync(DeactivationReason reason, CancellationToken cancellationToken)
    {
        pipeline.Close();
        return Task.CompletedTask;
    }

    public Task<OfferReply> Offer(SendOffer offer)
    {
        if (taken.Contains(offer))
            return Task.FromResult(OfferReply.Taken);
        if (pipeline.RestsUntil is not null)
            return Task.FromResult(Park(Reason.Breaker));
        if (taken.Count >= Room(Terms?.Rate))
            return Task.FromResult(Park(Reason.Rate));
        taken.Add(offer);
        waiting.Enqueue(offer);
        if (delivering < (Terms?.Concurrency ?? SenderTerms.ConcurrencyDefault))
            _ = HandleWaiting();
        return Task.FromResult(OfferReply.Taken);
    }

    public Task<SenderStatus> Status() =>
        Task.FromResult(new SenderStatus(pipeline.State, pipeline.RestsUntil, waiting.Count, taken.Count - waiting.Count));

    public async Task<TestReport?> Test(TestMessage message)
    {
        var template = message.Template is null ? null : catalog.FindTemplate(message.Template);
        if (catalog.FindSender(senderId) is not { } sender || (message.Template is not null && template is null))
            return null;
        if (testing >= TestsMax)
            return new(SendOutcome.Retry, null, "Other tests of this sender are under way.", null, TimeSpan.Zero);
        testing++;
        var start = clock.GetTimestamp();
        try
        {
            var (workspace, _) = CustomerKey.Parse(this.GetPrimaryKeyString());
            var (test, delivery) = TestSend.Make(new(workspace, message.Profile?.Customer ?? TestSend.Nobody), senderId, message, template, clock);
            delivery ??= await pipeline.DeliverUncounted(sender.Sender, test!);
            logger.SenderTested(this.GetPrimaryKeyString(), message.By, delivery.Outcome);
            return new(delivery.Outcome, delivery.ProviderId, delivery.Detail, test?.Content?.Subject, clock.GetElapsedTime(start));
        }
        finally
        {
            testing--;
        }
    }

    private OfferReply Park(string reason)
    {
        Instruments.OnParked(reason);
        return new(pipeline.Return(Terms), reason);
    }

    private static int Room(double? rate) =>
        rate is { } perSecond ? (int)Math.Clamp(perSecond * QueueTime.TotalSeconds, 1, QueueMax) : QueueMax;

    private async Task HandleWaiting()
    {
        delivering++;
        while (waiting.TryDequeue(out var offer))
        {
            await Handle(offer);
            taken.Remove(offer);
        }
        delivering--;
    }

    private async Task Handle(SendOffer offer)
    {
        var customer = GrainFactory.GetGrain<ICustomerGrain>(offer.Customer);
        try
        {
            await pipeline.Pace(Terms);
            if (!pipeline.TryEnter())
            {
                var parked = Park(Reason.Breaker);
                await customer.Park(offer.DecisionId, parked.NotBefore!.Value, parked.Reason!);
            }
            else if (await Enter(customer, offer) is { } settlement)
                await Settle(customer, settlement);
        }
        catch (Exception failure)
        {
            logger.SendAbandoned(offer.Customer, offer.DecisionId, failure.Message);
        }
    }

    private async Task<(SendJob Job, Delivery Delivery, string? Content)?> Enter(ICustomerGrain customer, SendOffer offer)
    {
        try
        {
            var sender = catalog.FindSender(senderId);
            if (await customer.Authorize(offer.DecisionId, sender?.Terms.HoldsUnknown ?? false) is not { Job: { } job })
                return null;
            var (delivery, content) = await Deliver(sender, CustomerKey.Parse(offer.Customer), job);
            return (job, delivery, content?.Name);
        }
        finally
        {
            pipeline.Leave();
            // With the activation goes what it knows of the provider.
            if (pipeline.RestsUntil is not null)
                DelayDeactivation(2 * SenderPipeline.BreakMax);
        }
    }

    private async Task<(Delivery Delivery, RenderedContent? Content)> Deliver(ConfiguredSender? sender, CustomerKey customer, SendJob job)
    {
        using var span = Instruments.Spans.StartActivity("send.deliver");
        if (sender is null)
            return (new(SendOutcome.Retry, Detail: $"There is no sender '{senderId}'."), null);
        var unsubscribe = job.IsTransactional ? null : links?.Unsubscribe(customer.Workspace, customer.CustomerId, job.Channel, job.Topic, job.DecisionId);
        RenderedContent? content = null;
        if (job.Template is not null)
        {
            if (catalog.FindTemplate(job.Template) is not { } template)
                return (new(SendOutcome.Retry, Detail: $"There is no template '{job.Template}'."), null);
            try
            {
                content = template.Render(job, customer, clock, Links(customer, job, unsubscribe));
            }
            catch (TemplateException failure)
            {
                return (new(failure.MayPass ? SendOutcome.Retry : SendOutcome.Failed, Detail: failure.Message), null);
            }
        }
        var (workspace, customerId) = customer;
        var delivery = await pipeline.Deliver(
            sender.Sender, new(workspace, customerId, job, content, unsubscribe, links?.Reference(workspace, customerId, job.DecisionId)));
        Instruments.OnSend(sender.Type, delivery.Outcome);
        return (delivery, content);
    }

    private MailLinks Links(CustomerKey customer, SendJob job, Uri? unsubscribe) =>
        links is null ? new(null, null) : new(
            unsubscribe?.AbsoluteUri,
            links.Preferences(customer.Workspace, customer.CustomerId, job.DecisionId).AbsoluteUri,
            slot => links.Content(customer.Workspace, customer.CustomerId, slot).AbsoluteUri);

    private async Task Settle(ICustomerGrain customer, (SendJob Job, Delivery Delivery, string? Content) settlement)
    {
        var (job, delivery, content) = settlement;
        var report = new SendReport(job.Attempt, delivery.Outcome, delivery.ProviderId, delivery.Detail, delivery.RetryAfter, content);
        for (var attempt = 1; ; attempt++)
        {
            try
            {
                await customer.Settle(job.DecisionId, report);
                return;
            }
            catch (Exception failure) when (attempt < SettleAttemptsMax)
            {
                logger.SettleRepeated(job.DecisionId, failure.Message);
                await Task.Delay(SettlePause, clock);
            }
        }
    }
}
