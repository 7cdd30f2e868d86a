using System.Text.Json;
using System.Text.Json.Nodes;
using Microsoft.AspNetCore.Builder;
using Microsoft.AspNetCore.Http;
using Microsoft.AspNetCore.Routing;
using Orleans.Personalize.Gateway.Security;

namespace Orleans.Personalize.Gateway.Api;

/// <param name="To">The address it goes to, whatever address the customer has.</param>
/// <param name="Template">What it says, by the id of a template. This or <paramref name="Text"/>.</param>
/// <param name="Text">What it says; 1 to 1,000 characters.</param>
/// <param name="Customer">Whose live profile the template is rendered with; absent: nobody's.</param>
/// <param name="Event">The event that would have fired a trigger, for the template.</param>
internal sealed record TestSendRequest(string To, string? Template, string? Text, string? Customer, TemplatePreviewEvent? Event);

/// <param name="Outcome">sent: the provider took it; retry: it may later; failed: it never will; unknown: no answer came.</param>
/// <param name="ProviderId">The provider's id of the message, where it gave one.</param>
/// <param name="Detail">Why it was not sent.</param>
/// <param name="Subject">As it went out; null where it has none.</param>
/// <param name="Seconds">How long it took.</param>
internal sealed record TestSendResponse(string Outcome, string? ProviderId, string? Detail, string? Subject, double Seconds);

/// <summary>Trying a sender out.</summary>
internal static class TestSendApi
{
    private const int TextLengthMax = 1_000;
    private const string To = "to", Template = "template", Text = "text", Customer = "customer", Event = "event";

    public static void Map(IEndpointRouteBuilder routes) => routes.MapPost("/v1/senders/{id}/test", TestAsync)
        .WithTags("Senders")
        .WithSummary("Send one message at once, marked as a test, and say what the provider answered")
        .WithDescription("It passes by the queue, the rate and the breaker, belongs to no decision, is recorded nowhere and counts for nothing.")
        .Accepts<TestSendRequest>("application/json")
        .Produces<TestSendResponse>()
        .ProducesProblems(400, 404, 409, 413, 415, 503)
        .Require(Access.Operate);

    private static async Task<IResult> TestAsync(HttpContext http, IGrainFactory grains, string id)
    {
        var (error, members) = await RequestMembers.ReadAsync(
            http.Request,
            Limits.EventBytesMax,
            (To, JsonValueKind.String), (Template, JsonValueKind.String), (Text, JsonValueKind.String), (Customer, JsonValueKind.String), (Event, JsonValueKind.Object));
        if ((error ?? Check(members)) is { } wrong)
            return Problems.Invalid("The request is not valid.", wrong);

        var workspace = http.User.Workspace();
        var registry = grains.GetGrain<IRegistryGrain>(workspace);
        if (await registry.Get(RegistryKind.Sender, id) is null)
            return Problems.NotFound($"There is no sender '{id}'.");
        var template = (string?)members[Template];
        if (template is not null && await registry.Get(RegistryKind.Template, template) is null)
            return Problems.Invalid("The request is not valid.", new DocumentError($"/{Template}", "there is no such template"));
        CustomerView? profile = null;
        if ((string?)members[Customer] is { } customer && (profile = await grains.GetGrain<ICustomerGrain>(new CustomerKey(workspace, customer).ToString()).Read()) is null)
            return Problems.Invalid("The request is not valid.", new DocumentError($"/{Customer}", "nothing is known of this customer"));
        var to = (string)members[To]!;
        if (await grains.GetGrain<ISuppressionGrain>(Suppressions.Key(workspace, to)).Find(to) is { } suppressed)
            return Problems.Of(StatusCodes.Status409Conflict, $"The address is on the suppression list: {suppressed.Reason}.");

        var happened = members[Event] as JsonObject;
        var report = await grains.GetGrain<ISenderGrain>($"{workspace}/{id}").Test(new(
            to, profile, template, (string?)members[Text], (string?)happened?["name"],
            happened?["properties"] is JsonObject properties ? JsonText.FromString(properties.ToJsonString()) : default, http.User.KeyId()));
        return report is null
            ? Problems.TryLater(StatusCodes.Status503ServiceUnavailable, "The sender or the template was stored a moment ago, or cannot be used; nothing was sent.")
            : TypedResults.Ok(new TestSendResponse(report.Outcome.ToString().ToLowerInvariant(), report.ProviderId, report.Detail, report.Subject, Math.Round(report.Took.TotalSeconds, 3)));
    }

    private static DocumentError? Check(JsonObject members)
    {
        if (!Suppressions.IsAddress((string?)members[To]))
            return new($"/{To}", "must be an e-mail address");
        if (members.ContainsKey(Template) == members.ContainsKey(Text))
            return new($"/{Text}", $"{Text} or {Template} is needed, and not both");
        if (members[Text] is { } text && (string?)text is not { Length: > 0 and <= TextLengthMax })
            return new($"/{Text}", $"must have 1 to {TextLengthMax} characters");
        if (members[Customer] is { } customer && ((string?)customer is not { Length: > 0 and <= CustomerKey.CustomerIdLengthMax } name || name.Any(char.IsControl)))
            return new($"/{Customer}", $"must be a customer's id of 1 to {CustomerKey.CustomerIdLengthMax} characters, none of them a control character");
        if (members[Event] is not JsonObject happened)
            return null;
        if (happened["name"] is { } named && named.GetValueKind() != JsonValueKind.String)
            return new($"/{Event}/name", "must be a text");
        return happened["properties"] is null or JsonObject ? null : new($"/{Event}/properties", "must be an object");
    }
}
