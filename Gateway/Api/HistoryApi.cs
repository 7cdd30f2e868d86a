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

/// <summary>A customer's profile as it was, and what differs between two versions of it.</summary>
internal static class HistoryApi
{
    public static void Map(IEndpointRouteBuilder routes) => routes
        .MapGet("/v1/customers/{id}/diff", DiffAsync)
        .WithTags("Customers")
        .WithSummary("What differs between two versions of a customer's profile")
        .Produces<ProfileDiff>()
        .ProducesProblems(400, 404, 410, 422, 503)
        .Require(Access.Read);

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
        return past.View is { } view ? TypedResults.Ok(CustomerResponse.From(id, view)) : Gone(id, past);
    }

    private static async Task<IResult> DiffAsync(HttpContext http, IGrainFactory grains, string id, long? from = null, long? to = null)
    {
        if (from is not { } first || to is not { } last || first < 1 || last < first)
            return Problems.Of(400, "from and to must be versions, 1 or more, and from not above to.");
        if (!CustomersApi.TryFind(http, grains, segmentsAfterId: 1, ref id, out _))
            return CustomersApi.BadId();
        var past = await History(grains, http.User.Workspace(), id).AtVersions(first, last);
        return past.FirstOrDefault(static profile => profile.View is null) is { } missing
            ? Gone(id, missing)
            : TypedResults.Ok(new ProfileDiff(id, first, last, [.. Differences.Between(ToJson(id, past[0].View!), ToJson(id, past[^1].View!))]));
    }

    private static JsonNode ToJson(string id, CustomerView view) =>
        JsonSerializer.SerializeToNode(CustomerResponse.From(id, view with { Version = 0 }), ApiJson.Default.CustomerResponse)!;

    private static ICustomerHistoryGrain History(IGrainFactory grains, string workspace, string id) =>
        grains.GetGrain<ICustomerHistoryGrain>(new CustomerKey(workspace, id).ToString());

    private static ProblemHttpResult Gone(string id, PastProfile past) => past.Reason switch
    {
        PastReason.Never => Problems.NotFound($"The customer '{id}' has versions up to {past.Version}, and none of what was asked for."),
        PastReason.Erased => Problems.Of(StatusCodes.Status410Gone, "Facts that it was made of have been erased."),
        PastReason.TooLong => Problems.Of(
            StatusCodes.Status422UnprocessableEntity, $"It would have to be made anew of more than {ICustomerHistoryGrain.FactsMax} facts; the timeline has them."),
        _ => CustomersApi.Unknown(id),
    };
}
