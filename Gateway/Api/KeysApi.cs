using System.Text.Json;
using Microsoft.AspNetCore.Builder;
using Microsoft.AspNetCore.Http;
using Microsoft.AspNetCore.Http.HttpResults;
using Microsoft.AspNetCore.Routing;
using Orleans.Personalize.Gateway.Connectors;
using Orleans.Personalize.Gateway.Security;

namespace Orleans.Personalize.Gateway.Api;

/// <param name="Name">For people, 1 to 256 characters.</param>
/// <param name="Role">ingest, read, operate or admin.</param>
internal sealed record KeyRequest(string Name, string Role);

/// <param name="Key">Shown this once.</param>
internal sealed record KeyCreated(string Id, string Key, string Name, string Role);

internal sealed record KeyResponse(string Id, string Name, string Role, DateTimeOffset CreatedAt);

/// <param name="Id">Of the key that asks.</param>
internal sealed record CallerResponse(string Id, string Role, string Workspace);

/// <summary>The API keys of the caller's workspace.</summary>
internal static class KeysApi
{
    public static void Map(IEndpointRouteBuilder routes)
    {
        routes.MapGet("/v1/keys/current", ReadCaller)
            .WithTags("Keys")
            .WithSummary("What the key that asks may do")
            .Produces<CallerResponse>()
            .Require(Access.Anyone);
        var keys = routes.MapGroup("/v1/keys").WithTags("Keys").Require(Access.Admin);
        keys.MapPost("/", CreateAsync)
            .WithSummary("Make an API key; this answer is the only one that shows it")
            .Accepts<KeyRequest>("application/json")
            .Produces<KeyCreated>(StatusCodes.Status201Created)
            .ProducesProblems(400, 413, 415, 503);
        keys.MapGet("/", ListAsync)
            .WithSummary("All API keys, without their secrets")
            .Produces<Items<KeyResponse>>();
        keys.MapDelete("/{id}", RevokeAsync)
            .WithSummary("Revoke an API key, everywhere within a second")
            .Produces(StatusCodes.Status204NoContent)
            .ProducesProblems(404, 503);
    }

    private static Ok<CallerResponse> ReadCaller(HttpContext http) =>
        TypedResults.Ok(new CallerResponse(http.User.KeyId(), http.User.Role(), http.User.Workspace()));

    private static async Task<IResult> CreateAsync(HttpContext http, IGrainFactory grains, KeyRing ring, TimeProvider time)
    {
        DocumentError? error;
        string? name, role;
        using (var body = await RequestBody.ReadAsync(http.Request, Limits.KeyRequestBytesMax))
            (error, name, role) = body.Parse(static (utf8, _) => Read(utf8), 0);
        if (error is not null)
            return Problems.Invalid("The request is not valid.", error);

        var (id, key) = ApiKey.Create();
        var document = new KeyDocument(name!, role!, http.User.Workspace(), Convert.ToHexStringLower(ApiKey.Hash(key)), time.GetUtcNow());
        var put = await Installation(grains).Put(RegistryKind.Key, id, document.ToJson());
        if (put.Stored is null)
            return Problems.Invalid("The key is not valid.", put.Errors);
        await ring.RefreshAsync();
        return TypedResults.Created($"/v1/keys/{id}", new KeyCreated(id, key, document.Name, document.Role));
    }

    private static async Task<IResult> ListAsync(HttpContext http, IGrainFactory grains)
    {
        var workspace = http.User.Workspace();
        var keys = from document in await Installation(grains).List(RegistryKind.Key)
                   let key = KeyDocument.FromJson(document.Document)
                   where key.Workspace == workspace
                   select new KeyResponse(document.Id, key.Name, key.Role, key.CreatedAt);
        return TypedResults.Ok(new Items<KeyResponse>([.. keys]));
    }

    private static async Task<IResult> RevokeAsync(HttpContext http, IGrainFactory grains, KeyRing ring, string id)
    {
        var registry = Installation(grains);
        // A key of another workspace is none of the caller's business, not even that it exists.
        var stored = await registry.Get(RegistryKind.Key, id);
        if (stored is null || KeyDocument.FromJson(stored.Document)?.Workspace != http.User.Workspace() || !await registry.Delete(RegistryKind.Key, id))
            return Problems.NotFound($"There is no key '{id}'.");
        await ring.RefreshAsync();
        return TypedResults.NoContent();
    }

    private static (DocumentError? Error, string? Name, string? Role) Read(ReadOnlySpan<byte> json)
    {
        RequestBody.RequireObject(json);
        if (JsonDefects.FindInObject(json) is { } defect)
            return (defect, null, null);

        ReadOnlySpan<byte> name = default, role = default;
        for (var members = new JsonMembers(json, Limits.DepthMax); members.MoveNext();)
        {
            switch (members.Name)
            {
                case "name": name = members.Value; break;
                case "role": role = members.Value; break;
            }
        }

        var fields = new EventFields();
        var read = (fields.Text(name, "/name"), fields.Text(role, "/role"));
        if (read.Item1 is null)
            fields.Refuse("/name", "is missing");
        if (!Roles.All.Contains(read.Item2))
            fields.Refuse("/role", $"must be one of {string.Join(", ", Roles.All)}");
        return (fields.Error, read.Item1, read.Item2);
    }

    private static IRegistryGrain Installation(IGrainFactory grains) => grains.GetGrain<IRegistryGrain>(IRegistryGrain.Installation);
}
