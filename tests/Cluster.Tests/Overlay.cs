using System.ComponentModel;
using System.Collections.Concurrent;
using System.Diagnostics;
using System.Text.Json.Nodes;

namespace Orleans.Personalize.Cluster.Tests;

/// <summary>A theory that needs kubectl; skipped without it, unless PERSONALIZE_TESTS_NO_SKIP=1 says that it must be there.</summary>
[AttributeUsage(AttributeTargets.Method)]
public sealed class KubectlTheoryAttribute : TheoryAttribute
{
    public KubectlTheoryAttribute()
    {
        if (!Overlay.CanRender && Environment.GetEnvironmentVariable("PERSONALIZE_TESTS_NO_SKIP") != "1")
            Skip = "Install kubectl (Debian: apt-get install kubernetes-client) to run this test.";
    }
}

/// <summary>What one of the overlays becomes on a cluster.</summary>
internal sealed class Overlay
{
    public static readonly string[] Names = [.. Directory.GetDirectories(Repository.PathOf("docker/k8s/overlays")).Select(path => Path.GetFileName(path)).Order()];

    public static readonly bool CanRender = HasKubectl();

    private static readonly ConcurrentDictionary<string, Overlay> Rendered = new();

    private Overlay(string text)
    {
        Text = text;
        Objects = Repository.Yaml(text);
    }

    public string Text { get; }

    public IReadOnlyList<JsonNode> Objects { get; }

    public IEnumerable<JsonNode> Workloads => Objects.Where(item => item.Text("kind") is "Deployment" or "StatefulSet");

    public IEnumerable<JsonNode> Containers => Workloads.SelectMany(workload => workload.Items("spec.template.spec.containers"));

    public IEnumerable<JsonNode> OfKind(string kind) => Objects.Where(item => item.Text("kind") == kind);

    public JsonNode Named(string kind, string name) => OfKind(kind).Single(item => item.Text("metadata.name") == name);

    public static Overlay Of(string name) => Rendered.GetOrAdd(name, static name => new(Kubectl("kustomize", Repository.PathOf("docker/k8s/overlays", name))));

    private static string Kubectl(params string[] arguments)
    {
        using var process = Process.Start(new ProcessStartInfo("kubectl", arguments)
        {
            UseShellExecute = false, RedirectStandardOutput = true, RedirectStandardError = true,
        })!;
        var errors = process.StandardError.ReadToEndAsync();
        var output = process.StandardOutput.ReadToEnd();
        process.WaitForExit();
        Assert.True(process.ExitCode == 0, errors.Result);
        return output;
    }

    private static bool HasKubectl()
    {
        try
        {
            Kubectl("version", "--client");
            return true;
        }
        catch (Win32Exception)
        {
            return false;
        }
    }
}
