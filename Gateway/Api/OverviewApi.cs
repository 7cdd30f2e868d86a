using Microsoft.AspNetCore.Builder;
using Microsoft.AspNetCore.Http;
using Microsoft.AspNetCore.Routing;
using Orleans.Personalize.Gateway.Security;
using Orleans.Runtime;

namespace Orleans.Personalize.Gateway.Api;

/// <param name="Source"><c>process</c>: all numbers but the senders are of the process that answers, over all workspaces.</param>
/// <param name="Seconds">They are of so many seconds, 60 at the most.</param>
/// <param name="EventsEachSecond">How many a second there were in each second that is over, oldest first; 59 at the most.</param>
/// <param name="Events">By what became of them.</param>
/// <param name="Decisions">By outcome: <c>send</c>, or the reason not to.</param>
/// <param name="DecisionsEachSecond">As <paramref name="EventsEachSecond"/>.</param>
/// <param name="Sends">Delivery attempts, by outcome.</param>
/// <param name="DecisionLatency">From an event's receipt to its durable decision.</param>
/// <param name="DeadlineLateness">How long after its deadline a wait was decided.</param>
/// <param name="JournalQueue">Writes that wait for the journal now.</param>
/// <param name="Activations">Customers in memory now.</param>
/// <param name="Senders">Of the workspace, ordered by id, at the most 50.</param>
internal sealed record OverviewResponse(
    string Source,
    DateTimeOffset At,
    double Seconds,
    double EventsPerSecond,
    double[] EventsEachSecond,
    Dictionary<string, long> Events,
    Dictionary<string, long> Decisions,
    double[] DecisionsEachSecond,
    Dictionary<string, long> Sends,
    QuantilesResponse DecisionLatency,
    QuantilesResponse DeadlineLateness,
    long JournalQueue,
    long Activations,
    SenderOverview[] Senders);

/// <summary>In seconds, rounded up by a fifth at the most; null where there were none.</summary>
internal sealed record QuantilesResponse(long Count, double? P50, double? P95, double? P99)
{
    public static QuantilesResponse Of(long[] counts) =>
        new(counts.Sum(), Durations.Quantile(counts, 0.5), Durations.Quantile(counts, 0.95), Durations.Quantile(counts, 0.99));
}

/// <param name="Breaker">closed, open, half-open, or unknown: the sender did not answer.</param>
internal sealed record SenderOverview(string Id, string Breaker, DateTimeOffset? OpenUntil, int Waiting, int Delivering);

/// <param name="AsOf">All that was acknowledged before this is in it.</param>
/// <param name="Decided">How many the workspace has ever had: between two looks the difference says how many were not among the items.</param>
/// <param name="Items">Newest first.</param>
internal sealed record RecentDecisions(DateTimeOffset AsOf, long Decided, RecentDecisionResponse[] Items);

/// <param name="Outcome">send or suppressed.</param>
internal sealed record RecentDecisionResponse(
    DateTimeOffset DecidedAt, string Customer, string DecisionId, string Trigger, long TriggerVersion, string? Key, string Outcome, string? Reason, string? Detail)
{
    public static RecentDecisionResponse From(RecentDecision decision) => new(
        decision.DecidedAt, decision.CustomerId, decision.DecisionId, decision.Trigger, decision.TriggerVersion, decision.Key,
        decision.Reason is null ? "send" : "suppressed", decision.Reason, decision.Detail);
}

/// <summary>How all goes.</summary>
internal static class OverviewApi
{
    private const int SendersMax = 50;
    private const int DecisionsDefault = 50;

    public static void Map(IEndpointRouteBuilder routes)
    {
        routes.MapGet("/v1/overview", ReadAsync)
            .WithTags("Overview")
            .WithSummary("How the process that answers does: rates and latencies of the last minute, its journal, and the workspace's senders")
            .Produces<OverviewResponse>()
            .ProducesProblems(503)
            .Require(Access.Read);
        routes.MapGet("/v1/decisions/recent", ReadDecisionsAsync)
            .WithTags("Overview")
            .WithSummary("The newest decisions of the workspace with their reasons, newest first")
            .Produces<RecentDecisions>()
            .ProducesProblems(400, 503)
            .Require(Access.Read);
    }

    private static async Task<IResult> ReadAsync(HttpContext http, IGrainFactory grains, RecentNumbers numbers, TimeProvider clock)
    {
        var recent = numbers.Read();
        var events = recent.Of(RecentNumbers.Events);
        return TypedResults.Ok(new OverviewResponse(
            "process",
            clock.GetUtcNow(),
            Math.Round(recent.Seconds, 1),
            Math.Round(events.Values.Sum() / Math.Max(recent.Seconds, 1), 2),
            recent.EachSecond[RecentNumbers.Events],
            events,
            recent.Of(RecentNumbers.Decisions),
            recent.EachSecond[RecentNumbers.Decisions],
            recent.Of(RecentNumbers.Sends),
            QuantilesResponse.Of(recent.Durations[RecentNumbers.Latency]),
            QuantilesResponse.Of(recent.Durations[RecentNumbers.Lateness]),
            recent.Level(RecentNumbers.Queue),
            recent.Level(RecentNumbers.Activations),
            await SendersAsync(grains, http.User.Workspace())));
    }

    private static async Task<SenderOverview[]> SendersAsync(IGrainFactory grains, string workspace)
    {
        var senders = await grains.GetGrain<IRegistryGrain>(workspace).List(RegistryKind.Sender);
        return await Task.WhenAll(senders.Take(SendersMax).Select(sender => SenderAsync(grains, workspace, sender.Id)));
    }

    private static async Task<SenderOverview> SenderAsync(IGrainFactory grains, string workspace, string id)
    {
        try
        {
            var status = await grains.GetGrain<ISenderGrain>($"{workspace}/{id}").Status();
            return new(id, status.Breaker, status.OpenUntil, status.Waiting, status.Delivering);
        }
        catch (Exception failure) when (failure is TimeoutException or OrleansException)
        {
            return new(id, "unknown", null, 0, 0);
        }
    }

    private static async Task<IResult> ReadDecisionsAsync(HttpContext http, IGrainFactory grains, int limit = DecisionsDefault)
    {
        if (limit is < 1 or > RecentDecision.KeptMax)
            return Problems.Of(400, $"limit must be from 1 to {RecentDecision.KeptMax}.");
        var recent = await OutcomesApi.Outcomes(grains).Recent(http.User.Workspace(), limit);
        return TypedResults.Ok(new RecentDecisions(recent.AsOf, recent.Decided, Array.ConvertAll(recent.Decisions, RecentDecisionResponse.From)));
    }
}
