using System.Text.Encodings.Web;
using System.Text.Json;
using System.Text.Json.Nodes;
using Microsoft.AspNetCore.Builder;
using Microsoft.AspNetCore.Http;
using Microsoft.AspNetCore.Routing;
using Orleans.Personalize.Gateway.Connectors;
using Orleans.Personalize.Gateway.Security;

namespace Orleans.Personalize.Gateway.Api;

/// <param name="Reason">Why, for the history; up to 256 characters.</param>
/// <param name="Percent">For a ramp: 0 to 100, the share of customers it is open to.</param>
/// <param name="Holdout">For a ramp: 0 to 100, the share of those that get nothing.</param>
/// <param name="Mode">For a ramp: live or shadow.</param>
internal sealed record TriggerEdit(string? Reason, decimal? Percent, decimal? Holdout, string? Mode);

/// <summary>What an operator does to a running trigger: edits of its document that lose nobody else's.</summary>
internal static class TriggersApi
{
    private const string Stop = "stop";
    private const string Resume = "resume";

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
        MapEdit(triggers, "ramp", "Change a trigger's percent, holdout or mode", Ramp);
    }

    private static void MapEdit(RouteGroupBuilder triggers, string action, string summary, Action<JsonObject, TriggerEdit> edit) => triggers
        .MapPost($"/{action}", (HttpContext http, IGrainFactory grains, string id) => EditAsync(http, grains, id, action, edit))
        .WithSummary(summary)
        .WithDescription("Takes effect everywhere within a second.")
        .Accepts<TriggerEdit>("application/json")
        .Produces<DocumentResponse>()
        .ProducesProblems(400, 404, 409, 413, 415, 503);

    private static void Ramp(JsonObject trigger, TriggerEdit edit)
    {
        if (trigger["rollout"] is not JsonObject rollout)
            trigger["rollout"] = rollout = [];
        if (edit.Percent is { } percent)
            rollout["percent"] = percent;
        if (edit.Holdout is { } holdout)
            rollout["holdout"] = holdout;
        if (edit.Mode is { } mode)
            rollout["mode"] = mode;
    }

    private static async Task<IResult> EditAsync(HttpContext http, IGrainFactory grains, string id, string action, Action<JsonObject, TriggerEdit> edit)
    {
        var (error, asked) = await ReadAsync(http.Request, action);
        if (error is not null)
            return Problems.Invalid("The request is not valid.", error);
        var registry = grains.GetGrain<IRegistryGrain>(http.User.Workspace());
        for (var attempt = 1; attempt <= AttemptsMax; attempt++)
        {
            if (await registry.Get(RegistryKind.Trigger, id) is not { } known)
                return Problems.NotFound($"There is no trigger '{id}'.");
            if (action == Resume && (await registry.History(RegistryKind.Trigger, id)).FirstOrDefault(static version => version.Action is not ("ramp" or "pause"))?.Action == Stop)
                return Problems.Of(StatusCodes.Status409Conflict, $"The trigger '{id}' was stopped. To start it anew, put its document.");
            var document = (JsonObject)JsonNode.Parse(known.Document.Span)!;
            edit(document, asked!);
            var put = await registry.Edit(
                RegistryKind.Trigger, id, JsonText.FromString(document.ToJsonString(Plain)),
                new RegistryEdit([known.Version], action, http.User.KeyId(), asked!.Reason));
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

    /// <summary>An empty body asks for nothing in particular.</summary>
    private static async Task<(DocumentError? Error, TriggerEdit? Edit)> ReadAsync(HttpRequest request, string action)
    {
        if (request.ContentType is null && request.ContentLength is null or 0)
            return action == "ramp" ? (new("", "needs percent, holdout or mode"), null) : (null, new(null, null, null, null));
        using var body = await RequestBody.ReadAsync(request, Limits.KeyRequestBytesMax);
        return body.Parse(static (json, action) => Read(json, action), action);
    }

    private static (DocumentError?, TriggerEdit?) Read(ReadOnlySpan<byte> json, string action)
    {
        RequestBody.RequireObject(json);
        if (JsonDefects.FindInObject(json) is { } defect)
            return (defect, null);
        var members = (JsonObject)JsonNode.Parse(json, null, new JsonDocumentOptions { MaxDepth = Limits.DepthMax, AllowDuplicateProperties = false })!;
        string[] known = action == "ramp" ? ["reason", "percent", "holdout", "mode"] : ["reason"];
        if (members.FirstOrDefault(member => !known.Contains(member.Key)).Key is { } unknown)
            return (new(JsonDefects.Pointer(unknown), $"is unknown; known are {string.Join(", ", known)}"), null);
        foreach (var (name, value) in members)
        {
            var isText = name is "reason" or "mode";
            if (value?.GetValueKind() != (isText ? JsonValueKind.String : JsonValueKind.Number))
                return (new($"/{name}", isText ? "must be a string" : "must be a number"), null);
        }
        if (action == "ramp" && members.All(static member => member.Key == "reason"))
            return (new("", "needs percent, holdout or mode"), null);
        var edit = members.Deserialize(ApiJson.Default.TriggerEdit)!;
        return edit.Reason?.Length > Limits.ReasonLengthMax
            ? (new("/reason", $"must have at most {Limits.ReasonLengthMax} characters"), null)
            : (null, edit);
    }
}
