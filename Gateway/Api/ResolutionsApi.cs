using System.Collections.Concurrent;
using System.Text.Json;
using Microsoft.AspNetCore.Builder;
using Microsoft.AspNetCore.Http;
using Microsoft.AspNetCore.Routing;
using Orleans.Personalize.Gateway.Security;
using Orleans.Runtime;

namespace Orleans.Personalize.Gateway.Api;

/// <param name="State">failed or held; absent: both.</param>
/// <param name="Limit">1 to 1,000, the newest first; default 100.</param>
/// <param name="Reason">Why, for the record; up to 256 characters.</param>
internal sealed record BulkRequest(string? State, int? Limit, string? Reason);

/// <param name="Done">So many were resolved.</param>
/// <param name="Refused">The others, by why not: what the send has come to meanwhile, <c>in-flight</c>, <c>unknown</c>, or <c>unavailable</c>: try again.</param>
internal sealed record BulkResponse(int Done, Dictionary<string, int> Refused);

/// <summary>What an operator does about sends that failed or are held.</summary>
internal static class ResolutionsApi
{
    private const string Unknown = "unknown";
    private const string Unavailable = "unavailable";
    private const int BulkItemsDefault = 100;

    /// <summary>Each waits for a commit, which it shares with the others.</summary>
    private const int ConcurrencyMax = 16;

    private static readonly (SendVerdict Verdict, string Path, string Summary)[] Verdicts =
    [
        (SendVerdict.Retry, "retry", "Try a send again now; all that is asked before a delivery is asked again"),
        (SendVerdict.Drop, "drop", "Let go of a send"),
        (SendVerdict.Delivered, "delivered", "Record that a send is known to have arrived"),
    ];

    public static void Map(IEndpointRouteBuilder routes)
    {
        foreach (var (verdict, path, summary) in Verdicts)
        {
            routes.MapPost($"/v1/customers/{{id}}/sends/{{decisionId}}/{path}", (HttpContext http, IGrainFactory grains, string id, string decisionId) =>
                    ResolveAsync(http, grains, id, decisionId, verdict))
                .WithTags("Customers")
                .WithSummary(summary)
                .Accepts<ReasonRequest>("application/json")
                .Produces(StatusCodes.Status204NoContent)
                .ProducesProblems(400, 404, 409, 413, 415, 429, 503)
                .Require(Access.Operate);
        }
        // That many have arrived is nothing that anybody knows of all at once.
        foreach (var (verdict, path, _) in Verdicts.Where(static known => known.Verdict != SendVerdict.Delivered))
        {
            routes.MapPost($"/v1/senders/{{id}}/attention/{path}", (HttpContext http, IGrainFactory grains, string id) =>
                    ResolveManyAsync(http, grains, id, verdict))
                .WithTags("Senders")
                .WithSummary($"{char.ToUpperInvariant(path[0])}{path[1..]} the sends of a sender that need attention, as many as asked for")
                .Accepts<BulkRequest>("application/json")
                .Produces<BulkResponse>()
                .ProducesProblems(400, 413, 415, 503)
                .Require(Access.Operate);
        }
    }

    private static async Task<IResult> ResolveAsync(HttpContext http, IGrainFactory grains, string id, string decisionId, SendVerdict verdict)
    {
        if (!CustomersApi.TryFind(http, grains, segmentsAfterId: 3, ref id, out var customer))
            return CustomersApi.BadId();
        var (error, asked) = await RequestMembers.ReadAsync(http.Request);
        if (error is not null)
            return Problems.Invalid("The request is not valid.", error);
        return await customer.Resolve(decisionId, verdict, http.User.KeyId(), (string?)asked[RequestMembers.Reason]) switch
        {
            null => TypedResults.NoContent(),
            Unknown => Problems.NotFound($"The customer '{id}' has no send '{decisionId}'."),
            var refusal => Problems.Of(StatusCodes.Status409Conflict, $"The send cannot be resolved like that: {refusal}."),
        };
    }

    private static async Task<IResult> ResolveManyAsync(HttpContext http, IGrainFactory grains, string sender, SendVerdict verdict)
    {
        var (error, asked) = await RequestMembers.ReadAsync(http.Request, ("state", JsonValueKind.String), ("limit", JsonValueKind.Number));
        var state = (string?)asked["state"];
        if (error is null && state is not null && !OutcomesApi.AttentionStates.Contains(state))
            error = new("/state", $"must be {string.Join(" or ", OutcomesApi.AttentionStates)}");
        var limit = BulkItemsDefault;
        if (error is null && asked["limit"]?.AsValue() is { } number && (!number.TryGetValue(out limit) || limit is < 1 or > Limits.AttentionItemsMax))
            error = new("/limit", $"must be a whole number from 1 to {Limits.AttentionItemsMax}");
        if (error is not null)
            return Problems.Invalid("The request is not valid.", error);

        var workspace = http.User.Workspace();
        var page = await OutcomesApi.Outcomes(grains).Attention(workspace, sender, state, limit, null);
        var answers = new ConcurrentBag<string?>();
        await Parallel.ForEachAsync(
            page.Entries,
            new ParallelOptions { MaxDegreeOfParallelism = ConcurrencyMax, CancellationToken = http.RequestAborted },
            async (entry, _) => answers.Add(await TryResolveAsync(
                grains.GetGrain<ICustomerGrain>(new CustomerKey(workspace, entry.CustomerId).ToString()),
                entry.DecisionId, verdict, http.User.KeyId(), (string?)asked[RequestMembers.Reason])));
        return TypedResults.Ok(new BulkResponse(
            answers.Count(static answer => answer is null),
            answers.OfType<string>().CountBy(static answer => answer).ToDictionary()));
    }

    private static async Task<string?> TryResolveAsync(ICustomerGrain customer, string decisionId, SendVerdict verdict, string by, string? reason)
    {
        try
        {
            return await customer.Resolve(decisionId, verdict, by, reason);
        }
        catch (Exception failure) when (failure is JournalBusyException or JournalException or TimeoutException or OrleansException)
        {
            // The others are none the worse, and to resolve it once more is safe.
            return Unavailable;
        }
    }
}
