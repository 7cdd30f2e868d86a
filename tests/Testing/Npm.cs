using System.Diagnostics;
using System.Security.Cryptography;

namespace Orleans.Personalize.Testing;

/// <summary>Packages of npm that a test project names in its folder <c>npm</c>, with the scripts that use them.</summary>
public static class Npm
{
    private static readonly TimeSpan Patience = TimeSpan.FromMinutes(3);

    /// <summary>Installs what the lock file names into a cache folder, once.</summary>
    /// <returns>The folder, with the scripts.</returns>
    public static async Task<string> InstallAsync()
    {
        var files = Directory.GetFiles(Path.Combine(AppContext.BaseDirectory, "npm")).Order(StringComparer.Ordinal).ToArray();
        var content = files.SelectMany(File.ReadAllBytes).ToArray();
        var target = Path.Combine(Path.GetTempPath(), "personalize-npm", Convert.ToHexStringLower(SHA256.HashData(content))[..16]);
        if (Directory.Exists(target))
            return target;

        var fresh = Directory.CreateDirectory($"{target}-{Guid.NewGuid():n}").FullName;
        foreach (var file in files)
            File.Copy(file, Path.Combine(fresh, Path.GetFileName(file)));
        await RunAsync("npm", fresh, "", "ci", "--ignore-scripts", "--no-audit", "--no-fund");
        try
        {
            Directory.Move(fresh, target);
        }
        catch (IOException) when (Directory.Exists(target))
        {
            // Another test was faster.
            Directory.Delete(fresh, recursive: true);
        }

        return target;
    }

    /// <summary>Starts a program whose input and output are the caller's.</summary>
    public static Process Start(string program, string directory, params string[] arguments) => Process.Start(new ProcessStartInfo(program, arguments)
    {
        WorkingDirectory = directory,
        UseShellExecute = false,
        RedirectStandardInput = true,
        RedirectStandardOutput = true,
        RedirectStandardError = true,
    })!;

    /// <returns>What it wrote.</returns>
    public static async Task<string> RunAsync(string program, string directory, string input, params string[] arguments)
    {
        using var patience = new CancellationTokenSource(Patience);
        using var process = Start(program, directory, arguments);
        try
        {
            var output = process.StandardOutput.ReadToEndAsync(patience.Token);
            var error = process.StandardError.ReadToEndAsync(patience.Token);
            await process.StandardInput.WriteAsync(input.AsMemory(), patience.Token);
            process.StandardInput.Close();
            await process.WaitForExitAsync(patience.Token);
            Assert.True(process.ExitCode == 0, $"{program} ended with {process.ExitCode}: {await output} {await error}");
            return await output;
        }
        finally
        {
            if (!process.HasExited)
                process.Kill(entireProcessTree: true);
        }
    }
}
