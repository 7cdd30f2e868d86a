using Microsoft.Extensions.Logging.Abstractions;
using Orleans.Personalize.Registry;
using Orleans.Personalize.Sending;
using static Orleans.Personalize.Grains.Tests.Sending.TemplateSample;

namespace Orleans.Personalize.Grains.Tests.Sending;

public sealed class TemplateCatalogTests
{
    private readonly Catalog catalog = new("shop", [], NullLogger.Instance);
    private long version;

    [Fact]
    public void What_includes_a_changed_template_is_made_anew_and_nothing_else()
    {
        var mailAndNote = (("mail", 1L, """{"layout":"base","text":"Hello"}"""), ("note", 1L, """{"text":"{{> mail}} {{> footer}}"}"""));
        Replace(("base", 1, """{"text":"[{{{body}}}]"}"""), ("footer", 1, """{"text":"Bye"}"""), mailAndNote.Item1, mailAndNote.Item2);
        var (mail, note) = (catalog.FindTemplate("mail"), catalog.FindTemplate("note"));
        Assert.Equal(("[Hello]", "Hello Bye"), (Text("mail"), Text("note")));

        Replace(("base", 1, """{"text":"[{{{body}}}]"}"""), ("footer", 2, """{"text":"So long"}"""), mailAndNote.Item1, mailAndNote.Item2);
        Assert.Same(mail, catalog.FindTemplate("mail"));
        Assert.NotSame(note, catalog.FindTemplate("note"));
        Assert.Equal(("[Hello]", "Hello So long"), (Text("mail"), Text("note")));

        Replace(("base", 2, """{"text":"({{{body}}})"}"""), ("footer", 2, """{"text":"So long"}"""), mailAndNote.Item1);
        Assert.Equal("(Hello)", Text("mail"));
        Assert.Null(catalog.FindTemplate("note"));
    }

    [Fact]
    public void A_template_that_lost_an_include_says_so_until_it_is_back()
    {
        Replace(("mail", 1, """{"text":"{{> middle}}"}"""), ("middle", 1, """{"text":"{{> end}}"}"""));
        Assert.Equal(
            "The template is not valid: /text There is no template 'end', which 'middle' refers to.", Assert.Throws<TemplateException>(() => Text("mail")).Message);

        Replace(("mail", 1, """{"text":"{{> middle}}"}"""), ("middle", 1, """{"text":"{{> end}}"}"""), ("end", 1, """{"text":"x"}"""));
        Assert.Equal("x", Text("mail"));
    }

    [Fact]
    public void A_stored_document_may_have_members_that_a_new_one_may_not()
    {
        Replace(("old", 1, """{"text":"x","comment":"y"}"""));
        Assert.Equal("x", Text("old"));
        Assert.Equal("/comment", Assert.Single(Validate("""{"text":"x","comment":"y"}""")).Pointer);
    }

    private string? Text(string id) => catalog.FindTemplate(id)!.Render(Job(), Customer, Clock).Text;

    private void Replace(params (string Id, long Version, string Json)[] templates) => catalog.Replace(new(
        ++version, [.. templates.Select(template => new RegistryDocument(RegistryKind.Template, template.Id, template.Version, Noon, JsonText.FromString(template.Json)))]));
}
