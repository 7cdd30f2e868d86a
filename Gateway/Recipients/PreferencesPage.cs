using System.Text;
using Microsoft.AspNetCore.Builder;
using Microsoft.AspNetCore.Http;
using Microsoft.AspNetCore.Routing;
using Orleans.Personalize.Gateway.Connectors;
using static Orleans.Personalize.Gateway.Recipients.RecipientPage;

namespace Orleans.Personalize.Gateway.Recipients;

/// <summary>
/// The page on which a customer chooses topics. A box is ticked when mails of its topic would go out now: the channel is not refused, and the topic is
/// agreed to or, where nothing was said, on by default.
/// </summary>
internal static class PreferencesPage
{
    private const string Source = "preferences";
    private const string Via = "preferences";

    /// <summary>Names every topic that the page showed: one that came since then was not chosen against.</summary>
    private const string ShownField = "shown";

    private const string ChosenField = "topic";
    private const string NothingField = "nothing";

    public static void Map(IEndpointRouteBuilder routes)
    {
        routes.MapMethods("/p/{token}", [HttpMethods.Get, HttpMethods.Head], Show).AllowAnonymous().ExcludeFromDescription();
        routes.MapPost("/p/{token}", Save).AllowAnonymous().ExcludeFromDescription();
    }

    private static Task<IResult> Show(HttpContext http, RecipientLinks links, IGrainFactory grains, string token) =>
        links.ServeAsync(http, token, LinkPurpose.Preferences, async (claims, texts) => Of(http, texts, texts.Preferences, await FormOf(grains, claims, texts)));

    private static Task<IResult> Save(HttpContext http, RecipientLinks links, IGrainFactory grains, TimeProvider time, string token) =>
        links.ServeAsync(http, token, LinkPurpose.Preferences, async (claims, texts) =>
        {
            var form = await RecipientLinks.ReadFormAsync(http);
            var topics = await Topic.ListAsync(grains, claims.Workspace);
            var change = form.ContainsKey(NothingField)
                ? new ConsentChange(ConsentChange.Unsubscribed, Source, Via, Nothing(topics))
                : new ConsentChange(ConsentChange.PreferencesUpdated, Source, Via, Chosen(form, topics, await ConsentsOf(grains, claims)));
            if (change.Consent.Count == 0)
                throw new BadHttpRequestException("The form names no topic.");
            await change.ApplyAsync(grains, time, claims);
            return Of(http, texts, texts.Saved, $"<p role=\"status\">{Encode(texts.SavedDetail)}</p>\n{await FormOf(grains, claims, texts)}");
        });

    /// <summary>Refuses the channels as a whole, so that topics of the future are refused with them.</summary>
    private static SortedDictionary<string, bool> Nothing((string Consent, Topic Topic)[] topics) =>
        new(topics.Select(static one => one.Topic.Channel).Append(Topic.Email).Distinct().ToDictionary(static channel => channel, static _ => false), StringComparer.Ordinal);

    /// <summary>Each shown topic as it was ticked. Who ticks a topic of a channel that they have refused wants the channel again.</summary>
    private static SortedDictionary<string, bool> Chosen(IFormCollection form, (string Consent, Topic Topic)[] topics, Dictionary<string, bool> known)
    {
        var chosen = new SortedDictionary<string, bool>(StringComparer.Ordinal);
        foreach (var (consent, topic) in topics.Where(one => form[ShownField].Contains(one.Consent)))
        {
            chosen[consent] = form[ChosenField].Contains(consent);
            if (chosen[consent] && known.TryGetValue(topic.Channel, out var isWanted) && !isWanted)
                chosen[topic.Channel] = true;
        }
        return chosen;
    }

    private static async Task<string> FormOf(IGrainFactory grains, LinkClaims claims, RecipientTexts texts)
    {
        var topics = await Topic.ListAsync(grains, claims.Workspace);
        var known = await ConsentsOf(grains, claims);
        var html = new StringBuilder("<form method=\"post\">\n");
        if (topics.Length == 0)
            html.Append(Paragraph(texts.NoTopics));
        else
            html.Append($"<fieldset><legend>{Encode(texts.PreferencesQuestion)}</legend>\n");
        foreach (var (index, (consent, topic)) in topics.Index())
        {
            var isOn = known.GetValueOrDefault(topic.Channel, true) && known.GetValueOrDefault(consent, topic.Default);
            var hasMore = !string.IsNullOrEmpty(topic.Description);
            html.Append(
                $"""
                <div class="topic"><input type="checkbox" id="t{index}" name="{ChosenField}" value="{Encode(consent)}"{(isOn ? " checked" : "")}{(hasMore ? $" aria-describedby=\"d{index}\"" : "")}>
                <label for="t{index}">{Encode(topic.Name)}</label>{(hasMore ? $"<small id=\"d{index}\">{Encode(topic.Description!)}</small>" : "")}
                <input type="hidden" name="{ShownField}" value="{Encode(consent)}"></div>

                """);
        }
        if (topics.Length > 0)
            html.Append($"</fieldset>\n<button type=\"submit\">{Encode(texts.Save)}</button>\n");
        return html.Append($"<button type=\"submit\" class=\"quiet\" name=\"{NothingField}\" value=\"1\">{Encode(texts.UnsubscribeAll)}</button>\n</form>").ToString();
    }

    private static async Task<Dictionary<string, bool>> ConsentsOf(IGrainFactory grains, LinkClaims claims)
    {
        var view = await grains.GetGrain<ICustomerGrain>(new CustomerKey(claims.Workspace, claims.Customer).ToString()).Read();
        return view?.Consent.Where(static consent => EventFields.IsBoolean(consent.Value.Span)).ToDictionary(static consent => consent.Name, ConsentChange.Allows) ?? [];
    }
}
