using Microsoft.AspNetCore.Builder;
using Microsoft.AspNetCore.Http;
using Microsoft.AspNetCore.Routing;
using Orleans.Personalize.Gateway.Api;
using Orleans.Personalize.Gateway.Security;

namespace Orleans.Personalize.Gateway.Content;

/// <param name="Content">The slot's json, rendered, or its fallback's; null where it has none.</param>
/// <param name="Used">live or fallback.</param>
/// <param name="Reason">Why the fallback; null for live content.</param>
internal sealed record ContentResponse(string Slot, RawJson Content, FreshnessResponse Freshness, string Used, string? Reason)
{
    public static ContentResponse From(string slot, Shown shown, DateTimeOffset now) => new(
        slot,
        new RawJson(shown.Json),
        new FreshnessResponse(
            shown.ProfileVersion,
            shown.LastSeenAt,
            shown.LastSeenAt is { } seen ? Math.Max(0, Math.Round((now - seen).TotalSeconds, 3)) : null,
            shown.Reason == SlotReason.Stale),
        shown.IsLive ? "live" : "fallback",
        shown.Reason);
}

/// <param name="ProfileVersion">Of the profile that was looked at; null where none was.</param>
/// <param name="LastSeenAt">When the customer's latest event occurred.</param>
/// <param name="AgeSeconds">How long ago that was.</param>
/// <param name="Stale">Whether that is longer than the slot allows.</param>
internal sealed record FreshnessResponse(long? ProfileVersion, DateTimeOffset? LastSeenAt, double? AgeSeconds, bool Stale);

/// <summary>Where a slot is shown to a customer. Whoever has one of these addresses sees what it shows.</summary>
internal sealed record ContentLinks(string Html, string Json, string Image);

/// <summary>Content that is rendered when it is looked at: for applications, which have a key, and for mails, which have a link.</summary>
internal static class ContentApi
{
    private const string JsonSuffix = ".json";

    private static readonly string[] ImageSuffixes = [".png", ".jpg", ".gif"];

    /// <summary>A transparent pixel, as GIF89a: for an image that is not there, where an error would be shown as a broken one.</summary>
    private static readonly byte[] Pixel = Convert.FromBase64String("R0lGODlhAQABAIAAAAAAAP///yH5BAEAAAAALAAAAAABAAEAAAIBRAA7");

    public static void Map(IEndpointRouteBuilder routes)
    {
        var content = routes.MapGroup("/v1/content").WithTags("Content").Require(Access.Read);
        content.MapGet("/{slot}", ReadAsync)
            .WithSummary("What a slot shows to a customer now")
            .WithDescription("Answers within the slot's budget: live content, or its fallback and why.")
            .Produces<ContentResponse>()
            .ProducesProblems(400, 404);
        content.MapGet("/{slot}/links", Link)
            .WithSummary("The addresses at which a slot is shown to a customer, for use in mails")
            .Produces<ContentLinks>()
            .ProducesProblems(400);
        routes.MapMethods("/c/{token}", [HttpMethods.Get, HttpMethods.Head], ShowAsync).AllowAnonymous().ExcludeFromDescription();
    }

    private static async Task<IResult> ReadAsync(HttpContext http, ContentReader reader, TimeProvider time, string slot, string customer = "")
    {
        if (!IsCustomerId(customer))
            return CustomersApi.BadId();
        var shown = await reader.ReadAsync(http.User.Workspace(), slot, customer, SlotForm.Json);
        if (shown.Reason is SlotReason.NoSlot or SlotReason.NoForm)
            return Problems.NotFound($"There is no slot '{slot}'{(shown.Reason == SlotReason.NoForm ? " with json" : "")}.");
        SetCache(http, shown);
        return TypedResults.Ok(ContentResponse.From(slot, shown, time.GetUtcNow()));
    }

    private static IResult Link(HttpContext http, SignedLinks links, string slot, string customer = "")
    {
        if (!IsCustomerId(customer) || slot.Length > SignedLinks.TextLengthMax)
            return CustomersApi.BadId();
        var link = links.Content(http.User.Workspace(), customer, slot).AbsoluteUri;
        return TypedResults.Ok(new ContentLinks(link, link + JsonSuffix, link + ImageSuffixes[0]));
    }

    /// <summary>A link in a mail: whatever is wrong inside, what is shown is no error.</summary>
    private static async Task<IResult> ShowAsync(HttpContext http, ContentReader reader, SignedLinks links, TimeProvider time, string token)
    {
        var suffix = token.LastIndexOf('.') is >= 0 and var dot ? token[dot..] : "";
        var isImage = ImageSuffixes.Contains(suffix);
        if ((!isImage && suffix is not ("" or JsonSuffix))
            || links.Open(token[..^suffix.Length], LinkPurpose.Content) is not { Slot: { } slot } claims)
            return Problems.NotFound("This link is not valid.");

        var form = isImage ? SlotForm.Image : suffix == JsonSuffix ? SlotForm.Json : SlotForm.Html;
        var shown = await reader.ReadAsync(claims.Workspace, slot, claims.Customer, form);
        SetCache(http, shown);
        http.Response.Headers.XContentTypeOptions = "nosniff";
        http.Response.Headers["Referrer-Policy"] = "no-referrer";
        http.Response.Headers["X-Robots-Tag"] = "noindex";
        switch (form)
        {
            case SlotForm.Json:
                return TypedResults.Ok(ContentResponse.From(slot, shown, time.GetUtcNow()));
            case SlotForm.Image:
                return shown.Text is { } address ? TypedResults.Redirect(address) : TypedResults.Bytes(Pixel, "image/gif");
            default:
                // Scripts, forms and frames are of no use in a mail; without an origin of its own it reaches nothing of this server.
                http.Response.Headers.ContentSecurityPolicy =
                    "default-src 'none'; img-src https: data:; style-src 'unsafe-inline'; font-src https:; base-uri 'none'; form-action 'none'; " +
                    "frame-ancestors 'none'; sandbox allow-popups allow-popups-to-escape-sandbox";
                return TypedResults.Text(shown.Text ?? "", "text/html", System.Text.Encoding.UTF8);
        }
    }

    /// <summary>A fallback is not kept: the next look may find what this one did not.</summary>
    private static void SetCache(HttpContext http, Shown shown) => http.Response.Headers.CacheControl =
        shown.IsLive && shown.CacheFor > TimeSpan.Zero ? $"private, max-age={(long)shown.CacheFor.TotalSeconds}" : "no-store";

    private static bool IsCustomerId(string id) => id.Length is > 0 and <= CustomerKey.CustomerIdLengthMax && !id.Any(char.IsControl);
}
