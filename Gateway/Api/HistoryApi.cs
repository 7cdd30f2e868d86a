using System.Globalization;
using System.Text.Json;
using System.Text.Json.Nodes;
using Microsoft.AspNetCore.Builder;
using Microsoft.AspNetCore.Http;
using Microsoft.AspNetCore.Http.HttpResults;
using Microsoft.AspNetCore.Routing;
using Orleans.Personalize.Gateway.Security;

namespace Orleans.Personalize.Gateway.Api;

/// <param name="Items">What differs, in the order in which a profile is shown.</param>
internal sealed record ProfileDiff(string Customer, long From, long To, DifferenceResponse[] Items);

/// <param name="Next">The <c>before</c> of the next page; null where this is the last.</param>
internal sealed record ConflictsResponse(string Customer, ConflictResponse[] Items, long? Next);

/// <param name="Field">The name of a trait, or <c>consent.email</c> and the like.</param>
/// <param name="Version">The customer's version that brought the two together.</param>
/// <param name="Won">newer, priority (of the same instant, from a source of higher priority) or message-id (of the same instant and priority).</param>
internal sealed record ConflictResponse(string Field, long Version, string Won, TraitResponse Winner, TraitResponse Loser)
{
    public static ConflictResponse From(ConflictView view) => new(view.Field, view.Version, view.Won, TraitResponse.From(view.Winner), TraitResponse.From(view.Loser));
}

/// <summary>A customer's profile as it was, what differs between two versions of it, and which writes lost to which.</summary>
internal static class HistoryApi
{
    private const int ConflictsDefault = 50;

    public static void Map(IEndpointRouteBuilder routes)
    {
        routes.MapGet("/v1/customers/{id}/diff", DiffAsync)
            .WithTags("Customers")
            .WithSummary("What differs between two versions of a customer's profile")
            .Produces<ProfileDiff>()
            .ProducesProblems(400, 404, 410, 422, 503)
            .Require(Access.Read);
        routes.MapGet("/v1/customers/{id}/conflicts", ConflictsAsync)
            .WithTags("Customers")
            .WithSummary("Which writes of a customer's traits and consent lost to which, and why; newest first, a page at a time")
            .WithDescription("Made of the facts when it is asked for. What one version brought stays together, so a page may have more items than limit.")
            .Produces<ConflictsResponse>()
            .ProducesProblems(400, 404, 410, 422, 503)
            .Require(Access.Read);
    }

    /// <summary>The profile at a version or at an instant.</summary>
    public static async Task<IResult> ReadAsync(IGrainFactory grains, string workspace, string id, long? version, string? at)
    {
        if (version is not null && at is not null)
            return Problems.Of(400, "version and at exclude each other.");
        if (version < 1)
            return Problems.Of(400, "version must be 1 or more.");
        DateTimeOffset instant = default;
        if (at is not null && !DateTimeOffset.TryParse(at, CultureInfo.InvariantCulture, DateTimeStyles.AssumeUniversal, out instant))
            return Problems.Of(400, "at must be an instant such as 2026-05-01T00:00:00Z.");
        var history = History(grains, workspace, id);
        var past = version is { } number ? await history.AtVersion(number) : await history.At(instant);
        return past.View is { } view ? TypedResults.Ok(CustomerResponse.From(id, view)) : Gone(id, past.Reason, past.Version);
    }

    private static async Task<IResult> DiffAsync(HttpContext http, IGrainFactory grains, string id, long? from = null, long? to = null)
    {
        if (from is not { } first || to is not { } last || first < 1 || last < first)
            return Problems.Of(400, "from and to must be versions, 1 or more, and from not above to.");
        if (!CustomersApi.TryFind(http, grains, segmentsAfterId: 1, ref id, out _))
            return CustomersApi.BadId();
        var past = await History(grains, http.User.Workspace(), id).AtVersions(first, last);
        return past.FirstOrDefault(static profile => profile.View is null) is { } missing
            ? Gone(id, missing.Reason, missing.Version)
            : TypedResults.Ok(new ProfileDiff(id, first, last, [.. Differences.Between(ToJson(id, past[0].View!), ToJson(id, past[^1].View!))]));
    }

    private static async Task<IResult> ConflictsAsync(HttpContext http, IGrainFactory grains, string id, int limit = ConflictsDefault, long? before = null)
    {
        if (limit is < 1 or > Limits.TimelineItemsMax)
            return Problems.Of(400, $"limit must be from 1 to {Limits.TimelineItemsMax}.");
        if (before < 1)
            return Problems.Of(400, "before must be a version, 1 or more.");
        if (!CustomersApi.TryFind(http, grains, segmentsAfterId: 1, ref id, out var customer))
            return CustomersApi.BadId();
        // An id that was merged is whoever it is now.
        if (await customer.Read() is not { } view)
            return CustomersApi.Unknown(id);
        var page = await History(grains, http.User.Workspace(), view.Customer).Conflicts(limit, before);
        return page.Reason is { } reason
            ? Gone(view.Customer, reason, page.Version)
            : TypedResults.Ok(new ConflictsResponse(view.Customer, Array.ConvertAll(page.Items, ConflictResponse.From), page.Next));
    }

    private static JsonNode ToJson(string id, CustomerView view) =>
        JsonSerializer.SerializeToNode(CustomerResponse.From(id, view with { Version = 0 }), ApiJson.Default.CustomerResponse)!;

    private static ICustomerHistoryGrain History(IGrainFactory grains, string workspace, string id) =>
        grains.GetGrain<ICustomerHistoryGrain>(new CustomerKey(workspace, id).ToString());

    private static ProblemHttpResult Gone(string id, string? reason, long version) => reason switch
    {
        PastReason.Never => Problems.NotFound($"The customer '{id}' has versions up to {version}, and none of what was asked for."),
        PastReason.Erased => Problems.Of(StatusCodes.Status410Gone, "Facts that it was made of have been erased."),
        PastReason.TooLong => Problems.Of(
            StatusCodes.Status422UnprocessableEntity, $"It would have to be made anew of more than {ICustomerHistoryGrain.FactsMax} facts; the timeline has them."),
        _ => CustomersApi.Unknown(id),
    };
}
