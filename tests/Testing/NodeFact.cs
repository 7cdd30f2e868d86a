using System.Diagnostics;

namespace Orleans.Personalize.Testing;

/// <summary>A fact that needs Node.js and npm; skipped without them, unless PERSONALIZE_TESTS_NO_SKIP=1 says that they must be there.</summary>
[AttributeUsage(AttributeTargets.Method)]
public sealed class NodeFactAttribute : FactAttribute
{
    private static readonly bool IsPresent = Runs("node") && Runs("npm");

    public NodeFactAttribute() => Skip = Missing;

    internal static string? Missing => IsPresent || Environment.GetEnvironmentVariable("PERSONALIZE_TESTS_NO_SKIP") == "1"
        ? null
        : "Install Node.js 20 or later with npm (Debian: apt-get install nodejs npm) to run this test.";

    private static bool Runs(string program)
    {
        try
        {
            using var process = Process.Start(new ProcessStartInfo(program, "--version") 
            {
                UseShellExecute = false, RedirectStandardOutput = true, RedirectStandardError = true,
            })!;
            process.WaitForExit();
            return process.ExitCode == 0;
        }
        catch (System.ComponentModel.Win32Exception)
        {
            return false;
        }
    }
}

/// <summary>A theory, as <see cref="NodeFactAttribute"/> is a fact.</summary>
[AttributeUsage(AttributeTargets.Method)]
public sealed class NodeTheoryAttribute : TheoryAttribute
{
    public NodeTheoryAttribute() => Skip = NodeFactAttribute.Missing;
}
