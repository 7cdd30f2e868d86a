using System.Runtime.CompilerServices;

namespace Orleans.Personalize.Engine;

/// <summary>The sources these tests were compiled from.</summary>
internal static class Repository
{
    public static string Folder { get; } = Path.GetFullPath(Path.Combine(Path.GetDirectoryName(ThisFile())!, "../.."));

    private static string ThisFile([CallerFilePath] string path = "") => path;
}
