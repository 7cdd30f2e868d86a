using System.Text.Json;
using System.Text.Json.Nodes;
using Microsoft.AspNetCore.Builder;
using Microsoft.AspNetCore.Http;
using Microsoft.AspNetCore.Routing;
using Orleans.Personalize.Gateway.Connectors;
using Orleans.Personalize.Gateway.Quality;
using Orleans.Personalize.Gateway.Security;

namespace Orleans.Personalize.Gateway.Api;

/// <param name="Document">Can be put as it is: it warns, and refuses nothing.</param>
/// <param name="Events">It is made of so many recorded events.</param>
/// <param name="Customers">Of so many customers.</param>
/// <param name="From">When the earliest of them occurred.</param>
internal sealed record SchemaDraftResponse(RawJson Document, int Events, int Customers, DateTimeOffset? From, DateTimeOffset? To);

/// <param name="Since">The counts of events are those of this process since then; other processes of a cluster have their own.</param>
internal sealed record SourceStats(DateTimeOffset Since, SourceStatsResponse[] Items);

/// <param name="Source">What the events call their source; the door by which they came where that could not be read.</param>
/// <param name="Failed">Neither applied nor quarantined, as far as is known: their sender was asked to repeat them.</param>
/// <param name="PerSecond">Events of the last minute, a second.</param>
/// <param name="LagSeconds">How long after they occurred the events of the last minute were received; null where there were none. Imports of history do not count.</param>
/// <param name="Open">Events that are in quarantine now, in the whole cluster.</param>
/// <param name="OpenReasons">Why they are there.</param>
internal sealed record SourceStatsResponse(
    string Source, long Events, long Taken, long Rejected, long Quarantined, long Failed, double PerSecond, LagResponse? LagSeconds, DateTimeOffset? LastAt,
    long Open, Dictionary<string, long> OpenReasons);

internal sealed record LagResponse(double Mean, double Max);

/// <summary>What is known of the data that comes in: drafts of schemas, and how the sources are doing.</summary>
internal static class DataApi
{
    /// <summary>Stand in paths where else the id of a source or a schema does.</summary>
    public const string StatsSegment = "stats";
    public const string DraftSegment = "draft";

    public static void Map(IEndpointRouteBuilder routes)
    {
        routes.MapGet($"/v1/schemas/{DraftSegment}", DraftAsync)
            .WithTags("Schemas")
            .WithSummary("A draft of a schema, made of recorded events of a name or type")
            .WithDescription($"Looks at the newest events of the latest active customers, at the most {IEventSampleGrain.EventsMax} events. ?event=Product%20Added, or ?type=identify.")
            .Produces<SchemaDraftResponse>()
            .ProducesProblems(400, 404, 503)
            .Require(Access.Read);
        routes.MapGet($"/v1/sources/{StatsSegment}", StatsAsync)
            .WithTags("Sources")
            .WithSummary("How the sources are doing: events, rate, lag and what was not let in")
            .Produces<SourceStats>()
            .ProducesProblems(503)
            .Require(Access.Read);
    }

    private static async Task<IResult> DraftAsync(HttpContext http, IGrainFactory grains, string? @event = null, string? type = null)
    {
        var kind = type is null ? EventType.Track : EventTypes.Parse(JsonObjects.String(type).Span);
        if (kind is not { } known || (@event is null && known == EventType.Track) || @event is { Length: 0 or > EventFields.TextLengthMax })
            return Problems.Of(400, "event must be the name of an event, or type a type other than track.");
        var sample = await grains.GetGrain<IEventSampleGrain>(http.User.Workspace()).Sample(known, @event);
        if (sample.Bodies.Length == 0)
            return Problems.NotFound("There are no such events among the newest of the latest active customers.");
        var document = new JsonObject();
        if (type is not null)
            document["type"] = type;
        if (@event is not null)
            document["event"] = @event;
        document["mode"] = "warn";
        document["schema"] = SchemaDraft.Infer(Array.ConvertAll(sample.Bodies, static body => JsonElement.Parse(body.Span)));
        return TypedResults.Ok(new SchemaDraftResponse(
            new RawJson(JsonText.FromString(document.ToJsonString())), sample.Bodies.Length, sample.Customers, sample.From, sample.To));
    }

    private static async Task<IResult> StatsAsync(HttpContext http, IGrainFactory grains, SourceNumbers numbers)
    {
        var workspace = http.User.Workspace();
        var open = (await grains.GetGrain<IQuarantineGrain>(workspace).Count()).Where(static count => count.State == QuarantineState.Open).ToLookup(static count => count.Source);
        var counted = numbers.Read(workspace).ToDictionary(static pair => pair.Source, static pair => pair.Counts);
        return TypedResults.Ok(new SourceStats(
            numbers.Since,
            [
                .. counted.Keys.Union(open.Select(static group => group.Key)).Order(StringComparer.Ordinal)
                    .Select(source => ToResponse(source, counted.GetValueOrDefault(source) ?? new SourceCounts(), [.. open[source]])),
            ]));
    }

    private static SourceStatsResponse ToResponse(string source, SourceCounts counts, QuarantineCount[] open) => new(
        source, counts.Events, counts.Taken, counts.Rejected, counts.Quarantined, counts.Failed, counts.LastMinute / 60.0,
        counts.LagMean is { } mean ? new LagResponse(mean, counts.LagMax!.Value) : null,
        counts.LastAt, open.Sum(static count => count.Events), open.ToDictionary(static count => count.Reason, static count => count.Events));
}
