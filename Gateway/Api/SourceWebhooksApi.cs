using System.Text.Json;
using Microsoft.AspNetCore.Builder;
using Microsoft.AspNetCore.Http;
using Microsoft.AspNetCore.Http.HttpResults;
using Microsoft.AspNetCore.Routing;
using Microsoft.Extensions.Logging;
using Orleans.Personalize.Gateway.Connectors;
using Orleans.Personalize.Gateway.Quality;

namespace Orleans.Personalize.Gateway.Api;

/// <summary>
/// Where sources send what happened, each as its document in the registry says. Who may is known by the signature. Nothing is answered with 200 that is
/// not durable, so that the source repeats it.
/// </summary>
internal static class SourceWebhooksApi
{
    private const string Path = "/v1/webhooks/{workspace}/{source}";

    public static void Map(IEndpointRouteBuilder routes)
    {
        routes.MapPost(Path, PostAsync)
            .WithTags("Webhooks")
            .WithSummary("What happened at a source, as its document says")
            .WithDescription("Signed as the source's type asks; docs/connectors.md has each. A bad event is quarantined alone. After 429 or 503 repeat the request: a repeated event changes nothing.")
            .Produces<EventResults>()
            .ProducesProblems(400, 401, 403, 404, 413, 415, 429, 503)
            .AllowAnonymous();
        routes.MapMethods(Path, [HttpMethods.Get, HttpMethods.Head, HttpMethods.Options], GreetAsync).ExcludeFromDescription().AllowAnonymous();
    }

    private static async Task<IResult> PostAsync(
        HttpContext http, IEnumerable<IConnector> connectors, WorkspaceRules rules, IGrainFactory grains, Intake intake, TimeProvider time, ILogger<Intake> logger,
        string workspace, string source)
    {
        if (await FindAsync(connectors, rules, grains, workspace, source) is not var (connector, known))
            return NoSource();
        if (!intake.HasRoom)
            return EventsApi.NoRoom();
        Inflow inflow;
        using (var body = await RequestBody.ReadRawAsync(http.Request, Limits.RequestBytesMax, connector.Takes))
        {
            var delivery = new Delivery(http.Request.Headers, body.Memory, time.GetUtcNow());
            if (Refusal(connector.Verify(delivery, known)) is { } refusal)
                return refusal;
            inflow = body.Parse((_, one) => connector.Parse(one, known), delivery);
        }

        foreach (var customer in inflow.Erasures)
            await CustomersApi.EraseAllAsync(grains, workspace, customer);
        if (inflow.Erasures.Length > 0)
            logger.ErasedBySource(inflow.Erasures.Length, known.Id, workspace);
        var taken = await intake.TakeAsync(workspace, inflow.Events, Door.Of(known));
        GatewayInstruments.OnEventsTaken(known.Type, taken);
        var results = Array.ConvertAll(taken, EventsApi.ToResult);
        return EventsApi.Trouble(taken, results)
            ?? (inflow.Answer is { } answer ? Results.Text(answer, "application/json") : TypedResults.Ok(new EventResults(results)));
    }

    private static async Task<IResult> GreetAsync(
        HttpContext http, IEnumerable<IConnector> connectors, WorkspaceRules rules, IGrainFactory grains, string workspace, string source)
    {
        if (await FindAsync(connectors, rules, grains, workspace, source) is not var (connector, known))
            return NoSource();
        if (HttpMethods.IsHead(http.Request.Method))
            return Results.Ok();
        if (connector.Greet(http.Request, known) is { } greeting)
            return greeting;
        http.Response.Headers.Allow = "POST";
        return HttpMethods.IsOptions(http.Request.Method) ? Results.NoContent() : Problems.Of(StatusCodes.Status405MethodNotAllowed, "A source of this type only sends.");
    }

    /// <summary>The source and what reads it; null where there is none that is switched on and comes over HTTP.</summary>
    private static async Task<(IConnector Connector, Source Source)?> FindAsync(
        IEnumerable<IConnector> connectors, WorkspaceRules rules, IGrainFactory grains, string workspace, string id)
    {
        // Whoever asks is a stranger still: only workspaces in which there is such a source are followed.
        if (!rules.AreFollowed(workspace) && await grains.GetGrain<IRegistryGrain>(workspace).Get(RegistryKind.Source, id) is null)
            return null;
        return (await rules.GetAsync(workspace)).Sources.GetValueOrDefault(id) is { IsEnabled: true } source
            && connectors.FirstOrDefault(one => one.Flow.Type == source.Type) is { } connector
            ? (connector, source)
            : null;
    }

    private static ProblemHttpResult? Refusal(Proof proof) => proof switch
    {
        Proof.Valid => null,
        Proof.Missing => Problems.Of(StatusCodes.Status401Unauthorized, "The request is not signed, or not in the way of this source."),
        Proof.Stale => Problems.Of(StatusCodes.Status403Forbidden, "The request is signed for another time: it is more than the tolerance old, or ahead."),
        _ => Problems.Of(StatusCodes.Status403Forbidden, "The signature is not of this request and a secret of the source."),
    };

    private static ProblemHttpResult NoSource() => Problems.NotFound("There is no such source, or it is switched off.");
}
