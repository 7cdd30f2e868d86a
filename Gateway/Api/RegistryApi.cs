using System.Globalization;
using System.Text.Json;
using System.Text.Json.Nodes;
using System.Text.RegularExpressions;
using Microsoft.AspNetCore.Builder;
using Microsoft.AspNetCore.Http;
using Microsoft.AspNetCore.Http.HttpResults;
using Microsoft.AspNetCore.Routing;
using Microsoft.Net.Http.Headers;
using Orleans.Personalize.Gateway.Connectors;
using Orleans.Personalize.Gateway.Security;

namespace Orleans.Personalize.Gateway.Api;

/// <param name="Version">Rises with each change; the ETag, too.</param>
/// <param name="Document">As it was put, but for the secrets of senders and sources, which show as <c>***</c>.</param>
internal sealed record DocumentResponse(string Id, long Version, DateTimeOffset UpdatedAt, RawJson Document);

/// <param name="Action">put, delete, or for a trigger pause, resume, stop, ramp.</param>
/// <param name="By">The id of the API key; null for the installation itself.</param>
/// <param name="Document">Null after a deletion, and where it is not kept: senders, sources, and what is too large or too old.</param>
internal sealed record VersionResponse(long Version, DateTimeOffset At, string Action, string? By, string? Reason, RawJson Document)
{
    public static VersionResponse From(RegistryVersion version) =>
        new(version.Version, version.At, version.Action, version.By, version.Reason, new RawJson(version.Document));
}

/// <summary>The documents that say what the engine does: triggers, templates, senders, policies and the like, and what comes in: sources and schemas.</summary>
internal static partial class RegistryApi
{
    private static readonly (string Path, string Kind)[] Kinds =
    [
        ("triggers", RegistryKind.Trigger),
        ("templates", RegistryKind.Template),
        ("senders", RegistryKind.Sender),
        ("policies", RegistryKind.Policy),
        ("topics", RegistryKind.Topic),
        ("slots", RegistryKind.Slot),
        ("sources", RegistryKind.Source),
        ("schemas", RegistryKind.Schema),
    ];

    public static void Map(IEndpointRouteBuilder routes)
    {
        foreach (var (path, kind) in Kinds)
            MapKind(routes.MapGroup($"/v1/{path}").WithTags(char.ToUpperInvariant(path[0]) + path[1..]), path, kind);
    }

    private static void MapKind(RouteGroupBuilder group, string path, string kind)
    {
        group.MapGet("/", (HttpContext http, IGrainFactory grains) => ListAsync(http, grains, kind))
            .WithSummary($"All {path}, ordered by id")
            .Produces<Items<DocumentResponse>>()
            .Require(Access.Read);
        group.MapGet("/{id}", (HttpContext http, IGrainFactory grains, string id) => GetAsync(http, grains, kind, id))
            .WithSummary($"One {kind}")
            .Produces<DocumentResponse>()
            .ProducesProblems(404)
            .Require(Access.Read);
        group.MapPut("/{id}", (HttpContext http, IGrainFactory grains, string id) => PutAsync(http, grains, kind, id))
            .WithSummary($"Make or change a {kind}")
            .WithDescription(DocumentSecrets.AreIn(kind)
                ? "Takes effect everywhere within a second. If-Match makes sure that nobody else's change is lost. Secrets are not shown again, so every change must carry them."
                : "Takes effect everywhere within a second. If-Match makes sure that nobody else's change is lost.")
            .Accepts<Dictionary<string, JsonElement>>("application/json")
            .Produces<DocumentResponse>()
            .Produces<DocumentResponse>(StatusCodes.Status201Created)
            .ProducesProblems(400, 412, 413, 415, 503)
            .Require(Access.Operate);
        group.MapPost("/{id}/check", (HttpContext http, IGrainFactory grains, string id) => CheckAsync(http, grains, kind, id))
            .WithSummary($"Say what is wrong with a draft of a {kind}, as putting it would; nothing is stored")
            .Accepts<Dictionary<string, JsonElement>>("application/json")
            .Produces(StatusCodes.Status204NoContent)
            .ProducesProblems(400, 413, 415)
            .Require(Access.Read);
        group.MapGet("/{id}/history", (HttpContext http, IGrainFactory grains, string id) => ReadHistoryAsync(http, grains, kind, id))
            .WithSummary($"Who did what to a {kind}, when and why: the latest {RegistryVersion.KeptMax} changes, newest first")
            .Produces<Items<VersionResponse>>()
            .ProducesProblems(404)
            .Require(Access.Read);
        group.MapDelete("/{id}", (HttpContext http, IGrainFactory grains, string id) => DeleteAsync(http, grains, kind, id))
            .WithSummary($"Delete a {kind}")
            .Produces(StatusCodes.Status204NoContent)
            .ProducesProblems(kind == RegistryKind.Template ? [400, 404, 409, 412, 503] : [400, 404, 412, 503])
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
        var (refusal, json) = await ReadDocumentAsync(http, kind, id);
        if (refusal is not null)
            return refusal;
        var put = await Registry(http, grains).Edit(kind, id, json, new RegistryEdit(Expected(http.Request), "put", http.User.KeyId()));
        if (put.IsStale)
            return Stale(kind, id);
        if (put.Stored is not { } stored)
            return Problems.Invalid($"The {kind} is not valid.", put.Errors);
        http.Response.Headers.ETag = $"\"{stored.Version}\"";
        return put.Created
            ? TypedResults.Created(http.Request.Path.Value, ToResponse(stored))
            : TypedResults.Ok(ToResponse(stored));
    }

    private static async Task<IResult> CheckAsync(HttpContext http, IGrainFactory grains, string kind, string id)
    {
        var (refusal, json) = await ReadDocumentAsync(http, kind, id);
        if (refusal is not null)
            return refusal;
        return await Registry(http, grains).Check(kind, id, json) is { Length: > 0 } errors
            ? Problems.Invalid($"The {kind} is not valid.", errors)
            : TypedResults.NoContent();
    }

    private static async Task<(IResult? Refusal, JsonText Json)> ReadDocumentAsync(HttpContext http, string kind, string id)
    {
        if (!IdPattern().IsMatch(id))
            return (Problems.Of(400, $"The id of a {kind} must match {IdPattern()}."), default);
        if (kind == RegistryKind.Trigger && id == OutcomesApi.CountsSegment)
            return (Problems.Of(400, $"A trigger cannot be named '{id}': that path shows the counts of all triggers."), default);
        if ((kind, id) is (RegistryKind.Source, DataApi.StatsSegment) or (RegistryKind.Schema, DataApi.DraftSegment))
            return (Problems.Of(400, $"A {kind} cannot be named '{id}': that path shows something else."), default);
        using var body = await RequestBody.ReadAsync(http.Request, Limits.DocumentBytesMax);
        return body.Parse(Check, (kind, id)) is { } error
            ? (Problems.Invalid($"The {kind} is not valid.", error), default)
            : (null, new JsonText(body.Utf8.ToArray()));
    }

    private static async Task<IResult> DeleteAsync(HttpContext http, IGrainFactory grains, string kind, string id) =>
        await Registry(http, grains).Remove(kind, id, new RegistryEdit(Expected(http.Request), "delete", http.User.KeyId())) switch
        {
            RegistryRemoval.Removed => TypedResults.NoContent(),
            RegistryRemoval.Stale => Stale(kind, id),
            _ => Problems.NotFound($"There is no {kind} '{id}'."),
        };

    private static async Task<IResult> ReadHistoryAsync(HttpContext http, IGrainFactory grains, string kind, string id)
    {
        var registry = Registry(http, grains);
        var versions = await registry.History(kind, id);
        return versions.Length > 0 || await registry.Get(kind, id) is not null
            ? TypedResults.Ok(new Items<VersionResponse>(Array.ConvertAll(versions, VersionResponse.From)))
            : Problems.NotFound($"There is no {kind} '{id}'.");
    }

    /// <summary>The versions that <c>If-Match</c> asks for, and with <c>If-None-Match: *</c> none (RFC 9110, section 13.1). Null: any, or none.</summary>
    private static long[]? Expected(HttpRequest request)
    {
        var headers = request.GetTypedHeaders();
        if (request.Headers.IfNoneMatch.Count > 0)
            return headers.IfNoneMatch is [var none] && none.Equals(EntityTagHeaderValue.Any) ? [0] : throw new BadHttpRequestException("If-None-Match takes only * here.");
        if (request.Headers.IfMatch.Count == 0)
            return null;
        if (headers.IfMatch.Count == 0)
            throw new BadHttpRequestException("If-Match must be an ETag, in quotes, or *.");
        return [.. headers.IfMatch.Select(VersionOf).Where(static version => version != 0)];
    }

    /// <summary>0 for a tag that no document has.</summary>
    private static long VersionOf(EntityTagHeaderValue tag) =>
        tag.Equals(EntityTagHeaderValue.Any) ? RegistryEdit.Any
        : !tag.IsWeak && long.TryParse(tag.Tag.AsSpan().Trim('"'), NumberStyles.None, CultureInfo.InvariantCulture, out var version) ? version
        : 0;

    private static ProblemHttpResult Stale(string kind, string id) =>
        Problems.Of(StatusCodes.Status412PreconditionFailed, $"The {kind} '{id}' is not, or no longer, as the request expects; nothing was changed.");

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
        return DocumentSecrets.AreIn(target.Kind) ? DocumentSecrets.FindMask(root) : null;
    }

    public static DocumentResponse ToResponse(RegistryDocument document) => new(
        document.Id,
        document.Version,
        document.UpdatedAt,
        new RawJson(DocumentSecrets.AreIn(document.Kind) ? DocumentSecrets.Mask(document.Document) : document.Document));

    private static IRegistryGrain Registry(HttpContext http, IGrainFactory grains) => grains.GetGrain<IRegistryGrain>(http.User.Workspace());

    [GeneratedRegex("^[a-z0-9][a-z0-9._-]{0,63}$", RegexOptions.CultureInvariant, matchTimeoutMilliseconds: 1000)]
    private static partial Regex IdPattern();
}
