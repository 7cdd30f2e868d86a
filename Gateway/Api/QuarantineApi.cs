using System.Collections.Concurrent;
using System.Globalization;
using System.Text;
using System.Text.Json;
using Microsoft.AspNetCore.Builder;
using Microsoft.AspNetCore.Http;
using Microsoft.AspNetCore.Http.HttpResults;
using Microsoft.AspNetCore.Routing;
using Orleans.Personalize.Gateway.Connectors;
using Orleans.Personalize.Gateway.Quality;
using Orleans.Personalize.Gateway.Security;
using Orleans.Runtime;

namespace Orleans.Personalize.Gateway.Api;

/// <param name="State">open, warned (let in; a sample), replayed or dropped.</param>
/// <param name="Source">The event's; where it could not be read the door by which it came.</param>
/// <param name="Reason">parse, refused, too-large, or the keyword of the schema that does not hold.</param>
/// <param name="Pointer">What is wrong, as a JSON pointer into the event.</param>
/// <param name="Seen">How often it was delivered.</param>
internal sealed record QuarantineResponse(
    long Id, string State, string Source, string? Event, string? Customer, string? MessageId, string Reason, string Pointer, string Detail, string? Schema,
    DateTimeOffset ReceivedAt, int Seen)
{
    public static QuarantineResponse From(QuarantineItem item) => new(
        item.Id, item.Entry.State, item.Entry.Source, item.Entry.Event, item.Entry.Customer, item.Entry.MessageId, item.Entry.Reason, item.Entry.Pointer, item.Entry.Detail,
        item.Entry.Schema, item.Entry.ReceivedAt, item.Seen);
}

/// <param name="Format">How the body is read: native, segment …</param>
/// <param name="Body">As it came, or was mended; null where it is no JSON.</param>
/// <param name="Text">The body where it is no JSON.</param>
/// <param name="Errors">What a replay would find wrong now.</param>
/// <param name="Notes">What was done with it, oldest first.</param>
internal sealed record QuarantineDetail(QuarantineResponse Item, string Format, RawJson Body, string? Text, ProblemError[] Errors, QuarantineNoteResponse[] Notes);

/// <param name="By">The id of the API key.</param>
internal sealed record QuarantineNoteResponse(DateTimeOffset At, string By, string Action, string? Reason);

internal sealed record QuarantineCountResponse(string Source, string Reason, string State, long Events);

/// <param name="Body">The event, mended, in its format.</param>
/// <param name="Format">Absent: the one it has; native can always be chosen.</param>
/// <param name="Reason">Why, for the record; up to 256 characters.</param>
internal sealed record FixRequest(Dictionary<string, JsonElement> Body, string? Format, string? Reason);

/// <param name="Status">accepted, duplicate or late.</param>
/// <param name="Version">The customer's version that holds the event.</param>
internal sealed record ReplayResponse(long Id, string Status, long? Version);

/// <param name="Done">So many were replayed or dropped.</param>
/// <param name="Refused">The others, by why not: <c>invalid</c>, <c>settled</c>, <c>changed</c>, <c>busy</c> or <c>unknown</c>: the latter two may be tried again.</param>
/// <param name="Next">The <c>before</c> of the next bulk; null where none is left.</param>
internal sealed record QuarantineBulkResponse(int Done, Dictionary<string, int> Refused, long? Next);

/// <summary>Events that were not let in: looking at them, mending, replaying and dropping them.</summary>
internal static class QuarantineApi
{
    private const int ItemsDefault = 50;
    private const int BulkItemsDefault = 100;

    /// <summary>Each waits for a commit, which it shares with the others.</summary>
    private const int ConcurrencyMax = 16;

    /// <summary>A bound query parameter each, for the list and for what is done in bulk.</summary>
    internal sealed record Filters(string? Source, string? Event, string? Reason, string? State, string? From, string? To, int? Limit, long? Before);

    public static void Map(IEndpointRouteBuilder routes)
    {
        var group = routes.MapGroup("/v1/quarantine").WithTags("Quarantine");
        group.MapGet("/", ListAsync)
            .WithSummary("Events that were not let in, newest first, a page at a time")
            .WithDescription("Filters: source, event, reason, state, from and to (when they were received).")
            .Produces<Page<QuarantineResponse>>()
            .ProducesProblems(400, 503)
            .Require(Access.Read);
        group.MapGet("/counts", CountAsync)
            .WithSummary("How many events are in quarantine, by source, reason and state")
            .Produces<Items<QuarantineCountResponse>>()
            .ProducesProblems(503)
            .Require(Access.Read);
        group.MapGet("/{id:long}", ReadAsync)
            .WithSummary("One event, with its body, what is wrong with it now, and what was done with it")
            .Produces<QuarantineDetail>()
            .ProducesProblems(404, 503)
            .Require(Access.Read);
        group.MapPut("/{id:long}", FixAsync)
            .WithSummary("Mend an event: put another body in the place of the one that came")
            .Accepts<FixRequest>("application/json")
            .Produces<QuarantineDetail>()
            .ProducesProblems(400, 404, 409, 413, 415, 503)
            .Require(Access.Operate);
        group.MapPost("/{id:long}/replay", ReplayAsync)
            .WithSummary("Take an event in after all, by the rules of now")
            .WithDescription("What is still wrong with it is answered with 400, and it stays. Repeating the request is safe: the event is recognised by its messageId.")
            .Accepts<ReasonRequest>("application/json")
            .Produces<ReplayResponse>()
            .ProducesProblems(400, 404, 409, 413, 415, 429, 503)
            .Require(Access.Operate);
        group.MapPost("/{id:long}/drop", DropAsync)
            .WithSummary("Let go of an event, with a reason")
            .Accepts<ReasonRequest>("application/json")
            .Produces(StatusCodes.Status204NoContent)
            .ProducesProblems(400, 404, 409, 413, 415, 503)
            .Require(Access.Operate);
        foreach (var (verb, summary) in (ReadOnlySpan<(string, string)>)[("replay", "Take in all open events of a filter"), ("drop", "Let go of all open events of a filter, with a reason")])
        {
            group.MapPost($"/{verb}", (HttpContext http, IGrainFactory grains, Mending mending, [AsParameters] Filters filters) => ManyAsync(http, grains, mending, verb, filters))
                .WithSummary(summary + ", as many as asked for")
                .WithDescription("The filters of the list, but for the state; next goes on where this one ended.")
                .Accepts<ReasonRequest>("application/json")
                .Produces<QuarantineBulkResponse>()
                .ProducesProblems(400, 413, 415, 503)
                .Require(Access.Operate);
        }
    }

    private static async Task<IResult> ListAsync(HttpContext http, IGrainFactory grains, [AsParameters] Filters filters)
    {
        var limit = filters.Limit ?? ItemsDefault;
        if (BadFilter(filters, limit, out var filter) is { } refusal)
            return refusal;
        var items = await Quarantine(http, grains).List(filter, limit, filters.Before);
        return TypedResults.Ok(new Page<QuarantineResponse>(Array.ConvertAll(items, QuarantineResponse.From), items.Length == limit ? items[^1].Id : null));
    }

    private static async Task<IResult> CountAsync(HttpContext http, IGrainFactory grains) => TypedResults.Ok(new Items<QuarantineCountResponse>(Array.ConvertAll(
        await Quarantine(http, grains).Count(), static count => new QuarantineCountResponse(count.Source, count.Reason, count.State, count.Events))));

    private static async Task<IResult> ReadAsync(HttpContext http, IGrainFactory grains, Mending mending, long id) =>
        await Quarantine(http, grains).Find(id) is { } item
            ? TypedResults.Ok(Detail(item, await mending.CheckAsync(http.User.Workspace(), item)))
            : Missing(id);

    private static async Task<IResult> FixAsync(HttpContext http, Mending mending, long id)
    {
        var (error, asked) = await RequestMembers.ReadAsync(http.Request, Limits.FixBytesMax, ("body", JsonValueKind.Object), ("format", JsonValueKind.String));
        if (error is null && asked["body"] is null)
            error = new("/body", "is missing");
        if (error is not null)
            return Problems.Invalid("The request is not valid.", error);
        var body = Encoding.UTF8.GetBytes(asked["body"]!.ToJsonString(Unescaped));
        var fixedOne = await mending.FixAsync(http.User.Workspace(), id, body, (string?)asked["format"], http.User.KeyId(), (string?)asked[RequestMembers.Reason]);
        return Refusal(fixedOne, id) ?? TypedResults.Ok(Detail(fixedOne.Item!, fixedOne.Errors));
    }

    private static async Task<IResult> ReplayAsync(HttpContext http, Mending mending, long id)
    {
        var (error, asked) = await RequestMembers.ReadAsync(http.Request);
        if (error is not null)
            return Problems.Invalid("The request is not valid.", error);
        var replayed = await mending.ReplayAsync(http.User.Workspace(), id, http.User.KeyId(), (string?)asked[RequestMembers.Reason]);
        return Refusal(replayed, id) ?? TypedResults.Ok(new ReplayResponse(id, replayed.Status!, replayed.Version));
    }

    private static async Task<IResult> DropAsync(HttpContext http, Mending mending, long id)
    {
        var (refusal, reason) = await ReasonAsync(http);
        return refusal ?? Refusal(await mending.DropAsync(http.User.Workspace(), id, http.User.KeyId(), reason!), id) ?? TypedResults.NoContent();
    }

    private static async Task<IResult> ManyAsync(HttpContext http, IGrainFactory grains, Mending mending, string verb, Filters filters)
    {
        var isDrop = verb == "drop";
        var (refusal, reason) = await ReasonAsync(http, isRequired: isDrop);
        var limit = filters.Limit ?? BulkItemsDefault;
        if (filters.State is not (null or QuarantineState.Open))
            refusal ??= Problems.Of(400, "Only what is open can be replayed or dropped.");
        if ((BadFilter(filters, limit, out var filter) ?? refusal) is { } bad)
            return bad;
        var (workspace, by) = (http.User.Workspace(), http.User.KeyId());
        var items = await Quarantine(http, grains).List(filter with { State = QuarantineState.Open }, limit, filters.Before);
        var outcomes = new ConcurrentBag<Mended>();
        await Parallel.ForEachAsync(
            items,
            new ParallelOptions { MaxDegreeOfParallelism = ConcurrencyMax, CancellationToken = http.RequestAborted },
            async (item, _) => outcomes.Add(await TryAsync(() => isDrop ? mending.DropAsync(workspace, item.Id, by, reason!) : mending.ReplayAsync(workspace, item.Id, by, reason))));
        return TypedResults.Ok(new QuarantineBulkResponse(
            outcomes.Count(static outcome => outcome == Mended.Done),
            outcomes.Where(static outcome => outcome != Mended.Done).CountBy(static outcome => outcome.ToString().ToLowerInvariant()).ToDictionary(),
            items.Length == limit ? items[^1].Id : null));
    }

    private static async Task<Mended> TryAsync(Func<Task<MendResult>> mend)
    {
        try
        {
            return (await mend()).Outcome;
        }
        catch (Exception failure) when (failure is JournalBusyException or JournalException or TimeoutException or OrleansException)
        {
            // The others are none the worse, and to do it once more is safe.
            return Mended.Unknown;
        }
    }

    private static async Task<(IResult? Refusal, string? Reason)> ReasonAsync(HttpContext http, bool isRequired = true)
    {
        var (error, asked) = await RequestMembers.ReadAsync(http.Request);
        var reason = (string?)asked[RequestMembers.Reason];
        if (error is null && isRequired && string.IsNullOrWhiteSpace(reason))
            error = new("/reason", "is missing: what is dropped is dropped for a reason");
        return (error is null ? null : Problems.Invalid("The request is not valid.", error), reason);
    }

    private static ProblemHttpResult? BadFilter(Filters filters, int limit, out QuarantineFilter filter)
    {
        filter = new QuarantineFilter(filters.Source, filters.Event, filters.Reason, filters.State);
        if (limit is < 1 or > Limits.QuarantineItemsMax)
            return Problems.Of(400, $"limit must be from 1 to {Limits.QuarantineItemsMax}.");
        if (filters.State is not null && !QuarantineState.All.Contains(filters.State))
            return Problems.Of(400, $"state must be one of {string.Join(", ", QuarantineState.All)}.");
        if (((string?[])[filters.Source, filters.Event, filters.Reason]).Any(static text => text is { Length: > EventFields.TextLengthMax } || text?.Contains('\0') == true))
            return Problems.Of(400, $"source, event and reason have at most {EventFields.TextLengthMax} characters, and no U+0000.");
        if (!TryInstant(filters.From, out var from) || !TryInstant(filters.To, out var to))
            return Problems.Of(400, "from and to must be instants such as 2026-05-01T00:00:00Z.");
        filter = filter with { From = from, To = to };
        return null;
    }

    private static bool TryInstant(string? text, out DateTimeOffset? instant)
    {
        instant = null;
        if (text is null)
            return true;
        if (!DateTimeOffset.TryParse(text, CultureInfo.InvariantCulture, DateTimeStyles.AssumeUniversal, out var read))
            return false;
        instant = read;
        return true;
    }

    private static IResult? Refusal(MendResult result, long id) => result.Outcome switch
    {
        Mended.Done => null,
        Mended.Missing => Missing(id),
        Mended.Settled => Problems.Of(StatusCodes.Status409Conflict, $"The event is not open: it is {result.Item!.Entry.State}."),
        Mended.Invalid => Problems.Invalid("The event is not valid; it stays in quarantine.", result.Errors),
        // A replay that came second has found out that the event is applied.
        Mended.Changed => Problems.Of(StatusCodes.Status409Conflict, "Somebody else has done something with the event in the meantime; look at it again."),
        Mended.Busy => Problems.TryLater(StatusCodes.Status429TooManyRequests, "There was no room; the event stays in quarantine."),
        _ => Problems.TryLater(StatusCodes.Status503ServiceUnavailable, "It is not known whether the event was applied; repeating it is safe."),
    };

    private static QuarantineDetail Detail(QuarantineItem item, DocumentError[] errors)
    {
        var isJson = IsJson(item.Entry.Body);
        return new(
            QuarantineResponse.From(item),
            item.Entry.Format,
            isJson ? new RawJson(new JsonText(item.Entry.Body)) : default,
            isJson ? null : Encoding.UTF8.GetString(item.Entry.Body),
            Array.ConvertAll(errors, static error => new ProblemError(error.Detail, error.Pointer)),
            Array.ConvertAll(item.Notes, static note => new QuarantineNoteResponse(note.At, note.By, note.Action, note.Reason)));
    }

    private static bool IsJson(byte[] body)
    {
        try
        {
            if (JsonDefects.Find(body) is not null)
                return false;
            using var document = JsonDocument.Parse(body);
            return true;
        }
        catch (JsonException)
        {
            return false;
        }
    }

    private static ProblemHttpResult Missing(long id) => Problems.NotFound($"There is no event {id} in quarantine.");

    private static readonly JsonSerializerOptions Unescaped = new() { Encoder = System.Text.Encodings.Web.JavaScriptEncoder.UnsafeRelaxedJsonEscaping };

    private static IQuarantineGrain Quarantine(HttpContext http, IGrainFactory grains) => grains.GetGrain<IQuarantineGrain>(http.User.Workspace());
}
