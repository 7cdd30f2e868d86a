using System.Text.Json;
using Orleans.Personalize.Sending;
using static Orleans.Personalize.Grains.Tests.Sending.TemplateSample;

namespace Orleans.Personalize.Grains.Tests.Sending;

public sealed class TemplateIncludeTests
{
    [Fact]
    public void An_include_is_the_same_part_of_another_template_and_sees_what_surrounds_it()
    {
        var content = Render(
            new { subject = "{{> greeting}}!", html = "<ul>{{#each cart.items}}{{> row}}{{/each}}</ul>{{> greeting}}", text = "{{#each cart.items}}{{> 'row'}}{{/each}}" },
            null,
            ("greeting", new { subject = "Hello {{customer}}", html = "<b>Hello</b>", text = "x" }),
            ("row", new { html = "<li>{{name}} for {{@root.customer}}</li>", text = "- {{name}}\n" }));

        Assert.Equal("Hello ada/1!", content.Subject);
        Assert.Equal("<ul><li>Mug &amp; Saucer for ada/1</li><li>Sofa for ada/1</li></ul><b>Hello</b>", content.Html);
        Assert.Equal("- Mug & Saucer\n- Sofa\n", content.Text);
    }

    [Fact]
    public void An_include_may_be_given_what_it_is_about() => Assert.Equal(
        "Sofa 1200", Render(new { text = "{{> row cart.items.[1]}}{{> row nothing}}" }, null, ("row", new { text = "{{name}} {{price}}" })).Text);

    [Fact]
    public void A_layout_is_put_around_html_and_text_and_may_have_a_layout_itself()
    {
        (string, object)[] library =
        [
            ("inner", new { layout = "outer", html = "<main>{{{body}}}</main>{{> footer}}", text = "{{> body}}--" }),
            ("outer", new { html = "<body>{{{ body }}}</body>" }),
            ("footer", new { html = "<i>{{customer}}</i>" }),
        ];
        var content = Render(new { layout = "inner", subject = "S", preheader = "P", html = "<p>{{event.name}}</p>", text = "T" }, null, library);

        Assert.Equal("<body><main><p>Product Added</p></main><i>ada/1</i></body>", Without(content.Html!, "P"));
        Assert.Equal(("S", "P", "T--"), (content.Subject, content.Preheader, content.Text));
        Assert.Equal("T--", Render(new { layout = "inner", text = "T" }, null, library).Text);
        Assert.Null(Render(new { layout = "inner", text = "T" }, null, library).Html);
    }

    [Fact]
    public void Fallbacks_have_the_layout_too() => Assert.Equal("[y]", Render(
        new { layout = "l", text = "x", requires = new[] { "data.x" }, fallbacks = new[] { new { name = "b", text = "y" } } }, null, ("l", new { text = "[{{{body}}}]" })).Text);

    [Theory]
    [InlineData("""{"text":"{{> gone}}"}""", "/text", "There is no template 'gone', which 'mail' refers to.")]
    [InlineData("""{"text":"x","layout":"gone"}""", "/layout", "There is no template 'gone', which 'mail' refers to.")]
    [InlineData("""{"text":"{{> mail}}"}""", "/text", "It includes itself: mail → mail.")]
    [InlineData("""{"text":"x","layout":"mail"}""", "/layout", "It includes itself: mail → mail.")]
    [InlineData("""{"text":"{{> circle}}"}""", "/text", "It includes itself: mail → circle → mail.")]
    [InlineData("""{"html":"{{> text-only}}"}""", "/html", "The template 'text-only', which 'mail' includes, has no html.")]
    [InlineData("""{"text":"x","layout":"text-only"}""", "/layout", "The text of the layout 'text-only' has no {{{body}}}.")]
    [InlineData("""{"text":"x","fallbacks":[{"name":"b","text":"{{> gone}}"}]}""", "/fallbacks/0/text", "There is no template 'gone', which 'mail' refers to.")]
    [InlineData("""{"text":"{{> dangling}}"}""", "/text", "There is no template 'gone', which 'dangling' refers to.")]
    public void A_reference_that_leads_nowhere_is_pointed_at(string document, string pointer, string detail)
    {
        var error = Assert.Single(Validate(document, ("circle", """{"text":"{{> mail}}"}"""), ("text-only", """{"text":"x"}"""), ("dangling", """{"text":"{{> gone}}"}"""), ("mail", document)));
        Assert.Equal((pointer, detail), (error.Pointer, error.Detail));
    }

    [Fact]
    public void Includes_may_be_ten_deep_and_no_deeper()
    {
        var chain = Enumerable.Range(1, 10).Select(at => ($"t{at}", (object)new { text = at == 10 ? "end" : $"{{{{> t{at + 1}}}}}" })).ToArray();
        Assert.Equal("end", Render(new { text = "{{> t2}}" }, null, chain).Text);
        Assert.Contains("more than 10 deep: mail → t1 → t2", Assert.Single(Validate(new { text = "{{> t1}}" }, chain)).Detail, StringComparison.Ordinal);
    }

    [Theory]
    [InlineData("", "1,000 includes")]
    [InlineData("xxxxxxxxxx", "1,000 includes")]
    public void Includes_that_multiply_are_refused(string filling, string detail)
    {
        var chain = Enumerable.Range(1, 8).Select(at => ($"t{at}", (object)new { text = filling + string.Concat(Enumerable.Repeat(at == 8 ? "" : $"{{{{> t{at + 1}}}}}", 10)) })).ToArray();
        Assert.Contains(detail, Assert.Single(Validate(new { text = "{{> t1}}" }, chain)).Detail, StringComparison.Ordinal);
    }

    [Fact]
    public void A_part_with_its_includes_is_bounded()
    {
        var half = new { text = new string('x', Template.SourceLengthMax) };
        Assert.Empty(Validate(new { text = "{{> half}}{{> half}}" }, ("half", half)));
        Assert.Contains("longer than 524,288", Assert.Single(Validate(new { text = "{{> half}}{{> half}}!" }, ("half", half))).Detail, StringComparison.Ordinal);
        var tags = new { text = string.Concat(Enumerable.Repeat("{{a}}", 2_600)) };
        Assert.Contains("5,000 expressions", Assert.Single(Validate(new { text = "{{> tags}}{{> tags}}" }, ("tags", tags))).Detail, StringComparison.Ordinal);
    }

    [Theory]
    [InlineData("[{{{body}}}]")]
    [InlineData("[{{> body}}]")]
    public void Where_a_template_is_no_layout_the_body_is_nothing(string text) => Assert.Equal("[]", Text(text));

    [Fact]
    public void The_references_of_a_document_are_found_in_all_its_parts() => Assert.Equal(
        ["a", "b", "c", "d", "e"],
        Template.References(JsonSerializer.SerializeToElement(new
        {
            layout = "a", subject = "{{> b}}", html = "{{> c this}}{{{body}}}{{> body}}", text = "{{!-- {{> no}} --}}\\{{> no}}{{! {{> no}}{{> d}}",
            fallbacks = new[] { new { name = "f", html = "{{> e}}{{> b}}" } },
        })).Order());

    private static string Without(string html, string preheader)
    {
        var start = html.IndexOf("<div style=\"display:none", StringComparison.Ordinal);
        var end = html.IndexOf("</div>", start, StringComparison.Ordinal) + "</div>".Length;
        Assert.Contains($">{preheader}&#847;", html[start..end], StringComparison.Ordinal);
        return html.Remove(start, end - start);
    }
}
