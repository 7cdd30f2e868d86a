using System.Security.Cryptography;
using System.Text;
using System.Text.Encodings.Web;
using Microsoft.AspNetCore.Http;
using Microsoft.Extensions.Primitives;
using Microsoft.Net.Http.Headers;

namespace Orleans.Personalize.Gateway.Recipients;

/// <summary>
/// The pages that recipients of mails see: plain HTML that works without JavaScript, on a phone of 390 px, in light and dark, and loads nothing. Each
/// of their addresses is a key to somebody's settings, so no page is cached, indexed, framed or told to another site.
/// </summary>
internal static class RecipientPage
{
    private const string Style = """
        :root{color-scheme:light dark;--text:#1a1a1a;--back:#fff;--soft:#595959;--line:#767676;--act:#0b57d0;--on:#fff}
        @media (prefers-color-scheme:dark){:root{--text:#ececec;--back:#181818;--soft:#b0b0b0;--line:#8c8c8c;--act:#a8c7fa;--on:#062e6f}}
        body{margin:0;font:1rem/1.5 system-ui,sans-serif;color:var(--text);background:var(--back)}
        main{max-width:34rem;margin:0 auto;padding:2rem 1.25rem}
        h1{font-size:1.5rem;line-height:1.25}
        fieldset{border:0;margin:0 0 1.5rem;padding:0}legend{padding:0;margin-bottom:.75rem}
        .topic{display:grid;grid-template-columns:auto 1fr;gap:0 .75rem;padding:.6rem 0;border-top:1px solid var(--line)}
        .topic input{width:1.5rem;height:1.5rem;margin:0}.topic label{font-weight:600}.topic small{grid-column:2;color:var(--soft);font-size:.9rem}
        button{font:inherit;font-weight:600;min-height:2.75rem;padding:.5rem 1.25rem;border:2px solid var(--act);border-radius:.5rem;background:var(--act);color:var(--on);cursor:pointer;margin:0 .5rem .75rem 0}
        button.quiet{background:transparent;color:var(--act)}
        a{color:var(--act)}:focus-visible{outline:3px solid var(--act);outline-offset:2px}
        """;

    /// <summary>Only this very style, no script, and a form that goes nowhere else.</summary>
    private static readonly string Policy =
        $"default-src 'none'; style-src 'sha256-{Convert.ToBase64String(SHA256.HashData(Encoding.UTF8.GetBytes(Style)))}'; form-action 'self'; base-uri 'none'; frame-ancestors 'none'";

    /// <summary>The headers of whatever is answered under a recipient's address.</summary>
    public static void Protect(HttpResponse response)
    {
        response.Headers.ContentSecurityPolicy = Policy;
        response.Headers.CacheControl = "no-store";
        response.Headers.XContentTypeOptions = "nosniff";
        response.Headers["Referrer-Policy"] = "no-referrer";
        response.Headers["X-Robots-Tag"] = "noindex, nofollow";
    }

    /// <param name="body">HTML, with whatever comes from elsewhere encoded.</param>
    public static IResult Of(HttpContext http, RecipientTexts texts, string title, string body, int status = StatusCodes.Status200OK)
    {
        http.Response.Headers.ContentLanguage = texts.Language;
        http.Response.Headers.Vary = HeaderNames.AcceptLanguage;
        return Results.Content(
            $"""
            <!doctype html>
            <html lang="{texts.Language}">
            <head>
            <meta charset="utf-8">
            <meta name="viewport" content="width=device-width, initial-scale=1">
            <meta name="robots" content="noindex, nofollow">
            <title>{Encode(title)}</title>
            <style>{Style}</style>
            </head>
            <body><main><h1>{Encode(title)}</h1>
            {body}
            </main></body>
            </html>

            """,
            "text/html; charset=utf-8",
            Encoding.UTF8,
            status);
    }

    public static string Encode(string text) => HtmlEncoder.Default.Encode(text);

    public static string Paragraph(string text) => $"<p>{Encode(text)}</p>";

    public static string Link(Uri target, string text) => $"<p><a href=\"{Encode(target.AbsoluteUri)}\">{Encode(text)}</a></p>";
}

/// <summary>What the pages say, in the languages they know.</summary>
/// <param name="Language">BCP 47.</param>
/// <param name="Everything">Stands for a channel's name where all of it is meant.</param>
internal sealed record RecipientTexts(
    string Language, string Everything, string Unsubscribe, string UnsubscribeQuestion, string UnsubscribeAct, string Unsubscribed, string UnsubscribedDetail,
    string ToPreferences, string Preferences, string PreferencesQuestion, string Save, string UnsubscribeAll, string Saved, string SavedDetail,
    string NoTopics, string BadLink, string BadLinkDetail, string TryLater, string TryLaterDetail, string BadRequest, string BadRequestDetail)
{
    private static readonly RecipientTexts English = new(
        "en", "all e-mails", "Unsubscribe", "Do you want to unsubscribe from {0}?", "Unsubscribe", "You are unsubscribed",
        "You will get no more of: {0}. A mail that is already on its way may still arrive.",
        "Choose what you get", "What you get by e-mail", "Choose the topics that you want to hear about.", "Save", "Unsubscribe from everything",
        "Saved", "Your choice is in force from now on.", "There are no topics to choose from.",
        "This link does not work", "It may have been cut off. Open it from the mail again, or copy it as a whole.",
        "Please try again", "Nothing is lost, but we could not save this just now. Try again in a minute.",
        "That did not work", "The request was not what this page sends. Open the link from the mail again.");

    private static readonly RecipientTexts German = new(
        "de", "alle E-Mails", "Abmelden", "Möchten Sie sich abmelden von: {0}?", "Abmelden", "Sie sind abgemeldet",
        "Sie bekommen nicht mehr: {0}. Eine Mail, die schon unterwegs ist, kann noch ankommen.",
        "Auswählen, was Sie bekommen", "Was Sie per E-Mail bekommen", "Wählen Sie die Themen, von denen Sie hören möchten.", "Speichern", "Von allem abmelden",
        "Gespeichert", "Ihre Auswahl gilt ab sofort.", "Es gibt keine Themen zur Auswahl.",
        "Dieser Link funktioniert nicht", "Vielleicht wurde er abgeschnitten. Öffnen Sie ihn noch einmal aus der Mail, oder kopieren Sie ihn ganz.",
        "Bitte noch einmal versuchen", "Es ist nichts verloren, aber wir konnten das gerade nicht speichern. Versuchen Sie es in einer Minute noch einmal.",
        "Das hat nicht geklappt", "Die Anfrage war nicht die dieser Seite. Öffnen Sie den Link noch einmal aus der Mail.");

    /// <summary>In the first language of the browser's list that there is; English where there is none.</summary>
    public static RecipientTexts For(HttpRequest request)
    {
        var accepted = StringWithQualityHeaderValue.TryParseList(request.Headers.AcceptLanguage, out var list) ? list : [];
        return accepted
            .Where(static language => language.Quality is not 0)
            .OrderByDescending(static language => language.Quality ?? 1)
            .Select(static language => Find(language.Value))
            .FirstOrDefault(static texts => texts is not null) ?? English;
    }

    private static RecipientTexts? Find(StringSegment tag) => tag.Split(['-']).First().ToString().ToLowerInvariant() switch
    {
        "en" => English,
        "de" => German,
        _ => null,
    };
}
