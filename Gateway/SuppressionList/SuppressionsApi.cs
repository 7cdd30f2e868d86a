using System.Text;
using Microsoft.AspNetCore.Builder;
using Microsoft.AspNetCore.Http;
using Microsoft.AspNetCore.Http.HttpResults;
using Microsoft.AspNetCore.Routing;
using Orleans.Personalize.Gateway.Api;
using Orleans.Personalize.Gateway.Connectors;
using Orleans.Personalize.Gateway.Security;

namespace Orleans.Personalize.Gateway.SuppressionList;

/// <param name="Reason">bounce, complaint, unsubscribe, manual or import.</param>
/// <param name="Source">Who said so.</param>
/// <param name="DecisionId">The send that showed it, where one did.</param>
internal sealed record SuppressionResponse(string Address, string Reason, string? Detail, DateTimeOffset At, string Source, string? DecisionId)
{
    public static SuppressionResponse From(Suppression entry) =>
        new(entry.Address, entry.Reason, entry.Detail, entry.At, entry.Source, entry.DecisionId);
}

/// <param name="Items">In no order that means anything.</param>
/// <param name="Next">The <c>after</c> of the next page; null at the end.</param>
internal sealed record SuppressionPage(SuppressionResponse[] Items, string? Next);

/// <param name="Reason">manual by default.</param>
internal sealed record SuppressionRequest(string? Reason, string? Detail);

/// <summary>The addresses of the caller's workspace that get no mail.</summary>
internal static class SuppressionsApi
{
    private const int ItemsDefault = 100;

    public static void Map(IEndpointRouteBuilder routes)
    {
        var group = routes.MapGroup("/v1/suppressions").WithTags("Suppressions");
        group.MapGet("/", ListAsync)
            .WithSummary("The addresses that get no mail, a page at a time, or whether one is among them")
            .Produces<SuppressionPage>()
            .ProducesProblems(400, 503)
            .Require(Access.Read);
        group.MapPut("/{address}", PutAsync)
            .WithSummary("Suppress an address")
            .WithDescription("One that is on the list keeps its entry. Without a body the reason is manual.")
            .Accepts<SuppressionRequest>(isOptional: true, "application/json")
            .Produces<SuppressionResponse>()
            .Produces<SuppressionResponse>(StatusCodes.Status201Created)
            .ProducesProblems(400, 409, 413, 415, 503)
            .Require(Access.Operate);
        group.MapDelete("/{address}", DeleteAsync)
            .WithSummary("Take an address off the list")
            .Produces(StatusCodes.Status204NoContent)
            .ProducesProblems(400, 404, 503)
            .Require(Access.Operate);
        group.MapPost("/import", ImportAsync)
            .WithSummary("Suppress many addresses")
            .WithDescription(
                "text/csv or text/plain, with a header (address or email, and if you like reason, detail, at, source, decision_id) or an address a line, or "
                + "application/x-ndjson with members of the same names. Lines that are wrong "
                + "are reported and the others imported; repeating the request is safe.")
            .Produces<ImportResponse>()
            .ProducesProblems(400, 409, 413, 415, 503)
            .Require(Access.Operate);
        group.MapGet("/export", Export)
            .WithSummary("The whole list as CSV, which can be imported again")
            .Produces<string>(StatusCodes.Status200OK, "text/csv")
            .Require(Access.Read);
    }

    private static async Task<IResult> ListAsync(HttpContext http, IGrainFactory grains, string? address = null, string? after = null, int limit = ItemsDefault)
    {
        var workspace = http.User.Workspace();
        if (address is not null)
        {
            return !IsAddress(ref address) ? BadAddress()
                : TypedResults.Ok(new SuppressionPage(await Shard(grains, workspace, address).Find(address) is { } entry ? [SuppressionResponse.From(entry)] : [], null));
        }
        if (limit is < 1 or > Limits.SuppressionsMax)
            return Problems.Of(400, $"limit must be from 1 to {Limits.SuppressionsMax}.");
        var items = await PageAsync(grains, workspace, after, limit);
        return TypedResults.Ok(new SuppressionPage([.. items.Select(SuppressionResponse.From)], items.Count == limit ? items[^1].Address : null));
    }

    /// <summary>Shard after shard, and within one by address, so that the last address says where to go on.</summary>
    private static async Task<List<Suppression>> PageAsync(IGrainFactory grains, string workspace, string? after, int limit)
    {
        var items = new List<Suppression>();
        for (var shard = after is null ? 0 : Suppressions.ShardOf(after); shard < Suppressions.Shards && items.Count < limit; shard++)
        {
            items.AddRange(await grains.GetGrain<ISuppressionGrain>(Suppressions.Key(workspace, shard)).List(after, limit - items.Count));
            after = null;
        }
        return items;
    }

    private static async Task<IResult> PutAsync(HttpContext http, IGrainFactory grains, TimeProvider time, string address)
    {
        if (!IsAddress(ref address))
            return BadAddress();
        DocumentError? error;
        string? reason, detail;
        using (var body = await RequestBody.ReadAsync(http.Request, Limits.KeyRequestBytesMax, ofPage: true))
            (error, reason, detail) = body.Utf8.IsEmpty ? default : body.Parse(static (utf8, _) => Read(utf8), 0);
        if (error is not null)
            return Problems.Invalid("The request is not valid.", error);

        var shard = Shard(grains, http.User.Workspace(), address);
        var entry = new Suppression(address, reason ?? Suppressions.Manual, detail, time.GetUtcNow(), "api");
        var isNew = await shard.Add([entry]) > 0;
        var response = SuppressionResponse.From(isNew ? entry : await shard.Find(address) ?? entry);
        return isNew ? TypedResults.Created(http.Request.Path.Value, response) : TypedResults.Ok(response);
    }

    private static async Task<IResult> DeleteAsync(HttpContext http, IGrainFactory grains, string address) =>
        !IsAddress(ref address) ? BadAddress()
        : await Shard(grains, http.User.Workspace(), address).Remove(address) ? TypedResults.NoContent()
        : Problems.NotFound($"'{address}' is not suppressed.");

    private static async Task<IResult> ImportAsync(HttpContext http, IGrainFactory grains, TimeProvider time)
    {
        var import = await SuppressionImport.ReadAsync(http.Request, time.GetUtcNow());
        return TypedResults.Ok(await import.StoreAsync(grains, http.User.Workspace()));
    }

    private static IResult Export(HttpContext http, IGrainFactory grains)
    {
        var workspace = http.User.Workspace();
        return Results.Stream(
            async body =>
            {
                await using var writer = new StreamWriter(body, new UTF8Encoding(false), leaveOpen: true);
                await writer.WriteAsync(SuppressionCsv.Header);
                string? after = null;
                do
                {
                    var page = await PageAsync(grains, workspace, after, Limits.SuppressionsMax);
                    foreach (var entry in page)
                        await writer.WriteAsync(SuppressionCsv.Line(entry));
                    await writer.FlushAsync(http.RequestAborted);
                    after = page.Count == Limits.SuppressionsMax ? page[^1].Address : null;
                }
                while (after is not null);
            },
            "text/csv; charset=utf-8",
            "suppressions.csv");
    }

    private static (DocumentError? Error, string? Reason, string? Detail) Read(ReadOnlySpan<byte> json)
    {
        RequestBody.RequireObject(json);
        if (JsonDefects.FindInObject(json) is { } defect)
            return (defect, null, null);
        ReadOnlySpan<byte> reason = default, detail = default;
        for (var members = new JsonMembers(json, Limits.DepthMax); members.MoveNext();)
        {
            switch (members.Name)
            {
                case "reason": reason = members.Value; break;
                case "detail": detail = members.Value; break;
            }
        }
        var fields = new EventFields();
        var read = (Reason: fields.Text(reason, "/reason"), Detail: fields.Text(detail, "/detail"));
        if (read.Reason is not null && !Suppressions.Reasons.Contains(read.Reason))
            fields.Refuse("/reason", $"must be one of {string.Join(", ", Suppressions.Reasons)}");
        return (fields.Error, read.Reason, read.Detail);
    }

    /// <summary>Makes it canonical. A slash, which an address may hold, stays encoded in a path.</summary>
    private static bool IsAddress(ref string address)
    {
        address = Suppressions.Canonical(address.Replace("%2F", "/", StringComparison.OrdinalIgnoreCase));
        return Suppressions.IsAddress(address);
    }

    private static ProblemHttpResult BadAddress() => Problems.Of(400, "This is no e-mail address.");

    private static ISuppressionGrain Shard(IGrainFactory grains, string workspace, string address) =>
        grains.GetGrain<ISuppressionGrain>(Suppressions.Key(workspace, address));
}
