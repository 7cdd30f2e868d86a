using System.Diagnostics;
using Orleans.Personalize.Testing;
using Xunit.Abstractions;

namespace Orleans.Personalize.Cluster.Tests.Processes;

/// <summary>Silos are lost, stalled and replaced under load: nothing acknowledged is lost, nothing is decided twice.</summary>
[Collection(ClusterCollection.Name)]
public sealed class ClusterFailureTests(ITestOutputHelper output)
{
    private const int Posters = 6, Acknowledged = 150;

    [PostgresFact]
    public async Task A_silo_that_is_killed_under_load_costs_no_event_and_the_others_take_over()
    {
        await using var cluster = await LocalCluster.CreateAsync();
        var silos = await cluster.StartSilosAsync(2);
        var gateway = await cluster.StartGatewayAsync();
        await cluster.ActiveAsync(2);
        await ClusterLedger.ConfigureAsync(gateway);
        using var load = new ClusterLoad(Posters, Seed(), [.. silos, gateway]);
        await load.AcknowledgedAsync(Acknowledged);
        output.WriteLine($"Before: {load.Summary}");
        load.TakeSlowest();

        var since = Stopwatch.StartNew();
        await silos[1].Process.KillAsync();
        await cluster.DeclaredDeadAsync(silos[1]);
        output.WriteLine($"Declared dead {since.Elapsed.TotalSeconds:0.0} s after the kill.");
        await load.AcknowledgedAsync(Acknowledged);
        output.WriteLine($"No client waited longer than {load.TakeSlowest().TotalSeconds:0.0} s.");
        load.Turn(silos[0], gateway);
        await FinishAsync(cluster, load, silos[0], [gateway, silos[0]]);
    }

    [PostgresFact]
    public async Task A_silo_that_was_taken_for_dead_and_goes_on_is_refused_by_the_fence()
    {
        await using var cluster = await LocalCluster.CreateAsync();
        var silos = await cluster.StartSilosAsync(2);
        await cluster.ActiveAsync(2);
        await ClusterLedger.ConfigureAsync(silos[0]);
        // Orleans activates a customer where it is first asked for: all of them in the silo that will be stopped.
        using var load = new ClusterLoad(Posters, Seed(), silos[1]);
        await load.AcknowledgedAsync(Acknowledged * 2);
        load.Turn(silos);
        await load.AcknowledgedAsync(Acknowledged);
        load.TakeSlowest();

        silos[1].Process.Pause();
        var since = Stopwatch.StartNew();
        // Whatever comes meanwhile is the first thing that it sees when it goes on.
        var late = Enumerable.Range(0, ClusterLoad.Customers).Select(index => PostLateAsync(silos[1], $"customer-{index}", $"late-{index}")).ToArray();
        await cluster.DeclaredDeadAsync(silos[1]);
        output.WriteLine($"Declared dead {since.Elapsed.TotalSeconds:0.0} s after it was stopped.");
        load.Turn(silos[0]);
        await load.AcknowledgedAsync(Acknowledged * 2);
        output.WriteLine($"No client waited longer than {load.TakeSlowest().TotalSeconds:0.0} s.");
        silos[1].Process.Resume();

        var answered = await Task.WhenAll(late);
        foreach (var (customer, id) in answered.Where(answer => answer.IsAcknowledged).Select(answer => (answer.Customer, answer.Id)))
            load.Add(customer, id, "Product Viewed");
        output.WriteLine($"{answered.Count(answer => answer.IsAcknowledged)} of {answered.Length} requests that had waited in the stopped silo were acknowledged by it.");
        await Eventually.TrueAsync(() => silos[1].Process.HasExited, () => $"the silo has learned that it is taken for dead, and ended:\n{silos[1].Process.Output}");
        var refusals = silos[1].Process.Output.Split("Another activation of").Length - 1;
        output.WriteLine($"The fence refused {refusals} of its activations.");
        Assert.NotEqual(0, refusals);
        // What it did not acknowledge it may all the same have written, or passed on.
        foreach (var (customer, id) in answered.Where(answer => !answer.IsAcknowledged).Select(answer => (answer.Customer, answer.Id)))
        {
            await Eventually.TrueAsync(
                async () => await silos[0].Client.PostAsync(ClusterApi.Event(customer, "Product Viewed", id)) is not null, () => $"{id} is acknowledged");
            load.Add(customer, id, "Product Viewed");
        }
        await FinishAsync(cluster, load, silos[0], [silos[0]]);
    }

    [PostgresFact]
    public async Task Silos_are_replaced_one_after_the_other_and_no_request_fails_for_good()
    {
        await using var cluster = await LocalCluster.CreateAsync();
        var silos = await cluster.StartSilosAsync(2);
        var gateway = await cluster.StartGatewayAsync();
        await cluster.ActiveAsync(2);
        await ClusterLedger.ConfigureAsync(gateway);
        using var load = new ClusterLoad(Posters, Seed(), [.. silos, gateway]);
        await load.AcknowledgedAsync(Acknowledged);
        load.TakeSlowest();
        for (var index = 0; index < silos.Length; index++)
        {
            // As Kubernetes does with maxUnavailable 0: first the new one, then the old one goes.
            var replacement = await cluster.StartSiloAsync();
            var since = Stopwatch.StartNew();
            await silos[index].Process.TerminateAsync();
            output.WriteLine($"{silos[index].Name} had drained and ended after {since.Elapsed.TotalSeconds:0.0} s.");
            silos[index] = replacement;
            load.Turn([.. silos, gateway]);
            await load.AcknowledgedAsync(Acknowledged);
        }
        output.WriteLine($"No client waited longer than {load.TakeSlowest().TotalSeconds:0.0} s.");
        await FinishAsync(cluster, load, gateway, [gateway, .. silos]);
    }

    [PostgresFact]
    public async Task The_cluster_outlives_the_loss_of_its_database()
    {
        await using var server = await PostgresServer.StartAsync();
        await using var cluster = await LocalCluster.CreateAsync(server);
        var silos = await cluster.StartSilosAsync(2);
        await cluster.ActiveAsync(2);
        await ClusterLedger.ConfigureAsync(silos[0]);
        using var load = new ClusterLoad(Posters, Seed(), silos);
        await load.AcknowledgedAsync(Acknowledged);
        load.TakeSlowest();

        var since = Stopwatch.StartNew();
        await server.StopAsync("immediate");
        // Longer than a silo may fail to write that it is alive before it has no say.
        await Task.Delay(TimeSpan.FromSeconds(20));
        await server.StartAgainAsync();
        output.WriteLine($"The database was away for {since.Elapsed.TotalSeconds:0.0} s.");
        await load.AcknowledgedAsync(Acknowledged);
        output.WriteLine($"No client waited longer than {load.TakeSlowest().TotalSeconds:0.0} s.");
        Assert.All(silos, silo => Assert.False(silo.Process.HasExited, silo.Process.Output));
        await cluster.ActiveAsync(2);
        await FinishAsync(cluster, load, silos[0], silos);
    }

    private async Task FinishAsync(LocalCluster cluster, ClusterLoad load, ClusterMember asked, ClusterMember[] members)
    {
        await load.CalmAsync();
        output.WriteLine(load.Summary);
        var decisions = await ClusterLedger.AssertAllIsThereOnceAsync(asked, load.Acknowledged);
        foreach (var member in members)
            await member.Process.TerminateAsync();
        var (deliveries, delivered) = await ClusterLedger.AssertDeliveredAsync(cluster, load.Acknowledged.Keys);
        output.WriteLine($"{decisions} decisions before the end; {deliveries} deliveries of {delivered} decisions.");
    }

    private static async Task<(string Customer, string Id, bool IsAcknowledged)> PostLateAsync(ClusterMember member, string customer, string id)
    {
        try
        {
            return (customer, id, await member.Client.PostAsync(ClusterApi.Event(customer, "Product Viewed", id)) is not null);
        }
        catch (Exception failure) when (failure is HttpRequestException or OperationCanceledException)
        {
            return (customer, id, false);
        }
    }

    private int Seed()
    {
        var seed = int.TryParse(Environment.GetEnvironmentVariable("PERSONALIZE_TESTS_SEED"), out var given) ? given : Random.Shared.Next();
        output.WriteLine($"PERSONALIZE_TESTS_SEED={seed}");
        return seed;
    }
}
