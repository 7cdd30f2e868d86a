using System.Security.Claims;
using System.Text.Json;
using System.Text.Json.Serialization;
using Microsoft.AspNetCore.Authentication;
using Microsoft.AspNetCore.Builder;
using Microsoft.AspNetCore.Http;
using Microsoft.AspNetCore.Routing;
using Microsoft.Extensions.Logging;
using Orleans.Personalize.Gateway.Connectors;
using Orleans.Personalize.Gateway.Quality;
using Orleans.Personalize.Gateway.Security;

namespace Orleans.Personalize.Gateway.Api;

/// <summary>The answer to <c>POST /v1/events</c>, in the order of the request.</summary>
internal sealed record EventResults(EventResult[] Results);

/// <param name="MessageId">The event's id, made up where it had none; null where it could not be read.</param>
/// <param name="Customer">Whose event it is; null where that could not be read.</param>
/// <param name="Status">accepted, duplicate, late, conflict, rejected or quarantined; within an error also busy (not applied) or unknown.</param>
/// <param name="Version">The customer's version that holds the event; null unless applied.</param>
/// <param name="Detail">Why, starting with a JSON pointer where a field is to blame.</param>
/// <param name="Pointer">Of a quarantined event: what does not fit its schema, as a JSON pointer.</param>
/// <param name="QuarantineId">Of a quarantined event.</param>
internal sealed record EventResult(
    string? MessageId, string? Customer, string Status, long? Version, string? Detail,
    [property: JsonIgnore(Condition = JsonIgnoreCondition.WhenWritingNull)] string? Pointer = null,
    [property: JsonIgnore(Condition = JsonIgnoreCondition.WhenWritingNull)] long? QuarantineId = null);

internal sealed record SegmentResponse(bool Success);

/// <summary>The doors by which events come in: the native one and Segment's.</summary>
internal static class EventsApi
{
    /// <summary>The name of the policy that lets pages of any origin send events, and nothing else.</summary>
    public const string AnyOrigin = "any-origin";

    /// <summary>What RudderStack's library for Node.js calls its gzipped JSON.</summary>
    private const string Form = "application/x-www-form-urlencoded";

    private static readonly string[] StatusNames = ["accepted", "duplicate", "late", "conflict", "rejected"];

    /// <summary>
    /// Segment's paths. The one-letter ones are what its browser library sends to
    /// (https://github.com/segmentio/analytics-next, packages/browser/src/plugins/segmentio). Null: a batch, whose events name their type.
    /// </summary>
    private static readonly (string Path, EventType? Type)[] SegmentPaths =
    [
        ("track", EventType.Track), ("t", EventType.Track),
        ("identify", EventType.Identify), ("i", EventType.Identify),
        ("page", EventType.Page), ("p", EventType.Page),
        ("screen", EventType.Screen), ("s", EventType.Screen),
        ("group", EventType.Group), ("g", EventType.Group),
        ("alias", EventType.Alias), ("a", EventType.Alias),
        ("batch", null), ("b", null),
    ];

    public static void Map(IEndpointRouteBuilder routes)
    {
        routes.MapPost("/v1/events", PostNative)
            .WithTags("Events")
            .WithSummary("Send one event, or {\"events\": [...]}")
            .WithDescription(
                "Answers with one result an event, in order, once all are durable. A bad event is rejected alone; one that fails an enforced schema is quarantined. After 429 or 503 repeat the request: " +
                "events are recognised by messageId, and the error's results name the ids of those that came without. Pages may send text/plain with an ingest key as the body's writeKey.")
            .Accepts<NativeBatch>("application/json", "text/plain")
            .Produces<EventResults>(StatusCodes.Status202Accepted)
            .ProducesProblems(400, 401, 403, 413, 415, 429, 503)
            .RequireCors(AnyOrigin)
            .WithMetadata(Access.SendEvents)
            .AllowAnonymous();

        foreach (var (path, type) in SegmentPaths)
        {
            var endpoint = routes.MapPost($"/v1/{path}", (HttpContext http, Intake intake, KeyRing keys, TimeProvider time, ILogger<Intake> logger) =>
                    PostSegment(http, type, intake, keys, time, logger))
                .WithTags("Segment")
                .WithSummary(type is null ? "Segment: a batch of calls" : $"Segment: {type.Value.ToString().ToLowerInvariant()}")
                .WithDescription("As Segment's HTTP tracking API; the key may also be the body's writeKey. Events that are not let in go to quarantine.")
                .Produces<SegmentResponse>()
                .ProducesProblems(400, 401, 403, 415, 429, 503)
                .RequireCors(AnyOrigin)
                .WithMetadata(Access.SendEvents)
                .AllowAnonymous();
            _ = type is null
                ? endpoint.Accepts<SegmentBatch>("application/json", "text/plain", Form)
                : endpoint.Accepts<SegmentEvent>("application/json", "text/plain", Form);
        }
    }

    private static async Task<IResult> PostNative(HttpContext http, Intake intake, KeyRing keys, TimeProvider time)
    {
        var receivedAt = time.GetUtcNow();
        var hasKey = http.User.Identity is { IsAuthenticated: true };
        if (hasKey && !Access.SendEvents.Allows(http.User))
            return Results.Forbid();
        if (!hasKey && !RequestBody.IsOfPage(http.Request))
            return Results.Challenge();
        if (!intake.HasRoom)
            return NoRoom();

        List<ParsedEvent> events;
        using (var body = await RequestBody.ReadAsync(http.Request, hasKey ? Limits.RequestBytesMax : Limits.PageRequestBytesMax, ofPage: !hasKey))
        {
            if (!hasKey)
            {
                if (CallerOf(body, keys) is not { } caller)
                    return Results.Challenge();
                if (!Access.SendFromPage.Allows(caller))
                    return Problems.Of(StatusCodes.Status403Forbidden, $"A key in the body must have the role {Roles.Ingest}, since a page shows it to everyone; this key's role is {caller.Role()}.");
                http.User = caller;
            }

            events = body.Parse((utf8, now) => NativeEvents.Parse(utf8, now), receivedAt);
        }

        var taken = await intake.TakeAsync(http.User.Workspace(), events, Door.Native);
        GatewayInstruments.OnEventsTaken(Door.Native.Name, taken);
        var results = Array.ConvertAll(taken, ToResult);
        return Trouble(taken, results) ?? new EventsAccepted(results);
    }

    /// <summary>202 with the results. What the framework has for it looks for a logger and splits even this small body into chunks, for each request.</summary>
    private sealed class EventsAccepted(EventResult[] results) : IResult
    {
        public async Task ExecuteAsync(HttpContext httpContext)
        {
            var body = JsonSerializer.SerializeToUtf8Bytes(new EventResults(results), ApiJson.Default.EventResults);
            httpContext.Response.StatusCode = StatusCodes.Status202Accepted;
            httpContext.Response.ContentType = "application/json; charset=utf-8";
            httpContext.Response.ContentLength = body.Length;
            await httpContext.Response.BodyWriter.WriteAsync(body, CancellationToken.None);
        }
    }

    private static async Task<IResult> PostSegment(
        HttpContext http, EventType? type, Intake intake, KeyRing keys, TimeProvider time, ILogger<Intake> logger)
    {
        try
        {
            return await TakeSegment(http, type, intake, keys, time, logger);
        }
        catch (BadHttpRequestException exception) when (exception.StatusCode == StatusCodes.Status413PayloadTooLarge)
        {
            // Segment says 400 where HTTP says 413, and its clients know what 400 means: drop it, never repeat it.
            return Problems.Of(StatusCodes.Status400BadRequest, exception.Message);
        }
    }

    private static async Task<IResult> TakeSegment(
        HttpContext http, EventType? type, Intake intake, KeyRing keys, TimeProvider time, ILogger<Intake> logger)
    {
        var receivedAt = time.GetUtcNow();
        var hasKey = http.User.Identity is { IsAuthenticated: true };
        if (hasKey && !Access.SendEvents.Allows(http.User))
            return Results.Forbid();
        if (!intake.HasRoom)
            return NoRoom();

        List<ParsedEvent> events;
        using (var body = await RequestBody.ReadAsync(http.Request, Limits.SegmentRequestBytesMax, ofPage: true))
        {
            if (!hasKey)
            {
                if (CallerOf(body, keys) is not { } caller)
                    return Results.Challenge();
                http.User = caller;
                if (!Access.SendEvents.Allows(caller))
                    return Results.Forbid();
            }

            events = body.Parse((utf8, now) => SegmentRequest.Parse(utf8, type, now), receivedAt);
        }

        var taken = await intake.TakeAsync(http.User.Workspace(), events, Door.Segment);
        GatewayInstruments.OnEventsTaken(Door.Segment.Name, taken);
        var refused = taken.Count(one => one.Receipt?.Status == ReceiptStatus.Rejected);
        if (refused > 0)
            logger.SegmentEventsRefused(taken.Length, refused, taken.First(one => one.Receipt?.Status == ReceiptStatus.Rejected).Receipt!.Detail ?? "");
        return Trouble(taken, null) ?? TypedResults.Ok(new SegmentResponse(true));
    }

    /// <summary>Who holds the body's <c>writeKey</c>; null where there is none, or it is unknown.</summary>
    private static ClaimsPrincipal? CallerOf(RequestBody body, KeyRing keys) =>
        body.Parse(static (utf8, _) => SegmentRequest.WriteKeyOf(utf8), 0) is { } key ? keys.Find(key) : null;

    /// <summary>The answer to a request that need not even be read.</summary>
    public static IResult NoRoom()
    {
        GatewayInstruments.OnTurnedAway();
        return Problems.TryLater(StatusCodes.Status429TooManyRequests, "Too many events are being taken in; nothing of this request was applied. Repeat it.");
    }

    /// <summary>The answer to a request of which some events have no receipt; null where all have.</summary>
    public static IResult? Trouble(Taken[] taken, EventResult[]? results)
    {
        var busy = taken.Count(one => one.Fate == Fate.Busy);
        var unknown = taken.Count(one => one.Fate == Fate.Unknown);
        return (busy, unknown) switch
        {
            (0, 0) => null,
            (_, 0) => Problems.TryLater(429, $"There was no room for {busy} of {taken.Length} events; repeat the request.", results),
            _ => Problems.TryLater(
                503, $"It is not known whether {unknown} of {taken.Length} events were applied, and {busy} were not; repeat the request.", results),
        };
    }

    public static EventResult ToResult(Taken taken) => taken.Fate switch
    {
        Fate.Answered when taken.Quarantined is { } entry => new(
            taken.Event.MessageId, taken.Event.Customer, "quarantined", null, taken.Receipt!.Detail, entry.Pointer, taken.QuarantineId),
        Fate.Answered => new(
            taken.Event.MessageId, taken.Event.Customer, StatusNames[(int)taken.Receipt!.Status], taken.Receipt.Version, taken.Receipt.Detail),
        Fate.Busy => new(taken.Event.MessageId, taken.Event.Customer, "busy", null, null),
        _ => new(taken.Event.MessageId, taken.Event.Customer, "unknown", null, null),
    };
}

/// <summary>The shapes that the OpenAPI document shows; requests are read by the connectors.</summary>
internal sealed record NativeEvent(
    string? MessageId, string? Type, string? Name, string Customer, DateTimeOffset? OccurredAt, string? Source,
    Dictionary<string, JsonElement>? Properties, Dictionary<string, JsonElement>? Traits, Dictionary<string, bool>? Consent, string[]? Identities,
    string? AnonymousId);

internal sealed record NativeBatch(NativeEvent[] Events, DateTimeOffset? SentAt, string? WriteKey);

internal sealed record SegmentEvent(
    string? Type, string? MessageId, string? UserId, string? AnonymousId, string? Event, string? Name,
    Dictionary<string, JsonElement>? Properties, Dictionary<string, JsonElement>? Traits, Dictionary<string, JsonElement>? Context,
    DateTimeOffset? Timestamp, DateTimeOffset? SentAt, string? GroupId, string? PreviousId, string? WriteKey);

internal sealed record SegmentBatch(SegmentEvent[] Batch, DateTimeOffset? SentAt, Dictionary<string, JsonElement>? Context, string? WriteKey);
