using System.Diagnostics;
using Microsoft.AspNetCore.Builder;
using Microsoft.Extensions.Configuration;
using Microsoft.Extensions.DependencyInjection;
using Orleans.Personalize.Journal;
using Orleans.Personalize.Silo.Tests.Senders;
using Orleans.Personalize.Testing;
using Xunit.Abstractions;

namespace Orleans.Personalize.Silo.Tests.EndToEnd;

/// <summary>The promise, against <c>kill -9</c>: what was acknowledged is never lost, what was decided is decided once.</summary>
public sealed class KillTests(ITestOutputHelper output)
{
    private const int Kills = 20;

    /// <summary>One kill in so many falls into the start-up, where the last life is recovered.</summary>
    private const int KillsAtStartEvery = 5;

    private const int Posters = 6;

    /// <summary>Requests that are acknowledged before the next kill, at the most.</summary>
    private const int AcknowledgedMax = 40;

    [Fact]
    public async Task Nothing_acknowledged_is_lost_and_nothing_decided_twice_though_the_process_is_killed_again_and_again()
    {
        var seed = int.TryParse(Environment.GetEnvironmentVariable("PERSONALIZE_TESTS_SEED"), out var given) ? given : Random.Shared.Next();
        output.WriteLine($"PERSONALIZE_TESTS_SEED={seed}");
        var random = new Random(seed);
        using var directory = new TemporaryDirectory();
        await using var receiver = await Receiver.Answering(200);
        await ConfigureAsync(directory, receiver);
        var since = Stopwatch.StartNew();

        using var storm = new Storm(Posters, seed);
        var readyTimes = new List<double>();
        for (var kill = 0; kill < Kills; kill++)
        {
            await using var silo = SiloProcess.Serve(directory.Path);
            if (kill % KillsAtStartEvery == KillsAtStartEvery - 1)
            {
                // Nobody is told where it listens, so it has nothing else to do than to start; where in that it is hit is left to chance.
                await Task.Delay(random.Next((int)readyTimes.Max()));
            }
            else
            {
                var start = Stopwatch.StartNew();
                storm.Turn(to: await silo.ReadyAsync());
                readyTimes.Add(start.Elapsed.TotalMilliseconds);
                await storm.AcknowledgedAsync(random.Next(1, AcknowledgedMax));
            }
            var killed = silo.KillAsync();
            storm.TurnAway();
            await killed;
        }

        await using (var silo = SiloProcess.Serve(directory.Path))
        {
            var client = await silo.ReadyAsync();
            storm.Turn(to: client);
            await storm.CalmAsync();
            var events = storm.Acknowledged.Values.Sum(ids => ids.Count);
            output.WriteLine($"{Kills} kills, {storm.Requests} requests acknowledged, {storm.Repeats} repeated, {events} events, {since.Elapsed}");
            output.WriteLine($"ready after {readyTimes.Min():0} to {readyTimes.Max():0} ms");
            await AssertAllIsThereOnceAsync(client, storm.Acknowledged);
            await silo.TerminateAsync();
        }

        var sent = await AssertDeliveredAsync(directory, receiver, storm.Acknowledged.Keys);
        var ids = receiver.Requests.DistinctBy(Webhooks.Id).Count();
        output.WriteLine($"{sent} sends delivered, {receiver.Requests.Count} webhooks of {ids} ids, {since.Elapsed} in all");
    }

    private static async Task ConfigureAsync(TemporaryDirectory directory, Receiver receiver)
    {
        await using var silo = SiloProcess.Serve(directory.Path);
        var client = await silo.ReadyAsync();
        await client.PutAsync("senders/hook", Webhooks.Sender(receiver));
        await client.PutAsync("senders/log", """{"type":"log","channel":"email","path":"log.ndjson"}""");
        await client.PutAsync("triggers/webhook", """{"on":{"event":"Order Completed"},"send":{"sender":"hook"}}""");
        await client.PutAsync("triggers/line", """{"on":{"event":"Coupon Applied"},"send":{"sender":"log"}}""");
        await client.PutAsync(
            "triggers/abandoned", """{"on":{"event":"Product Added"},"wait":{"for":"PT1S"},"unless":[{"event":"Order Completed"}],"send":{"sender":"log"}}""");
        await silo.KillAsync();
    }

    private static async Task AssertAllIsThereOnceAsync(HttpClient silo, IReadOnlyDictionary<string, HashSet<(string Id, string Name)>> acknowledged)
    {
        var decisions = new HashSet<string>();
        foreach (var (customer, events) in acknowledged)
        {
            var timeline = await silo.TimelineAsync(customer);
            Assert.Equal(Enumerable.Range(1, timeline.Count).Select(version => (long)version), timeline.Select(fact => fact.Version));

            var applied = timeline.Where(fact => fact.Type == "eventApplied").Select(fact => fact.Data.GetProperty("event"));
            Assert.Equal(events.Order(), applied.Select(happened => (happened.Text("messageId")!, happened.Text("name")!)).Order());
            var counters = (await silo.CustomerAsync(customer)).GetProperty("counters");
            foreach (var name in events.GroupBy(happened => happened.Name))
                Assert.Equal(name.Count(), counters.GetProperty(name.Key).GetProperty("count").GetInt32());

            var decided = timeline.Where(fact => fact.Type == "decided").Select(fact => fact.Data.Text("decisionId")!).ToArray();
            Assert.All(decided, id => Assert.True(decisions.Add(id), $"{id} of {customer} is decided twice."));
            // The triggers without a wait have decided about each of their events.
            Assert.Equal(
                events.Count(happened => happened.Name is "Order Completed" or "Coupon Applied"),
                timeline.Count(fact => fact.Type == "decided" && fact.Data.Text("trigger") is "webhook" or "line"));
        }
    }

    /// <summary>
    /// An attempt that was lost with its process is repeated after a lease of two minutes. So that nobody has to wait, the last silo has a clock
    /// that is ahead.
    /// </summary>
    /// <returns>How many sends there are.</returns>
    private static async Task<int> AssertDeliveredAsync(TemporaryDirectory directory, Receiver receiver, IEnumerable<string> customers)
    {
        await using var app = SiloHost.Build(["--urls", "http://127.0.0.1:0"], builder =>
        {
            builder.Configuration.AddInMemoryCollection(
            [
                new("Personalize:DataDirectory", directory.Path),
                new("Personalize:AdminKey", SiloProcess.AdminKey),
                new("Personalize:Senders:AllowPrivateTargets", "true"),
                new("Logging:LogLevel:Default", "None"),
            ]);
            builder.Services.AddSingleton<TimeProvider>(new ClockAhead(TimeSpan.FromMinutes(3)));
        });
        await app.StartAsync();
        using var silo = new HttpClient { BaseAddress = new Uri(app.Urls.Single()) };
        silo.DefaultRequestHeaders.Authorization = new("Bearer", SiloProcess.AdminKey);
        var open = customers.ToHashSet();
        await Eventually.TrueAsync(async () =>
        {
            foreach (var customer in open)
            {
                var profile = await silo.CustomerAsync(customer);
                if (profile.GetProperty("waits").GetArrayLength() == 0
                    && profile.GetProperty("sends").EnumerateArray().All(send => send.Text("state") is not ("pending" or "authorized")))
                    open.Remove(customer);
            }
            return open.Count == 0;
        }, () => $"all sends are finished; open are those of {string.Join(", ", open)}");

        var decided = new HashSet<string>();
        var sent = new HashSet<string>();
        foreach (var customer in customers)
        {
            var timeline = await silo.TimelineAsync(customer);
            var decisions = timeline.Where(fact => fact.Type == "decided").Select(fact => fact.Data).ToArray();
            Assert.All(decisions, decision => Assert.True(decided.Add(decision.Text("decisionId")!), $"{decision} of {customer} is decided twice."));
            var sentHere = timeline
                .Where(fact => fact.Type == "sendSettled" && fact.Data.Text("state") == "sent")
                .Select(fact => fact.Data.Text("decisionId")!)
                .ToArray();
            Assert.All(sentHere, id => Assert.True(sent.Add(id), $"{id} of {customer} is sent twice."));
            // An order that came before the delivery may withdraw what was left behind; nothing withdraws the others.
            var immediate = decisions.Where(decision => decision.Text("send") is not null && decision.Text("trigger") != "abandoned");
            Assert.Subset(sentHere.ToHashSet(), immediate.Select(decision => decision.Text("decisionId")!).ToHashSet());
        }
        await app.StopAsync();

        Assert.All(receiver.Requests, Webhooks.AssertSigned);
        var lines = await File.ReadAllLinesAsync(Path.Combine(directory.Path, "sends", "log.ndjson"));
        var delivered = receiver.Requests.Select(Webhooks.Id).Concat(lines.Select(line => Api.Parse(line).Text("decisionId")!)).ToHashSet();
        Assert.Subset(delivered, sent);
        Assert.Subset(decided, delivered);
        return sent.Count;
    }

    private sealed class ClockAhead(TimeSpan lead) : TimeProvider
    {
        public override DateTimeOffset GetUtcNow() => System.GetUtcNow() + lead;
    }
}
