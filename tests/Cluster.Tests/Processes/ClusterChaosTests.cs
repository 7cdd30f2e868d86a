using System.Collections.Concurrent;
using System.Diagnostics;
using Orleans.Personalize.Testing;
using Xunit.Abstractions;

namespace Orleans.Personalize.Cluster.Tests.Processes;

/// <summary>
/// Three silos of which at the most two at a time are killed, stopped and continued, or replaced, at random and under load; for a minute, or
/// for PERSONALIZE_CHAOS_SECONDS. PERSONALIZE_TESTS_SEED repeats what is done to the silos, though not when their threads run.
/// </summary>
[Collection(ClusterCollection.Name)]
public sealed class ClusterChaosTests(ITestOutputHelper output)
{
    private const int Silos = 3, DisturbedMax = 2, Posters = 6;

    private readonly ConcurrentDictionary<string, int> disturbances = new();

    [PostgresFact]
    public async Task Whatever_happens_to_silos_nothing_acknowledged_is_lost_and_nothing_decided_twice()
    {
        var duration = TimeSpan.FromSeconds(Number("PERSONALIZE_CHAOS_SECONDS") ?? 60);
        var seed = Number("PERSONALIZE_TESTS_SEED") ?? Random.Shared.Next();
        output.WriteLine($"PERSONALIZE_TESTS_SEED={seed} PERSONALIZE_CHAOS_SECONDS={duration.TotalSeconds:0}");
        await using var cluster = await LocalCluster.CreateAsync();
        var silos = await cluster.StartSilosAsync(Silos);
        var gateway = await cluster.StartGatewayAsync();
        await cluster.ActiveAsync(Silos);
        await ClusterLedger.ConfigureAsync(gateway);

        using var load = new ClusterLoad(Posters, seed, [.. silos, gateway]);
        using var disturbed = new SemaphoreSlim(DisturbedMax);
        var since = Stopwatch.StartNew();
        await Task.WhenAll(Enumerable.Range(0, Silos).Select(async index =>
        {
            var random = new Random(seed + index);
            while (since.Elapsed < duration)
            {
                await Task.Delay(random.Next(1_000, 8_000));
                await disturbed.WaitAsync();
                silos[index] = await DisturbAsync(cluster, silos[index], random);
                disturbed.Release();
                load.Turn([.. silos, gateway]);
            }
        }));
        output.WriteLine($"{string.Join(", ", disturbances.Select(static pair => $"{pair.Value} {pair.Key}"))} in {since.Elapsed.TotalSeconds:0} s.");
        output.WriteLine($"While it lasted no client waited longer than {load.TakeSlowest().TotalSeconds:0.0} s.");
        await load.AcknowledgedAsync(100);
        output.WriteLine($"After it no client waited longer than {load.TakeSlowest().TotalSeconds:0.0} s.");
        await load.CalmAsync();
        output.WriteLine(load.Summary);

        var decisions = await ClusterLedger.AssertAllIsThereOnceAsync(gateway, load.Acknowledged);
        await gateway.Process.TerminateAsync();
        foreach (var silo in silos)
            await silo.Process.TerminateAsync();
        var (deliveries, delivered) = await ClusterLedger.AssertDeliveredAsync(cluster, load.Acknowledged.Keys);
        output.WriteLine($"{decisions} decisions before the end; {deliveries} deliveries of {delivered} decisions.");
    }

    /// <returns>The silo, or the one that has taken its place.</returns>
    private async Task<ClusterMember> DisturbAsync(LocalCluster cluster, ClusterMember silo, Random random)
    {
        switch (random.Next(5))
        {
            case 0 or 1:
                Count("killed");
                await silo.Process.KillAsync();
                await Task.Delay(random.Next(5_000));
                return await cluster.StartSiloAsync();
            case 2 or 3:
                Count("stopped");
                silo.Process.Pause();
                await Task.Delay(random.Next(500, 30_000));
                silo.Process.Resume();
                if (!await cluster.IsDeclaredDeadAsync(silo))
                    return silo;
                Count("of these declared dead");
                await Eventually.TrueAsync(() => silo.Process.HasExited, () => $"the silo has learned that it is taken for dead, and ended:\n{silo.Process.Output}");
                return await cluster.StartSiloAsync();
            default:
                Count("replaced");
                var replacement = await cluster.StartSiloAsync();
                await silo.Process.TerminateAsync();
                return replacement;
        }
    }

    private void Count(string disturbance) => disturbances.AddOrUpdate(disturbance, 1, static (_, count) => count + 1);

    private static int? Number(string variable) => int.TryParse(Environment.GetEnvironmentVariable(variable), out var number) ? number : null;
}
