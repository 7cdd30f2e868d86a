using System.Text.Json;
using Orleans.Personalize.Engine;

namespace Orleans.Personalize.Customers;

/// <summary>A profile as others see it.</summary>
public static class Views
{
    public static CustomerView Of(Profile profile) => new()
    {
        Customer = profile.Key.CustomerId,
        Version = profile.Version,
        FirstSeenAt = profile.FirstSeenAt,
        LastSeenAt = profile.LastSeenAt,
        Traits = [.. profile.Traits.Where(static trait => !trait.IsRemoved).Select(Of)],
        Consent = [.. profile.Consents.Where(static trait => !trait.IsRemoved).Select(Of)],
        Counters = [.. profile.Counters.Select(static counter => new CounterView(counter.Name, counter.Count, counter.FirstAt, counter.LastAt))],
        Cart = new(profile.Cart.CartId, profile.Cart.Total, [.. profile.Cart.Lines.Select(Of)], profile.Cart.UpdatedAt),
        Orders = [.. profile.Orders.OrderByDescending(static order => order.PlacedAt).Select(Of)],
        Waits = [.. profile.Waits.OrderBy(static wait => wait.Deadline).Select(Of)],
        Sends = [.. profile.Sends.Reverse().Select(Of)],
        Decisions = [.. profile.Decisions.Reverse().Select(Of)],
        Recent = [.. profile.Recent.Reverse().Select(static activity =>
            new ActivityView(activity.Stamp.MessageId, activity.Type, activity.Name, activity.Stamp.At, activity.Source))],
        Identities = [.. profile.Identities.Select(static identity =>
            new IdentityView(identity.Id, JsonName(identity.State.ToString()), identity.At, identity.By, identity.Through, identity.Other))],
        MergedInto = profile.Merge?.Into,
    };

    /// <summary>An explanation with what the profile holds of its trigger.</summary>
    /// <param name="key">Only of this key; null: of all.</param>
    public static Explanation Of(Explanation explained, Profile profile, string? key) => explained with
    {
        Waits = [.. profile.Waits.Where(wait => wait.Trigger == explained.Trigger && (key is null || wait.Key == key)).OrderBy(static wait => wait.Deadline).Select(Of)],
        LastDecisions =
        [
            .. profile.Decisions.Where(note => note.Trigger == explained.Trigger && (key is null || note.Key == key))
                .Reverse().Take(Explanation.LastDecisionsMax).Select(Of),
        ],
    };

    public static ConflictView Of(Conflict conflict) => new(conflict.Field, conflict.Version, conflict.Won, Of(conflict.Winner), Of(conflict.Loser));

    private static TraitView Of(Trait trait) => new(trait.Name, trait.Value, trait.Stamp.At, trait.Source, trait.Stamp.MessageId);

    private static CartLineView Of(CartLine line) => new(line.ProductId, line.Name, line.Quantity, line.Price, line.Url, line.ImageUrl);

    private static OrderView Of(Order order) =>
        new(order.OrderId, JsonName(order.Status.ToString()), order.Total, order.Currency, order.PlacedAt.At);

    private static WaitView Of(Wait wait) => new(wait.Trigger, wait.Key, wait.Arms.First.At, wait.Deadline, wait.Arms.Newest.Length);

    private static SendView Of(Send send) => new(
        send.DecisionId,
        send.Trigger,
        send.Key,
        send.Order.Sender,
        send.Order.Template,
        JsonName(send.State.ToString()),
        send.Reason,
        send.Attempts,
        send.DecidedAt,
        send.IsWaiting ? send.NextAttemptAt : null,
        send.Order.ExpiresAt,
        send.Content,
        send.Engagement is { } engagement
            ? new(
                engagement.DeliveredAt, engagement.OpenedAt, engagement.MachineOpenedAt, engagement.ClickedAt, engagement.BouncedAt,
                engagement.ComplainedAt, engagement.UnsubscribedAt)
            : null);

    private static DecisionView Of(DecisionNote note) => new(
        note.DecisionId,
        note.Trigger,
        note.TriggerVersion,
        note.Key,
        note.At,
        note.IsSend ? "send" : "suppressed",
        note.Reason,
        note.Detail);

    private static string JsonName(string name) => JsonNamingPolicy.CamelCase.ConvertName(name);
}
