using System.Globalization;
using System.Text.Json;
using System.Text.Json.Nodes;
using System.Text.RegularExpressions;
using System.Xml;
using Microsoft.AspNetCore.Builder;
using Microsoft.AspNetCore.Http;
using Microsoft.AspNetCore.Routing;
using Orleans.Personalize.Gateway.Security;

namespace Orleans.Personalize.Gateway.Api;

/// <param name="Key">Which of the trigger's waits; absent: the one without a key.</param>
/// <param name="Reason">Why, for the record; up to 256 characters.</param>
internal sealed record WaitRequest(string? Key, string? Reason);

/// <param name="Key">Which of the trigger's waits; absent: the one without a key.</param>
/// <param name="By">A duration of ISO 8601 without years and months, such as PT2H; with a minus sign before it it is so much earlier. This or <paramref name="To"/>.</param>
/// <param name="To">An instant after now.</param>
/// <param name="Reason">Why, for the record; up to 256 characters.</param>
internal sealed record ShiftRequest(string? Key, string? By, string? To, string? Reason);

/// <summary>What an operator does about a wait of a customer.</summary>
internal static partial class WaitsApi
{
    public static void Map(IEndpointRouteBuilder routes)
    {
        Map<WaitRequest>(routes, WaitVerb.Fire, "fire", "End a wait now; all that is asked of a wait that runs out is asked");
        Map<ShiftRequest>(routes, WaitVerb.Shift, "shift", "Let a wait run out earlier or later");
        Map<WaitRequest>(routes, WaitVerb.Cancel, "cancel", "Close a wait; nothing is sent");
    }

    private static void Map<TRequest>(IEndpointRouteBuilder routes, WaitVerb verb, string path, string summary) where TRequest : notnull => routes
        .MapPost($"/v1/customers/{{id}}/waits/{{trigger}}/{path}", (HttpContext http, IGrainFactory grains, string id, string trigger) =>
            OperateAsync(http, grains, id, trigger, verb))
        .WithTags("Customers")
        .WithSummary(summary)
        .Accepts<TRequest>("application/json")
        .Produces(StatusCodes.Status204NoContent)
        .ProducesProblems(400, 404, 413, 415, 429, 503)
        .Require(Access.Operate);

    private static async Task<IResult> OperateAsync(HttpContext http, IGrainFactory grains, string id, string trigger, WaitVerb verb)
    {
        if (!CustomersApi.TryFind(http, grains, segmentsAfterId: 3, ref id, out var customer))
            return CustomersApi.BadId();
        (string, JsonValueKind)[] known = [("key", JsonValueKind.String), .. verb == WaitVerb.Shift ? [("by", JsonValueKind.String), ("to", JsonValueKind.String)] : Array.Empty<(string, JsonValueKind)>()];
        var (error, asked) = await RequestMembers.ReadAsync(http.Request, known);
        DateTimeOffset? to = null;
        TimeSpan? by = null;
        if (error is null && verb == WaitVerb.Shift)
            error = ReadShift(asked, out to, out by);
        if (error is not null)
            return Problems.Invalid("The request is not valid.", error);
        var key = (string?)asked["key"];
        return await customer.Operate(new(verb, trigger, key, to, by, http.User.KeyId(), (string?)asked[RequestMembers.Reason])) switch
        {
            null => TypedResults.NoContent(),
            WaitRefusal.Past => Problems.Invalid("The request is not valid.", new DocumentError(Pointer(to), "is before now; to end the wait now, fire it")),
            WaitRefusal.TooFar => Problems.Invalid("The request is not valid.", new DocumentError(Pointer(to), "is more than 400 days from now")),
            _ => Problems.NotFound($"The customer '{id}' has no open wait of the trigger '{trigger}'{(key is null ? " without a key" : $" with the key '{key}'")}."),
        };
    }

    private static string Pointer(DateTimeOffset? to) => to is null ? "/by" : "/to";

    private static DocumentError? ReadShift(JsonObject asked, out DateTimeOffset? to, out TimeSpan? by)
    {
        (to, by) = (null, null);
        switch ((string?)asked["to"], (string?)asked["by"])
        {
            case (null, null) or (not null, not null):
                return new("", "needs by or to, and not both");
            case ({ } instant, _):
                if (!DateTimeOffset.TryParse(instant, CultureInfo.InvariantCulture, DateTimeStyles.AssumeUniversal, out var parsed))
                    return new("/to", "must be an instant such as \"2026-05-01T00:00:00Z\"");
                to = parsed.ToUniversalTime();
                return null;
            case (_, { } duration):
                by = Shift(duration);
                return by is null ? new("/by", "must be a duration of ISO 8601 such as \"PT2H\" or \"-PT30M\", without years and months") : null;
        }
    }

    private static TimeSpan? Shift(string duration)
    {
        try
        {
            return FixedLength().IsMatch(duration) ? XmlConvert.ToTimeSpan(duration) : null;
        }
        catch (Exception invalid) when (invalid is FormatException or OverflowException)
        {
            return null;
        }
    }

    [GeneratedRegex(@"^-?P([0-9]{1,9}D)?(T[0-9HMS.]{2,40})?\z", RegexOptions.ExplicitCapture | RegexOptions.CultureInvariant, matchTimeoutMilliseconds: 1000)]
    private static partial Regex FixedLength();
}
