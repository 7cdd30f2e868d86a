using Orleans.Personalize.Sending;
using static Orleans.Personalize.Grains.Tests.Sending.TemplateSample;

namespace Orleans.Personalize.Grains.Tests.Sending;

/// <summary>Which of a template's contents is used, and what is said of the others.</summary>
public sealed class TemplateContentTests
{
    private const string Welcome = """
        {
          "subject": "Hello {{traits.first_name}}",
          "text": "{{traits.first_name}}, look at {{data.product}}",
          "requires": ["traits.first_name"],
          "maxStaleness": "P30D",
          "fallbacks": [
            { "name": "last-known", "requires": ["traits.first_name"], "maxStaleness": "P180D", "text": "Hello again, {{traits.first_name}}" },
            { "name": "viewers", "if": { "count": { "event": "Product Viewed" }, "op": "gte", "value": 3 }, "subject": "Hello", "text": "You looked around." },
            { "name": "all", "subject": "Hello", "html": "<p>Welcome</p>" }
          ]
        }
        """;

    [Theory]
    [InlineData(29, 5, "default", "Hello Ada", "Ada, look at ")]
    [InlineData(30, 5, "default", "Hello Ada", "Ada, look at ")]
    [InlineData(31, 5, "last-known", "Hello Ada", "Hello again, Ada")]
    [InlineData(181, 5, "viewers", "Hello", "You looked around.")]
    [InlineData(181, 2, "all", "Hello", "Welcome")]
    [InlineData(null, 5, "viewers", "Hello", "You looked around.")]
    [InlineData(null, 0, "all", "Hello", "Welcome")]
    public void The_first_content_whose_data_is_there_and_fresh_is_used(int? days, int views, string name, string subject, string text)
    {
        var content = Render(Welcome, Known(days, views));
        Assert.Equal((name, subject, text), (content.Name, content.Subject, content.Text));
    }

    [Fact]
    public void A_fallback_with_a_body_of_its_own_does_not_take_the_other_body()
    {
        Assert.Equal("<p>Welcome</p>", Render(Welcome, Known(null, 0)).Html);
        Assert.Null(Render(Welcome, Known(null, 5)).Html);
    }

    [Fact]
    public void When_none_can_be_used_the_reason_names_what_was_missing_from_each()
    {
        var fault = Assert.Throws<TemplateException>(() => Render(
            """
            {
              "text": "x", "requires": ["traits.first_name", "data.code", "cart.items"], "maxStaleness": "P1D",
              "fallbacks": [
                { "name": "old", "requires": ["cart.total"], "maxStaleness": "PT1H" },
                { "name": "segment", "if": { "field": "profile.orders.count", "op": "gt", "value": 3 } },
                { "name": "broken", "text": "{{money event.name 'EUR'}}" }
              ]
            }
            """));
        Assert.Equal(
            "None of the template's contents can be used. default: Missing: traits.first_name, data.code. " +
            "old: cart.total is of 2026-03-20, more than 0.04 days ago. segment: /fallbacks/1/if does not hold. " +
            "broken: money: the value is no number.", fault.Message);
    }

    [Theory]
    [InlineData("PT1H", true)]
    [InlineData("PT59M", false)]
    public void Where_nothing_is_required_the_customer_must_have_been_seen(string maxStaleness, bool isFresh)
    {
        var document = $$"""{"text":"x","maxStaleness":"{{maxStaleness}}","fallbacks":[{"name":"late","text":"y"}]}""";
        Assert.Equal(isFresh ? "x" : "y", Render(document).Text);
        Assert.Equal("y", Render(document, Job() with { Profile = Job().Profile with { LastSeenAt = null } }).Text);
    }

    [Theory]
    [InlineData("traits.name", "\"Ada\"", true)]
    [InlineData("traits.name", "\"\"", false)]
    [InlineData("traits.name", "null", false)]
    [InlineData("traits.name", "[]", false)]
    [InlineData("traits.name", "0", true)]
    [InlineData("traits.name", "false", true)]
    [InlineData("traits.name.first", "{\"first\":\"A\"}", true)]
    [InlineData("traits.name.last", "{\"first\":\"A\"}", false)]
    [InlineData("traits.name.1", "[1,2]", true)]
    [InlineData("traits.name.2", "[1,2]", false)]
    [InlineData("traits.[name]", "1", true)]
    [InlineData("cart.items", "1", true)]
    [InlineData("consent.email", "1", false)]
    public void A_required_field_must_hold_something(string field, string json, bool isThere)
    {
        var document = $$"""{"text":"x","requires":["{{field}}"],"fallbacks":[{"name":"none","text":"y"}]}""";
        Assert.Equal(isThere ? "x" : "y", Render(document, Job().With(("name", json))).Text);
    }

    [Theory]
    [InlineData("""{"field":"event.name","op":"eq","value":"Product Added"}""", true)]
    [InlineData("""{"field":"event.properties.price","op":"gt","value":19}""", true)]
    [InlineData("""{"field":"event.properties.price","op":"gt","value":20}""", false)]
    [InlineData("""{"field":"profile.traits.plan.tier","op":"in","value":["gold","silver"]}""", true)]
    [InlineData("""{"field":"profile.traits.nothing","op":"exists"}""", false)]
    [InlineData("""{"field":"profile.customerId","op":"startsWith","value":"ada"}""", true)]
    [InlineData("""{"field":"profile.counters.Product Viewed","op":"eq","value":5}""", true)]
    [InlineData("""{"field":"profile.cart.items","op":"eq","value":3}""", true)]
    [InlineData("""{"field":"profile.cart.total","op":"gte","value":1239.80}""", true)]
    [InlineData("""{"field":"profile.orders.revenue","op":"eq","value":12.5}""", true)]
    [InlineData("""{"field":"profile.orders.lastAt","op":"lt","value":"2026-03-11"}""", true)]
    [InlineData("""{"field":"profile.lastSeenAt","op":"gt","value":"2026-03-20T12"}""", false)]
    [InlineData("""{"field":"profile.lastSeenAt","op":"gte","value":"2026-03-20T11:00:00Z"}""", true)]
    [InlineData("""{"field":"profile.traits.half","op":"eq","value":"x"}""", false)]
    [InlineData("""{"count":{"event":"Product Viewed"},"op":"eq","value":5}""", true)]
    [InlineData("""{"all":[{"not":{"field":"profile.consent.email","op":"eq","value":true}},{"any":[{"field":"event.name","op":"eq","value":"x"},{"field":"profile.cart.id","op":"eq","value":"c7"}]}]}""", true)]
    public void A_condition_is_one_of_the_trigger_language(string condition, bool holds) => Assert.Equal(holds ? "x" : "y", Render(
        $$"""{"text":"x","if":{{condition}},"fallbacks":[{"name":"else","text":"y"}]}""",
        Job().With(("plan", """{"tier":"gold"}"""), ("half", "\"\\ud800\""))).Text);

    [Fact]
    public void A_strict_template_names_every_missing_field_with_its_part()
    {
        var fault = Assert.Throws<TemplateException>(() => Render(
            """
            {
              "strict": true,
              "subject": "{{traits.first_name}}",
              "html": "{{#each cart.items}}{{imageUrl}}{{/each}}{{upper data.a.b}} {{default traits.nothing 'x'}} {{#if nothing}}{{/if}}{{cart.items.[9].name}}",
              "text": "{{#with data}}{{c}}{{/with}}{{nothing.at.all}}{{cart.items.size}}"
            }
            """, WithData("""{"c":null}""")));
        Assert.Equal(
            "Missing: traits.first_name in subject, cart.items[].imageUrl in html, data.a.b in html, cart.items[].name in html, " +
            "data.c in text, nothing.at.all in text, cart.items.size in text.", fault.Message);
    }

    [Fact]
    public void A_strict_content_that_misses_a_field_gives_way_to_the_next()
    {
        const string Document = """{"strict":true,"text":"{{traits.first_name}}!","fallbacks":[{"name":"plain","text":"Hello!"}]}""";
        Assert.Equal(("plain", "Hello!"), (Render(Document).Name, Render(Document).Text));
        Assert.Equal("Ada!", Render(Document, Known(1, 0)).Text);
        Assert.Equal("!", Render(Document.Replace("true", "false", StringComparison.Ordinal)).Text);
    }

    [Fact]
    public void What_is_asked_for_is_not_missing() => Assert.Equal("", Render(
        """{"strict":true,"text":"{{#if nothing}}x{{/if}}{{#each data.list}}x{{/each}}{{#with data.o}}x{{/with}}{{#nothing}}{{/nothing}}{{#if (eq traits.a data.b)}}{{/if}}{{#each (first x 2)}}{{/each}}"}""").Text);

    [Theory]
    [InlineData("""{"text":"x","requires":"traits.a"}""", "/requires")]
    [InlineData("""{"text":"x","requires":["a.b"]}""", "/requires/0")]
    [InlineData("""{"text":"x","requires":["traits..b"]}""", "/requires/0")]
    [InlineData("""{"text":"x","requires":[7]}""", "/requires/0")]
    [InlineData("""{"text":"x","maxStaleness":"P1Y"}""", "/maxStaleness")]
    [InlineData("""{"text":"x","strict":"yes"}""", "/strict")]
    [InlineData("""{"text":"x","locale":"tlh"}""", "/locale")]
    [InlineData("""{"text":"x","timezone":"Mars/Olympus"}""", "/timezone")]
    [InlineData("""{"text":"x","txt":"y"}""", "/txt")]
    [InlineData("""{"text":"x","fallbacks":[{"text":"y"}]}""", "/fallbacks/0/name")]
    [InlineData("""{"text":"x","fallbacks":[{"name":"default"}]}""", "/fallbacks/0/name")]
    [InlineData("""{"text":"x","fallbacks":[{"name":"a"},{"name":"a"}]}""", "/fallbacks/1/name")]
    [InlineData("""{"text":"x","fallbacks":[{"name":"a","html":"{{"}]}""", "/fallbacks/0/html")]
    [InlineData("""{"text":"x","fallbacks":[{"name":"a","strict":true}]}""", "/fallbacks/0/strict")]
    [InlineData("""{"text":"x","fallbacks":[{"name":"a","if":{}}]}""", "/fallbacks/0/if")]
    [InlineData("""{"text":"x","if":{"field":"event.type","op":"eq","value":"x"}}""", "/if/field")]
    [InlineData("""{"text":"x","if":{"not":{"count":{"event":"a","within":"P1D"},"op":"eq","value":1}}}""", "/if/not/count/within")]
    [InlineData("""{"text":"x","fallbacks":[{"name":"a"},{"name":"b"},{"name":"c"},{"name":"d"},{"name":"e"},{"name":"f"},{"name":"g"},{"name":"h"},{"name":"i"}]}""", "/fallbacks")]
    public void A_fault_in_how_contents_are_chosen_is_pointed_at(string document, string pointer) =>
        Assert.Equal(pointer, Assert.Single(Validate(document)).Pointer);

    [Fact]
    public void Time_is_bounded_and_its_lack_may_pass()
    {
        var template = Template.Compile(Document(new { text = "{{#each data.rows}}{{#if ../nothing}}{{/if}}{{/each}}", fallbacks = new[] { new { name = "b", text = "x" } } }));
        var rows = WithData(new { rows = Enumerable.Range(0, 1000) });

        Assert.Equal("", template.Render(rows, Customer, new FixedClock(Noon, TimeSpan.FromMicroseconds(100))).Text);
        var fault = Assert.Throws<TemplateException>(() => template.Render(rows, Customer, new FixedClock(Noon, TimeSpan.FromMilliseconds(1))));
        Assert.Equal("The template took longer than 1 s to render.", fault.Message);
        Assert.True(fault.MayPass);
    }

    private static SendJob Known(int? days, int views)
    {
        var job = Job() with { Profile = Job().Profile with { Counters = [new CounterView("Product Viewed", views, Noon, Noon)] } };
        return days is null ? job : job with
        {
            Profile = job.Profile with { Traits = [new TraitView("first_name", JsonText.FromString("\"Ada\""), Noon.AddDays(-days.Value), "api", "m1")] },
        };
    }
}
