using Microsoft.AspNetCore.Builder;
using Microsoft.AspNetCore.Http;
using Microsoft.AspNetCore.Routing;
using Orleans.Personalize.Gateway.Security;

namespace Orleans.Personalize.Gateway.Api;

/// <param name="AsOf">All that was acknowledged before this is counted.</param>
internal sealed record AllCounts(DateTimeOffset AsOf, TriggerCounts[] Items);

/// <param name="LastAt">The latest decision or settlement that was counted; null where there was none.</param>
/// <param name="Hours">Of the last 48 hours those in which something happened, oldest first.</param>
/// <param name="Versions">By the version of the trigger that decided, of the newest 10 that did, oldest first.</param>
internal sealed record TriggerCounts(
    string Trigger, DateTimeOffset AsOf, DateTimeOffset? LastAt, Counts Total, HourCounts[] Hours, VersionCounts[] Versions)
{
    public static TriggerCounts From(DateTimeOffset asOf, TriggerOutcomes outcomes) => new(
        outcomes.Trigger,
        asOf,
        outcomes.LastAt,
        Counts.From(outcomes.Total),
        [.. outcomes.Hours.OrderBy(static hour => hour.Key).Select(static hour => new HourCounts(DateTimeOffset.FromUnixTimeSeconds(hour.Key * 3600), Counts.From(hour.Value)))],
        [.. outcomes.Versions.OrderBy(static version => version.Key).Select(static version => new VersionCounts(version.Key, Counts.From(version.Value)))]);
}

internal sealed record HourCounts(DateTimeOffset Hour, Counts Counts);

internal sealed record VersionCounts(long Version, Counts Counts);

/// <param name="Decisions">By outcome: <c>send</c>, or the reason not to.</param>
/// <param name="Sends">By the state that a send came to. One that an operator has tried again counts in each state it came to.</param>
/// <param name="Suppressed">The suppressed ones among the sends, by reason.</param>
internal sealed record Counts(Dictionary<string, long> Decisions, Dictionary<string, long> Sends, Dictionary<string, long> Suppressed)
{
    public static Counts From(OutcomeCounts counts) => new(counts.Decisions, counts.Sends, counts.Suppressed);
}

/// <param name="Items">Newest first.</param>
/// <param name="Next">The <c>after</c> of the next page; null at the end.</param>
/// <param name="Forgotten">Older ones that made room for newer ones; their customers' profiles still hold them.</param>
internal sealed record AttentionPage(DateTimeOffset AsOf, AttentionResponse[] Items, long? Next, long Forgotten);

/// <param name="State">failed or held.</param>
internal sealed record AttentionResponse(
    string Customer, string DecisionId, string Trigger, string? Template, string State, string? Reason, string? Detail, DateTimeOffset At)
{
    public static AttentionResponse From(AttentionEntry entry) =>
        new(entry.CustomerId, entry.DecisionId, entry.Trigger, entry.Template, entry.State, entry.Reason, entry.Detail, entry.At);
}

/// <summary>What came of triggers and senders.</summary>
internal static class OutcomesApi
{
    public static readonly string[] AttentionStates = ["failed", "held"];

    /// <summary>What stands in a path where else the id of a trigger does.</summary>
    public const string CountsSegment = "counts";

    private const int AttentionItemsDefault = 100;

    public static void Map(IEndpointRouteBuilder routes)
    {
        routes.MapGet($"/v1/triggers/{CountsSegment}", CountAllAsync)
            .WithTags("Triggers")
            .WithSummary("What all triggers decided and what became of their sends, counted")
            .Produces<AllCounts>()
            .Require(Access.Read);
        routes.MapGet("/v1/triggers/{id}/" + CountsSegment, CountAsync)
            .WithTags("Triggers")
            .WithSummary("What a trigger decided and what became of its sends, counted")
            .Produces<TriggerCounts>()
            .ProducesProblems(404)
            .Require(Access.Read);
        routes.MapGet("/v1/senders/{id}/attention", ListAttentionAsync)
            .WithTags("Senders")
            .WithSummary("The sends of a sender that failed or are held, newest first, a page at a time")
            .Produces<AttentionPage>()
            .ProducesProblems(400)
            .Require(Access.Read);
    }

    private static async Task<IResult> CountAllAsync(HttpContext http, IGrainFactory grains)
    {
        var view = await Outcomes(grains).Count(http.User.Workspace(), null);
        return TypedResults.Ok(new AllCounts(view.AsOf, Array.ConvertAll(view.Triggers, outcomes => TriggerCounts.From(view.AsOf, outcomes))));
    }

    private static async Task<IResult> CountAsync(HttpContext http, IGrainFactory grains, string id)
    {
        var workspace = http.User.Workspace();
        var view = await Outcomes(grains).Count(workspace, id);
        if (view.Triggers is [var outcomes])
            return TypedResults.Ok(TriggerCounts.From(view.AsOf, outcomes));
        return await grains.GetGrain<IRegistryGrain>(workspace).Get(RegistryKind.Trigger, id) is not null
            ? TypedResults.Ok(new TriggerCounts(id, view.AsOf, null, new([], [], []), [], []))
            : Problems.NotFound($"There is no trigger '{id}'.");
    }

    private static async Task<IResult> ListAttentionAsync(
        HttpContext http, IGrainFactory grains, string id, string? state = null, int limit = AttentionItemsDefault, long? after = null)
    {
        if (state is not null && !AttentionStates.Contains(state))
            return Problems.Of(400, $"state must be {string.Join(" or ", AttentionStates)}.");
        if (limit is < 1 or > Limits.AttentionItemsMax)
            return Problems.Of(400, $"limit must be from 1 to {Limits.AttentionItemsMax}.");
        var page = await Outcomes(grains).Attention(http.User.Workspace(), id, state, limit, after);
        return TypedResults.Ok(new AttentionPage(page.AsOf, Array.ConvertAll(page.Entries, AttentionResponse.From), page.Next, page.Forgotten));
    }

    public static IOutcomesGrain Outcomes(IGrainFactory grains) => grains.GetGrain<IOutcomesGrain>(IOutcomesGrain.All);
}
