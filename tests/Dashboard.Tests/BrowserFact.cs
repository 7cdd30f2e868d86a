using Orleans.Personalize.Testing;

namespace Orleans.Personalize.Dashboard.Tests;

/// <summary>A fact that needs a browser; skipped without one, unless PERSONALIZE_TESTS_NO_SKIP=1 says that it must be there.</summary>
[AttributeUsage(AttributeTargets.Method)]
public sealed class BrowserFactAttribute : FactAttribute
{
    public BrowserFactAttribute() => Skip = Browser.Missing;
}

/// <summary>A theory, as <see cref="BrowserFactAttribute"/> is a fact.</summary>
[AttributeUsage(AttributeTargets.Method)]
public sealed class BrowserTheoryAttribute : TheoryAttribute
{
    public BrowserTheoryAttribute() => Skip = Browser.Missing;
}

/// <summary>A theory that needs packages of npm as well.</summary>
[AttributeUsage(AttributeTargets.Method)]
public sealed class BrowserAndNodeTheoryAttribute : TheoryAttribute
{
    public BrowserAndNodeTheoryAttribute() => Skip = Browser.Missing ?? new NodeTheoryAttribute().Skip;
}

internal static class Browser
{
    private static readonly string[] Programs = ["/usr/bin/chromium", "/usr/bin/chromium-browser", "/usr/bin/google-chrome"];

    public static string Program => Programs.FirstOrDefault(File.Exists) ?? Programs[0];

    public static string? Missing => File.Exists(Program) || Environment.GetEnvironmentVariable("PERSONALIZE_TESTS_NO_SKIP") == "1"
        ? null
        : "Install Chromium (Debian: apt-get install chromium) to run this test.";
}
