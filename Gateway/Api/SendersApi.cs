using Microsoft.AspNetCore.Builder;
using Microsoft.AspNetCore.Http;
using Microsoft.AspNetCore.Routing;
using Orleans.Personalize.Gateway.Security;

namespace Orleans.Personalize.Gateway.Api;

/// <param name="Breaker"><c>closed</c>: all is well; <c>open</c>: the provider does not answer or asked for a pause; <c>half-open</c>: one attempt will tell.</param>
/// <param name="OpenUntil">When the next attempt is made; null where none has to wait.</param>
/// <param name="Waiting">Sends in the sender's queue.</param>
/// <param name="Delivering">Sends under way.</param>
internal sealed record SenderStatusResponse(string Breaker, DateTimeOffset? OpenUntil, int Waiting, int Delivering);

/// <summary>How senders are.</summary>
internal static class SendersApi
{
    public static void Map(IEndpointRouteBuilder routes) =>
        routes.MapGet("/v1/senders/{id}/status", StatusAsync)
            .WithTags("Senders")
            .WithSummary("Whether a sender's provider answers, and what waits for it")
            .Produces<SenderStatusResponse>()
            .ProducesProblems(404)
            .Require(Access.Read);

    private static async Task<IResult> StatusAsync(HttpContext http, IGrainFactory grains, string id)
    {
        var workspace = http.User.Workspace();
        if (await grains.GetGrain<IRegistryGrain>(workspace).Get(RegistryKind.Sender, id) is null)
            return Problems.NotFound($"There is no sender '{id}'.");
        var status = await grains.GetGrain<ISenderGrain>($"{workspace}/{id}").Status();
        return TypedResults.Ok(new SenderStatusResponse(status.Breaker, status.OpenUntil, status.Waiting, status.Delivering));
    }
}
