using System.Text.RegularExpressions;

namespace Orleans.Personalize.Cluster.Tests;

public sealed class GuideTests
{
    [Fact]
    public void Every_setting_that_the_files_use_is_in_the_guide()
    {
        var guide = Repository.Read("docs/operations.md");
        var files = Directory.GetFiles(Repository.PathOf("docker"), "*", SearchOption.AllDirectories);
        var settings = files.SelectMany(file => Regex.Matches(File.ReadAllText(file), @"\b(?:Personalize__|ConnectionStrings__)\w+|\bPOD_\w+|\bDOTNET_\w+").Select(match => match.Value))
            .Distinct().ToList();
        Assert.True(settings.Count > 8);
        Assert.All(settings, setting => Assert.Contains($"`{setting}`", guide, StringComparison.Ordinal));
    }

    [Fact]
    public void Paths_that_the_guide_links_to_exist()
    {
        var links = Regex.Matches(Repository.Read("docs/operations.md"), @"\]\((?!https?:|#)([^)#]+)").Select(match => match.Groups[1].Value).ToList();
        Assert.NotEmpty(links);
        Assert.All(links, link => Assert.True(Path.Exists(Repository.PathOf("docs", link)), link));
    }
}
