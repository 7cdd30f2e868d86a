using Orleans.Personalize.Diagnostics;
using Orleans.Personalize.Engine;

namespace Orleans.Personalize.Customers;

/// <summary>Tells the instruments what a committed turn did.</summary>
internal static class Report
{
    public static void OnArrived(Turn turn, CustomerEvent[] events, DateTimeOffset now)
    {
        foreach (var receipt in turn.Receipts)
            Instruments.OnReceipt(receipt.Status);
        foreach (var fact in turn.Facts)
        {
            if (fact is Fact.Decided && events.Length > 0)
            {
                Instruments.OnDecisionDurable(now - events[0].ReceivedAt);
                break;
            }
        }
    }

    public static void OnRecorded(Turn turn)
    {
        foreach (var fact in turn.Facts)
        {
            if (fact is not Fact.Decided decided)
                continue;
            Instruments.OnDecided(decided.IsSend ? "send" : "suppressed", decided.Reason);
            if (decided.Wait is { Fired: true })
                Instruments.OnDeadlineDecided(decided.DecidedAt - decided.At);
        }
    }
}
