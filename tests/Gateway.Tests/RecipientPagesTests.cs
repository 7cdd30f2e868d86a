using System.Net;
using System.Text;
using System.Text.RegularExpressions;
using Microsoft.Extensions.DependencyInjection;
using Orleans.Personalize.Testing;
using static Orleans.Personalize.Tests.GatewayServer;

namespace Orleans.Personalize.Tests;

public sealed class RecipientPagesTests : IAsyncLifetime
{
    private static readonly DateTimeOffset Noon = new(2026, 1, 1, 12, 0, 0, TimeSpan.Zero);

    private GatewayServer server = null!;
    private SignedLinks links = null!;

    public async Task InitializeAsync()
    {
        server = await StartAsync(configure: static builder => builder.Configuration["Personalize:PublicUrl"] = "https://mail.example.com/mails");
        links = server.Services.GetRequiredService<SignedLinks>();
        await Put("offers", """{"name":"Offers & <b>more</b>","description":"Once a week.","channel":"email"}""");
        await Put("surveys", """{"name":"Surveys","default":false}""");
    }

    public async Task DisposeAsync() => await server.DisposeAsync();

    [Theory]
    [InlineData("GET")]
    [InlineData("HEAD")]
    public async Task A_visit_shows_a_page_and_never_unsubscribes(string method)
    {
        foreach (var path in (string[])[Unsubscribe("offers"), Preferences()])
        {
            using var response = await server.Anonymous.SendAsync(new HttpRequestMessage(new HttpMethod(method), path));
            Assert.Equal(200, (int)response.StatusCode);
            Assert.Equal("text/html", response.Content.Headers.ContentType?.MediaType);
        }

        Assert.Empty(server.Grains.Customer("shop/ada").Applied);
    }

    [Theory]
    [InlineData(true)]
    [InlineData(false)]
    public async Task One_click_unsubscribes_from_the_topic_in_either_encoding(bool isMultipart)
    {
        using HttpContent body = isMultipart
            ? new MultipartFormDataContent { { new StringContent("One-Click"), "List-Unsubscribe" } }
            : new StringContent("List-Unsubscribe=One-Click", Encoding.ASCII, "application/x-www-form-urlencoded");

        using var response = await server.Anonymous.PostAsync(Unsubscribe("offers", "d1"), body);

        Assert.Equal(200, (int)response.StatusCode);
        Assert.Equal("text/plain", response.Content.Headers.ContentType?.MediaType);
        Assert.False(response.Headers.Contains("Set-Cookie"));
        var applied = Assert.Single(server.Grains.Customer("shop/ada").Applied);
        Assert.Equal(("Unsubscribed", EventType.Track, "unsubscribe"), (applied.Name, applied.Type, applied.Source));
        Assert.Equal("""{"email/offers":false}""", applied.Consent.ToString());
        Assert.Equal("""{"channel":"email","topic":"offers","decision_id":"d1","via":"one-click"}""", applied.Properties.ToString());
    }

    [Fact]
    public async Task One_click_without_a_topic_unsubscribes_from_the_channel()
    {
        await OneClickAsync(Unsubscribe(null));

        var applied = Assert.Single(server.Grains.Customer("shop/ada").Applied);
        Assert.Equal("""{"email":false}""", applied.Consent.ToString());
    }

    [Fact]
    public async Task Two_clicks_are_one_event_and_a_click_after_a_change_of_mind_is_another()
    {
        var customer = server.Grains.Customer("shop/ada");
        var both = await Task.WhenAll(OneClickAsync(Unsubscribe("offers")), OneClickAsync(Unsubscribe("offers")));
        Assert.All(both, static status => Assert.Equal(200, status));
        var first = Assert.Single(customer.Applied);

        customer.View = View(("email/offers", "false", first.MessageId));
        Assert.Equal(200, await OneClickAsync(Unsubscribe("offers")));
        Assert.Single(customer.Applied);

        customer.View = View(("email/offers", "true", "preferences-1"));
        Assert.Equal(200, await OneClickAsync(Unsubscribe("offers")));
        Assert.Equal(2, customer.Applied.Length);
        Assert.Equal(2, customer.Applied.DistinctBy(static one => one.MessageId).Count());
    }

    [Fact]
    public async Task An_unsubscription_outvotes_a_source_whose_clock_is_ahead()
    {
        var customer = server.Grains.Customer("shop/ada");
        var ahead = DateTimeOffset.UtcNow.AddMinutes(4);
        customer.View = View() with { Consent = [new TraitView("email", JsonText.FromString("true"), ahead, "crm", "m1")] };

        await OneClickAsync(Unsubscribe(null));

        Assert.True(Assert.Single(customer.Applied).OccurredAt > ahead);
    }

    [Fact]
    public async Task It_is_confirmed_only_when_it_is_durable()
    {
        server.Grains.Customer("shop/ada").OnApply = static _ => throw new JournalException("No answer.");
        foreach (var form in (string[])["List-Unsubscribe=One-Click", "List-Unsubscribe=One-Click&via=page"])
        {
            using var response = await PostAsync(Unsubscribe("offers"), form);
            Assert.Equal(503, (int)response.StatusCode);
            Assert.True(response.Headers.Contains("Retry-After"));
            Assert.DoesNotContain("nsubscribed", await response.Content.ReadAsStringAsync());
        }

        server.Grains.Customer("shop/ada").OnApply = static events => Task.FromResult(new[] { new Receipt(events[0].MessageId, ReceiptStatus.Rejected, null, "no") });
        Assert.Equal(503, await OneClickAsync(Unsubscribe("offers")));
    }

    [Theory]
    [InlineData("")]
    [InlineData("List-Unsubscribe=")]
    [InlineData("list=unsubscribe")]
    public async Task A_post_that_does_not_say_so_changes_nothing(string form)
    {
        Assert.Equal(400, (int)(await PostAsync(Unsubscribe("offers"), form)).StatusCode);
        Assert.Equal(415, (int)(await server.Anonymous.PostAsync(Unsubscribe("offers"), Json("{}"))).StatusCode);
        Assert.Empty(server.Grains.Customer("shop/ada").Applied);
    }

    [Fact]
    public async Task A_form_that_is_too_large_or_broken_changes_nothing()
    {
        Assert.Equal(413, (int)(await PostAsync(Unsubscribe("offers"), "List-Unsubscribe=One-Click&more=" + new string('x', 40_000))).StatusCode);
        using var broken = new StringContent("no parts");
        broken.Headers.ContentType = new("multipart/form-data") { Parameters = { new("boundary", "x") } };
        Assert.Equal(400, (int)(await server.Anonymous.PostAsync(Unsubscribe("offers"), broken)).StatusCode);
        Assert.Empty(server.Grains.Customer("shop/ada").Applied);
    }

    [Fact]
    public async Task A_link_that_is_forged_altered_or_for_something_else_leads_nowhere()
    {
        var token = Unsubscribe("offers")[3..];
        var stranger = new SignedLinks(new Uri("https://mail.example.com"), [new byte[32]], TimeProvider.System);
        string[] bad =
        [
            "x", token[..^1], token + "A", (token[0] == 'A' ? 'B' : 'A') + token[1..], Preferences()[3..],
            links.Reference("shop", "ada", "d1"), stranger.Seal(LinkPurpose.Unsubscribe, new("shop", "ada", "email", "offers")),
        ];
        foreach (var other in bad)
        {
            using var shown = await server.Anonymous.GetAsync($"/u/{other}");
            Assert.Equal(404, (int)shown.StatusCode);
            Assert.Equal("text/html", shown.Content.Headers.ContentType?.MediaType);
            Assert.Equal(404, await OneClickAsync($"/u/{other}"));
        }
        Assert.Equal(404, (int)(await server.Anonymous.GetAsync($"/p/{token}")).StatusCode);
        Assert.Empty(server.Grains.Customers);
    }

    [Fact]
    public async Task A_customer_that_nobody_knows_is_unsubscribed_too()
    {
        var path = links.Unsubscribe("shop", "gone", "email", null, null).AbsolutePath["/mails".Length..];
        Assert.Equal(200, await OneClickAsync(path));
        Assert.Single(server.Grains.Customer("shop/gone").Applied);
    }

    [Fact]
    public async Task Nobody_fills_a_profile_by_clicking()
    {
        var statuses = new List<int>();
        for (var click = 0; click < 40; click++)
            statuses.Add(await OneClickAsync(Unsubscribe("offers")));
        Assert.Equal([200, 429], statuses.Distinct());
        Assert.Equal(200, await OneClickAsync(links.Unsubscribe("shop", "bob", "email", null, null).AbsolutePath["/mails".Length..]));
    }

    [Fact]
    public async Task The_pages_load_nothing_are_kept_nowhere_and_tell_nobody()
    {
        foreach (var path in (string[])[Unsubscribe("offers"), Preferences(), "/u/forged"])
        {
            using var response = await server.Anonymous.GetAsync(path);
            var html = await response.Content.ReadAsStringAsync();
            var policy = Assert.Single(response.Headers.GetValues("Content-Security-Policy"));
            Assert.StartsWith("default-src 'none'; style-src 'sha256-", policy, StringComparison.Ordinal);
            Assert.Contains("form-action 'self'; base-uri 'none'; frame-ancestors 'none'", policy, StringComparison.Ordinal);
            var style = Regex.Match(html, "<style>(?<style>.*?)</style>", RegexOptions.Singleline | RegexOptions.ExplicitCapture).Groups["style"].Value;
            Assert.Contains(Convert.ToBase64String(System.Security.Cryptography.SHA256.HashData(Encoding.UTF8.GetBytes(style))), policy, StringComparison.Ordinal);
            Assert.Equal("no-store", response.Headers.CacheControl?.ToString());
            Assert.Equal("no-referrer", Assert.Single(response.Headers.GetValues("Referrer-Policy")));
            Assert.Equal("noindex, nofollow", Assert.Single(response.Headers.GetValues("X-Robots-Tag")));
            Assert.Equal("nosniff", Assert.Single(response.Headers.GetValues("X-Content-Type-Options")));
            Assert.DoesNotMatch(@"<script|<img|<link|\son\w+=|src=|style=", html);
            Assert.DoesNotContain("ada", html[html.IndexOf("<main>", StringComparison.Ordinal)..].Replace(links.Preferences("shop", "ada").AbsolutePath, ""), StringComparison.Ordinal);
        }
    }

    [Fact]
    public async Task The_pages_can_be_used_by_everybody()
    {
        foreach (var path in (string[])[Unsubscribe("offers"), Preferences(), "/u/forged"])
        {
            using var response = await server.Anonymous.GetAsync(path);
            var html = await response.Content.ReadAsStringAsync();
            Assert.StartsWith("<!doctype html>\n<html lang=\"en\">", html, StringComparison.Ordinal);
            Assert.Contains("<meta name=\"viewport\" content=\"width=device-width, initial-scale=1\">", html, StringComparison.Ordinal);
            Assert.Single(Regex.Matches(html, "<h1>"));
            Assert.Single(Regex.Matches(html, "<main>"));
            Assert.Matches("<title>[^<]+</title>", html);
            foreach (Match box in Regex.Matches(html, "<input type=\"checkbox\" id=\"(\\w+)\"[^>]*>"))
                Assert.Contains($"<label for=\"{box.Groups[1].Value}\">", html, StringComparison.Ordinal);
            foreach (Match described in Regex.Matches(html, "aria-describedby=\"(\\w+)\""))
                Assert.Contains($"id=\"{described.Groups[1].Value}\"", html, StringComparison.Ordinal);
            Assert.All(Regex.Matches(html, "<button[^>]*>([^<]*)</button>"), static button => Assert.NotEmpty(button.Groups[1].Value));
            Assert.Equal(Regex.Count(html, "<fieldset>"), Regex.Count(html, "<legend>"));
        }
    }

    [Theory]
    [InlineData(null, "en")]
    [InlineData("de-AT,de;q=0.9,en;q=0.8", "de")]
    [InlineData("fr,de;q=0.2,en;q=0.5", "en")]
    [InlineData("fr", "en")]
    [InlineData("de;q=0", "en")]
    [InlineData("§§§,,;;q", "en")]
    public async Task A_page_speaks_the_recipients_language(string? accepted, string language)
    {
        var request = new HttpRequestMessage(HttpMethod.Get, Unsubscribe("offers"));
        if (accepted is not null)
            request.Headers.TryAddWithoutValidation("Accept-Language", accepted.Replace("§", "x!"));
        using var response = await server.Anonymous.SendAsync(request);
        var html = await response.Content.ReadAsStringAsync();

        Assert.Contains($"<html lang=\"{language}\">", html, StringComparison.Ordinal);
        Assert.Contains(language == "de" ? ">Abmelden</button>" : ">Unsubscribe</button>", html, StringComparison.Ordinal);
        Assert.Equal(language, Assert.Single(response.Content.Headers.ContentLanguage));
        Assert.Equal("Accept-Language", response.Headers.Vary.Single());
    }

    [Fact]
    public async Task The_page_names_the_topic_its_button_unsubscribes_and_a_link_leads_to_the_choice()
    {
        var html = await server.Anonymous.GetStringAsync(Unsubscribe("offers", "d1"));
        Assert.Contains("Offers &amp; &lt;b&gt;more&lt;/b&gt;", html, StringComparison.Ordinal);
        Assert.Contains(links.Preferences("shop", "ada", "d1").AbsoluteUri, html, StringComparison.Ordinal);

        using var response = await PostAsync(Unsubscribe("offers", "d1"), FormOf(html));

        Assert.Equal(200, (int)response.StatusCode);
        Assert.Contains("You are unsubscribed", await response.Content.ReadAsStringAsync(), StringComparison.Ordinal);
        Assert.Contains("\"via\":\"page\"", Assert.Single(server.Grains.Customer("shop/ada").Applied).Properties.ToString(), StringComparison.Ordinal);
    }

    [Fact]
    public async Task The_boxes_show_what_would_be_sent_now()
    {
        Assert.Equal([("email/offers", true), ("email/surveys", false)], await BoxesAsync());
        server.Grains.Customer("shop/ada").View = View(("email/offers", "false", "m1"), ("email/surveys", "true", "m2"));
        Assert.Equal([("email/offers", false), ("email/surveys", true)], await BoxesAsync());
        server.Grains.Customer("shop/ada").View = View(("email", "false", "m3"), ("email/surveys", "true", "m2"));
        Assert.Equal([("email/offers", false), ("email/surveys", false)], await BoxesAsync());
    }

    [Fact]
    public async Task A_choice_is_one_event_with_every_topic_that_was_shown()
    {
        var form = "shown=email/offers&shown=email/surveys&topic=email/surveys&topic=email/unknown";
        await Put("later", """{"name":"Came after the page was shown"}""");

        using var response = await PostAsync(Preferences(), form);

        Assert.Equal(200, (int)response.StatusCode);
        Assert.Contains("role=\"status\"", await response.Content.ReadAsStringAsync(), StringComparison.Ordinal);
        var applied = Assert.Single(server.Grains.Customer("shop/ada").Applied);
        Assert.Equal(("Preferences Updated", "preferences"), (applied.Name, applied.Source));
        Assert.Equal("""{"email/offers":false,"email/surveys":true}""", applied.Consent.ToString());
    }

    [Fact]
    public async Task Who_ticks_a_topic_after_refusing_the_channel_wants_the_channel_again()
    {
        var customer = server.Grains.Customer("shop/ada");
        customer.View = View(("email", "false", "m1"));
        await PostAsync(Preferences(), "shown=email/offers&shown=email/surveys&topic=email/offers");
        Assert.Equal("""{"email":true,"email/offers":true,"email/surveys":false}""", customer.Applied[0].Consent.ToString());

        await PostAsync(Preferences(), "shown=email/offers&shown=email/surveys");
        Assert.Equal("""{"email/offers":false,"email/surveys":false}""", customer.Applied[1].Consent.ToString());
    }

    [Fact]
    public async Task Unsubscribing_from_everything_refuses_the_channels()
    {
        await Put("texts", """{"name":"Parcel news","channel":"sms"}""");
        await PostAsync(Preferences(), "shown=email/offers&topic=email/offers&nothing=1");

        var applied = Assert.Single(server.Grains.Customer("shop/ada").Applied);
        Assert.Equal("Unsubscribed", applied.Name);
        Assert.Equal("""{"email":false,"sms":false}""", applied.Consent.ToString());
    }

    [Fact]
    public async Task A_form_without_topics_changes_nothing()
    {
        Assert.Equal(400, (int)(await PostAsync(Preferences(), "topic=email/offers")).StatusCode);
        Assert.Empty(server.Grains.Customer("shop/ada").Applied);
    }

    private Task<RegistryPut> Put(string id, string document) => server.Grains.Registry("shop").Put(RegistryKind.Topic, id, JsonText.FromString(document));

    private string Unsubscribe(string? topic, string? decisionId = null) => links.Unsubscribe("shop", "ada", "email", topic, decisionId).AbsolutePath["/mails".Length..];

    private string Preferences() => links.Preferences("shop", "ada").AbsolutePath["/mails".Length..];

    private Task<HttpResponseMessage> PostAsync(string path, string form) =>
        server.Anonymous.PostAsync(path, new StringContent(form, Encoding.UTF8, "application/x-www-form-urlencoded"));

    private async Task<int> OneClickAsync(string path)
    {
        using var response = await PostAsync(path, "List-Unsubscribe=One-Click");
        return (int)response.StatusCode;
    }

    /// <summary>What a browser sends of the page's form.</summary>
    private static string FormOf(string html) => string.Join('&', Regex.Matches(html, "<input type=\"hidden\" name=\"([^\"]+)\" value=\"([^\"]+)\">")
        .Select(static input => $"{input.Groups[1].Value}={WebUtility.UrlEncode(WebUtility.HtmlDecode(input.Groups[2].Value))}"));

    private async Task<(string, bool)[]> BoxesAsync() =>
        [.. Regex.Matches(await server.Anonymous.GetStringAsync(Preferences()), "<input type=\"checkbox\"[^>]*value=\"([^\"]+)\"([^>]*)>")
            .Select(static box => (box.Groups[1].Value, box.Groups[2].Value.Contains(" checked", StringComparison.Ordinal)))];

    private static CustomerView View(params (string Name, string Value, string MessageId)[] consent) => FakeViews.Of("ada") with
    {
        FirstSeenAt = Noon,
        LastSeenAt = Noon,
        Consent = [.. consent.Select(static one => new TraitView(one.Name, JsonText.FromString(one.Value), Noon, "api", one.MessageId))],
    };
}
