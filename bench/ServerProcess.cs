using System.Diagnostics;
using System.Net.Http.Headers;
using System.Net.Http.Json;
using System.Reflection;

namespace Orleans.Personalize.Bench;

/// <summary>What the server has used since it began: figures that do not depend on what else the machine does.</summary>
/// <param name="DiskBytes">What it made the file system write; 0 where the system does not tell.</param>
/// <param name="Resident">Bytes of memory.</param>
/// <param name="Managed">Bytes of managed memory; what is alive, where the garbage was to be collected first.</param>
/// <param name="Activations">Customers in memory.</param>
internal sealed record ServerCounters(
    double CpuMicroseconds, long AllocatedBytes, long Commits, long DiskBytes, int Gen0, int Gen1, int Gen2, double PausedMicroseconds, long Resident, long Managed, long Activations);

/// <summary>The whole program in a process of its own, on a free port, and a client with its admin key.</summary>
internal sealed class ServerProcess : IAsyncDisposable
{
    public const string Key = "bench-bench-bench-bench";

    private readonly Process process;
    private readonly DirectoryInfo directory;
    private bool isGone;

    private ServerProcess(Process process, DirectoryInfo directory, Uri address, DateTimeOffset startedAt, TimeSpan started)
    {
        (this.process, this.directory, Address, StartedAt, Started) = (process, directory, address, startedAt, started);
        Http = new HttpClient { BaseAddress = address };
        Http.DefaultRequestHeaders.Authorization = new AuthenticationHeaderValue("Bearer", Key);
    }

    public Uri Address { get; }

    public int Id => process.Id;

    public HttpClient Http { get; }

    /// <summary>When the process was started.</summary>
    public DateTimeOffset StartedAt { get; }

    /// <summary>From the start of the process until it said that it is ready.</summary>
    public TimeSpan Started { get; }

    /// <param name="collectionAge">How long a customer stays in memory unused; null: as long as the product keeps it.</param>
    public static Task<ServerProcess> StartAsync(TimeSpan? collectionAge = null) => StartAsync(Directory.CreateTempSubdirectory("personalize-bench-"), collectionAge);

    /// <param name="directory">Deleted in the end.</param>
    private static async Task<ServerProcess> StartAsync(DirectoryInfo directory, TimeSpan? collectionAge = null)
    {
        var (startedAt, clock) = (DateTimeOffset.UtcNow, Stopwatch.StartNew());
        var program = Environment.ProcessPath!;
        string[] own = Path.GetFileNameWithoutExtension(program) == "dotnet" ? [Assembly.GetExecutingAssembly().Location] : [];
        var start = new ProcessStartInfo(program, [.. own, Serve.Command, directory.FullName]) { UseShellExecute = false, RedirectStandardInput = true, RedirectStandardOutput = true };
        if (collectionAge is { } age)
            start.Environment[Serve.CollectionAgeVariable] = age.ToString("c");
        var started = Process.Start(start)!;
        var address = new Uri(await started.StandardOutput.ReadLineAsync() ?? throw new InvalidOperationException("The server did not start."));
        using var http = new HttpClient { BaseAddress = address };
        while (true)
        {
            using var ready = await http.GetAsync("/health/ready");
            if (ready.IsSuccessStatusCode)
                return new ServerProcess(started, directory, address, startedAt, clock.Elapsed);
            await Task.Delay(5);
        }
    }

    /// <param name="collect">Collects the garbage first, which stops the server for as long as that takes.</param>
    public async Task<ServerCounters> CountersAsync(bool collect = false) => (await Http.GetFromJsonAsync<ServerCounters>($"{Serve.CountersPath}?collect={collect}"))!;

    /// <param name="reset">Begins anew after this answer.</param>
    public async Task<DeadlineCounters> DeadlinesAsync(bool reset = false) => (await Http.GetFromJsonAsync<DeadlineCounters>($"{Serve.DeadlinesPath}?reset={reset}"))!;

    public async Task PutAsync(string path, string document)
    {
        using var response = await Http.PutAsync($"/v1/{path}", BenchServer.Json(document));
        response.EnsureSuccessStatusCode();
    }

    /// <summary>As kill -9 does, and starts it anew on the same data.</summary>
    /// <param name="until">When it is started; null: at once.</param>
    public async Task<ServerProcess> CrashAsync(DateTimeOffset? until = null)
    {
        process.Kill();
        await process.WaitForExitAsync();
        Release();
        if (until - DateTimeOffset.UtcNow is { } down && down > TimeSpan.Zero)
            await Task.Delay(down);
        return await StartAsync(directory);
    }

    public async ValueTask DisposeAsync() => await StopAsync();

    /// <summary>Of a server that was started anew the one before has nothing left to stop.</summary>
    public async Task StopAsync()
    {
        if (isGone)
            return;
        process.StandardInput.Close();
        await process.WaitForExitAsync();
        Release();
        directory.Delete(recursive: true);
    }

    private void Release()
    {
        isGone = true;
        Http.Dispose();
        process.Dispose();
    }
}
