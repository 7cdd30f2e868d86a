using System.Net;
using System.Text.Json;
using Orleans.Personalize.Sending;

namespace Orleans.Personalize.Engine.Properties;

/// <summary>Templates over random sources and values.</summary>
public sealed class TemplateProperties
{
    private static readonly string[] Pieces =
    [
        "{{", "}}", "{{{", "}}}", "{{#if ", "{{/if}}", "{{else}}", "{{#each ", "{{/each}}", "{{#with ", "{{/with}}", "{{> ", "{{!--", "--}}", "\\", "~", "(", ")", "\"", "'",
        "data", "data.a", "data.list", "cart.items", "traits.x", "this", "@index", "../", "[0]", "now", " ", "1", "-2.5", "|", "=", "as |x|", "body", "footer",
        "money ", "number ", "date ", "dateAdd ", "plural ", "default ", "join ", "first ", "upper ", "capitalize ", "truncate ", "urlencode ", "json ", "eq ", "and ", "not ", "lookup ",
        "\"EUR\"", "\"P3D\"", "'long'", "<p>", "<a href=\"", "\">", "</a>", "<ul><li>", "<!--", "text",
    ];

    private static readonly object?[] Values =
        [null, "", "a", "<b>\"'&", "javascript:x", "\uFFFD\u0000\r\n", 0, -1.5, 1e300, 1e-30, decimal.MaxValue, true, false, "2026-03-01", "2026-03-01T10:00:00Z", "0001-01-01T00:00:00Z", "EUR"];

    [Fact]
    public void A_template_renders_or_says_why_not() => Property.Holds(
        static (random, size) => Enumerable.Range(0, 2 + (size / 4)).Select(_ => Pieces[random.Next(Pieces.Length)]).ToArray(),
        static pieces =>
        {
            var source = string.Concat(pieces);
            var json = JsonSerializer.SerializeToElement(new { subject = source, preheader = source, html = source, text = source, layout = "footer" });
            if (Template.Validate(json, "mail", Find).Count == 0)
                Renders(Template.Compile(json, "mail", Find), pieces.Length);
        },
        tests: 150);

    /// <summary>Helpers with sound syntax and senseless values.</summary>
    [Fact]
    public void A_helper_answers_or_says_why_not() => Property.Holds(
        static (random, _) => Enumerable.Range(0, random.Next(1, 4)).Select(_ => JsonSerializer.Serialize(Values[random.Next(Values.Length)])).Prepend(
            Helpers[random.Next(Helpers.Length)]).ToArray(),
        static items =>
        {
            var data = string.Join(",", items.Skip(1).Select(static (value, at) => $"\"v{at}\":{value}"));
            var source = $"{{{{{items[0]} {string.Join(' ', Enumerable.Range(0, items.Length - 1).Select(static at => $"data.v{at}"))}}}}}";
            Renders(Template.Compile(JsonSerializer.SerializeToElement(new { html = source })), 0, $"{{{data}}}");
        });

    [Fact]
    public void A_value_is_seen_as_it_is_and_never_as_markup() => Property.Holds(
        static (random, size) => Enumerable.Range(0, size).Select(_ => random.Next(3) == 0 ? (char)random.Next(0x20, 0xD800) : "<>\"'&=`/ ;#ax:"[random.Next(14)]).ToArray(),
        static characters =>
        {
            var value = new string(characters);
            var html = Render(Template.Compile(JsonSerializer.SerializeToElement(new { html = "<p title=\"{{data.v}}\" id='{{data.v}}'>{{data.v}}</p>" })), JsonSerializer.Serialize(new { v = value })).Html!;

            var tokens = HtmlToken.Read(html).ToArray();
            Assert.Equal(value.Length == 0 ? 2 : 3, tokens.Length);
            Assert.All(tokens[0].Attributes(html), attribute => Assert.Equal(value, WebUtility.HtmlDecode(html.Substring(attribute.Start, attribute.Length))));
            Assert.Equal(["title", "id"], tokens[0].Attributes(html).Select(static attribute => attribute.Name));
            if (value.Length > 0)
                Assert.Equal(value, WebUtility.HtmlDecode(html[tokens[1].Start..tokens[1].End]));
        });

    [Fact]
    public void The_pieces_of_html_are_the_whole() => Property.Holds(
        static (random, size) => Enumerable.Range(0, size).Select(_ => "<>/!-=\"' abdehiprstyl"[random.Next(21)]).ToArray(),
        static characters =>
        {
            var html = new string(characters);
            var at = 0;
            foreach (var token in HtmlToken.Read(html))
            {
                Assert.Equal(at, token.Start);
                Assert.True(token.End > at);
                Assert.All(token.Kind == HtmlTokenKind.Start ? token.Attributes(html) : [], attribute => Assert.InRange(attribute.Start + attribute.Length, token.Start, token.End));
                at = token.End;
            }
            Assert.Equal(html.Length, at);
            Assert.Contains("seen", TemplateHtml.WithPreheader(html, "seen"), StringComparison.Ordinal);
            Assert.Equal(HtmlText.Of(html), HtmlText.Of(html).Trim());
        });

    private static readonly string[] Helpers =
        ["money", "number", "date", "dateAdd", "plural", "default", "join", "first", "upper", "lower", "capitalize", "truncate", "urlencode", "json", "eq", "gt", "lte", "and", "or", "not"];

    private static JsonElement? Find(string id) =>
        id == "footer" ? JsonElement.Parse("""{"subject":"f","preheader":"f","html":"<body>{{{body}}}</body>","text":"{{> body}}"}""") : null;

    private static void Renders(Template template, int seed, string? data = null)
    {
        try
        {
            var content = Render(template, data ?? $$"""{"a":{{JsonSerializer.Serialize(Values[seed % Values.Length])}},"list":[1,"x",null,{"a":2}]}""");
            Assert.True(content.Html is null || content.Text is not null);
            Assert.DoesNotContain('\n', content.Subject ?? "");
        }
        catch (TemplateException fault)
        {
            Assert.False(fault.MayPass);
        }
    }

    private static RenderedContent Render(Template template, string data) => template.Render(
        new SendJob
        {
            DecisionId = "d", Attempt = 1, Trigger = "t", Key = null, Template = "mail", Data = JsonText.FromString(data), EventName = null, EventProperties = default,
            DecidedAt = DateTimeOffset.UnixEpoch, ExpiresAt = null,
            Profile = Orleans.Personalize.Customers.Views.Of(Profile.New(new("shop", "ada"))),
        },
        new("shop", "ada"),
        new StoppedClock());

    private sealed class StoppedClock : TimeProvider
    {
        public override DateTimeOffset GetUtcNow() => DateTimeOffset.UnixEpoch;

        public override long GetTimestamp() => 0;
    }
}
