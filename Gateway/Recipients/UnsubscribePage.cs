using Microsoft.AspNetCore.Builder;
using Microsoft.AspNetCore.Http;
using Microsoft.AspNetCore.Routing;
using static Orleans.Personalize.Gateway.Recipients.RecipientPage;

namespace Orleans.Personalize.Gateway.Recipients;

/// <summary>
/// Where <c>List-Unsubscribe</c> leads (RFC 8058). A visit changes nothing, because mail scanners follow links; a POST with
/// <c>List-Unsubscribe=One-Click</c>, by the mail provider or by the page's button, unsubscribes from the mail's topic, or from its channel
/// where it has none, and is answered when that is durable.
/// </summary>
internal static class UnsubscribePage
{
    private const string Field = "List-Unsubscribe";
    private const string OneClick = "One-Click";
    private const string Source = "unsubscribe";

    public static void Map(IEndpointRouteBuilder routes)
    {
        routes.MapMethods("/u/{token}", [HttpMethods.Get, HttpMethods.Head], Show).AllowAnonymous().ExcludeFromDescription();
        routes.MapPost("/u/{token}", Unsubscribe).AllowAnonymous().ExcludeFromDescription();
    }

    private static Task<IResult> Show(HttpContext http, RecipientLinks links, SignedLinks signed, IGrainFactory grains, string token) =>
        links.ServeAsync(http, token, LinkPurpose.Unsubscribe, async (claims, texts) => Of(
            http,
            texts,
            texts.Unsubscribe,
            $"""
            {Paragraph(RecipientLinks.Format(texts.UnsubscribeQuestion, await NameOf(grains, claims, texts)))}
            <form method="post">
            <input type="hidden" name="{Field}" value="{OneClick}">
            <input type="hidden" name="via" value="page">
            <button type="submit">{Encode(texts.UnsubscribeAct)}</button>
            </form>
            {ToPreferences(signed, claims, texts)}
            """));

    private static Task<IResult> Unsubscribe(
        HttpContext http, RecipientLinks links, SignedLinks signed, IGrainFactory grains, TimeProvider time, string token) =>
        links.ServeAsync(http, token, LinkPurpose.Unsubscribe, async (claims, texts) =>
        {
            var form = await RecipientLinks.ReadFormAsync(http);
            if (form[Field] != OneClick)
                throw new BadHttpRequestException($"The form must hold {Field}={OneClick}.");
            var isPage = form["via"] == "page";
            await new ConsentChange(ConsentChange.Unsubscribed, Source, isPage ? "page" : "one-click", new() { [claims.ConsentName ?? Topic.Email] = false })
                .ApplyAsync(grains, time, claims);
            return isPage
                ? Of(http, texts, texts.Unsubscribed, Paragraph(RecipientLinks.Format(texts.UnsubscribedDetail, await NameOf(grains, claims, texts))) + ToPreferences(signed, claims, texts))
                : Results.Text("Unsubscribed.\n");
        });

    private static string ToPreferences(SignedLinks signed, LinkClaims claims, RecipientTexts texts) =>
        Link(signed.Preferences(claims.Workspace, claims.Customer, claims.DecisionId), texts.ToPreferences);

    /// <summary>How the page calls what is unsubscribed from: the topic's name, if it still has one.</summary>
    private static async Task<string> NameOf(IGrainFactory grains, LinkClaims claims, RecipientTexts texts) => claims switch
    {
        { Topic: { } topic } => (await Topic.FindAsync(grains, claims.Workspace, topic))?.Name ?? topic,
        { Channel: null or Topic.Email } => texts.Everything,
        { Channel: var channel } => channel,
    };
}
