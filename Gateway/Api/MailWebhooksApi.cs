using System.Text.Json;
using Microsoft.AspNetCore.Builder;
using Microsoft.AspNetCore.Http;
using Microsoft.AspNetCore.Http.Features;
using Microsoft.AspNetCore.Http.HttpResults;
using Microsoft.AspNetCore.Routing;
using Orleans.Personalize.Gateway.Connectors;
using Orleans.Personalize.Gateway.Quality;

namespace Orleans.Personalize.Gateway.Api;

/// <summary>
/// Where mail providers report what became of mails. Who may is known by the signature: the sender's document holds its key as
/// <c>webhookKey</c>, a text, or an array of them while the key is changed. Nothing is answered with 200 that is not durable, so that the
/// provider repeats it.
/// </summary>
internal static class MailWebhooksApi
{
    private delegate MailEvent? EventReader(JsonElement json, DateTimeOffset receivedAt);

    public static void Map(IEndpointRouteBuilder routes)
    {
        var group = routes.MapGroup("/v1/webhooks").WithTags("Webhooks").AllowAnonymous();
        foreach (var (provider, post) in (ReadOnlySpan<(string, Delegate)>)[(SendGridEvents.Provider, PostSendGrid), (MandrillEvents.Provider, PostMandrill)])
        {
            group.MapPost($"/{provider}/{{workspace}}/{{sender}}", post)
                .WithSummary($"What became of mails, as {provider} reports it")
                .WithDescription("Signed with the key that the sender's document has as webhookKey. Events of mails that are not ours are counted and dropped.")
                .Produces(StatusCodes.Status200OK)
                .ProducesProblems(400, 401, 403, 404, 413, 503);
            // Mandrill asks whether there is something before it accepts an address.
            group.MapMethods($"/{provider}/{{workspace}}/{{sender}}", [HttpMethods.Head], static () => Results.Ok()).ExcludeFromDescription();
        }
    }

    private static async Task<IResult> PostSendGrid(
        HttpContext http, IGrainFactory grains, Intake intake, SignedLinks links, TimeProvider time, string workspace, string sender)
    {
        if (http.Request.Headers[SendGridEvents.SignatureHeader] is not [{ Length: > 0 } signature]
            || http.Request.Headers[SendGridEvents.TimestampHeader] is not [{ Length: > 0 } timestamp])
            return Unsigned();
        if (await KeysAsync(grains, workspace, sender, SendGridEvents.Provider) is not { Count: > 0 } keys)
            return NoKey();
        var now = time.GetUtcNow();
        List<MailEvent> events;
        using (var body = await RequestBody.ReadAsync(http.Request, Limits.RequestBytesMax))
        {
            if (!SendGridEvents.IsSigned(body.Utf8, signature, timestamp, keys, now))
                return BadSignature();
            events = body.Parse((utf8, at) => Read(utf8.ToArray(), SendGridEvents.Read, at), now);
        }
        return await TakeAsync(grains, intake, links, workspace, SendGridEvents.Provider, events, now);
    }

    private static async Task<IResult> PostMandrill(
        HttpContext http, IGrainFactory grains, Intake intake, SignedLinks links, TimeProvider time, string workspace, string sender)
    {
        var form = await ReadFormAsync(http);
        // The request by which an address is tried out, before there is a key to sign with; there is nothing in it to protect.
        if (form[MandrillEvents.Field] is [] or ["" or "[]"])
            return Results.Ok();
        if (http.Request.Headers[MandrillEvents.SignatureHeader] is not [{ Length: > 0 } signature])
            return Unsigned();
        if (await KeysAsync(grains, workspace, sender, MandrillEvents.Provider) is not { Count: > 0 } keys)
            return NoKey();
        // As configured at the provider: what comes before the path is not always in the request, because of reverse proxies.
        var url = links.Url("").AbsoluteUri.TrimEnd('/') + http.Features.GetRequiredFeature<IHttpRequestFeature>().RawTarget;
        if (!MandrillEvents.IsSigned(url, form.SelectMany(static field => field.Value.Select(value => KeyValuePair.Create(field.Key, value ?? ""))), signature, keys))
            return BadSignature();
        var now = time.GetUtcNow();
        try
        {
            var events = Read(System.Text.Encoding.UTF8.GetBytes(form[MandrillEvents.Field].ToString()), MandrillEvents.Read, now);
            return await TakeAsync(grains, intake, links, workspace, MandrillEvents.Provider, events, now);
        }
        catch (JsonException invalid)
        {
            throw new BadHttpRequestException($"{MandrillEvents.Field} {JsonDefects.Describe(invalid)}.", invalid);
        }
    }

    private static async Task<IResult> TakeAsync(
        IGrainFactory grains, Intake intake, SignedLinks links, string workspace, string provider, List<MailEvent> events, DateTimeOffset now)
    {
        var ours = events
            .Select(one => (Event: one, Claims: links.Open(one.Reference, LinkPurpose.Reference)))
            .Where(one => one.Claims?.Workspace == workspace)
            .ToArray();
        var known = await KnownAsync(grains, workspace, ours.Select(static one => one.Claims!.Customer).Distinct());
        GatewayInstruments.OnForeignEvents(provider, events.Count - ours.Length);
        // First the list: should the process end in between, the provider repeats all of it.
        var suppressed = ours.Select(one => one.Event.ToSuppression(provider, one.Claims!.DecisionId)).OfType<Suppression>();
        await Task.WhenAll(suppressed
            .GroupBy(static entry => Suppressions.ShardOf(entry.Address))
            .Select(shard => grains.GetGrain<ISuppressionGrain>(Suppressions.Key(workspace, shard.Key)).Add([.. shard])));
        var taken = await intake.TakeAsync(
            workspace,
            [.. ours.Where(one => known.Contains(one.Claims!.Customer)).Select(one => new ParsedEvent(one.Event.Id, one.Claims!.Customer, one.Event.ToCustomerEvent(provider, one.Claims.DecisionId, now), null))],
            Door.Telling(provider));
        GatewayInstruments.OnEventsTaken(provider, taken);
        return taken.Count(static one => one.Fate != Fate.Answered) is > 0 and var open
            ? Problems.TryLater(StatusCodes.Status503ServiceUnavailable, $"Of {open} events it is not known whether they were taken; repeat the request.")
            : Results.Ok();
    }

    /// <summary>Of these customers those that have a profile: what is told of somebody who was erased must not bring them back.</summary>
    private static async Task<HashSet<string>> KnownAsync(IGrainFactory grains, string workspace, IEnumerable<string> customers)
    {
        var found = await Task.WhenAll(customers.Select(async customer =>
            (Customer: customer, View: await grains.GetGrain<ICustomerGrain>(new CustomerKey(workspace, customer).ToString()).Read())));
        return [.. found.Where(static one => one.View is not null).Select(static one => one.Customer)];
    }

    private static List<MailEvent> Read(byte[] json, EventReader read, DateTimeOffset receivedAt)
    {
        using var document = JsonDocument.Parse(json, new JsonDocumentOptions { MaxDepth = Limits.DepthMax });
        if (document.RootElement.ValueKind != JsonValueKind.Array)
            throw new BadHttpRequestException("The body must be a JSON array of events.");
        if (document.RootElement.GetArrayLength() > Limits.MailEventsMax)
            throw new BadHttpRequestException($"The body holds more than {Limits.MailEventsMax} events.", StatusCodes.Status413PayloadTooLarge);
        return [.. document.RootElement.EnumerateArray().Select(one => read(one, receivedAt)).OfType<MailEvent>()];
    }

    /// <summary>The keys in the sender's document; null where there is no such sender of that type.</summary>
    private static async Task<List<string>?> KeysAsync(IGrainFactory grains, string workspace, string sender, string type)
    {
        if (await grains.GetGrain<IRegistryGrain>(workspace).Get(RegistryKind.Sender, sender) is not { } stored)
            return null;
        using var document = JsonDocument.Parse(stored.Document.Utf8);
        if (MailEvent.Text(document.RootElement, "type") != type || !document.RootElement.TryGetProperty("webhookKey", out var key))
            return null;
        return key.ValueKind == JsonValueKind.Array
            ? [.. key.EnumerateArray().Where(static one => one.ValueKind == JsonValueKind.String).Select(static one => one.GetString()!)]
            : MailEvent.Text(document.RootElement, "webhookKey") is { } text ? [text] : null;
    }

    private static async Task<IFormCollection> ReadFormAsync(HttpContext http)
    {
        if (!http.Request.HasFormContentType)
            throw new BadHttpRequestException("The body must be a form.", StatusCodes.Status415UnsupportedMediaType);
        var options = new FormOptions { ValueLengthLimit = Limits.MailFormBytesMax, MultipartBodyLengthLimit = Limits.MailFormBytesMax, ValueCountLimit = 16 };
        try
        {
            return await new FormFeature(http.Request, options).ReadFormAsync(http.RequestAborted);
        }
        catch (InvalidDataException invalid)
        {
            throw new BadHttpRequestException("The form is not valid or too large.", invalid);
        }
    }

    private static ProblemHttpResult NoKey() => Problems.NotFound("There is no such sender of this provider with a webhookKey.");

    private static ProblemHttpResult Unsigned() => Problems.Of(StatusCodes.Status401Unauthorized, "The request is not signed.");

    private static ProblemHttpResult BadSignature() => Problems.Of(StatusCodes.Status403Forbidden, "The signature is not of this request and the sender's webhookKey.");
}
