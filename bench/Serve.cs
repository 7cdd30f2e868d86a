using System.Globalization;
using Microsoft.AspNetCore.Builder;
using Microsoft.AspNetCore.Hosting.Server;
using Microsoft.AspNetCore.Hosting.Server.Features;
using Microsoft.AspNetCore.Http;
using Microsoft.Extensions.Configuration;
using Microsoft.Extensions.DependencyInjection;
using Microsoft.Extensions.Logging;
using Orleans.Hosting;
using Orleans.Personalize.Silo;

namespace Orleans.Personalize.Bench;

/// <summary>The server side of <see cref="ServerProcess"/>: the program with the baselines beside it, until its standard input ends.</summary>
internal static class Serve
{
    public const string Command = "serve";
    public const string NoopPath = "/bench/noop";
    public const string CountersPath = "/bench/counters";
    public const string DeadlinesPath = "/bench/deadlines";

    /// <summary>How long a customer stays in memory unused, as a <see cref="TimeSpan"/>; absent: as long as the product keeps it.</summary>
    public const string CollectionAgeVariable = "BENCH_COLLECTION_AGE";

    public static async Task RunAsync(string directory)
    {
        using var meters = new ServerMeters();
        await using var app = SiloHost.Build(["--urls", "http://127.0.0.1:0"], builder =>
        {
            builder.Configuration.AddInMemoryCollection(
            [
                new("Personalize:DataDirectory", directory),
                new("Personalize:AdminKey", ServerProcess.Key),
                new("Personalize:Senders:AllowPrivateTargets", "true"),
            ]);
            builder.Logging.ClearProviders();
        });
        if (Environment.GetEnvironmentVariable(CollectionAgeVariable) is { } age)
            Collect(app.Services.GetRequiredService<EmbeddedActorOptions>(), TimeSpan.Parse(age, CultureInfo.InvariantCulture));
        app.MapPost(NoopPath, static async (HttpRequest request) =>
        {
            await request.Body.CopyToAsync(Stream.Null);
            return Results.Accepted();
        }).RequireAuthorization();
        app.MapGet(CountersPath, (bool? collect) => Results.Json(Read(meters, collect == true))).RequireAuthorization();
        app.MapGet(DeadlinesPath, (bool? reset) => Results.Json(meters.ReadDeadlines(reset == true))).RequireAuthorization();
        await app.StartAsync();
        await Console.Out.WriteLineAsync(app.Services.GetRequiredService<IServer>().Features.Get<IServerAddressesFeature>()!.Addresses.First());
        while (await Console.In.ReadLineAsync() is not null)
        {
        }
        await app.StopAsync();
    }

    /// <summary>Before the first grain is called: the runtime reads it once.</summary>
    private static void Collect(EmbeddedActorOptions options, TimeSpan age) => (options.CollectionAge, options.CollectionQuantum) = (age, age / 5);

    private static ServerCounters Read(ServerMeters meters, bool collect)
    {
        var managed = GC.GetTotalMemory(collect);
        return new(
            Environment.CpuUsage.TotalTime.TotalMicroseconds, GC.GetTotalAllocatedBytes(), meters.Commits, DiskBytes(), GC.CollectionCount(0), GC.CollectionCount(1),
            GC.CollectionCount(2), GC.GetTotalPauseDuration().TotalMicroseconds, Environment.WorkingSet, managed, meters.Activations);
    }

    private static long DiskBytes()
    {
        const string file = "/proc/self/io", name = "write_bytes:";
        return File.Exists(file) && File.ReadLines(file).FirstOrDefault(static line => line.StartsWith(name, StringComparison.Ordinal)) is { } line
            ? long.Parse(line.AsSpan(name.Length), CultureInfo.InvariantCulture)
            : 0;
    }
}
