using Orleans.Personalize.Testing;

namespace Orleans.Personalize.Grains.Tests.Content;

public sealed class ContentTests
{
    private const string Slot = """
        {
          "json": {"title": "Hello {{traits.name}} & {{cart.total}}", "items": [{"text": "{{#each cart.items}}{{name}};{{/each}}"}, 7, true, null, "plain"], "n": 1.50},
          "html": "<b>{{traits.name}}</b>",
          "image": "https://img.example/hero/{{traits.tier}}.png?q=1",
          "maxStaleness": "PT1H",
          "fallback": {"json": {"title": "Hello"}, "html": "<b>Hello</b>", "image": "https://img.example/hero/all.png"},
          "budget": "PT0.2S",
          "cache": "PT5M"
        }
        """;

    [Fact]
    public async Task A_slot_is_rendered_with_the_live_profile()
    {
        await using var fixture = await WithSlot();
        await Identify(fixture, "Ada <3", "gold");
        await fixture.Apply(fixture.Happens("Product Added", """{"product_id":"p1","name":"Shoe","price":19.9,"quantity":1}"""));

        var json = await Render(fixture, SlotForm.Json);
        Assert.Null(json.Reason);
        Assert.Equal(
            """{"title":"Hello Ada <3 & 19.9","items":[{"text":"Shoe;"},7,true,null,"plain"],"n":1.50}""",
            json.Json.ToString().Replace("\\u003C", "<", StringComparison.Ordinal).Replace("\\u0026", "&", StringComparison.Ordinal));
        Assert.Equal("<b>Ada &lt;3</b>", (await Render(fixture, SlotForm.Html)).Text);
        Assert.Equal("https://img.example/hero/gold.png?q=1", (await Render(fixture, SlotForm.Image)).Text);
        Assert.Equal((await fixture.Read())!.Version, json.ProfileVersion);
        Assert.Equal(
            (1, TimeSpan.FromMilliseconds(200), TimeSpan.FromMinutes(5), """{"title": "Hello"}"""),
            (json.Terms!.Version, json.Terms.Budget, json.Terms.CacheFor, json.Terms.FallbackJson.ToString()));
    }

    [Fact]
    public async Task A_change_of_the_slot_is_followed_and_told_to_those_who_know_the_old_one()
    {
        await using var fixture = await WithSlot();
        await Identify(fixture, "Ada", "gold");
        Assert.Null((await Render(fixture, SlotForm.Html, knownVersion: 1)).Terms);
        await fixture.Put(RegistryKind.Slot, "hero", """{"html":"{{traits.name}}!"}""");
        await fixture.Advance(TimeSpan.FromSeconds(1));

        var content = await Render(fixture, SlotForm.Html, knownVersion: 1);

        Assert.Equal(("Ada!", 2), (content.Text, content.Terms!.Version));
        Assert.Equal(SlotReason.NoForm, (await Render(fixture, SlotForm.Json)).Reason);
    }

    [Fact]
    public async Task Where_there_is_no_slot_or_no_customer_it_is_said()
    {
        await using var fixture = await WithSlot();

        Assert.Equal(SlotReason.Missing, (await Render(fixture, SlotForm.Json)).Reason);
        Assert.Equal(SlotReason.NoSlot, (await Render(fixture, SlotForm.Json, slot: "other")).Reason);
    }

    [Fact]
    public async Task A_profile_that_was_silent_for_too_long_is_stale_until_it_is_heard_of()
    {
        await using var fixture = await WithSlot();
        await Identify(fixture, "Ada", "gold");
        await fixture.Advance(TimeSpan.FromMinutes(61));
        var stale = await Render(fixture, SlotForm.Html);
        await fixture.Apply(fixture.Happens("Viewed"));

        Assert.Equal((SlotReason.Stale, fixture.Now - TimeSpan.FromMinutes(61)), (stale.Reason, stale.LastSeenAt));
        Assert.Null((await Render(fixture, SlotForm.Html)).Reason);
    }

    [Fact]
    public async Task A_profile_that_takes_too_long_is_not_waited_for()
    {
        await using var fixture = await WithSlot();
        await Identify(fixture, "Ada", "gold");
        await fixture.Crash();
        fixture.Journal.BeforeRead = _ => Task.Delay(TimeSpan.FromSeconds(30), fixture.Time);
        await Render(fixture, SlotForm.Html, customer: "warms-up-the-catalog");
        var start = fixture.Now;

        Assert.Equal(SlotReason.Slow, (await Render(fixture, SlotForm.Html)).Reason);
        Assert.InRange(fixture.Now - start, TimeSpan.FromMilliseconds(200), TimeSpan.FromMilliseconds(300));
        fixture.Journal.BeforeRead = null;
        await fixture.Advance(TimeSpan.FromMinutes(1));
        Assert.Null((await Render(fixture, SlotForm.Html)).Reason);
    }

    [Fact]
    public async Task A_profile_that_cannot_be_read_is_no_error()
    {
        await using var fixture = await WithSlot();
        fixture.Journal.BeforeRead = static _ => throw new IOException("The disk failed.");

        Assert.Equal(SlotReason.Unavailable, (await Render(fixture, SlotForm.Html)).Reason);
    }

    [Fact]
    public async Task What_cannot_be_rendered_is_said()
    {
        await using var fixture = await WithSlot();
        await fixture.Put(RegistryKind.Slot, "big", $$$"""{"json":[{{{string.Join(',', Enumerable.Repeat("\"{{traits.name}}\"", 100))}}}]}""");
        await fixture.Advance(TimeSpan.FromSeconds(1));
        await Identify(fixture, new string('x', 3_500), "gold");

        Assert.Equal(SlotReason.Template, (await Render(fixture, SlotForm.Json, slot: "big")).Reason);
    }

    [Theory]
    [InlineData("""{}""", "")]
    [InlineData("""{"json":{"a":["{{#if this"]}}""", "/json/a/0")]
    [InlineData("""{"json":{"a/b":"{{nothing 1}}"}}""", "/json/a~1b")]
    [InlineData("""{"html":"{{#if"}""", "/html")]
    [InlineData("""{"html":7}""", "/html")]
    [InlineData("""{"image":"http://img.example/a.png"}""", "/image")]
    [InlineData("""{"image":"https://{{traits.host}}/a.png"}""", "/image")]
    [InlineData("""{"image":"https://img.example{{traits.host}}/a.png"}""", "/image")]
    [InlineData("""{"image":"https://user@img.example/a.png"}""", "/image")]
    [InlineData("""{"html":"a","budget":"PT2S"}""", "/budget")]
    [InlineData("""{"html":"a","cache":"P2D"}""", "/cache")]
    [InlineData("""{"html":"a","maxStaleness":"yes"}""", "/maxStaleness")]
    [InlineData("""{"html":"a","fallback":{"image":"javascript:x"}}""", "/fallback/image")]
    [InlineData("""{"html":"a","fallback":{"text":"x"}}""", "/fallback/text")]
    [InlineData("""{"html":"a","ttl":"PT1S"}""", "/ttl")]
    [InlineData("""{"json":["\ud800{{a}}"]}""", "")]
    public async Task A_bad_slot_is_refused_with_its_place(string document, string pointer)
    {
        await using var fixture = new GrainFixture();

        var put = await fixture.Run(grains => grains.GetGrain<IRegistryGrain>(GrainFixture.Workspace).Put(RegistryKind.Slot, "a", JsonText.FromString(document)));

        Assert.Contains(put.Errors, error => error.Pointer == pointer);
    }

    private static async Task<GrainFixture> WithSlot()
    {
        var fixture = new GrainFixture();
        await fixture.Put(RegistryKind.Slot, "hero", Slot);
        return fixture;
    }

    private static Task<Receipt[]> Identify(GrainFixture fixture, string name, string tier) => fixture.Apply(fixture.Happens("Signed In") with
    {
        Traits = JsonText.FromString($$"""{"name":"{{name}}","tier":"{{tier}}"}"""),
    });

    private static Task<SlotContent> Render(GrainFixture fixture, SlotForm form, string slot = "hero", long knownVersion = 0, string customer = "ada") =>
        fixture.Run(grains => grains.GetGrain<IContentGrain>(GrainFixture.Workspace).Render(new(slot, customer, form, knownVersion)));
}
