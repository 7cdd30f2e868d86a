using Orleans.Personalize.Testing;

namespace Orleans.Personalize.Grains.Tests.Sending;

/// <summary>Templates in the registry: what may be put and deleted, what takes effect, and previews.</summary>
public sealed class TemplateGrainTests
{
    private const string Kind = RegistryKind.Template;

    [Fact]
    public async Task A_template_may_name_only_what_is_there()
    {
        await using var fixture = new GrainFixture();
        var refused = await TryPut(fixture, "mail", """{"layout":"base","text":"{{> footer}}"}""");
        Assert.Equal(["/text"], refused.Errors.Select(error => error.Pointer));

        await fixture.Put(Kind, "footer", """{"text":"Bye"}""");
        Assert.Equal(["/layout"], (await TryPut(fixture, "mail", """{"layout":"base","text":"{{> footer}}"}""")).Errors.Select(error => error.Pointer));
        await fixture.Put(Kind, "base", """{"text":"[{{{body}}}]"}""");
        Assert.NotNull((await TryPut(fixture, "mail", """{"layout":"base","text":"{{> footer}}"}""")).Stored);
    }

    [Fact]
    public async Task A_change_that_would_break_what_uses_the_template_is_refused()
    {
        await using var fixture = new GrainFixture();
        await Library(fixture);

        var errors = (await TryPut(fixture, "footer", """{"html":"no text"}""")).Errors;
        Assert.Equal(
            [
                new("", "would break the template 'letter', which uses it: The template 'footer', which 'mail' includes, has no text."),
                new("", "would break the template 'mail', which uses it: The template 'footer', which 'mail' includes, has no text."),
            ], errors);
        Assert.Equal("It includes itself: footer → mail → footer.", Assert.Single((await TryPut(fixture, "footer", """{"text":"{{> mail}}"}""")).Errors).Detail);
        Assert.NotNull((await TryPut(fixture, "footer", """{"text":"So long"}""")).Stored);
    }

    [Fact]
    public async Task A_template_in_use_is_not_deleted()
    {
        await using var fixture = new GrainFixture();
        await Library(fixture);

        var used = await Assert.ThrowsAsync<DocumentInUseException>(() => Delete(fixture, "footer"));
        Assert.Equal(["letter", "mail"], used.Users);
        Assert.Equal(["letter"], (await Assert.ThrowsAsync<DocumentInUseException>(() => Delete(fixture, "mail"))).Users);
        foreach (var id in (string[])["letter", "mail", "base", "footer"])
            Assert.True(await Delete(fixture, id));
    }

    [Fact]
    public async Task A_preview_shows_the_newest_of_all_that_is_included()
    {
        await using var fixture = new GrainFixture();
        await Library(fixture);
        Assert.Equal("[Hello Ada. Bye]", (await Preview(fixture, "mail"))!.Text);

        await fixture.Put(Kind, "footer", """{"text":"So long"}""");
        await fixture.Put(Kind, "base", """{"text":"({{{body}}})"}""");
        Assert.Equal("(Hello Ada. So long)", (await Preview(fixture, "mail"))!.Text);
        Assert.Null(await Preview(fixture, "gone"));
    }

    [Fact]
    public async Task A_preview_lists_what_is_missing_from_a_lenient_template_and_from_every_content_of_a_strict_one()
    {
        await using var fixture = new GrainFixture();
        const string Document = """
            {"subject":"{{data.topic}}","text":"{{traits.last_name}}",
             "fallbacks":[{"name":"second","requires":["traits.city"]},{"name":"third","subject":"Hi","text":"Hi {{customer}}"}]}
            """;
        await fixture.Put(Kind, "mail", Document);

        var lenient = (await Preview(fixture, "mail"))!;
        Assert.Equal(("default", "", ""), (lenient.Content, lenient.Subject, lenient.Text));
        Assert.Equal([new("default", "subject", "data.topic"), new("default", "text", "traits.last_name")], lenient.Missing);
        Assert.Empty(lenient.Reasons);

        var strict = (await Preview(fixture, "mail", Document.Replace("{\"subject\":\"{{", "{\"strict\":true,\"subject\":\"{{", StringComparison.Ordinal)))!;
        Assert.Equal(("third", "Hi ada"), (strict.Content, strict.Text));
        Assert.Equal(
            [new("default", "subject", "data.topic"), new("default", "text", "traits.last_name"), new("second", null, "traits.city")], strict.Missing);
        Assert.Equal(["default: Missing: data.topic in subject, traits.last_name in text.", "second: Missing: traits.city."], strict.Reasons);
    }

    [Fact]
    public async Task A_draft_needs_no_stored_template_and_is_told_its_faults()
    {
        await using var fixture = new GrainFixture();
        await Library(fixture);
        Assert.Equal("[7 Product Added 9. Bye]", (await Preview(fixture, "draft", """{"layout":"base","text":"{{data.n}} {{event.name}} {{event.properties.p}}. {{> footer}}"}"""))!.Text);
        Assert.Equal("/html", Assert.Single((await Preview(fixture, "draft", """{"html":"{{> draft}}"}"""))!.Errors).Pointer);
        Assert.Equal(["money: the value is no number."], (await Preview(fixture, "draft", """{"text":"{{money customer}}"}"""))!.Reasons);
        Assert.Equal(4, (await fixture.Run(grains => grains.GetGrain<IRegistryGrain>(GrainFixture.Workspace).List(Kind))).Length);
    }

    private static async Task Library(GrainFixture fixture)
    {
        await fixture.Put(Kind, "footer", """{"text":"Bye"}""");
        await fixture.Put(Kind, "base", """{"text":"[{{{body}}}]"}""");
        await fixture.Put(Kind, "mail", """{"layout":"base","text":"Hello {{traits.first_name}}. {{> footer}}"}""");
        await fixture.Put(Kind, "letter", """{"text":"{{> mail}} footer"}""");
    }

    private static Task<RegistryPut> TryPut(GrainFixture fixture, string id, string document) =>
        fixture.Run(grains => grains.GetGrain<IRegistryGrain>(GrainFixture.Workspace).Put(Kind, id, JsonText.FromString(document)));

    private static Task<bool> Delete(GrainFixture fixture, string id) =>
        fixture.Run(grains => grains.GetGrain<IRegistryGrain>(GrainFixture.Workspace).Delete(Kind, id));

    private static Task<TemplatePreview?> Preview(GrainFixture fixture, string id, string? draft = null) => fixture.Run(grains =>
        grains.GetGrain<ITemplateGrain>($"{GrainFixture.Workspace}/{id}").Preview(new(
            TemplateSample.Job().With(("first_name", "\"Ada\"")).Profile with { Customer = "ada" },
            JsonText.FromString("""{"n":7}"""),
            "Product Added",
            JsonText.FromString("""{"p":9}"""),
            draft is null ? default : JsonText.FromString(draft))));
}
