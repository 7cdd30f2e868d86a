using System.Text.Json;
using Microsoft.AspNetCore.Builder;
using Microsoft.AspNetCore.Http;
using Microsoft.AspNetCore.Http.Features;
using Microsoft.AspNetCore.Http.HttpResults;
using Microsoft.AspNetCore.Routing;
using Orleans.Personalize.Gateway.Security;

namespace Orleans.Personalize.Gateway.Api;

/// <param name="Other">The id of the other customer.</param>
/// <param name="Reason">Why, for the record; up to 256 characters.</param>
internal sealed record MergeCustomersRequest(string Other, string? Reason);

/// <summary>Looking at customers, finding, merging and erasing them.</summary>
internal static class CustomersApi
{
    private const int TimelineItemsDefault = 50;
    private const int SearchHitsDefault = 50;

    public static void Map(IEndpointRouteBuilder routes)
    {
        var customers = routes.MapGroup("/v1/customers").WithTags("Customers");
        customers.MapGet("/", SearchAsync)
            .WithSummary("Find customers whose id, e-mail address or declared trait (plan:gold) starts with a text; without one, the latest active")
            .Produces<Items<CustomerHitResponse>>()
            .ProducesProblems(400)
            .Require(Access.Read);
        customers.MapGet("/{id}", ReadAsync)
            .WithSummary("A customer's live profile, or as it was at a version or an instant")
            .Produces<CustomerResponse>()
            .ProducesProblems(400, 404, 410, 422, 503)
            .Require(Access.Read);
        customers.MapGet("/{id}/latest-activity", ReadLatestAsync)
            .WithSummary("A customer's latest events, newest first")
            .Produces<LatestActivityResponse>()
            .ProducesProblems(400, 404, 503)
            .Require(Access.Read);
        customers.MapGet("/{id}/timeline", ReadTimelineAsync)
            .WithSummary("All that is recorded of a customer, newest first, a page at a time")
            .Produces<Page<TimelineResponse>>()
            .ProducesProblems(400, 404, 503)
            .Require(Access.Read);
        customers.MapPost("/{id}/merge", (HttpContext http, IGrainFactory grains, string id) => MergeAsync(http, grains, id, undo: false))
            .WithSummary("Say that another customer is the same one: all that is known of it is merged into this one")
            .WithDescription("Done when the other is listed as linked among the customer's identities, usually at once. Can be undone.")
            .Accepts<MergeCustomersRequest>("application/json")
            .Produces(StatusCodes.Status202Accepted)
            .ProducesProblems(400, 409, 413, 415, 429, 503)
            .Require(Access.Operate);
        customers.MapPost("/{id}/unmerge", (HttpContext http, IGrainFactory grains, string id) => MergeAsync(http, grains, id, undo: true))
            .WithSummary("Undo a merge: each customer gets back what its own events made of it")
            .WithDescription("Done when the other is listed as parted among the customer's identities, usually at once.")
            .Accepts<MergeCustomersRequest>("application/json")
            .Produces(StatusCodes.Status202Accepted)
            .ProducesProblems(400, 404, 409, 413, 415, 422, 429, 503)
            .Require(Access.Operate);
        customers.MapDelete("/{id}", EraseAsync)
            .WithSummary("Erase all that is stored of a customer")
            .Produces(StatusCodes.Status204NoContent)
            .ProducesProblems(400, 429, 503)
            .Require(Access.Admin);
    }

    private static async Task<IResult> MergeAsync(HttpContext http, IGrainFactory grains, string id, bool undo)
    {
        if (!TryFind(http, grains, segmentsAfterId: 1, ref id, out var customer))
            return BadId();
        var (error, asked) = await RequestMembers.ReadAsync(http.Request, ("other", JsonValueKind.String));
        if (error is null && (string?)asked["other"] is not { Length: > 0 and <= CustomerKey.CustomerIdLengthMax })
            error = new("/other", $"must be the other customer's id, of 1 to {CustomerKey.CustomerIdLengthMax} characters");
        if (error is null && ((string)asked["other"]!).Any(char.IsControl))
            error = new("/other", "must not hold control characters");
        if (error is not null)
            return Problems.Invalid("The request is not valid.", error);
        var other = (string)asked["other"]!;
        var by = (string?)asked[RequestMembers.Reason] is { } reason ? $"{http.User.KeyId()}: {reason}" : http.User.KeyId();
        return await (undo ? customer.Part(other, by) : customer.Link(other, by)) switch
        {
            null => TypedResults.Accepted((string?)null),
            MergeRefusal.Same => Problems.Invalid("The request is not valid.", new DocumentError("/other", "is the customer itself")),
            MergeRefusal.Unknown => Problems.NotFound($"'{other}' was not merged into the customer '{id}', or came with another id that was."),
            MergeRefusal.TooMany => Problems.Of(StatusCodes.Status409Conflict, "The customer has as many other ids as it may."),
            MergeRefusal.Parting => Problems.Of(StatusCodes.Status409Conflict, $"The merge of '{other}' is being undone; repeat the request when that is done."),
            _ => Problems.Of(StatusCodes.Status422UnprocessableEntity, "The customer's history is too long, or was erased in part: what is whose cannot be told any more."),
        };
    }

    private static async Task<IResult> SearchAsync(HttpContext http, IGrainFactory grains, string search = "", int limit = SearchHitsDefault)
    {
        if (limit is < 1 or > Limits.SearchHitsMax)
            return Problems.Of(400, $"limit must be from 1 to {Limits.SearchHitsMax}.");
        if (search.Length > Limits.SearchTextLengthMax || search.Contains('\0'))
            return Problems.Of(400, $"search must have at most {Limits.SearchTextLengthMax} characters, and no U+0000.");
        var workspace = http.User.Workspace();
        var hits = await grains.GetGrain<ICustomerSearchGrain>(workspace).Search(search, limit);
        return TypedResults.Ok(new Items<CustomerHitResponse>(Array.ConvertAll(hits, hit => CustomerHitResponse.From(workspace, hit))));
    }

    private static async Task<IResult> ReadAsync(HttpContext http, IGrainFactory grains, string id, long? version = null, string? at = null)
    {
        if (!TryFind(http, grains, segmentsAfterId: 0, ref id, out var customer))
            return BadId();
        if (version is not null || at is not null)
            return await HistoryApi.ReadAsync(grains, http.User.Workspace(), id, version, at);
        return await customer.Read() is { } view ? TypedResults.Ok(CustomerResponse.From(view.Customer, view)) : Unknown(id);
    }

    private static async Task<IResult> ReadLatestAsync(HttpContext http, IGrainFactory grains, string id)
    {
        if (!TryFind(http, grains, segmentsAfterId: 1, ref id, out var customer))
            return BadId();
        return await customer.Read() is { } view ? TypedResults.Ok(LatestActivityResponse.From(view.Customer, view)) : Unknown(id);
    }

    private static async Task<IResult> ReadTimelineAsync(
        HttpContext http, IGrainFactory grains, string id, int limit = TimelineItemsDefault, long? before = null)
    {
        if (limit is < 1 or > Limits.TimelineItemsMax)
            return Problems.Of(400, $"limit must be from 1 to {Limits.TimelineItemsMax}.");
        if (before < 1)
            return Problems.Of(400, "before must be a version, 1 or more.");
        if (!TryFind(http, grains, segmentsAfterId: 1, ref id, out var customer))
            return BadId();
        var page = await customer.Timeline(limit, before);
        return page.Items.Length == 0 && before is null
            ? Unknown(id)
            : TypedResults.Ok(new Page<TimelineResponse>(Array.ConvertAll(page.Items, TimelineResponse.From), page.Next));
    }

    private static async Task<IResult> EraseAsync(HttpContext http, IGrainFactory grains, string id)
    {
        if (!TryFind(http, grains, segmentsAfterId: 0, ref id, out _))
            return BadId();
        await EraseAllAsync(grains, http.User.Workspace(), id);
        return TypedResults.NoContent();
    }

    internal static async Task EraseAllAsync(IGrainFactory grains, string workspace, string id)
    {
        var erased = await grains.GetGrain<ICustomerGrain>(new CustomerKey(workspace, id).ToString()).Erase();
        foreach (var one in erased.Append(id).Distinct())
        {
            await grains.GetGrain<IQuarantineGrain>(workspace).Forget(one);
            await OutcomesApi.Outcomes(grains).Forget(new CustomerKey(workspace, one).ToString());
        }
    }

    /// <summary>
    /// Decodes the id and finds its grain. The id is taken from the request line, because routing leaves %2F as it is and decodes %252F to the same.
    /// </summary>
    internal static bool TryFind(HttpContext http, IGrainFactory grains, int segmentsAfterId, ref string id, out ICustomerGrain customer)
    {
        var target = http.Features.GetRequiredFeature<IHttpRequestFeature>().RawTarget;
        var segments = target.Split('?', 2)[0].TrimEnd('/').Split('/');
        if (segments.Length > segmentsAfterId)
            id = Uri.UnescapeDataString(segments[^(1 + segmentsAfterId)]);
        customer = grains.GetGrain<ICustomerGrain>(new CustomerKey(http.User.Workspace(), id).ToString());
        return id.Length is > 0 and <= CustomerKey.CustomerIdLengthMax && !id.Any(char.IsControl);
    }

    internal static ProblemHttpResult BadId() =>
        Problems.Of(400, $"A customer id has 1 to {CustomerKey.CustomerIdLengthMax} characters, none of them a control character.");

    internal static ProblemHttpResult Unknown(string id) => Problems.NotFound($"Nothing is known of the customer '{id}'.");
}
