namespace Orleans.Personalize.Engine.Primitives;

public sealed class JsonTests
{
    private static Scalar Find(string json, string path) => Json.Find(
        json.Length == 0 ? default : JsonText.FromString(json),
        path.Length == 0 ? [] : [.. path.Split('.').Select(static name => new PathSegment(name))]);

    [Theory]
    [InlineData("", "", ScalarKind.Missing, "(missing)")]
    [InlineData("", "a", ScalarKind.Missing, "(missing)")]
    [InlineData("null", "", ScalarKind.Null, "null")]
    [InlineData(" true ", "", ScalarKind.Boolean, "true")]
    [InlineData("\"a\"", "", ScalarKind.Text, "a")]
    [InlineData("\"a\"", "a", ScalarKind.Missing, "(missing)")]
    [InlineData("{}", "a", ScalarKind.Missing, "(missing)")]
    [InlineData("{}", "", ScalarKind.Composite, "{}")]
    [InlineData("{\"a\":1}", "a", ScalarKind.Number, "1")]
    [InlineData("{\"a\":1.50}", "a", ScalarKind.Number, "1.50")]
    [InlineData("{\"a\":1,\"a\":2}", "a", ScalarKind.Number, "1")]
    [InlineData("{\"b\":{\"a\":9},\"a\":{\"b\":2}}", "a.b", ScalarKind.Number, "2")]
    [InlineData("{\"\\u0061\":1}", "a", ScalarKind.Number, "1")]
    [InlineData("{\"é\":1}", "é", ScalarKind.Number, "1")]
    [InlineData("{\"A\":1}", "a", ScalarKind.Missing, "(missing)")]
    [InlineData("{\"a\":\"\\ud83d\\ude00\"}", "a", ScalarKind.Text, "😀")]
    [InlineData("{\"a\":[ 1, {\"b\":2} ]}", "a", ScalarKind.Composite, "[ 1, {\"b\":2} ]")]
    [InlineData("{\"a\":[ 1, {\"b\":2} ]}", "a.1.b", ScalarKind.Number, "2")]
    [InlineData("{\"a\":[[],[3]]}", "a.1.0", ScalarKind.Number, "3")]
    [InlineData("{\"a\":[1]}", "a.1", ScalarKind.Missing, "(missing)")]
    [InlineData("{\"a\":[1]}", "a.-1", ScalarKind.Missing, "(missing)")]
    [InlineData("{\"a\":[1]}", "a.length", ScalarKind.Missing, "(missing)")]
    [InlineData("{\"a\":{\"0\":1}}", "a.0", ScalarKind.Number, "1")]
    [InlineData("[7]", "0", ScalarKind.Number, "7")]
    [InlineData("1e3", "", ScalarKind.Number, "1000")]
    [InlineData("1e400", "", ScalarKind.Number, "Infinity")]
    [InlineData("-1e400", "", ScalarKind.Number, "-Infinity")]
    [InlineData("1e-400", "", ScalarKind.Number, "0.0000000000000000000000000000")]
    [InlineData("1e99999999999999999999", "", ScalarKind.Number, "Infinity")]
    [InlineData("123456789012345678901234567890", "", ScalarKind.Number, "1.2345678901234568E+29")]
    public void A_value_is_found(string json, string path, ScalarKind kind, string text)
    {
        var found = Find(json, path);
        Assert.Equal((kind, text), (found.Kind, found.ToString()));
    }

    [Theory]
    [InlineData("{\"a\":1,\"b\":[2, 3],\"a\":null}", "a=1 b=[2, 3] a=null")]
    [InlineData("[1]", "")]
    [InlineData("null", "")]
    [InlineData("", "")]
    public void Members_are_listed_with_their_text(string json, string members) => Assert.Equal(
        members,
        string.Join(' ', Json.Members(json.Length == 0 ? default : JsonText.FromString(json)).Select(member => $"{member.Key}={member.Value}")));

    [Theory]
    [InlineData("[1, \"a\", [2], null]", "1 a [2] null")]
    [InlineData("{\"a\":1}", "")]
    [InlineData("", "")]
    public void Elements_are_listed(string json, string elements) =>
        Assert.Equal(elements, string.Join(' ', Json.Elements(json.Length == 0 ? default : JsonText.FromString(json))));

    [Theory]
    [InlineData("1", "1.0", 0)]
    // Exact up to 28 digits, and beyond that as doubles.
    [InlineData("7922816251426433759354395033", "7922816251426433759354395034", -1)]
    [InlineData("79228162514264337593543950335", "79228162514264337593543950336", 0)]
    [InlineData("1e400", "1e300", 1)]
    [InlineData("1e400", "2e400", 0)]
    [InlineData("0.1", "0.10000000000000000000000001", -1)]
    [InlineData("\"a\"", "\"b\"", -1)]
    [InlineData("\"a\"", "1", null)]
    [InlineData("null", "null", null)]
    [InlineData("true", "false", null)]
    public void Two_values_compare_within_a_kind(string left, string right, int? order)
    {
        Assert.Equal(order, Find(left, "").CompareTo(Find(right, "")) is { } found ? Math.Sign(found) : null);
        Assert.Equal(-order, Find(right, "").CompareTo(Find(left, "")) is { } reversed ? Math.Sign(reversed) : null);
    }
}
