using Microsoft.Extensions.Logging;
using Orleans.Concurrency;
using Orleans.Personalize.Diagnostics;
using Orleans.Personalize.Registry;

namespace Orleans.Personalize.Sending;

/// <summary>
/// A configured outlet. For each offered send: authorize at its customer, render with the profile of that moment, deliver, settle. It keeps
/// nothing: what it loses, the customer offers again.
/// </summary>
[Reentrant]
public sealed class SenderGrain(Catalogs catalogs, TimeProvider clock, ILogger<SenderGrain> logger) : Grain, ISenderGrain
{
    /// <summary>Sends taken and not yet finished; more are refused and stay with their customers.</summary>
    private const int QueueMax = 1_000;

    /// <summary>Deliveries at the same time.</summary>
    private const int ConcurrencyMax = 16;

    /// <summary>Longer than any sender's own time-out, shorter than the authorization's lease.</summary>
    private static readonly TimeSpan DeliveryTimeout = TimeSpan.FromSeconds(60);

    /// <summary>Attempts at recording what became of a delivery before it is left to the lease.</summary>
    private const int SettleAttemptsMax = 3;

    private static readonly TimeSpan SettlePause = TimeSpan.FromSeconds(1);

    private readonly HashSet<SendOffer> taken = [];
    private readonly Queue<SendOffer> waiting = [];
    private int delivering;
    private Catalog catalog = null!;
    private string senderId = null!;

    public override async Task OnActivateAsync(CancellationToken cancellationToken)
    {
        // A sender's key has the form of a customer's: workspace/senderId.
        (var workspace, senderId) = CustomerKey.Parse(this.GetPrimaryKeyString());
        catalog = await catalogs.GetAsync(workspace);
    }

    public Task<bool> Offer(SendOffer offer)
    {
        if (taken.Contains(offer))
            return Task.FromResult(true);
        if (taken.Count >= QueueMax)
            return Task.FromResult(false);
        taken.Add(offer);
        waiting.Enqueue(offer);
        if (delivering < ConcurrencyMax)
            _ = HandleWaiting();
        return Task.FromResult(true);
    }

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
        try
        {
            var customer = GrainFactory.GetGrain<ICustomerGrain>(offer.Customer);
            if (await customer.Authorize(offer.DecisionId) is { Job: { } job })
                await Settle(customer, job, await Deliver(offer, job));
        }
        catch (Exception failure)
        {
            logger.SendAbandoned(offer.Customer, offer.DecisionId, failure.Message);
        }
    }

    private async Task<Delivery> Deliver(SendOffer offer, SendJob job)
    {
        using var span = Instruments.Spans.StartActivity("send.deliver");
        if (catalog.FindSender(senderId) is not { } sender)
            return new(SendOutcome.Retry, Detail: $"There is no sender '{senderId}'.");
        var customer = CustomerKey.Parse(offer.Customer);
        var delivery = await Try(sender, customer, job);
        Instruments.OnSend(sender.Type, delivery.Outcome);
        return delivery;
    }

    private async Task<Delivery> Try(ConfiguredSender sender, CustomerKey customer, SendJob job)
    {
        RenderedContent? content = null;
        if (job.Template is not null)
        {
            if (catalog.FindTemplate(job.Template) is not { } template)
                return new(SendOutcome.Retry, Detail: $"There is no template '{job.Template}'.");
            try
            {
                content = template.Render(job, customer, clock);
            }
            catch (TemplateException failure)
            {
                return new(failure.MayPass ? SendOutcome.Retry : SendOutcome.Failed, Detail: failure.Message);
            }
        }
        using var timeout = new CancellationTokenSource(DeliveryTimeout, clock);
        try
        {
            // A sender that does not heed the cancellation must not keep its place for ever.
            return await sender.Sender.DeliverAsync(new(customer.Workspace, customer.CustomerId, job, content), timeout.Token).WaitAsync(timeout.Token);
        }
        catch (OperationCanceledException) when (timeout.IsCancellationRequested)
        {
            return new(SendOutcome.Retry, Detail: $"No answer within {DeliveryTimeout.TotalSeconds:0} s.");
        }
        catch (Exception failure)
        {
            return new(SendOutcome.Retry, Detail: failure.Message);
        }
    }

    private async Task Settle(ICustomerGrain customer, SendJob job, Delivery delivery)
    {
        var report = new SendReport(job.Attempt, delivery.Outcome, delivery.ProviderId, delivery.Detail, delivery.RetryAfter);
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
