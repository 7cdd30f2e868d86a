using System.Text.Encodings.Web;
using System.Text.Json;
using System.Text.Json.Nodes;
using Microsoft.AspNetCore.Builder;
using Microsoft.AspNetCore.Http;
using Microsoft.AspNetCore.Routing;
using Orleans.Personalize.Gateway.Security;

namespace Orleans.Personalize.Gateway.Api;

/// <param name="Reason">Why, for the record; up to 256 characters.</param>
internal sealed record ReasonRequest(string? Reason);

/// <param name="Percent">0 to 100, the share of customers it is open to.</param>
/// <param name="Holdout">0 to 100, the share of those that get nothing.</param>
/// <param name="Mode">live or shadow.</param>
/// <param name="Reason">Why, for the record; up to 256 characters.</param>
internal sealed record RampRequest(decimal? Percent, decimal? Holdout, string? Mode, string? Reason);

/// <summary>What an operator does to a running trigger: edits of its document that lose nobody else's.</summary>
internal static class TriggersApi
{
    private const string Stop = "stop";
    private const string Resume = "resume";
    private const string RampAction = "ramp";

    /// <summary>Each means that somebody else changed the same document within the same millisecond.</summary>
    private const int AttemptsMax = 10;

    /// <summary>As it is written, so that a document that was written by hand stays readable.</summary>
    private static readonly JsonSerializerOptions Plain = new() { Encoder = JavaScriptEncoder.UnsafeRelaxedJsonEscaping };

    public static void Map(IEndpointRouteBuilder routes)
    {
        var triggers = routes.MapGroup("/v1/triggers/{id}").WithTags("Triggers").Require(Access.Operate);
        MapEdit(triggers, "pause", "Pause a trigger: nothing is sent, and what comes due is suppressed for good", (trigger, _) => trigger["enabled"] = false);
        MapEdit(triggers, Resume, "Resume a paused trigger; nothing that came due meanwhile is sent", (trigger, _) => trigger["enabled"] = true);
        MapEdit(triggers, Stop, "Stop a trigger: like a pause that cannot be resumed, only put anew", (trigger, _) => trigger["enabled"] = false);
        MapEdit(triggers, RampAction, "Change a trigger's percent, holdout or mode", Ramp);
    }

    private static void MapEdit(RouteGroupBuilder triggers, string action, string summary, Action<JsonObject, JsonObject> edit) => triggers
        .MapPost($"/{action}", (HttpContext http, IGrainFactory grains, string id) => EditAsync(http, grains, id, action, edit))
        .WithSummary(summary)
        .WithDescription("Takes effect everywhere within a second.")
        .Accepts(action == RampAction ? typeof(RampRequest) : typeof(ReasonRequest), "application/json")
        .Produces<DocumentResponse>()
        .ProducesProblems(400, 404, 409, 413, 415, 503);

    private static void Ramp(JsonObject trigger, JsonObject asked)
    {
        if (trigger["rollout"] is not JsonObject rollout)
            trigger["rollout"] = rollout = [];
        foreach (var (name, value) in asked)
        {
            if (name != RequestMembers.Reason)
                rollout[name] = value!.DeepClone();
        }
    }

    private static async Task<IResult> EditAsync(HttpContext http, IGrainFactory grains, string id, string action, Action<JsonObject, JsonObject> edit)
    {
        var isRamp = action == RampAction;
        var (error, asked) = await RequestMembers.ReadAsync(
            http.Request, isRamp ? [("percent", JsonValueKind.Number), ("holdout", JsonValueKind.Number), ("mode", JsonValueKind.String)] : []);
        if (error is null && isRamp && asked.All(static member => member.Key == RequestMembers.Reason))
            error = new("", "needs percent, holdout or mode");
        if (error is not null)
            return Problems.Invalid("The request is not valid.", error);
        var registry = grains.GetGrain<IRegistryGrain>(http.User.Workspace());
        for (var attempt = 1; attempt <= AttemptsMax; attempt++)
        {
            if (await registry.Get(RegistryKind.Trigger, id) is not { } known)
                return Problems.NotFound($"There is no trigger '{id}'.");
            if (action == Resume && (await registry.History(RegistryKind.Trigger, id)).FirstOrDefault(static version => version.Action is not (RampAction or "pause"))?.Action == Stop)
                return Problems.Of(StatusCodes.Status409Conflict, $"The trigger '{id}' was stopped. To start it anew, put its document.");
            var document = (JsonObject)JsonNode.Parse(known.Document.Span)!;
            edit(document, asked);
            var put = await registry.Edit(
                RegistryKind.Trigger, id, JsonText.FromString(document.ToJsonString(Plain)),
                new RegistryEdit([known.Version], action, http.User.KeyId(), (string?)asked[RequestMembers.Reason]));
            if (put.IsStale)
                continue;
            // What is wrong with the rollout is wrong with the request.
            if (put.Stored is not { } stored)
                return Problems.Invalid("The request is not valid.", put.Errors.Select(static fault => fault with { Pointer = fault.Pointer.Replace("/rollout/", "/", StringComparison.Ordinal) }));
            http.Response.Headers.ETag = $"\"{stored.Version}\"";
            return TypedResults.Ok(RegistryApi.ToResponse(stored));
        }
        return Problems.TryLater(StatusCodes.Status503ServiceUnavailable, "Others keep changing the same trigger; nothing was done.");
    }
}
