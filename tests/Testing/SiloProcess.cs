using System.Diagnostics;
using System.Net;
using System.Net.Http.Headers;
using System.Runtime.InteropServices;
using System.Text.RegularExpressions;

namespace Orleans.Personalize.Testing;

/// <summary>
/// The silo as its users run it: the program of the last build, in a process of its own. What it prints is kept, and it does not outlive the
/// test. Signals are those of Linux and macOS.
/// </summary>
public sealed class SiloProcess : IAsyncDisposable
{
    public const string AdminKey = "the-admin-key-of-the-tests";

    /// <summary>What processes of a cluster must agree on.</summary>
    public const string LinkKey = "dGhlIGtleSBvZiBsaW5rcyBpbiB0aGUgbWFpbHMgb2YgdGVzdHM=";

    private const int Interrupt = 2, Terminate = 15;

    /// <summary>SIGSTOP and SIGCONT, whose numbers are not the same everywhere.</summary>
    private static readonly int Stop = OperatingSystem.IsMacOS() ? 17 : 19, Continue = OperatingSystem.IsMacOS() ? 19 : 18;

    private static readonly Regex Address = new(@"http://127\.0\.0\.1:[1-9]\d*", RegexOptions.CultureInvariant, TimeSpan.FromSeconds(1));

    private readonly Process process;
    private readonly Transcript output = new(), errors = new();
    private readonly List<HttpClient> clients = [];

    private SiloProcess(Process process)
    {
        this.process = process;
        process.OutputDataReceived += (_, line) => output.Add(line.Data);
        process.ErrorDataReceived += (_, line) => errors.Add(line.Data);
        process.Start();
        process.BeginOutputReadLine();
        process.BeginErrorReadLine();
    }

    /// <summary>What it has printed so far.</summary>
    public string Output => output.ToString();

    public string Errors => errors.ToString();

    /// <summary>A silo on a free loopback port, with the admin key of the tests and webhooks that may go to this machine.</summary>
    public static SiloProcess Serve(string dataDirectory, params (string Name, string? Value)[] environment) => Start(
        ["--urls", "http://127.0.0.1:0"],
        [
            ("Personalize__DataDirectory", dataDirectory),
            ("Personalize__AdminKey", AdminKey),
            ("Personalize__Senders__AllowPrivateTargets", "true"),
            .. environment,
        ]);

    /// <param name="environment">Added to that of the test; null takes a variable away.</param>
    /// <param name="input">What it reads from standard input; nothing if null.</param>
    public static SiloProcess Start(string[] arguments, (string Name, string? Value)[] environment, string? input = null)
    {
        var start = new ProcessStartInfo("dotnet", ["exec", Program(), .. arguments])
        {
            // A folder without settings files.
            WorkingDirectory = Path.GetTempPath(),
            UseShellExecute = false,
            RedirectStandardInput = true,
            RedirectStandardOutput = true,
            RedirectStandardError = true,
        };
        // How the machine of the test is set up is not the silo's business.
        foreach (var name in start.Environment.Keys.Where(IsSetting).ToArray())
            start.Environment.Remove(name);
        foreach (var (name, value) in environment)
            start.Environment[name] = value;
        var silo = new SiloProcess(new Process { StartInfo = start });
        silo.process.StandardInput.Write(input);
        silo.process.StandardInput.Close();
        return silo;
    }

    /// <summary>Where it listens, once it has said so.</summary>
    public async Task<Uri> ListeningAsync() =>
        new((await SeesAsync(Address)).Value);

    /// <summary>Waits until it may be sent requests.</summary>
    /// <returns>A client with the key, of the silo's own lifetime.</returns>
    public async Task<HttpClient> ReadyAsync(string key = AdminKey)
    {
        var client = Client(await ListeningAsync(), key);
        await Eventually.TrueAsync(async () =>
        {
            ThrowIfExited();
            using var response = await client.GetAsync("/health/ready");
            return response.StatusCode == HttpStatusCode.OK;
        }, () => $"the silo is ready; it printed:\n{Output}{Errors}");
        return client;
    }

    public HttpClient Client(Uri address, string key)
    {
        var client = new HttpClient { BaseAddress = address, Timeout = Eventually.Patience };
        client.DefaultRequestHeaders.Authorization = new AuthenticationHeaderValue("Bearer", key);
        clients.Add(client);
        return client;
    }

    /// <summary>Waits until standard output matches.</summary>
    public async Task<Match> SeesAsync(Regex pattern)
    {
        var match = Match.Empty;
        await Eventually.TrueAsync(() =>
        {
            // Before the look, so that the last words of a process that has ended are not missed.
            var hasExited = process.HasExited;
            match = pattern.Match(Output);
            if (!match.Success && hasExited)
                ThrowIfExited();
            return Task.FromResult(match.Success);
        }, () => $"standard output matches {pattern}; it is:\n{Output}{Errors}");
        return match;
    }

    /// <summary>Ends it at once, as <c>kill -9</c> does.</summary>
    public async Task KillAsync()
    {
        process.Kill();
        await EndAsync();
    }

    /// <summary>Asks it to end, as service managers do, which it does with 0.</summary>
    public Task TerminateAsync() => SignalAsync(Terminate);

    /// <summary>
    /// Asks it to end, as Ctrl+C does, which it does with 0. In the background of a script Ctrl+C is ignored by all, the silo included; there it
    /// is terminated.
    /// </summary>
    public Task InterruptAsync() => SignalAsync(IsInterruptIgnored() ? Terminate : Interrupt);

    /// <summary>Lets it do nothing any more, without its knowing, until it is resumed: to others it looks like a machine that has stalled.</summary>
    public void Pause() => Assert.Equal(0, Send(process.Id, Stop));

    public void Resume() => Assert.Equal(0, Send(process.Id, Continue));

    public bool HasExited => process.HasExited;

    /// <summary>The most memory it had at a time, in bytes, while it runs; 0 where the system does not tell.</summary>
    public long PeakBytes()
    {
        const string Peak = "VmHWM:";
        var status = $"/proc/{process.Id}/status";
        return File.Exists(status) && File.ReadLines(status).FirstOrDefault(line => line.StartsWith(Peak, StringComparison.Ordinal)) is { } line
            ? long.Parse(line[Peak.Length..].Replace("kB", "", StringComparison.Ordinal).Trim(), System.Globalization.CultureInfo.InvariantCulture) * 1024
            : 0;
    }

    /// <summary>Waits until it has ended by itself with that code, and all that it printed is here.</summary>
    public async Task ExitsAsync(int code)
    {
        await EndAsync();
        Assert.True(process.ExitCode == code, $"The silo has ended with {process.ExitCode} instead of {code}; it printed:\n{Output}{Errors}");
    }

    public async ValueTask DisposeAsync()
    {
        foreach (var client in clients)
            client.Dispose();
        if (!process.HasExited)
            await KillAsync();
        process.Dispose();
    }

    private Task SignalAsync(int signal)
    {
        Assert.Equal(0, Send(process.Id, signal));
        return ExitsAsync(0);
    }

    private static bool IsInterruptIgnored()
    {
        const string Status = "/proc/self/status", Ignored = "SigIgn:";
        return File.Exists(Status)
            && File.ReadLines(Status).FirstOrDefault(line => line.StartsWith(Ignored, StringComparison.Ordinal)) is { } line
            && (Convert.ToUInt64(line[Ignored.Length..].Trim(), 16) & (1UL << (Interrupt - 1))) != 0;
    }

    private async Task EndAsync()
    {
        using var deadline = new CancellationTokenSource(Eventually.Patience);
        try
        {
            await process.WaitForExitAsync(deadline.Token);
        }
        catch (OperationCanceledException)
        {
            Assert.Fail($"The silo has not ended within {Eventually.Patience}; it printed:\n{Output}{Errors}");
        }
    }

    private void ThrowIfExited()
    {
        if (!process.HasExited)
            return;
        process.WaitForExit();
        Assert.Fail($"The silo has ended with {process.ExitCode}; it printed:\n{Output}{Errors}");
    }

    /// <summary>The program beside this test's: the same runtime and configuration, so the build that this one asked for.</summary>
    private static string Program()
    {
        var here = AppContext.BaseDirectory;
        var tests = here.LastIndexOf("/tests/", StringComparison.Ordinal);
        var bin = here.LastIndexOf("/bin/", StringComparison.Ordinal);
        return $"{here[..tests]}/Silo{here[bin..]}Orleans.Personalize.Silo.dll";
    }

    private static bool IsSetting(string name) =>
        name.StartsWith("Personalize", StringComparison.OrdinalIgnoreCase)
        || name.StartsWith("ASPNETCORE_", StringComparison.OrdinalIgnoreCase)
        || name.StartsWith("OTEL_", StringComparison.OrdinalIgnoreCase)
        || name is "DOTNET_ENVIRONMENT" or "DOTNET_URLS";

    [DllImport("libc", EntryPoint = "kill")]
    private static extern int Send(int process, int signal);

    private sealed class Transcript
    {
        private readonly System.Text.StringBuilder text = new();

        /// <param name="line">Null at the end.</param>
        public void Add(string? line)
        {
            if (line is null)
                return;
            lock (text)
                text.Append(line).Append('\n');
        }

        public override string ToString()
        {
            lock (text)
                return text.ToString();
        }
    }
}
