using System.Globalization;
using System.Text.Json;
using System.Text.Json.Nodes;
using Microsoft.AspNetCore.Builder;
using Microsoft.AspNetCore.Http;
using Microsoft.AspNetCore.Http.HttpResults;
using Microsoft.AspNetCore.Routing;
using Orleans.Personalize.Gateway.Connectors;
using Orleans.Personalize.Gateway.Security;

namespace Orleans.Personalize.Gateway.Api;

/// <param name="Document">The trigger as it would be; absent: as it is stored.</param>
/// <param name="From">Only decisions from here on count.</param>
/// <param name="To">Where to stop; absent: when all waits have run out.</param>
/// <param name="Limit">Once so many events were read no further customer is replayed; 1 to 10,000,000, default 1,000,000.</param>
internal sealed record BacktestRequestBody(JsonObject? Document, string? From, string? To, long? Limit);

/// <param name="State">reading, replaying, done, cancelled or failed.</param>
/// <param name="Result">When it is done.</param>
internal sealed record BacktestResponse(string Id, string Trigger, string State, long EventsRead, int Percent, BacktestResultResponse? Result)
{
    public static BacktestResponse From(string id, BacktestView view) =>
        new(id, view.Trigger, view.State, view.EventsRead, view.Percent, view.Result is { } result ? BacktestResultResponse.From(result) : null);
}

/// <param name="Customers">So many would have been sent to.</param>
/// <param name="Replayed">Customers that were replayed.</param>
/// <param name="LeftOut">Customers that were not: for the limit, or because their own history is too long.</param>
/// <param name="ByReason">Decisions by outcome: <c>send</c>, or the reason not to.</param>
/// <param name="Sample">The newest decisions, newest first.</param>
internal sealed record BacktestResultResponse(
    long Sends,
    long Customers,
    long Replayed,
    long LeftOut,
    Dictionary<string, long> ByReason,
    BacktestDayResponse[] PerDay,
    OverlapResponse[] Overlap,
    BacktestDecisionResponse[] Sample)
{
    public static BacktestResultResponse From(BacktestResult result) => new(
        result.Sends,
        result.Customers,
        result.Replayed,
        result.LeftOut,
        result.ByReason,
        [.. result.Days.OrderBy(static day => day.Key).Select(static day => new BacktestDayResponse(
            DateOnly.FromDateTime(DateTime.UnixEpoch).AddDays((int)day.Key), day.Value.Sends, day.Value.Suppressed))],
        [.. result.Overlap.OrderByDescending(static other => other.Value).ThenBy(static other => other.Key, StringComparer.Ordinal)
            .Select(static other => new OverlapResponse(other.Key, other.Value))],
        Array.ConvertAll(result.Sample, static one => new BacktestDecisionResponse(
            one.At, one.CustomerId, one.Key, one.Reason is null ? "send" : "suppressed", one.Reason, one.DecisionId, one.Detail)));
}

internal sealed record BacktestDayResponse(DateOnly Day, long Sends, long Suppressed);

internal sealed record OverlapResponse(string Trigger, long CustomersInBoth);

internal sealed record BacktestDecisionResponse(
    DateTimeOffset At, string Customer, string? Key, string Decision, string? Reason, string DecisionId, string? Detail);

/// <summary>What triggers would have decided.</summary>
internal static class BacktestsApi
{
    private const long EventsDefault = 1_000_000;

    public static void Map(IEndpointRouteBuilder routes)
    {
        routes.MapPost("/v1/triggers/{id}/backtest", StartAsync)
            .WithTags("Triggers")
            .WithSummary("Begin to find out what a trigger, stored or a draft, would have decided about the recorded events; nothing is sent")
            .Accepts<BacktestRequestBody>("application/json")
            .Produces<BacktestResponse>(StatusCodes.Status202Accepted)
            .ProducesProblems(400, 404, 413, 415, 429, 503)
            .Require(Access.Operate);
        routes.MapGet("/v1/backtests/{id}", ReadAsync)
            .WithTags("Triggers")
            .WithSummary("How far a backtest is, and what it found")
            .Produces<BacktestResponse>()
            .ProducesProblems(404, 503)
            .Require(Access.Read);
        routes.MapDelete("/v1/backtests/{id}", CancelAsync)
            .WithTags("Triggers")
            .WithSummary("Stop a backtest")
            .Produces(StatusCodes.Status204NoContent)
            .ProducesProblems(404, 503)
            .Require(Access.Operate);
    }

    private static async Task<IResult> StartAsync(HttpContext http, IGrainFactory grains, string id)
    {
        var (error, asked) = await RequestMembers.ReadAsync(
            http.Request, Limits.BacktestBytesMax,
            ("document", JsonValueKind.Object), ("from", JsonValueKind.String), ("to", JsonValueKind.String), ("limit", JsonValueKind.Number));
        var limit = EventsDefault;
        if (error is null && asked["limit"]?.AsValue() is { } number && (!number.TryGetValue(out limit) || limit is < 1 or > Limits.BacktestEventsMax))
            error = new("/limit", $"must be a whole number from 1 to {Limits.BacktestEventsMax}");
        var from = InstantOf(asked, "from", ref error);
        var to = InstantOf(asked, "to", ref error);
        if (error is not null)
            return Problems.Invalid("The request is not valid.", error);
        var document = asked["document"] is { } draft ? JsonText.FromString(draft.ToJsonString()) : default;
        var backtest = Guid.CreateVersion7().ToString("n");
        var started = await Grain(http, grains, backtest).Start(new(id, document, from, to, limit));
        if (started.Refusal is null)
            return TypedResults.Accepted($"/v1/backtests/{backtest}", new BacktestResponse(backtest, id, "reading", 0, 0, null));
        return started.Refusal switch
        {
            BacktestStart.Unknown => Problems.NotFound($"There is no trigger '{id}'."),
            BacktestStart.Invalid => Problems.Invalid("The trigger is not valid.", started.Errors.Select(static fault => fault with { Pointer = "/document" + fault.Pointer })),
            _ => Problems.TryLater(StatusCodes.Status429TooManyRequests, "As many backtests are under way as may be at a time."),
        };
    }

    private static async Task<IResult> ReadAsync(HttpContext http, IGrainFactory grains, string id) =>
        IsId(id) && await Grain(http, grains, id).Status() is { } view ? TypedResults.Ok(BacktestResponse.From(id, view)) : Unknown(id);

    private static async Task<IResult> CancelAsync(HttpContext http, IGrainFactory grains, string id) =>
        IsId(id) && await Grain(http, grains, id).Cancel() ? TypedResults.NoContent() : Unknown(id);

    private static DateTimeOffset? InstantOf(JsonObject asked, string name, ref DocumentError? error)
    {
        if (error is not null || (string?)asked[name] is not { } text)
            return null;
        if (DateTimeOffset.TryParse(text, CultureInfo.InvariantCulture, DateTimeStyles.AssumeUniversal, out var instant))
            return instant.ToUniversalTime();
        error = new(JsonDefects.Pointer(name), "must be an instant such as \"2026-05-01T00:00:00Z\"");
        return null;
    }

    private static bool IsId(string id) => Guid.TryParseExact(id, "n", out _);

    private static IBacktestGrain Grain(HttpContext http, IGrainFactory grains, string id) => grains.GetGrain<IBacktestGrain>($"{http.User.Workspace()}/{id}");

    private static ProblemHttpResult Unknown(string id) => Problems.NotFound($"There is no backtest '{id}', or not any more.");
}
