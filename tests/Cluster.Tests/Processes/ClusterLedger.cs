using Microsoft.AspNetCore.Builder;
using Microsoft.Extensions.Configuration;
using Microsoft.Extensions.DependencyInjection;
using Orleans.Personalize.Journal;
using Orleans.Personalize.Silo;
using Orleans.Personalize.Testing;

namespace Orleans.Personalize.Cluster.Tests.Processes;

/// <summary>What must hold after whatever happened to the silos.</summary>
internal static class ClusterLedger
{
    /// <summary>A trigger that decides at once, and one that waits and may be withdrawn.</summary>
    public static async Task ConfigureAsync(ClusterMember member)
    {
        await member.Client.PutAsync("senders/log", """{"type":"log","channel":"email","path":"log.ndjson"}""");
        await member.Client.PutAsync("triggers/thanks", """{"on":{"event":"Order Completed"},"send":{"sender":"log"}}""");
        await member.Client.PutAsync(
            "triggers/abandoned", """{"on":{"event":"Product Added"},"wait":{"for":"PT2S"},"unless":[{"event":"Order Completed"}],"send":{"sender":"log"}}""");
    }

    /// <summary>Every acknowledged event is in its customer's history once, and every decision has been made once.</summary>
    /// <returns>How many decisions there are.</returns>
    public static async Task<int> AssertAllIsThereOnceAsync(ClusterMember member, IReadOnlyDictionary<string, HashSet<(string Id, string Name)>> acknowledged)
    {
        var decisions = new HashSet<string>();
        foreach (var (customer, events) in acknowledged)
        {
            var timeline = await member.Client.TimelineAsync(customer);
            Assert.Equal(Enumerable.Range(1, timeline.Count).Select(version => (long)version), timeline.Select(fact => fact.Version));

            var applied = timeline.Where(fact => fact.Type == "eventApplied").Select(fact => fact.Data.GetProperty("event"));
            Assert.Equal(events.Order(), applied.Select(happened => (happened.Text("messageId")!, happened.Text("name")!)).Order());
            var counters = (await member.Client.CustomerAsync(customer)).GetProperty("counters");
            foreach (var name in events.GroupBy(happened => happened.Name))
                Assert.Equal(name.Count(), counters.GetProperty(name.Key).GetProperty("count").GetInt32());

            var decided = timeline.Where(fact => fact.Type == "decided").ToArray();
            Assert.All(decided, fact => Assert.True(decisions.Add(fact.Data.Text("decisionId")!), $"{fact.Data} of {customer} is decided twice."));
            Assert.Equal(events.Count(happened => happened.Name == "Order Completed"), decided.Count(fact => fact.Data.Text("trigger") == "thanks"));
        }
        return decisions.Count;
    }

    /// <summary>
    /// Everything that was to be sent is sent, and no attempt was made twice. An attempt that was lost with its silo is repeated after a lease of two
    /// minutes; so that nobody has to wait, the last silo has a clock that is ahead.
    /// </summary>
    /// <param name="cluster">Its silos have ended.</param>
    /// <returns>How many deliveries there were, and of how many decisions.</returns>
    public static async Task<(int Deliveries, int Decisions)> AssertDeliveredAsync(LocalCluster cluster, IEnumerable<string> customers)
    {
        var directory = Directory.CreateTempSubdirectory("personalize-cluster-").FullName;
        HashSet<string> decided = [], owed = [];
        await using (var app = Build(cluster, directory))
        {
            // As the program does: a journal that is opened by the first grain that asks for it stops all of them.
            app.Services.GetRequiredService<IJournal>();
            await app.StartAsync();
            using var client = new HttpClient { BaseAddress = new Uri(app.Urls.Single()), DefaultRequestHeaders = { { "Authorization", $"Bearer {SiloProcess.AdminKey}" } } };
            foreach (var customer in customers)
            {
                await Eventually.TrueAsync(
                    async () => IsFinished(await client.CustomerAsync(customer)), () => $"{customer} has nothing left to send", TimeSpan.FromMinutes(2));
                var decisions = (await client.TimelineAsync(customer)).Where(fact => fact.Type == "decided").Select(fact => fact.Data).ToArray();
                decided.UnionWith(decisions.Select(decision => decision.Text("decisionId")!));
                // Nothing withdraws these; what waited for a cart to be bought may be withdrawn by its order.
                owed.UnionWith(decisions.Where(decision => decision.Text("trigger") == "thanks" && decision.Text("send") is not null).Select(decision => decision.Text("decisionId")!));
            }
            await app.StopAsync();
        }

        var lines = cluster.Directories.Append(directory)
            .Select(path => Path.Combine(path, "sends", "log.ndjson"))
            .Where(File.Exists)
            .SelectMany(File.ReadAllLines)
            .Select(Api.Parse)
            .ToArray();
        Directory.Delete(directory, recursive: true);
        var attempts = new HashSet<(string?, string?)>();
        Assert.All(lines, line => Assert.True(attempts.Add((line.Text("decisionId"), line.Text("attempt"))), $"One attempt was made twice: {line}"));
        var delivered = lines.Select(line => line.Text("decisionId")!).ToHashSet();
        Assert.Subset(decided, delivered);
        Assert.Subset(delivered, owed);
        return (lines.Length, delivered.Count);
    }

    private static bool IsFinished(System.Text.Json.JsonElement profile) =>
        profile.GetProperty("waits").GetArrayLength() == 0
        && profile.GetProperty("sends").EnumerateArray().All(send => send.Text("state") is not ("pending" or "authorized"));

    private static WebApplication Build(LocalCluster cluster, string directory) => SiloHost.Build(["--urls", "http://127.0.0.1:0"], builder =>
    {
        builder.Configuration.AddInMemoryCollection(
        [
            new("Personalize:DataDirectory", directory),
            new("Personalize:AdminKey", SiloProcess.AdminKey),
            new("Personalize:Journal", "postgres"),
            new("Personalize:LinkKeys:0", SiloProcess.LinkKey),
            new("ConnectionStrings:Personalize", cluster.ConnectionString),
            new("POD_IP", "127.0.0.1"),
            new("Logging:LogLevel:Default", "None"),
            new("Logging:LogLevel:Orleans", "None"),
            new("Logging:LogLevel:Orleans.Runtime.MembershipService", "None"),
        ]);
        builder.Services.AddSingleton<TimeProvider>(new ClockAhead(TimeSpan.FromMinutes(3)));
    });

    private sealed class ClockAhead(TimeSpan lead) : TimeProvider
    {
        public override DateTimeOffset GetUtcNow() => System.GetUtcNow() + lead;
    }
}
