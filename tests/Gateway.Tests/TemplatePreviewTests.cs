using Orleans.Personalize.Testing;
using static Orleans.Personalize.Tests.GatewayServer;

namespace Orleans.Personalize.Tests;

public sealed class TemplatePreviewTests : IAsyncLifetime
{
    private static readonly TemplatePreview Rendered = new(
        "Hello", "Soon gone", "<p>Hello</p>", "Hello", "last-known",
        [new("default", null, "traits.first_name"), new("last-known", "html", "data.code")], ["default: Missing: traits.first_name."], []);

    private GatewayServer server = null!;

    public async Task InitializeAsync()
    {
        server = await StartAsync();
        server.Grains.Customer("default/ann").View = FakeViews.Of("ann");
    }

    public async Task DisposeAsync() => await server.DisposeAsync();

    [Fact]
    public async Task A_preview_shows_all_parts_the_content_used_and_what_was_missing()
    {
        var template = server.Grains.Template("default/welcome");
        template.Answer = Rendered;

        var preview = await ReadAsync(await PostAsync("""
            {"customer":"ann","data":{"code":7},"event":{"name":"Product Added","properties":{"price":19.90}}}
            """));

        Assert.Equal(
            """{"subject":"Hello","preheader":"Soon gone","html":"<p>Hello</p>","text":"Hello","content":"last-known" """.TrimEnd() +
            ""","missing":[{"content":"default","part":null,"field":"traits.first_name"},{"content":"last-known","part":"html","field":"data.code"}]""" +
            ""","errors":["default: Missing: traits.first_name."]}""",
            preview.GetRawText());
        var asked = template.Asked!;
        Assert.Equal(("ann", """{"code":7}""", "Product Added", """{"price":19.90}"""),
            (asked.Profile.Customer, $"{asked.Data}", asked.EventName, $"{asked.EventProperties}"));
        Assert.True(asked.Draft.IsAbsent);
    }

    [Fact]
    public async Task A_draft_is_shown_in_place_of_the_stored_template_and_its_faults_point_into_it()
    {
        var template = server.Grains.Template("default/welcome");
        template.Answer = Rendered with { Errors = [new("/html", "It does not compile."), new("", "needs html, text or both")] };

        var problem = await ProblemAsync(400, await PostAsync("""{"customer":"ann","document":{"html":"{{"}}"""));

        Assert.Equal("""{"html":"{{"}""", $"{template.Asked!.Draft}");
        Assert.Equal(["/document/html", "/document"], problem.GetProperty("errors").EnumerateArray().Select(error => error.GetProperty("pointer").GetString()));
    }

    [Fact]
    public async Task What_is_not_there_is_not_found()
    {
        server.Grains.Template("default/welcome").Answer = Rendered;
        Assert.Contains("'bob'", (await ProblemAsync(404, await PostAsync("""{"customer":"bob"}"""))).GetProperty("detail").GetString());

        server.Grains.Template("default/welcome").Answer = null;
        Assert.Contains("'welcome'", (await ProblemAsync(404, await PostAsync("""{"customer":"ann"}"""))).GetProperty("detail").GetString());
    }

    [Theory]
    [InlineData("{}", "/customer")]
    [InlineData("""{"customer":7}""", "/customer")]
    [InlineData("""{"customer":""}""", "/customer")]
    [InlineData("""{"customer":"a\nb"}""", "/customer")]
    [InlineData("""{"customer":"ann","data":[]}""", "/data")]
    [InlineData("""{"customer":"ann","event":7}""", "/event")]
    [InlineData("""{"customer":"ann","event":{"name":7}}""", "/event/name")]
    [InlineData("""{"customer":"ann","event":{"properties":"x"}}""", "/event/properties")]
    [InlineData("""{"customer":"ann","document":"x"}""", "/document")]
    [InlineData("""{"customer":"ann","data":{"x":"\ud800"}}""", "/data")]
    public async Task A_bad_request_names_the_field(string json, string pointer) =>
        Assert.Equal(pointer, (await ProblemAsync(400, await PostAsync(json))).GetProperty("errors")[0].GetProperty("pointer").GetString());

    [Theory]
    [InlineData("")]
    [InlineData("[]")]
    [InlineData("{")]
    [InlineData("""{"customer":"ann","customer":"bob"}""")]
    public async Task What_is_no_request_is_refused(string json) => await ProblemAsync(400, await PostAsync(json));

    [Fact]
    public async Task A_template_that_others_use_is_not_deleted()
    {
        server.Grains.Registry("default").Users = ["cart-abandoned", "thank-you"];

        var problem = await ProblemAsync(409, await server.Admin.DeleteAsync("/v1/templates/base"));

        Assert.Equal("It is used by cart-abandoned, thank-you.", problem.GetProperty("detail").GetString());
    }

    [Fact]
    public async Task The_description_of_the_api_has_it()
    {
        var operation = (await ReadAsync(await server.Anonymous.GetAsync("/openapi/v1.json")))
            .GetProperty("paths").GetProperty("/v1/templates/{id}/preview").GetProperty("post");

        Assert.Contains("Roles: read, operate, admin.", operation.GetProperty("description").GetString());
        Assert.Equal(["200", "400", "401", "403", "404", "413", "415", "503"], operation.GetProperty("responses").EnumerateObject().Select(response => response.Name).Order());
    }

    private Task<HttpResponseMessage> PostAsync(string json) => server.Admin.PostAsync("/v1/templates/welcome/preview", Json(json));
}
