using System.Diagnostics.CodeAnalysis;
using System.Text.Json;
using System.Text.Json.Nodes;
using Microsoft.AspNetCore.Builder;
using Microsoft.AspNetCore.Http;
using Microsoft.AspNetCore.Routing;
using Orleans.Personalize.Gateway.Connectors;
using Orleans.Personalize.Gateway.Security;

namespace Orleans.Personalize.Gateway.Api;

/// <param name="Customer">Whose live profile it is rendered with.</param>
/// <param name="Data">As a trigger's send.data; none: empty.</param>
/// <param name="Event">The event that would have fired the trigger.</param>
/// <param name="Document">A draft in place of the stored template.</param>
internal sealed record TemplatePreviewRequest(
    string Customer, Dictionary<string, JsonElement>? Data, TemplatePreviewEvent? Event, Dictionary<string, JsonElement>? Document);

internal sealed record TemplatePreviewEvent(string? Name, Dictionary<string, JsonElement>? Properties);

/// <param name="Html">As it would be sent, with the preheader in it.</param>
/// <param name="Content">The name of the content that was used; null where none can be.</param>
/// <param name="Missing">The fields that were missing, of each content that was tried.</param>
/// <param name="Errors">Why the contents before it were not used.</param>
internal sealed record TemplatePreviewResponse(
    string? Subject, string? Preheader, string? Html, string? Text, string? Content, MissingFieldResponse[] Missing, string[] Errors);

/// <param name="Part">subject, preheader, html or text; null where the content requires the field.</param>
internal sealed record MissingFieldResponse(string Content, string? Part, string Field);

/// <summary>Looking at what a template would say.</summary>
internal static class TemplatesApi
{
    public static void Map(IEndpointRouteBuilder routes) => routes.MapPost("/v1/templates/{id}/preview", PreviewAsync)
        .WithTags("Templates")
        .WithSummary("Render a template, or a draft of one, with a customer's live profile")
        .WithDescription("Nothing is sent or stored. Fields that are missing are listed, whether or not the template is strict.")
        .Accepts<TemplatePreviewRequest>("application/json")
        .Produces<TemplatePreviewResponse>()
        .ProducesProblems(400, 404, 413, 415, 503)
        .Require(Access.Read);

    private static async Task<IResult> PreviewAsync(HttpContext http, IGrainFactory grains, string id)
    {
        DocumentError? error;
        Request request;
        using (var body = await RequestBody.ReadAsync(http.Request, Limits.PreviewBytesMax))
            (error, request) = body.Parse(static (utf8, _) => Read(utf8), 0);
        if (error is not null)
            return Problems.Invalid("The request is not valid.", error);

        var workspace = http.User.Workspace();
        if (await grains.GetGrain<ICustomerGrain>(new CustomerKey(workspace, request.Customer).ToString()).Read() is not { } profile)
            return Problems.NotFound($"Nothing is known of the customer '{request.Customer}'.");
        var preview = await grains.GetGrain<ITemplateGrain>(new CustomerKey(workspace, id).ToString())
            .Preview(new(profile, request.Data, request.EventName, request.EventProperties, request.Draft));
        if (preview is null)
            return Problems.NotFound($"There is no template '{id}'.");
        if (preview.Errors.Length > 0)
        {
            var place = request.Draft.IsAbsent ? "" : "/document";
            return Problems.Invalid("The template is not valid.", preview.Errors.Select(found => found with { Pointer = place + found.Pointer }));
        }
        return TypedResults.Ok(new TemplatePreviewResponse(
            preview.Subject, preview.Preheader, preview.Html, preview.Text, preview.Content,
            Array.ConvertAll(preview.Missing, static miss => new MissingFieldResponse(miss.Content, miss.Part, miss.Field)),
            preview.Reasons));
    }

    private static (DocumentError? Error, Request Request) Read(ReadOnlySpan<byte> json)
    {
        RequestBody.RequireObject(json);
        if (JsonDefects.FindInObject(json) is { } defect)
            return (defect, default);
        var root = JsonNode.Parse(json, null, new JsonDocumentOptions { MaxDepth = Limits.DepthMax, AllowDuplicateProperties = false })!.AsObject();
        DocumentError? error = null;
        JsonObject? Object(JsonObject? parent, string name, string pointer)
        {
            var member = parent?[name];
            if (member is not (null or JsonObject))
                error ??= new(pointer, "must be an object");
            return member as JsonObject;
        }

        if (!TryText(root["customer"], out var customer) || customer.Length is 0 or > CustomerKey.CustomerIdLengthMax || customer.Any(char.IsControl))
            error = new("/customer", $"must be a customer's id of 1 to {CustomerKey.CustomerIdLengthMax} characters, none of them a control character");
        var happened = Object(root, "event", "/event");
        string? name = null;
        if (happened?["name"] is { } named && !TryText(named, out name))
            error ??= new("/event/name", "must be a text");
        var request = new Request(
            customer!, Raw(Object(root, "data", "/data")), name, Raw(Object(happened, "properties", "/event/properties")), Raw(Object(root, "document", "/document")));
        return (error, request);
    }

    private static bool TryText(JsonNode? node, [NotNullWhen(true)] out string? text)
    {
        text = null;
        return node is JsonValue value && value.TryGetValue(out text);
    }

    private static JsonText Raw(JsonObject? value) => value is null ? default : JsonText.FromString(value.ToJsonString());

    private readonly record struct Request(string Customer, JsonText Data, string? EventName, JsonText EventProperties, JsonText Draft);
}
