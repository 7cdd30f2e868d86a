using System.Text.RegularExpressions;

namespace Orleans.Personalize.Engine;

/// <summary>The engine is pure: its sources know no grains, no input or output, no clock, no chance and no logger.</summary>
public sealed partial class PurityTests
{
    private static readonly string[] Paths =
        Directory.GetFiles(Path.Combine(Repository.Folder, "Grains", "Engine"), "*.cs", SearchOption.AllDirectories);

    public static TheoryData<string> Files => [.. Paths.Select(path => Path.GetFileName(path))];

    /// <summary>Comments may say what code may not.</summary>
    private static string CodeOf(string file) =>
        Comment().Replace(File.ReadAllText(Path.Combine(Repository.Folder, "Grains", "Engine", file)), "");

    [Theory]
    [MemberData(nameof(Files))]
    public void A_file_of_the_engine_uses_nothing_impure(string file) => Assert.Empty(Impure().Matches(CodeOf(file)).Select(match => match.Value));

    [Theory]
    [MemberData(nameof(Files))]
    public void A_file_of_the_engine_uses_nothing_of_the_project_but_the_records_of_the_interfaces(string file)
    {
        Assert.Empty(Outside().Matches(CodeOf(file)).Select(match => match.Value));
        Assert.Contains("namespace Orleans.Personalize.Engine;", CodeOf(file), StringComparison.Ordinal);
    }

    [Fact]
    public void There_is_something_to_look_at() => Assert.True(Paths.Length > 20);

    [Theory]
    [InlineData("var now = DateTimeOffset.UtcNow;")]
    [InlineData("using Microsoft.Extensions.Logging;")]
    [InlineData("await Task.Delay(1);")]
    [InlineData("new Random()")]
    [InlineData("private readonly ILogger<Decider> logger;")]
    public void The_net_would_catch_it(string code) => Assert.Matches(Impure(), code);

    [Theory]
    [InlineData("using Orleans.Personalize.Customers;")]
    [InlineData("Journal.FactCodec.Encode(facts)")]
    public void And_this(string code) => Assert.Matches(Outside(), code);

    [GeneratedRegex(@"//[^\n]*")]
    private static partial Regex Comment();

    [GeneratedRegex(
        @"\b(System\.(IO|Net|Threading\.Tasks|Diagnostics|Data)|Microsoft\.|Npgsql|Polly|HandlebarsDotNet"
        + @"|UtcNow|DateTime(Offset)?\.(Now|Today)|TimeProvider|Stopwatch|TickCount\w*|Random\w*|NewGuid|CreateVersion7|Environment|Console"
        + @"|ILogger|Task|ValueTask|async|await|Thread|Timer|File|Directory|HttpClient"
        + @"|Grain|IGrain\w*|GrainFactory|Orleans\.(Runtime|Concurrency|Hosting))\b")]
    private static partial Regex Impure();

    [GeneratedRegex(@"\b(Orleans\.Personalize\.(?!Engine\b)|(Customers|Sending|Deadlines|Registry|Diagnostics|Journal|Gateway)\.)\w+")]
    private static partial Regex Outside();
}
