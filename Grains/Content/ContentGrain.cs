using Orleans.Concurrency;
using Orleans.Personalize.Registry;
using Orleans.Personalize.Sending;

namespace Orleans.Personalize.Content;

/// <summary>Renders with what the customer's grain says, if it says it in time. Every silo may have its own, as many as it has work for.</summary>
[StatelessWorker, Reentrant]
public sealed class ContentGrain(Catalogs catalogs, TimeProvider clock) : Grain, IContentGrain
{
    private Catalog catalog = null!;

    public override async Task OnActivateAsync(CancellationToken cancellationToken) => catalog = await catalogs.GetAsync(this.GetPrimaryKeyString());

    public async Task<SlotContent> Render(SlotRequest request)
    {
        if (catalog.FindSlot(request.Slot) is not var (version, slot))
            return new(null, default, null, SlotReason.NoSlot);
        var terms = version == request.KnownVersion ? null : slot.Terms(version);
        if (!slot.Has(request.Form))
            return new(terms, default, null, SlotReason.NoForm);
        var customer = new CustomerKey(this.GetPrimaryKeyString(), request.CustomerId);
        CustomerView? profile;
        try
        {
            profile = await GrainFactory.GetGrain<ICustomerGrain>(customer.ToString()).Read().WaitAsync(slot.Budget, clock);
        }
        catch (Exception failure)
        {
            return new(terms, default, null, failure is TimeoutException ? SlotReason.Slow : SlotReason.Unavailable);
        }
        return profile is null
            ? new(terms, default, null, SlotReason.Missing)
            : Render(slot, request.Form, profile, customer) with { Terms = terms, ProfileVersion = profile.Version, LastSeenAt = profile.LastSeenAt };
    }

    private SlotContent Render(Slot slot, SlotForm form, CustomerView profile, CustomerKey customer)
    {
        var now = clock.GetUtcNow();
        if (slot.MaxStaleness is { } most && !(now - profile.LastSeenAt <= most))
            return new(null, default, null, SlotReason.Stale);
        var job = new SendJob
        {
            DecisionId = "",
            Attempt = 1,
            Trigger = "",
            Key = null,
            Template = null,
            Data = default,
            EventName = null,
            EventProperties = default,
            DecidedAt = now,
            ExpiresAt = null,
            Profile = profile,
        };
        try
        {
            return form == SlotForm.Json
                ? new(null, slot.RenderJson(Rendered), null, null)
                : new(null, default, slot.RenderText(form, Rendered), null);
        }
        catch (TemplateException)
        {
            return new(null, default, null, SlotReason.Template);
        }

        RenderedContent Rendered(Template template) => template.Render(job, customer, clock);
    }
}
