using System.Text.Json;
using Orleans.Personalize.Gateway.Quality;

namespace Orleans.Personalize.Tests.Quality;

public sealed class NormalizationTests
{
    [Theory]
    [InlineData("""{"rename":"/prodId","to":"product_id"}""", """{"prodId":1,"a":2}""", """{"a":2,"product_id":1}""")]
    [InlineData("""{"rename":"/prodId","to":"product_id"}""", """{"prodId":1,"product_id":2}""", """{"prodId":1,"product_id":2}""")]
    [InlineData("""{"rename":"/products/*/sku","to":"id"}""", """{"products":[{"sku":"a"},{"x":1},7]}""", """{"products":[{"id":"a"},{"x":1},7]}""")]
    [InlineData("""{"coerce":"/price","to":"number"}""", """{"price":" 12.50 "}""", """{"price":12.50}""")]
    [InlineData("""{"coerce":"/price","to":"number"}""", """{"price":"12,50"}""", """{"price":"12,50"}""")]
    [InlineData("""{"coerce":"/price","to":"number","decimal":","}""", """{"price":"1.234,50"}""", """{"price":1234.50}""")]
    [InlineData("""{"coerce":"/price","to":"number","decimal":"."}""", """{"price":"1'234.50"}""", """{"price":1234.50}""")]
    [InlineData("""{"coerce":"/n","to":"integer"}""", """{"n":"3.0"}""", """{"n":3}""")]
    [InlineData("""{"coerce":"/n","to":"integer"}""", """{"n":3.5}""", """{"n":3.5}""")]
    [InlineData("""{"coerce":"/id","to":"string"}""", """{"id":4711}""", """{"id":"4711"}""")]
    [InlineData("""{"coerce":"/ok","to":"boolean"}""", """{"ok":"Yes"}""", """{"ok":true}""")]
    [InlineData("""{"coerce":"/ok","to":"boolean"}""", """{"ok":0}""", """{"ok":false}""")]
    [InlineData("""{"coerce":"/ok","to":"boolean"}""", """{"ok":"perhaps"}""", """{"ok":"perhaps"}""")]
    [InlineData("""{"trim":"/tags/*"}""", """{"tags":[" a ","b",1]}""", """{"tags":["a","b",1]}""")]
    [InlineData("""{"trim":"/tags/1"}""", """{"tags":[" a "," b "]}""", """{"tags":[" a ","b"]}""")]
    [InlineData("""{"case":"/email","to":"lower"}""", """{"email":"Ada@Example.com"}""", """{"email":"ada@example.com"}""")]
    [InlineData("""{"case":"/a~1b","to":"upper"}""", """{"a/b":"é"}""", """{"a/b":"É"}""")]
    [InlineData("""{"date":"/born","from":["dd.MM.yyyy"],"to":"date"}""", """{"born":"10.12.1815"}""", """{"born":"1815-12-10"}""")]
    [InlineData("""{"date":"/at","from":["MM/dd/yyyy HH:mm"],"to":"date-time"}""", """{"at":"01/31/2026 09:30"}""", """{"at":"2026-01-31T09:30:00Z"}""")]
    [InlineData("""{"date":"/at","to":"date-time"}""", """{"at":"2026-01-31T09:30:00+01:00"}""", """{"at":"2026-01-31T08:30:00Z"}""")]
    [InlineData("""{"date":"/at","from":["unix"],"to":"date-time"}""", """{"at":1767225600}""", """{"at":"2026-01-01T00:00:00Z"}""")]
    [InlineData("""{"date":"/at","from":["unix-ms"],"to":"date"}""", """{"at":"1767225600000"}""", """{"at":"2026-01-01"}""")]
    [InlineData("""{"date":"/at","from":["dd.MM.yyyy"],"to":"date"}""", """{"at":"31.02.2026"}""", """{"at":"31.02.2026"}""")]
    [InlineData("""{"currency":"/currency"}""", """{"currency":" € "}""", """{"currency":"EUR"}""")]
    [InlineData("""{"currency":"/currency","symbols":{"$":"CAD"}}""", """{"currency":"$"}""", """{"currency":"CAD"}""")]
    [InlineData("""{"currency":"/currency"}""", """{"currency":"usd"}""", """{"currency":"USD"}""")]
    [InlineData("""{"currency":"/currency"}""", """{"currency":"shells"}""", """{"currency":"shells"}""")]
    [InlineData("""{"map":"/category","values":{"shoes":"Footwear"}}""", """{"category":"shoes"}""", """{"category":"Footwear"}""")]
    [InlineData("""{"map":"/category","values":{"shoes":"Footwear"}}""", """{"category":"hats"}""", """{"category":"hats"}""")]
    [InlineData("""{"map":"/category","values":{"shoes":"Footwear"},"otherwise":"Other"}""", """{"category":"hats"}""", """{"category":"Other"}""")]
    [InlineData("""{"default":"/currency","value":"EUR"}""", """{"currency":null}""", """{"currency":"EUR"}""")]
    [InlineData("""{"default":"/products/*/quantity","value":1}""", """{"products":[{},{"quantity":2}]}""", """{"products":[{"quantity":1},{"quantity":2}]}""")]
    [InlineData("""{"default":"/a/b","value":1}""", "{}", "{}")]
    [InlineData("""{"drop":"/internal"}""", """{"internal":1,"a":{"internal":2}}""", """{"a":{"internal":2}}""")]
    [InlineData("""{"drop":"/a/*"}""", """{"a":{"b":1},"c":2}""", """{"a":{},"c":2}""")]
    [InlineData("""{"trim":"/a"}""", """{"a":" x ","a":" y "}""", """{"a":"y"}""")]
    public void A_step_does_what_it_says_and_nothing_twice(string step, string before, string after)
    {
        var steps = Parse($"[{step}]");

        var once = Normalization.Apply(steps, JsonText.FromString(before));

        Assert.Equal(after, once.ToString());
        Assert.Equal(once, Normalization.Apply(steps, once));
    }

    [Fact]
    public void Steps_go_one_after_another() => Assert.Equal(
        """{"currency":"EUR","price":12.5}""",
        Normalization.Apply(
            Parse("""[{"rename":"/Price","to":"price"},{"coerce":"/price","to":"number","decimal":","},{"default":"/currency","value":"€"},{"currency":"/currency"},{"rename":"/price","to":"p"},{"rename":"/p","to":"price"}]"""),
            JsonText.FromString("""{"Price":"12,5"}""")).ToString());

    [Fact]
    public void Nothing_is_the_empty_object() => Assert.Equal("""{"a":1}""", Normalization.Apply(Parse("""[{"default":"/a","value":1}]"""), default).ToString());

    [Fact]
    public void A_normalized_event_is_the_same_message()
    {
        var (schema, _) = EventSchemaParser.Parse("s", 1, JsonElement.Parse("""{"event":"x","normalize":[{"drop":"/a"}]}"""));
        var judged = EventSchemas.Judge(SchemaTests.Event("x", """{"a":1}"""), [schema!]);
        Assert.Equal(("m", 7UL, "{}"), (judged.Event.MessageId, judged.Event.Fingerprint, judged.Event.Properties.ToString()));
    }

    internal static NormalizationStep[] Parse(string steps)
    {
        var errors = new List<DocumentError>();
        var parsed = new NormalizationParser(errors).Parse(JsonElement.Parse(steps), "");
        Assert.Empty(errors);
        return parsed;
    }
}
