using Microsoft.AspNetCore.Builder;
using Microsoft.AspNetCore.Http;
using Microsoft.AspNetCore.Routing;
using Orleans.Personalize.Gateway.Security;

namespace Orleans.Personalize.Gateway.Api;

/// <param name="Version">Of the trigger.</param>
/// <param name="ProfileVersion">Of the profile that was asked.</param>
/// <param name="At">The instant for which the question is asked: now, or the deadline of a wait that is over.</param>
/// <param name="About">The event that conditions are asked about; null where none is kept: then its fields are missing.</param>
/// <param name="Checks">In the order in which they are asked.</param>
/// <param name="Condition">The trigger's <c>if</c>, part by part; null where it has none.</param>
/// <param name="LastDecisions">Newest first.</param>
/// <param name="Would"><c>send</c>, or the reason not to.</param>
internal sealed record ExplanationResponse(
    string Trigger,
    long Version,
    bool Enabled,
    long ProfileVersion,
    DateTimeOffset At,
    ExplainedEventResponse? About,
    ExplainedCheckResponse[] Checks,
    ExplainedConditionResponse? Condition,
    ExplainedWaitResponse[] Waits,
    DecisionResponse[] LastDecisions,
    string Would)
{
    public static ExplanationResponse From(Explanation explained) => new(
        explained.Trigger,
        explained.Version,
        explained.Enabled,
        explained.ProfileVersion,
        explained.At,
        explained.About is { } about ? new(about.KeptBy, about.Key, about.MessageId, about.Name, about.OccurredAt) : null,
        Array.ConvertAll(explained.Checks, static check => new ExplainedCheckResponse(check.Name, check.Holds, check.Detail)),
        explained.Condition is { } condition ? ExplainedConditionResponse.From(condition) : null,
        Array.ConvertAll(explained.Waits, static wait => new ExplainedWaitResponse(wait.Key, wait.ArmedAt, wait.Deadline)),
        Array.ConvertAll(explained.LastDecisions, DecisionResponse.From),
        explained.Would);
}

/// <param name="KeptBy"><c>wait</c> or <c>send</c>.</param>
internal sealed record ExplainedEventResponse(string KeptBy, string? Key, string MessageId, string? Name, DateTimeOffset OccurredAt);

internal sealed record ExplainedCheckResponse(string Name, bool Holds, string? Detail);

/// <param name="Pointer">Where in the trigger's document it stands.</param>
/// <param name="Text">Such as <c>profile.cart.total gte 20</c>.</param>
/// <param name="Actual">The value that was compared; null where there are children.</param>
internal sealed record ExplainedConditionResponse(string Pointer, string Text, string? Actual, bool Holds, ExplainedConditionResponse[] Children)
{
    public static ExplainedConditionResponse From(ExplainedCondition part) =>
        new(part.Pointer, part.Text, part.Actual, part.Holds, Array.ConvertAll(part.Children, From));
}

internal sealed record ExplainedWaitResponse(string? Key, DateTimeOffset ArmedAt, DateTimeOffset Deadline);

/// <summary>Why, and why not.</summary>
internal static class ExplainApi
{
    public static void Map(IEndpointRouteBuilder routes) => routes
        .MapGet("/v1/customers/{id}/explain", ExplainAsync)
        .WithTags("Customers")
        .WithSummary("Why a customer would or would not be sent what a trigger sends, if its time were now")
        .Produces<ExplanationResponse>()
        .ProducesProblems(400, 404, 503)
        .Require(Access.Read);

    private static async Task<IResult> ExplainAsync(HttpContext http, IGrainFactory grains, string id, string? trigger = null, string? key = null)
    {
        if (string.IsNullOrEmpty(trigger))
            return Problems.Of(400, "trigger must name one.");
        if (!CustomersApi.TryFind(http, grains, segmentsAfterId: 1, ref id, out var customer))
            return CustomersApi.BadId();
        return await customer.Explain(trigger, key) switch
        {
            null => Problems.NotFound($"There is no trigger '{trigger}'."),
            { ProfileVersion: 0 } => CustomersApi.Unknown(id),
            var explained => TypedResults.Ok(ExplanationResponse.From(explained)),
        };
    }
}
