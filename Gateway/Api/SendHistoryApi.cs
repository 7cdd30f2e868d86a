using System.Text.Json;
using Microsoft.AspNetCore.Builder;
using Microsoft.AspNetCore.Http;
using Microsoft.AspNetCore.Routing;
using Orleans.Personalize.Gateway.Security;

namespace Orleans.Personalize.Gateway.Api;

/// <param name="Trigger">What decided it; null where that is further back than was read.</param>
/// <param name="Attempts">Oldest first.</param>
/// <param name="IsComplete">False: it was decided more than 10,000 facts ago, and what lies before them is in the timeline.</param>
internal sealed record SendHistoryResponse(string DecisionId, string? Trigger, DateTimeOffset? DecidedAt, AttemptResponse[] Attempts, bool IsComplete);

/// <param name="Attempt">Which delivery it was, 1 for the first; null where the send was settled without one: parked, dropped, expired …</param>
/// <param name="AuthorizedAt">When it might go out; null where there was no delivery.</param>
/// <param name="SettledAt">When its outcome was recorded; null while it is under way.</param>
/// <param name="State">What it came to: sent, failed, held, pending (another attempt follows), parked, suppressed or expired; authorized while it is under way.</param>
/// <param name="ProviderId">The provider's id of the message.</param>
/// <param name="Version">Of the customer, at which it ended or began: the timeline has the fact.</param>
internal sealed record AttemptResponse(
    int? Attempt, DateTimeOffset? AuthorizedAt, DateTimeOffset? SettledAt, string State, string? Reason, string? Detail, string? ProviderId, string? Content,
    DateTimeOffset? NextAttemptAt, long Version);

/// <summary>Every attempt at one send, made of the facts that were recorded of it, however long ago.</summary>
internal static class SendHistoryApi
{
    /// <summary>Pages of the timeline that one question reads: 10,000 facts, some 100 ms. A send is decided and settled within far fewer.</summary>
    private const int PagesMax = 20;

    public static void Map(IEndpointRouteBuilder routes) => routes.MapGet("/v1/customers/{id}/sends/{decisionId}", ReadAsync)
        .WithTags("Customers")
        .WithSummary("Every attempt at a send, oldest first, with what came of it")
        .Produces<SendHistoryResponse>()
        .ProducesProblems(400, 404, 503)
        .Require(Access.Read);

    private static async Task<IResult> ReadAsync(HttpContext http, IGrainFactory grains, string id, string decisionId)
    {
        if (!CustomersApi.TryFind(http, grains, segmentsAfterId: 2, ref id, out var customer))
            return CustomersApi.BadId();
        var (facts, isComplete) = await FactsAsync(customer, decisionId);
        return facts.Count == 0
            ? Problems.NotFound($"The customer '{id}' has no decision '{decisionId}'.")
            : TypedResults.Ok(Of(decisionId, facts, isComplete));
    }

    /// <returns>What is about the decision, oldest first.</returns>
    private static async Task<(List<(TimelineItem Item, JsonElement Fact)> Facts, bool IsComplete)> FactsAsync(ICustomerGrain customer, string decisionId)
    {
        var facts = new List<(TimelineItem Item, JsonElement Fact)>();
        long? before = null;
        for (var page = 0; page < PagesMax; page++)
        {
            var read = await customer.Timeline(Limits.TimelineItemsMax, before);
            foreach (var item in read.Items.Where(static item => item.Type is "decided" or "sendAuthorized" or "sendSettled"))
            {
                var fact = JsonElement.Parse(item.Fact.Span);
                if (Text(fact, "decisionId") != decisionId)
                    continue;
                facts.Insert(0, (item, fact));
                // Nothing is recorded of it before it was decided.
                if (item.Type == "decided")
                    return (facts, true);
            }
            before = read.Next;
            if (before is null)
                return (facts, true);
        }
        return (facts, false);
    }

    private static SendHistoryResponse Of(string decisionId, List<(TimelineItem Item, JsonElement Fact)> facts, bool isComplete)
    {
        var attempts = new List<AttemptResponse>();
        foreach (var (item, fact) in facts)
        {
            if (item.Type == "sendAuthorized")
                attempts.Add(new(fact.GetProperty("attempt").GetInt32(), Instant(fact, "at"), null, "authorized", null, null, null, null, null, item.Version));
            else if (item.Type == "sendSettled")
            {
                var isOfDelivery = attempts is [.., { State: "authorized" }];
                var begun = isOfDelivery ? attempts[^1] : new(null, null, null, "", null, null, null, null, null, item.Version);
                var ended = begun with
                {
                    SettledAt = Instant(fact, "at"),
                    State = Text(fact, "state") ?? "unknown",
                    Reason = Text(fact, "reason"),
                    Detail = Text(fact, "detail"),
                    ProviderId = Text(fact, "providerId"),
                    Content = Text(fact, "content"),
                    NextAttemptAt = Instant(fact, "nextAttemptAt"),
                    Version = item.Version,
                };
                if (isOfDelivery)
                    attempts[^1] = ended;
                else
                    attempts.Add(ended);
            }
        }
        var decided = facts.Find(static known => known.Item.Type == "decided").Fact;
        var isKnown = decided.ValueKind == JsonValueKind.Object;
        return new(decisionId, isKnown ? Text(decided, "trigger") : null, isKnown ? Instant(decided, "decidedAt") : null, [.. attempts], isComplete);
    }

    private static string? Text(JsonElement fact, string name) =>
        fact.TryGetProperty(name, out var member) && member.ValueKind == JsonValueKind.String ? member.GetString() : null;

    private static DateTimeOffset? Instant(JsonElement fact, string name) =>
        fact.TryGetProperty(name, out var member) && member.ValueKind == JsonValueKind.String && member.TryGetDateTimeOffset(out var at) ? at : null;
}
