using System.Text.Json;
using Orleans.Personalize.Sending;

namespace Orleans.Personalize.Grains.Tests.Sending;

public sealed class TemplateTests
{
    private static readonly CustomerKey Customer = new("shop", "ada/1");

    [Fact]
    public void Html_is_escaped_and_subject_and_text_are_not()
    {
        var content = Render(new { subject = "{{data.name}}", html = "<p>{{data.name}}</p>{{{data.name}}}", text = "{{data.name}}" },
            Job() with { Data = Json("""{"name":"<b>\"A&B\"</b>"}""") });

        Assert.Equal("<b>\"A&B\"</b>", content.Subject);
        Assert.Equal("<p>&lt;b&gt;&quot;A&amp;B&quot;&lt;/b&gt;</p><b>\"A&B\"</b>", content.Html);
        Assert.Equal("<b>\"A&B\"</b>", content.Text);
    }

    [Fact]
    public void The_model_holds_the_profile_the_event_and_the_triggers_data()
    {
        const string Template =
            "{{customer}} {{trigger}} {{key}} {{traits.[first name]}} {{consent.email}} {{cart.id}} {{cart.total}} " +
            "{{#each cart.items}}{{productId}}:{{name}}:{{quantity}}:{{price}}:{{url}}:{{imageUrl}};{{/each}} " +
            "{{#each orders}}{{id}}:{{status}}:{{total}}:{{currency}}:{{at}}{{/each}} " +
            "{{event.name}} {{event.properties.price}} {{data.campaign}}";

        Assert.Equal(
            "ada/1 cart-abandoned c7 Ada true c7 39.80 p1:Mug:2:19.90:https://shop.example/p1:https://shop.example/p1.png;p2::1:::; " +
            "o1:completed:12.50:EUR:2026-03-01T10:00:00.000Z Product Added 19.90 spring",
            RenderText(Template));
    }

    [Theory]
    [InlineData("[{{nothing}}]")]
    [InlineData("[{{traits.nothing}}]")]
    [InlineData("[{{nothing.at.all}}]")]
    [InlineData("[{{cart.items.[9].name}}]")]
    [InlineData("[{{#each nothing}}x{{/each}}]")]
    [InlineData("[{{#if nothing}}x{{/if}}]")]
    [InlineData("[{{#with nothing}}x{{/with}}]")]
    [InlineData("[{{../../../nothing}}]")]
    public void A_missing_field_renders_as_nothing(string template) => Assert.Equal("[]", RenderText(template));

    [Fact]
    public void Loops_nest_and_know_their_place()
    {
        var job = Job() with { Data = Json("""{"rows":[{"name":"a","cells":[1,2]},{"name":"b","cells":[]}]}""") };

        Assert.Equal("0a(1,2,cart c7) 1b(empty) ",
            RenderText("{{#each data.rows}}{{@index}}{{name}}({{#each cells}}{{this}},{{#if @last}}cart {{@root.cart.id}}{{/if}}{{else}}empty{{/each}}) {{/each}}", job));
    }

    [Fact]
    public void A_section_enters_an_object_goes_through_a_list_and_skips_what_is_not_there() => Assert.Equal(
        "c7 Ada; p1p2 none; first name=Ada",
        RenderText("{{#cart}}{{id}} {{@root.traits.[first name]}}{{/cart}}; {{#cart.items}}{{productId}}{{/cart.items}} {{^nothing}}none{{/nothing}}; {{#each traits}}{{@key}}={{this}}{{/each}}"));

    [Theory]
    [InlineData("{{data.number}}", "19.90")]
    [InlineData("{{data.huge}}", "1e400")]
    [InlineData("{{data.yes}} {{data.no}}", "true false")]
    [InlineData("{{data.none}}", "")]
    [InlineData("{{data.list}}", "1,2")]
    [InlineData("{{data.list.length}}", "2")]
    [InlineData("{{data.object}}", "")]
    [InlineData("{{#if data.zero}}x{{else}}y{{/if}}", "y")]
    [InlineData("{{#each data.object}}{{@key}}{{this}}{{/each}}", "a1")]
    [InlineData("{{data.half}}", "\uFFFD")]
    [InlineData("{{data.same}}", "2")]
    [InlineData("{{Data.number}}", "")]
    public void Json_values_are_shown_as_json_writes_them(string template, string expected)
    {
        var job = Job() with
        {
            Data = Json("""{"number":19.90,"huge":1e400,"yes":true,"no":false,"none":null,"list":[1,2],"object":{"a":1},"zero":0,"half":"\ud800","\udc00":1,"same":1,"same":2}"""),
        };
        Assert.Equal(expected, RenderText(template, job));
    }

    [Theory]
    [InlineData("{{customer.Length}}")]
    [InlineData("{{customer.length}}")]
    [InlineData("{{cart.Count}}{{cart.Keys}}{{cart.Values}}{{cart.Comparer}}")]
    [InlineData("{{cart.Fields}}{{cart.fields}}{{cart.EnterLoop}}{{cart.items.EnterLoop}}")]
    [InlineData("{{cart.items.Count}}{{cart.items.Capacity}}")]
    [InlineData("{{cart.total.Scale}}")]
    [InlineData("{{customer.GetType}}{{this.GetType}}{{lookup cart 'Count'}}")]
    [InlineData("{{#each customer}}x{{/each}}")]
    public void No_dotnet_member_is_reachable(string template) => Assert.Equal("", RenderText(template));

    [Theory]
    [InlineData("a\r\nBcc: b@example.com", "a Bcc: b@example.com")]
    [InlineData("a\nb\rc\u0085d\u2028e\u2029f\u0000g\u000bh", "a b c d e f g h")]
    [InlineData("\r\n a \r\n", "a")]
    public void A_subject_is_one_line(string name, string expected)
    {
        var job = Job() with { Data = Json(JsonSerializer.Serialize(new { name })) };
        Assert.Equal(expected, Render(new { subject = "{{data.name}}", text = "x" }, job).Subject);
        Assert.Equal(expected, Render(new { subject = name, text = "x" }, job).Subject);
    }

    [Theory]
    [InlineData("""{"subject":"a","html":"b","text":"c"}""")]
    [InlineData("""{"html":"b"}""")]
    [InlineData("""{"text":""}""")]
    [InlineData("""{"text":"{{#if a}}1{{else if b}}2{{else}}3{{/if}} {{! a comment }} \\{{a}} }} :-) {{#a as |b|}}{{/a}}"}""")]
    public void A_sound_document_has_no_errors(string document) => Assert.Empty(Validate(document));

    [Theory]
    [InlineData("[]", "", "object")]
    [InlineData("{}", "", "html, text or both")]
    [InlineData("""{"subject":"a"}""", "", "html, text or both")]
    [InlineData("""{"text":1}""", "/text", "text")]
    [InlineData("""{"text":"x","html":7}""", "/html", "text")]
    [InlineData("""{"text":"x","html":"{{#if a}}"}""", "/html", "'if'")]
    [InlineData("""{"text":"x","subject":"{{/if}}"}""", "/subject", "/if")]
    [InlineData("""{"text":"{{"}""", "/text", "0:2")]
    [InlineData("""{"text":"{{}}"}""", "/text", "0:4")]
    [InlineData("""{"text":"{{a.}}{{{b}}"}""", "/text", "")]
    [InlineData("""{"text":"{{> header}}"}""", "/text", "no template 'header'")]
    [InlineData("""{"text":"{{> (lookup data 'part')}}"}""", "/text", "partials")]
    [InlineData("""{"text":"{{> header a=1}}"}""", "/text", "partials")]
    [InlineData("""{"text":"{{#> header}}{{/header}}"}""", "/text", "partials")]
    [InlineData("""{"text":"{{#*inline 'a'}}{{/inline}}"}""", "/text", "partials")]
    [InlineData("""{"text":"{{gold cart.total}}"}""", "/text", "'gold'")]
    [InlineData("""{"text":"{{#if (same a b)}}{{/if}}"}""", "/text", "'same'")]
    [InlineData("""{"text":"{{#times 3}}x{{/times}}"}""", "/text", "'times'")]
    [InlineData("""{"text":"\ud800"}""", "/text", "surrogate")]
    public void A_fault_is_pointed_at(string document, string pointer, string detail)
    {
        var error = Assert.Single(Validate(document));
        Assert.Equal(pointer, error.Pointer);
        Assert.Contains(detail, error.Detail, StringComparison.Ordinal);
        Assert.True(error.Detail.Length < 300);
        Assert.DoesNotContain('\n', error.Detail);
    }

    [Fact]
    public void Each_faulty_part_has_its_own_error() =>
        Assert.Equal(["/html", "/subject", "/text"], Validate("""{"subject":"{{","html":"{{/x}}","text":7}""").Select(error => error.Pointer).Order());

    [Fact]
    public void A_source_may_be_256_KB_long_and_no_longer()
    {
        Assert.Empty(Validate(JsonSerializer.Serialize(new { text = new string('x', Template.SourceLengthMax) })));
        Assert.Equal("/text", Assert.Single(Validate(JsonSerializer.Serialize(new { text = new string('x', Template.SourceLengthMax + 1) }))).Pointer);
    }

    /// <summary>Without these bounds the first three overflow the stack, which ends the process; the last takes a processor for minutes.</summary>
    [Theory]
    [InlineData("{{#if a}}", "{{#if a}}", "{{/if}}", 4_900, "deep")]
    [InlineData("{{#if a}}", "{{else if b}}", "{{/if}}", 4_900, "deep")]
    [InlineData("{{lookup a ", "(lookup a ", ")}}", 4_900, "deep")]
    [InlineData("", "{{a}}", "", 5_001, "expressions")]
    public void A_template_that_could_exhaust_the_compiler_is_refused(string start, string middle, string end, int times, string detail)
    {
        var text = start + string.Concat(Enumerable.Repeat(middle, times)) + end;
        var error = Assert.Single(Validate(JsonSerializer.Serialize(new { text })));
        Assert.Equal("/text", error.Pointer);
        Assert.Contains(detail, error.Detail, StringComparison.Ordinal);
    }

    [Fact]
    public void Many_blocks_side_by_side_are_not_deep()
    {
        var source = string.Concat(Enumerable.Repeat("{{#if a}}x{{else if customer}}y{{else}}z{{/if}}", 500));
        Assert.Equal(new string('y', 500), RenderText(source));
    }

    [Fact]
    public void Output_is_bounded()
    {
        var job = Job() with { Data = Json(JsonSerializer.Serialize(new { row = new string('x', 1024), rows = Enumerable.Range(0, 1024) })) };
        Assert.Equal(Template.OutputLengthMax, RenderText("{{#each data.rows}}{{@root.data.row}}{{/each}}", job).Length);

        var fault = Assert.Throws<TemplateException>(() => RenderText("{{#each data.rows}}{{@root.data.row}}{{/each}}!", job));
        Assert.Equal("The text of the template came out longer than 1,048,576 characters.", fault.Message);
    }

    [Fact]
    public void Loops_that_write_nothing_are_bounded_too()
    {
        var job = Job() with { Data = Json(JsonSerializer.Serialize(new { rows = Enumerable.Range(0, 1000) })) };
        var fault = Assert.Throws<TemplateException>(() =>
            RenderText("{{#each data.rows}}{{#each @root.data.rows}}{{#each @root.data.rows}}{{/each}}{{/each}}{{/each}}", job));
        Assert.Contains("100,000 turns", fault.Message, StringComparison.Ordinal);
    }

    [Fact]
    public async Task One_template_renders_concurrently()
    {
        var template = Template.Compile(JsonSerializer.SerializeToElement(new { text = "{{#each data.rows}}{{this}} {{@root.key}};{{/each}}" }));
        var texts = await Task.WhenAll(Enumerable.Range(0, 200).Select(number => Task.Run(() =>
            template.Render(Job() with { Key = $"k{number}", Data = Json($$"""{"rows":[{{number}},1]}""") }, Customer, TimeProvider.System).Text)));

        Assert.Equal(Enumerable.Range(0, 200).Select(number => $"{number} k{number};1 k{number};"), texts);
    }

    [Fact]
    public void A_document_without_a_part_renders_none()
    {
        var content = Render(new { text = "x" });
        Assert.Equal((null, null, null, "x", "default"), (content.Subject, content.Preheader, content.Html, content.Text, content.Name));
    }

    private static IReadOnlyList<DocumentError> Validate(string document)
    {
        using var json = JsonDocument.Parse(document);
        return Template.Validate(json.RootElement);
    }

    private static string RenderText(string text, SendJob? job = null) => Render(new { text }, job).Text!;

    private static RenderedContent Render(object document, SendJob? job = null) =>
        Template.Compile(JsonSerializer.SerializeToElement(document)).Render(job ?? Job(), Customer, TimeProvider.System);

    private static JsonText Json(string json) => JsonText.FromString(json);

    private static SendJob Job() => new()
    {
        DecisionId = "0123456789abcdef0123456789abcdef",
        Attempt = 1,
        Trigger = "cart-abandoned",
        Key = "c7",
        Template = "welcome",
        Data = Json("""{"campaign":"spring"}"""),
        EventName = "Product Added",
        EventProperties = Json("""{"price":19.90}"""),
        DecidedAt = DateTimeOffset.UnixEpoch,
        ExpiresAt = null,
        Profile = new CustomerView
        {
            Customer = Customer.CustomerId,
            Version = 3,
            FirstSeenAt = null,
            LastSeenAt = null,
            Traits = [new TraitView("first name", Json("\"Ada\""), DateTimeOffset.UnixEpoch, "api", "m1")],
            Consent = [new TraitView("email", Json("true"), DateTimeOffset.UnixEpoch, "api", "m1")],
            Counters = [],
            Cart = new CartView("c7", 39.80m,
                [
                    new CartLineView("p1", "Mug", 2, 19.90m, "https://shop.example/p1", "https://shop.example/p1.png"),
                    new CartLineView("p2", null, 1, null, null, null),
                ], null),
            Orders = [new OrderView("o1", "completed", 12.50m, "EUR", new DateTimeOffset(2026, 3, 1, 10, 0, 0, TimeSpan.Zero))],
            Waits = [],
            Sends = [],
            Decisions = [],
            Recent = [],
        },
    };
}
