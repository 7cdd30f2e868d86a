using Microsoft.AspNetCore.Builder;
using Microsoft.AspNetCore.Http;
using Microsoft.AspNetCore.Routing;
using Orleans.Personalize.Gateway.Brokers;
using Orleans.Personalize.Gateway.Connectors;
using Orleans.Personalize.Gateway.Security;

namespace Orleans.Personalize.Gateway.Api;

/// <param name="LastAt">When it was last asked; null before the first time.</param>
/// <param name="NextAt">When it is asked next; null where it is switched off, or not known yet.</param>
/// <param name="Cursor">From where it goes on.</param>
/// <param name="Error">Why the last attempt came to nothing; null where it did not.</param>
/// <param name="Failures">Attempts in a row that came to nothing.</param>
/// <param name="Events">Taken in so far, repeated ones included.</param>
/// <param name="Refused">Of those, how many were of no use.</param>
/// <param name="Refusal">Why the last of those was refused.</param>
internal sealed record SourceStatusResponse(
    DateTimeOffset? LastAt, DateTimeOffset? NextAt, string? Cursor, string? Error, int Failures, long Events, long Refused, string? Refusal);

/// <summary>How polled sources are.</summary>
internal static class SourcesApi
{
    public static void Map(IEndpointRouteBuilder routes) =>
        routes.MapGet("/v1/sources/{id}/status", StatusAsync)
            .WithTags("Sources")
            .WithSummary("When a polled source was asked, from where it goes on, and what is wrong")
            .Produces<SourceStatusResponse>()
            .ProducesProblems(404)
            .Require(Access.Read);

    private static async Task<IResult> StatusAsync(HttpContext http, IGrainFactory grains, WorkspaceRules rules, string id)
    {
        var workspace = http.User.Workspace();
        if (!(await rules.GetAsync(workspace)).Sources.TryGetValue(id, out var source) || source.Type != SourceRunner.PollType)
            return Problems.NotFound($"There is no polled source '{id}'.");
        var status = await grains.GetGrain<IPollGrain>($"{workspace}/{id}").Status();
        return TypedResults.Ok(new SourceStatusResponse(
            status.LastAt, status.NextAt, status.Cursor, status.Error, status.Failures, status.Events, status.Refused, status.Refusal));
    }
}
