namespace Orleans.Personalize.Testing;

/// <summary>A test that runs Node.js. Without it the test is skipped, unless PERSONALIZE_TESTS_NO_SKIP=1 demands every test.</summary>
[AttributeUsage(AttributeTargets.Method)]
public sealed class NodeFactAttribute : FactAttribute
{
    public NodeFactAttribute()
    {
        if (Environment.GetEnvironmentVariable("PERSONALIZE_TESTS_NO_SKIP") != "1" && !(IsOnPath("node") && IsOnPath("npm")))
            Skip = "Install Node.js with npm (Debian: apt install nodejs npm) to run this test.";
    }

    private static bool IsOnPath(string program) =>
        (Environment.GetEnvironmentVariable("PATH") ?? "").Split(Path.PathSeparator).Any(folder => File.Exists(Path.Combine(folder, program)));
}
