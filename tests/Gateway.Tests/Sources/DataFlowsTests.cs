using System.Text.RegularExpressions;
using Orleans.Personalize.Gateway.Connectors;

namespace Orleans.Personalize.Tests.Sources;

/// <summary>The pages about what comes in say what the connectors are.</summary>
public sealed partial class DataFlowsTests
{
    private static readonly string Docs = Path.Combine(Root(), "docs");

    [Fact]
    public void The_page_of_data_flows_is_what_the_connectors_say()
    {
        var path = Path.Combine(Docs, "data-flows.md");
        var page = DataFlows.Page();
        if (Environment.GetEnvironmentVariable("PERSONALIZE_UPDATE_DOCS") == "1")
            File.WriteAllText(path, page);

        Assert.Equal(page, File.ReadAllText(path).ReplaceLineEndings("\n"));
    }

    [Fact]
    public void Every_way_in_says_all_there_is_to_say_and_has_a_name_of_its_own()
    {
        Assert.Distinct(DataFlows.All.Select(static flow => flow.Type));
        Assert.All(DataFlows.All, static flow => Assert.All(
            [flow.Type, flow.Endpoint, flow.Authentication, flow.Format, flow.Frequency, flow.Mapping, .. flow.Events], static text => Assert.False(string.IsNullOrWhiteSpace(text))));
        Assert.All(DataFlows.All, static flow => Assert.NotEmpty(flow.Events));
    }

    [Fact]
    public void Every_connector_has_an_example_that_the_registry_takes()
    {
        var guide = File.ReadAllText(Path.Combine(Docs, "connectors.md"));
        var documents = DocumentPattern().Matches(guide).Select(static match => match.Groups["document"].Value).ToArray();

        Assert.Equal(
            DataFlows.Connectors.Select(static one => one.Flow.Type).Order(StringComparer.Ordinal),
            documents.Select(static document => System.Text.Json.JsonElement.Parse(document).GetProperty("type").GetString()!).Distinct(StringComparer.Ordinal).Order(StringComparer.Ordinal));
        // The key is cut short, for the reader's sake.
        Assert.All(documents, static document => Assert.DoesNotContain(
            Source.Validate("example", System.Text.Json.JsonElement.Parse(document), DataFlows.Connectors), static error => error.Pointer != "/publicKeys/0"));
    }

    private static string Root()
    {
        var directory = new DirectoryInfo(AppContext.BaseDirectory);
        while (!File.Exists(Path.Combine(directory!.FullName, "Orleans.Personalize.sln")))
            directory = directory.Parent;
        return directory.FullName;
    }

    [GeneratedRegex(@"```json\n(?<document>\{""type"".*?)\n```", RegexOptions.Singleline | RegexOptions.ExplicitCapture | RegexOptions.CultureInvariant, matchTimeoutMilliseconds: 1000)]
    private static partial Regex DocumentPattern();
}
