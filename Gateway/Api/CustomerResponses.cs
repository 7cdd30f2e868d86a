namespace Orleans.Personalize.Gateway.Api;

/// <summary>A customer's live profile. Instants are UTC.</summary>
/// <param name="Traits">By name, each with where its value came from.</param>
/// <param name="Consent">By channel.</param>
/// <param name="Counters">By event name.</param>
/// <param name="Recent">The latest events, newest first.</param>
/// <param name="Identities">Other ids of the same customer, and those that were said to be.</param>
/// <param name="MergedInto">Only of the past of an id that is another customer's now.</param>
internal sealed record CustomerResponse(
    string Customer,
    long Version,
    DateTimeOffset? FirstSeenAt,
    DateTimeOffset? LastSeenAt,
    Dictionary<string, TraitResponse> Traits,
    Dictionary<string, TraitResponse> Consent,
    Dictionary<string, CounterResponse> Counters,
    CartResponse Cart,
    OrderResponse[] Orders,
    WaitResponse[] Waits,
    SendResponse[] Sends,
    DecisionResponse[] Decisions,
    ActivityResponse[] Recent,
    IdentityView[] Identities,
    string? MergedInto)
{
    public static CustomerResponse From(string customer, CustomerView view) => new(
        customer,
        view.Version,
        view.FirstSeenAt,
        view.LastSeenAt,
        view.Traits.ToDictionary(trait => trait.Name, TraitResponse.From),
        view.Consent.ToDictionary(trait => trait.Name, TraitResponse.From),
        view.Counters.ToDictionary(counter => counter.Name, CounterResponse.From),
        CartResponse.From(view.Cart),
        Array.ConvertAll(view.Orders, OrderResponse.From),
        Array.ConvertAll(view.Waits, WaitResponse.From),
        Array.ConvertAll(view.Sends, SendResponse.From),
        Array.ConvertAll(view.Decisions, DecisionResponse.From),
        Array.ConvertAll(view.Recent, ActivityResponse.From),
        view.Identities,
        view.MergedInto);
}

internal sealed record LatestActivityResponse(string Customer, DateTimeOffset? LastSeenAt, ActivityResponse[] Items)
{
    public static LatestActivityResponse From(string customer, CustomerView view) =>
        new(customer, view.LastSeenAt, Array.ConvertAll(view.Recent, ActivityResponse.From));
}

internal sealed record TraitResponse(RawJson Value, DateTimeOffset At, string Source, string MessageId)
{
    public static TraitResponse From(TraitView view) => new(new RawJson(view.Value), view.At, view.Source, view.MessageId);
}

internal sealed record CounterResponse(long Count, DateTimeOffset FirstAt, DateTimeOffset LastAt)
{
    public static CounterResponse From(CounterView view) => new(view.Count, view.FirstAt, view.LastAt);
}

internal sealed record CartResponse(string? CartId, decimal Total, CartLineResponse[] Lines, DateTimeOffset? UpdatedAt)
{
    public static CartResponse From(CartView view) =>
        new(view.CartId, view.Total, Array.ConvertAll(view.Lines, CartLineResponse.From), view.UpdatedAt);
}

internal sealed record CartLineResponse(string ProductId, string? Name, decimal Quantity, decimal? Price, string? Url, string? ImageUrl)
{
    public static CartLineResponse From(CartLineView view) =>
        new(view.ProductId, view.Name, view.Quantity, view.Price, view.Url, view.ImageUrl);
}

internal sealed record OrderResponse(string OrderId, string Status, decimal? Total, string? Currency, DateTimeOffset At)
{
    public static OrderResponse From(OrderView view) => new(view.OrderId, view.Status, view.Total, view.Currency, view.At);
}

internal sealed record WaitResponse(string Trigger, string? Key, DateTimeOffset ArmedAt, DateTimeOffset Deadline, int Arms)
{
    public static WaitResponse From(WaitView view) => new(view.Trigger, view.Key, view.ArmedAt, view.Deadline, view.Arms);
}

internal sealed record SendResponse(
    string DecisionId,
    string Trigger,
    string? Key,
    string Sender,
    string? Template,
    string State,
    string? Reason,
    int Attempts,
    DateTimeOffset CreatedAt,
    DateTimeOffset? NextAttemptAt,
    DateTimeOffset? ExpiresAt,
    string? Content,
    EngagementView? Engagement)
{
    public static SendResponse From(SendView view) => new(
        view.DecisionId, view.Trigger, view.Key, view.Sender, view.Template, view.State, view.Reason, view.Attempts, view.CreatedAt,
        view.NextAttemptAt, view.ExpiresAt, view.Content, view.Engagement);
}

internal sealed record DecisionResponse(
    string DecisionId, string Trigger, long TriggerVersion, string? Key, DateTimeOffset At, string Outcome, string? Reason, string? Detail)
{
    public static DecisionResponse From(DecisionView view) =>
        new(view.DecisionId, view.Trigger, view.TriggerVersion, view.Key, view.At, view.Outcome, view.Reason, view.Detail);
}

internal sealed record ActivityResponse(string MessageId, string Type, string? Name, DateTimeOffset OccurredAt, string Source)
{
    public static ActivityResponse From(ActivityView view) =>
        new(view.MessageId, view.Type.ToString().ToLowerInvariant(), view.Name, view.OccurredAt, view.Source);
}

/// <param name="Fact">The fact as stored.</param>
internal sealed record TimelineResponse(long Version, DateTimeOffset RecordedAt, string Type, RawJson Fact)
{
    public static TimelineResponse From(TimelineItem item) => new(item.Version, item.RecordedAt, item.Type, new RawJson(item.Fact));
}

internal sealed record CustomerHitResponse(string Customer, string? Email, long Version)
{
    /// <summary>The search knows customers by the keys of their grains; a caller knows them by their ids.</summary>
    public static CustomerHitResponse From(string workspace, CustomerHit hit) => new(
        hit.Customer.StartsWith(workspace + "/", StringComparison.Ordinal) ? hit.Customer[(workspace.Length + 1)..] : hit.Customer,
        hit.Email,
        hit.Version);
}
