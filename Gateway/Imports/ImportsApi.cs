using System.IO.Compression;
using Microsoft.AspNetCore.Builder;
using Microsoft.AspNetCore.Http;
using Microsoft.AspNetCore.Http.Features;
using Microsoft.AspNetCore.Http.HttpResults;
using Microsoft.AspNetCore.Routing;
using Microsoft.Extensions.DependencyInjection;
using Orleans.Personalize.Gateway.Api;
using Orleans.Personalize.Gateway.Connectors;
using Orleans.Personalize.Gateway.Security;

namespace Orleans.Personalize.Gateway.Imports;

/// <summary>
/// Files come in, all at once or in pieces, and can be gone on with after whatever interrupted them: <c>Upload-Offset</c> and <c>Upload-Complete</c> as in
/// https://datatracker.ietf.org/doc/draft-ietf-httpbis-resumable-upload/.
/// </summary>
internal static class ImportsApi
{
    private const string UploadOffset = "Upload-Offset", UploadLength = "Upload-Length", UploadComplete = "Upload-Complete";
    private const string Yes = "?1", No = "?0";

    public static void Map(IEndpointRouteBuilder routes)
    {
        Map<ImportRequestBody>(routes, "imports", ImportKind.Import, "import");
        Map<ReconciliationRequestBody>(routes, "reconciliations", ImportKind.Reconciliation, "reconciliation");
    }

    private static void Map<TBody>(IEndpointRouteBuilder routes, string path, string kind, string name) where TBody : notnull
    {
        var group = routes.MapGroup($"/v1/{path}").WithTags("Imports");
        group.MapPost("/", (HttpContext http, IGrainFactory grains, WorkspaceRules rules, Intake intake, TimeProvider time) => StartAsync(http, kind, path, grains, rules, intake, time))
            .WithSummary(kind == ImportKind.Import ? "Begin to import a CSV or NDJSON file" : "Begin to compare a source's snapshot with the profiles")
            .WithDescription(
                "With a JSON body: makes it; the file follows with PATCH. With text/csv or application/x-ndjson the body is the file and the query says the rest; "
                + "should the connection break, GET the list and go on with PATCH. gzip is unpacked.")
            .Accepts<TBody>("application/json", "text/csv", "application/x-ndjson")
            .Produces<JobResponse>(StatusCodes.Status201Created)
            .ProducesProblems(400, 409, 413, 415, 429, 503)
            .Require(Access.Operate);
        group.MapPatch("/{id}", (HttpContext http, string id, IGrainFactory grains, Intake intake, TimeProvider time) => AppendAsync(http, id, kind, grains, intake, time))
            .WithSummary($"Send a piece of the file of an {name}".Replace("an r", "a r", StringComparison.Ordinal))
            .WithDescription(
                "Upload-Offset says where the piece begins: it must be where the job is. Upload-Complete: ?1 says that it ends the file, where the length is not known. "
                + "The answer's Upload-Offset says where the next one begins. A gzipped piece is unpacked by itself; offsets count what is in it.")
            .Produces<JobResponse>()
            .ProducesProblems(400, 404, 409, 415, 429, 503)
            .Require(Access.Operate);
        group.MapMethods("/{id}", [HttpMethods.Head], (HttpContext http, string id, IGrainFactory grains) => OffsetAsync(http, id, kind, grains))
            .WithSummary("Where the next piece of the file begins: Upload-Offset")
            .Produces(StatusCodes.Status204NoContent)
            .ProducesProblems(404, 503)
            .Require(Access.Operate);
        group.MapGet("/", (HttpContext http, IGrainFactory grains) => ListAsync(http, kind, grains))
            .WithSummary($"The newest {path} and how far they are")
            .Produces<Items<JobResponse>>()
            .ProducesProblems(503)
            .Require(Access.Read);
        group.MapGet("/{id}", (HttpContext http, string id, IGrainFactory grains) => ReadAsync(http, id, kind, grains))
            .WithSummary(kind == ImportKind.Import ? "How far an import is" : "How far a reconciliation is, and what it found")
            .Produces<JobResponse>()
            .ProducesProblems(404, 503)
            .Require(Access.Read);
        group.MapGet("/{id}/errors", (HttpContext http, string id, IGrainFactory grains) => ErrorsAsync(http, id, kind, grains))
            .WithSummary("The first bad rows, and how many there are")
            .Produces<JobProblems>()
            .ProducesProblems(404, 503)
            .Require(Access.Read);
        group.MapDelete("/{id}", (HttpContext http, string id, IGrainFactory grains) => CancelAsync(http, id, kind, grains))
            .WithSummary("Stop it where it is; what was applied stays")
            .Produces(StatusCodes.Status204NoContent)
            .ProducesProblems(404, 503)
            .Require(Access.Operate);
    }

    private static async Task<IResult> StartAsync(
        HttpContext http, string kind, string path, IGrainFactory grains, WorkspaceRules rules, Intake intake, TimeProvider time)
    {
        var workspace = http.User.Workspace();
        var (job, errors) = await ImportRequest.ReadAsync(http.Request, kind, await rules.GetAsync(workspace), time.GetUtcNow());
        if (job is null)
            return Problems.Invalid("The request is not valid.", errors);
        var isFile = ImportRequest.FormatOf(http.Request) is not null;
        var isWhole = isFile && http.Request.Headers[UploadComplete] != No;
        using var slot = isFile ? Slots(http).Take() : null;
        if (isWhole && http.Request.Headers.ContentEncoding.Count == 0)
            job = job with { Length = job.Length ?? http.Request.ContentLength };
        await grains.GetGrain<IImportsGrain>(workspace).Add(job.Id);
        var grain = Grain(grains, workspace, job.Id);
        await grain.Create(job);
        var view = new ImportView(job, new());
        http.Response.Headers.Location = $"/v1/{path}/{job.Id}";
        // A client that is cut off finds the job in the list.
        if (isFile)
            view = view with { Progress = await RunAsync(http, grain, view, isWhole, workspace, grains, intake, time) };
        return TypedResults.Created($"/v1/{path}/{job.Id}", Told(http, view));
    }

    private static async Task<IResult> AppendAsync(HttpContext http, string id, string kind, IGrainFactory grains, Intake intake, TimeProvider time)
    {
        if (await FindAsync(http, id, kind, grains) is not { } view)
            return Unknown(kind, id);
        if (!long.TryParse(http.Request.Headers[UploadOffset], out var offset))
            return Problems.Of(StatusCodes.Status400BadRequest, $"The header {UploadOffset} must say where the piece begins.");
        _ = Told(http, view);
        if (!view.Progress.IsOpen)
            return Problems.Of(StatusCodes.Status409Conflict, $"It is {view.Progress.State}; it takes no more.");
        if (offset != view.Progress.Offset)
            return Problems.Of(StatusCodes.Status409Conflict, $"The piece begins at {offset}; the next one begins at {view.Progress.Offset}.");
        using var slot = Slots(http).Take();
        var workspace = http.User.Workspace();
        var isWhole = http.Request.Headers[UploadComplete] == Yes;
        var progress = await RunAsync(http, Grain(grains, workspace, id), view, isWhole, workspace, grains, intake, time);
        return TypedResults.Ok(Told(http, view with { Progress = progress }));
    }

    private static Task<ImportProgress> RunAsync(
        HttpContext http, IImportGrain grain, ImportView view, bool isWhole, string workspace, IGrainFactory grains, Intake intake, TimeProvider time)
    {
        // The rows pass through; nothing of them is kept.
        if (http.Features.Get<IHttpMaxRequestBodySizeFeature>() is { IsReadOnly: false } size)
            size.MaxRequestBodySize = null;
        var slices = new Slices(intake, workspace, time);
        var events = new RowEvents(view.Job, time);
        IRowSink sink = view.Job.Kind == ImportKind.Import ? new ImportSink(view.Job, events, slices) : new Reconciler(view.Job, events, slices, grains, workspace);
        return new ImportRun(grain, view, sink, time).RunAsync(BodyOf(http.Request), isWhole, http.RequestAborted);
    }

    /// <exception cref="BadHttpRequestException">It is packed in another way.</exception>
    private static Stream BodyOf(HttpRequest request) => request.Headers.ContentEncoding.ToString().ToLowerInvariant() switch
    {
        "" or "identity" => request.Body,
        "gzip" => new GZipStream(request.Body, CompressionMode.Decompress),
        _ => throw new BadHttpRequestException("The content encoding must be gzip or none.", StatusCodes.Status415UnsupportedMediaType),
    };

    private static async Task<IResult> OffsetAsync(HttpContext http, string id, string kind, IGrainFactory grains)
    {
        if (await FindAsync(http, id, kind, grains) is not { } view)
            return Unknown(kind, id);
        _ = Told(http, view);
        return TypedResults.NoContent();
    }

    private static async Task<IResult> ListAsync(HttpContext http, string kind, IGrainFactory grains)
    {
        var workspace = http.User.Workspace();
        var ids = await grains.GetGrain<IImportsGrain>(workspace).List();
        var views = await Task.WhenAll(ids.Select(id => Grain(grains, workspace, id).Read()));
        return TypedResults.Ok(new Items<JobResponse>([.. views.OfType<ImportView>().Where(view => view.Job.Kind == kind).Select(JobResponse.From)]));
    }

    private static async Task<IResult> ReadAsync(HttpContext http, string id, string kind, IGrainFactory grains) =>
        await FindAsync(http, id, kind, grains) is { } view ? TypedResults.Ok(Told(http, view)) : Unknown(kind, id);

    private static async Task<IResult> ErrorsAsync(HttpContext http, string id, string kind, IGrainFactory grains) =>
        await FindAsync(http, id, kind, grains) is { } view ? TypedResults.Ok(JobProblems.From(view.Progress)) : Unknown(kind, id);

    private static async Task<IResult> CancelAsync(HttpContext http, string id, string kind, IGrainFactory grains)
    {
        if (await FindAsync(http, id, kind, grains) is null)
            return Unknown(kind, id);
        await Grain(grains, http.User.Workspace(), id).Cancel();
        return TypedResults.NoContent();
    }

    private static async Task<ImportView?> FindAsync(HttpContext http, string id, string kind, IGrainFactory grains) =>
        Guid.TryParseExact(id, "n", out _) && await Grain(grains, http.User.Workspace(), id).Read() is { } view && view.Job.Kind == kind ? view : null;

    /// <summary>Says in the headers, too, how far it is.</summary>
    private static JobResponse Told(HttpContext http, ImportView view)
    {
        var headers = http.Response.Headers;
        headers[UploadOffset] = view.Progress.Offset.ToString(System.Globalization.CultureInfo.InvariantCulture);
        headers[UploadComplete] = view.Progress.State == ImportState.Done ? Yes : No;
        if (view.Job.Length is { } length)
            headers[UploadLength] = length.ToString(System.Globalization.CultureInfo.InvariantCulture);
        headers.CacheControl = "no-store";
        return JobResponse.From(view);
    }

    private static ImportSlots Slots(HttpContext http) => http.RequestServices.GetRequiredService<ImportSlots>();

    private static IImportGrain Grain(IGrainFactory grains, string workspace, string id) => grains.GetGrain<IImportGrain>($"{workspace}/{id}");

    private static ProblemHttpResult Unknown(string kind, string id) => Problems.NotFound($"There is no {kind} '{id}', or not any more.");
}
