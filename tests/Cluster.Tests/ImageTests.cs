using System.Diagnostics;
using System.Text.RegularExpressions;
using System.Xml.Linq;
using Microsoft.AspNetCore.Builder;
using Microsoft.AspNetCore.Hosting;
using Microsoft.AspNetCore.Http;
using Microsoft.Extensions.Logging;

namespace Orleans.Personalize.Cluster.Tests;

public sealed class ImageTests
{
    private static readonly string[] Instructions = Regex.Replace(Repository.Read("docker/Dockerfile"), @"\\\n\s*", "").Split('\n')
        .Where(line => line.Length > 0 && line[0] != '#').ToArray();

    [Fact]
    public void The_image_is_made_of_files_that_exist_and_reach_the_builder()
    {
        var sent = File.ReadAllLines(Repository.PathOf(".dockerignore")).Where(line => line.StartsWith('!')).Select(line => line[1..]).ToHashSet();
        var copied = CopiedPaths().ToList();
        Assert.NotEmpty(copied);
        Assert.All(copied, path =>
        {
            Assert.True(Path.Exists(Repository.PathOf(path)), path);
            Assert.Contains(sent, prefix => path == prefix || path.StartsWith(prefix + "/", StringComparison.Ordinal));
        });
        Assert.All(sent, path => Assert.True(Path.Exists(Repository.PathOf(path)), path));
    }

    [Fact]
    public void Every_project_of_the_silo_is_in_the_image()
    {
        var copied = CopiedPaths().ToList();
        var projects = Projects("Silo/Silo.csproj").Distinct().Order().ToList();
        Assert.Contains("Grains.Interfaces/Grains.Interfaces.csproj", projects);
        Assert.Equal(projects, copied.Where(path => path.EndsWith(".csproj", StringComparison.Ordinal)).Order());
        Assert.All(projects, project => Assert.Contains(Path.GetDirectoryName(project), copied));
    }

    [Fact]
    public void It_is_built_for_clusters_and_runs_without_privileges()
    {
        Assert.All(
            Instructions.Where(line => line.StartsWith("RUN dotnet", StringComparison.Ordinal)),
            line => Assert.Contains("-p:ActorRuntime=Orleans", line, StringComparison.Ordinal));
        Assert.Contains("USER $APP_UID", Instructions);
        Assert.Contains("STOPSIGNAL SIGTERM", Instructions);
        Assert.DoesNotContain(Instructions, line => line.StartsWith("USER root", StringComparison.Ordinal));
        Assert.Contains("FROM runtime AS silo", Instructions);
        Assert.Contains("FROM runtime AS gateway", Instructions);
    }

    [Fact]
    public async Task The_probe_succeeds_on_200_and_on_nothing_else()
    {
        var builder = WebApplication.CreateBuilder();
        builder.Logging.ClearProviders();
        builder.WebHost.UseUrls("http://127.0.0.1:0");
        await using var app = builder.Build();
        app.MapGet("/well", () => "fine");
        app.MapGet("/ill", () => Results.StatusCode(StatusCodes.Status503ServiceUnavailable));
        await app.StartAsync();
        var port = new Uri(app.Urls.Single()).Port;
        Assert.True(await ProbeAsync(port, "/well"));
        Assert.False(await ProbeAsync(port, "/ill"));
        Assert.False(await ProbeAsync(port, "/absent"));
        await app.StopAsync();
        Assert.False(await ProbeAsync(port, "/well"));
    }

    private static async Task<bool> ProbeAsync(int port, string path)
    {
        using var process = Process.Start(new ProcessStartInfo("bash", [Repository.PathOf("docker/probe"), $"{port}", path]) { UseShellExecute = false, RedirectStandardError = true })!;
        using var deadline = new CancellationTokenSource(TimeSpan.FromSeconds(60));
        await process.WaitForExitAsync(deadline.Token);
        return process.ExitCode == 0;
    }

    /// <summary>What COPY takes from the repository, without the slash at the end.</summary>
    private static IEnumerable<string> CopiedPaths() => Instructions
        .Where(line => line.StartsWith("COPY ", StringComparison.Ordinal) && !line.Contains("--from=", StringComparison.Ordinal))
        .SelectMany(line => line.Split(' ')[1..^1].Where(word => !word.StartsWith("--", StringComparison.Ordinal)))
        .Select(path => path.TrimEnd('/'));

    /// <summary>A project and those it refers to whatever the actor runtime is.</summary>
    private static IEnumerable<string> Projects(string project)
    {
        var references = XDocument.Parse(Repository.Read(project)).Descendants("ItemGroup")
            .Where(group => group.Attribute("Condition")?.Value.Contains("Embedded", StringComparison.Ordinal) is not true)
            .Descendants("ProjectReference").Select(reference => reference.Attribute("Include")!.Value);
        return references
            .Select(reference => Path.GetRelativePath(Repository.Root, Repository.PathOf(Path.GetDirectoryName(project)!, reference)))
            .SelectMany(Projects).Prepend(project);
    }
}
