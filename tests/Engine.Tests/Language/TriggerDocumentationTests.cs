using System.Text.RegularExpressions;

namespace Orleans.Personalize.Engine.Language;

/// <summary>docs/triggers.md tells no untruths: its examples parse, and it names all that there is.</summary>
public sealed partial class TriggerDocumentationTests
{
    private static readonly string Text = File.ReadAllText(Path.Combine(Repository.Folder, "docs", "triggers.md"));

    public static TheoryData<string> Examples => [.. Block().Matches(Text).Select(match => match.Groups["json"].Value)];

    [Theory]
    [MemberData(nameof(Examples))]
    public void Every_example_is_a_trigger(string json) => Assert.Empty(TriggerParser.Parse(IdOf(json), 1, JsonText.FromString(json)).Errors);

    private static string IdOf(string json) => Json.Find(JsonText.FromString(json), "id").Text ?? "example";

    [Fact]
    public void There_are_examples() => Assert.True(Block().Count(Text) >= 6);

    [Fact]
    public void Every_field_path_operator_and_reason_is_named()
    {
        var reasons = typeof(Reason).GetFields().Select(field => (string)field.GetRawConstantValue()!);
        Assert.All(FieldPath.Forms.Concat(Comparisons.AllNames).Concat(reasons), name => Assert.Contains($"`{name}`", Text, StringComparison.Ordinal));
    }

    [GeneratedRegex(@"^```json\n(?<json>.*?)^```", RegexOptions.Multiline | RegexOptions.Singleline | RegexOptions.ExplicitCapture)]
    private static partial Regex Block();
}
