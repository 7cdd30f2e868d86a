using System.Text.Json;
using System.Text.Json.Nodes;
using System.Text.RegularExpressions;
using Microsoft.AspNetCore.Builder;
using Microsoft.AspNetCore.Http;
using Microsoft.AspNetCore.Routing;
using Orleans.Personalize.Gateway.Connectors;
using Orleans.Personalize.Gateway.Security;

namespace Orleans.Personalize.Gateway.Api;

/// <param name="Version">Rises with each change; the ETag, too.</param>
/// <param name="Document">As it was put, but for a sender's secrets, which show as <c>***</c>.</param>
internal sealed record DocumentResponse(string Id, long Version, DateTimeOffset UpdatedAt, RawJson Document);

/// <summary>The documents that say what the engine does: triggers, templates and senders.</summary>
internal static partial class RegistryApi
{
    private static readonly (string Path, string Kind)[] Kinds =
        [("triggers", RegistryKind.Trigger), ("templates", RegistryKind.Template), ("senders", RegistryKind.Sender)];

    public static void Map(IEndpointRouteBuilder routes)
    {
        foreach (var (path, kind) in Kinds)
            MapKind(routes.MapGroup($"/v1/{path}").WithTags(char.ToUpperInvariant(path[0]) + path[1..]), kind);
    }

    private static void MapKind(RouteGroupBuilder group, string kind)
    {
        group.MapGet("/", (HttpContext http, IGrainFactory grains) => ListAsync(http, grains, kind))
            .WithSummary($"All {kind}s, ordered by id")
            .Produces<Items<DocumentResponse>>()
            .Require(Access.Read);
        group.MapGet("/{id}", (HttpContext http, IGrainFactory grains, string id) => GetAsync(http, grains, kind, id))
            .WithSummary($"One {kind}")
            .Produces<DocumentResponse>()
            .ProducesProblems(404)
            .Require(Access.Read);
        group.MapPut("/{id}", (HttpContext http, IGrainFactory grains, string id) => PutAsync(http, grains, kind, id))
            .WithSummary($"Make or change a {kind}")
            .WithDescription(kind == RegistryKind.Sender
                ? "Takes effect everywhere within a second. Secrets are not shown again, so every change must carry them."
                : "Takes effect everywhere within a second.")
            .Accepts<Dictionary<string, JsonElement>>("application/json")
            .Produces<DocumentResponse>()
            .Produces<DocumentResponse>(StatusCodes.Status201Created)
            .ProducesProblems(400, 413, 415, 503)
            .Require(Access.Operate);
        group.MapDelete("/{id}", (HttpContext http, IGrainFactory grains, string id) => DeleteAsync(http, grains, kind, id))
            .WithSummary($"Delete a {kind}")
            .Produces(StatusCodes.Status204NoContent)
            .ProducesProblems(kind == RegistryKind.Template ? [404, 409, 503] : [404, 503])
            .Require(Access.Operate);
    }

    private static async Task<IResult> ListAsync(HttpContext http, IGrainFactory grains, string kind)
    {
        var documents = await Registry(http, grains).List(kind);
        return TypedResults.Ok(new Items<DocumentResponse>(Array.ConvertAll(documents, ToResponse)));
    }

    private static async Task<IResult> GetAsync(HttpContext http, IGrainFactory grains, string kind, string id)
    {
        if (await Registry(http, grains).Get(kind, id) is not { } document)
            return Problems.NotFound($"There is no {kind} '{id}'.");
        http.Response.Headers.ETag = $"\"{document.Version}\"";
        return TypedResults.Ok(ToResponse(document));
    }

    private static async Task<IResult> PutAsync(HttpContext http, IGrainFactory grains, string kind, string id)
    {
        if (!IdPattern().IsMatch(id))
            return Problems.Of(400, $"The id of a {kind} must match {IdPattern()}.");

        JsonText json;
        DocumentError? error;
        using (var body = await RequestBody.ReadAsync(http.Request, Limits.DocumentBytesMax))
        {
            error = body.Parse(Check, (kind, id));
            json = new JsonText(body.Utf8.ToArray());
        }

        if (error is not null)
            return Problems.Invalid($"The {kind} is not valid.", error);
        var put = await Registry(http, grains).Put(kind, id, json);
        if (put.Stored is not { } stored)
            return Problems.Invalid($"The {kind} is not valid.", put.Errors);
        http.Response.Headers.ETag = $"\"{stored.Version}\"";
        return put.Created
            ? TypedResults.Created(http.Request.Path.Value, ToResponse(stored))
            : TypedResults.Ok(ToResponse(stored));
    }

    private static async Task<IResult> DeleteAsync(HttpContext http, IGrainFactory grains, string kind, string id) =>
        await Registry(http, grains).Delete(kind, id) ? TypedResults.NoContent() : Problems.NotFound($"There is no {kind} '{id}'.");

    /// <summary>What is wrong with a document, whatever its kind; what its kind asks for is the registry's to say.</summary>
    private static DocumentError? Check(ReadOnlySpan<byte> json, (string Kind, string Id) target)
    {
        RequestBody.RequireObject(json);
        if (JsonDefects.FindInObject(json) is { } defect)
            return defect;

        // Unlike an event, a document is written by hand: a repeated name is a slip.
        var root = JsonNode.Parse(json, null, new JsonDocumentOptions { MaxDepth = Limits.DepthMax, AllowDuplicateProperties = false });
        if (root?["id"] is { } id && !(id is JsonValue value && value.TryGetValue(out string? text) && text == target.Id))
            return new DocumentError("/id", $"must be '{target.Id}', as in the path");
        return target.Kind == RegistryKind.Sender ? SenderSecrets.FindMask(root) : null;
    }

    private static DocumentResponse ToResponse(RegistryDocument document) => new(
        document.Id,
        document.Version,
        document.UpdatedAt,
        new RawJson(document.Kind == RegistryKind.Sender ? SenderSecrets.Mask(document.Document) : document.Document));

    private static IRegistryGrain Registry(HttpContext http, IGrainFactory grains) => grains.GetGrain<IRegistryGrain>(http.User.Workspace());

    [GeneratedRegex("^[a-z0-9][a-z0-9._-]{0,63}$", RegexOptions.CultureInvariant, matchTimeoutMilliseconds: 1000)]
    private static partial Regex IdPattern();
}
