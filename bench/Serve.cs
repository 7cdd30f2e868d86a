using System.Diagnostics.Metrics;
using Microsoft.AspNetCore.Builder;
using Microsoft.AspNetCore.Hosting.Server;
using Microsoft.AspNetCore.Hosting.Server.Features;
using Microsoft.AspNetCore.Http;
using Microsoft.Extensions.Configuration;
using Microsoft.Extensions.DependencyInjection;
using Microsoft.Extensions.Logging;
using Orleans.Personalize.Silo;

namespace Orleans.Personalize.Bench;

/// <summary>The server side of <see cref="ServerProcess"/>: the program with the baselines beside it, until its standard input ends.</summary>
internal static class Serve
{
    public const string Command = "serve";
    public const string NoopPath = "/bench/noop";
    public const string CountersPath = "/bench/counters";

    private static long commits;

    public static async Task RunAsync(string directory)
    {
        using var listener = CountCommits();
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
        app.MapPost(NoopPath, static async (HttpRequest request) =>
        {
            await request.Body.CopyToAsync(Stream.Null);
            return Results.Accepted();
        }).RequireAuthorization();
        app.MapGet(CountersPath, static () => Results.Json(Read())).RequireAuthorization();
        await app.StartAsync();
        await Console.Out.WriteLineAsync(app.Services.GetRequiredService<IServer>().Features.Get<IServerAddressesFeature>()!.Addresses.First());
        while (await Console.In.ReadLineAsync() is not null)
        {
        }
        await app.StopAsync();
    }

    private static ServerCounters Read() => new(
        Environment.CpuUsage.TotalTime.TotalMicroseconds, GC.GetTotalAllocatedBytes(), Interlocked.Read(ref commits), DiskBytes(),
        GC.CollectionCount(0), GC.CollectionCount(1), GC.CollectionCount(2), GC.GetTotalPauseDuration().TotalMicroseconds, Environment.WorkingSet);

    private static long DiskBytes()
    {
        const string file = "/proc/self/io", name = "write_bytes:";
        return File.Exists(file) && File.ReadLines(file).FirstOrDefault(static line => line.StartsWith(name, StringComparison.Ordinal)) is { } line
            ? long.Parse(line.AsSpan(name.Length), System.Globalization.CultureInfo.InvariantCulture)
            : 0;
    }

    private static MeterListener CountCommits()
    {
        var listener = new MeterListener
        {
            InstrumentPublished = static (instrument, self) =>
            {
                if (instrument.Name == "personalize.journal.commit.size")
                    self.EnableMeasurementEvents(instrument);
            },
        };
        listener.SetMeasurementEventCallback<long>(static (_, _, _, _) => Interlocked.Increment(ref commits));
        listener.Start();
        return listener;
    }
}
