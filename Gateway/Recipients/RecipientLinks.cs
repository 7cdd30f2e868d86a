using System.Globalization;
using System.Threading.RateLimiting;
using Microsoft.AspNetCore.Http;
using Microsoft.AspNetCore.Http.Features;
using Orleans.Runtime;

namespace Orleans.Personalize.Gateway.Recipients;

/// <summary>
/// Serves what a link in a mail leads to. The link itself is the permission: there are no cookies and no keys. Whatever goes wrong, a recipient reads a
/// page and not problem details.
/// </summary>
internal sealed class RecipientLinks(SignedLinks links) : IDisposable
{
    /// <summary>Fifty topics, ticked and shown, with room to spare.</summary>
    private const int FormBytesMax = 32 * 1024;

    private const int FormValuesMax = 256;

    /// <summary>Changes of one customer a minute in one process: more than anybody clicks, too few to fill a journal.</summary>
    private const int ChangesMax = 30;

    private const string RetryAfterSeconds = "10";

    private readonly PartitionedRateLimiter<LinkClaims> pace = PartitionedRateLimiter.Create<LinkClaims, CustomerKey>(static claims =>
        RateLimitPartition.GetFixedWindowLimiter(
            new CustomerKey(claims.Workspace, claims.Customer),
            static _ => new FixedWindowRateLimiterOptions { PermitLimit = ChangesMax, Window = TimeSpan.FromMinutes(1) }));

    public async Task<IResult> ServeAsync(HttpContext http, string token, LinkPurpose purpose, Func<LinkClaims, RecipientTexts, Task<IResult>> serve)
    {
        RecipientPage.Protect(http.Response);
        var texts = RecipientTexts.For(http.Request);
        if (links.Open(token, purpose) is not { } claims)
            return Failure(http, texts, texts.BadLink, texts.BadLinkDetail, StatusCodes.Status404NotFound);
        if (HttpMethods.IsPost(http.Request.Method))
        {
            using var lease = pace.AttemptAcquire(claims);
            if (!lease.IsAcquired)
                return TryLater(http, texts, StatusCodes.Status429TooManyRequests);
        }
        try
        {
            return await serve(claims, texts);
        }
        catch (BadHttpRequestException bad)
        {
            return Failure(http, texts, texts.BadRequest, texts.BadRequestDetail, bad.StatusCode);
        }
        catch (Exception failure) when (failure is JournalBusyException or JournalException or TimeoutException or OrleansException)
        {
            return TryLater(http, texts, StatusCodes.Status503ServiceUnavailable);
        }
    }

    /// <summary>The form of a request, urlencoded or multipart.</summary>
    /// <exception cref="BadHttpRequestException">It is no form, or too large.</exception>
    public static async Task<IFormCollection> ReadFormAsync(HttpContext http)
    {
        if (!http.Request.HasFormContentType)
            throw new BadHttpRequestException("The body must be a form.", StatusCodes.Status415UnsupportedMediaType);
        if (http.Features.Get<IHttpMaxRequestBodySizeFeature>() is { IsReadOnly: false } size)
            size.MaxRequestBodySize = FormBytesMax;
        var options = new FormOptions { ValueCountLimit = FormValuesMax, ValueLengthLimit = FormBytesMax, KeyLengthLimit = FormBytesMax, MultipartBodyLengthLimit = FormBytesMax };
        try
        {
            return await new FormFeature(http.Request, options).ReadFormAsync(http.RequestAborted);
        }
        catch (Exception invalid) when (invalid is InvalidDataException or IOException and not BadHttpRequestException)
        {
            throw new BadHttpRequestException("The form is not valid.", invalid);
        }
    }

    public static string Format(string text, string name) => string.Format(CultureInfo.InvariantCulture, text, name);

    public void Dispose() => pace.Dispose();

    private static IResult TryLater(HttpContext http, RecipientTexts texts, int status)
    {
        http.Response.Headers.RetryAfter = RetryAfterSeconds;
        return Failure(http, texts, texts.TryLater, texts.TryLaterDetail, status);
    }

    private static IResult Failure(HttpContext http, RecipientTexts texts, string title, string detail, int status) =>
        RecipientPage.Of(http, texts, title, RecipientPage.Paragraph(detail), status);
}
