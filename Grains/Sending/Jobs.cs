using Orleans.Personalize.Customers;
using Orleans.Personalize.Engine;

namespace Orleans.Personalize.Sending;

/// <summary>Authorized attempts as their senders get them.</summary>
internal static class Jobs
{
    public static SendJob Of(Profile profile, string decisionId)
    {
        var send = profile.FindSend(decisionId)!;
        return new SendJob
        {
            DecisionId = send.DecisionId,
            Attempt = send.Attempts,
            Trigger = send.Trigger,
            Key = send.Key,
            Template = send.Order.Template,
            Data = send.Order.Data,
            EventName = send.Event.Name,
            EventProperties = send.Event.Properties,
            DecidedAt = send.DecidedAt,
            ExpiresAt = send.Order.ExpiresAt,
            Profile = Views.Of(profile),
            Channel = send.Order.Channel,
            Topic = send.Order.Topic,
            IsTransactional = send.Order.IsTransactional,
        };
    }
}
