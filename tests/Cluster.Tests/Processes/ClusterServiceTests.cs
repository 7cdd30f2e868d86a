using System.Diagnostics;
using System.Net;
using System.Net.Http.Headers;
using Orleans.Personalize.Testing;
using Xunit.Abstractions;

namespace Orleans.Personalize.Cluster.Tests.Processes;

/// <summary>Two silos and a gateway are one system.</summary>
[Collection(ClusterCollection.Name)]
public sealed class ClusterServiceTests(ITestOutputHelper output)
{
    [PostgresFact]
    public async Task Every_silo_and_a_gateway_that_is_a_client_serve_the_same_customers()
    {
        await using var cluster = await LocalCluster.CreateAsync();
        var silos = await cluster.StartSilosAsync(2);
        var gateway = await cluster.StartGatewayAsync();
        await cluster.ActiveAsync(2);
        await ClusterLedger.ConfigureAsync(gateway);
        ClusterMember[] members = [.. silos, gateway];

        for (var index = 0; index < 30; index++)
        {
            var body = ClusterApi.Event($"customer-{index % 10}", "Order Completed", $"m-{index}");
            await AssertAsync("accepted", members[index % 3].Client.PostAsync(body));
            await AssertAsync("duplicate", members[(index + 1) % 3].Client.PostAsync(body));
        }
        for (var customer = 0; customer < 10; customer++)
        {
            var seen = await Task.WhenAll(members.Select(member => member.Client.CustomerAsync($"customer-{customer}")));
            Assert.All(seen, profile => Assert.Equal(3, profile.GetProperty("counters").GetProperty("Order Completed").GetProperty("count").GetInt32()));
        }
        // Nothing of a customer is done in a gateway.
        Assert.False(File.Exists(Path.Combine(gateway.Directory, "sends", "log.ndjson")));
        await gateway.Process.TerminateAsync();
        foreach (var silo in silos)
            await silo.Process.TerminateAsync();
    }

    [PostgresFact]
    public async Task A_trigger_put_at_one_silo_takes_effect_at_the_other()
    {
        await using var cluster = await LocalCluster.CreateAsync();
        var silos = await cluster.StartSilosAsync(2);
        await cluster.ActiveAsync(2);
        await silos[0].Client.PutAsync("senders/log", """{"type":"log","channel":"email"}""");
        // Of the customers of both silos, some are where the change is made and some are not.
        for (var customer = 0; customer < 10; customer++)
            await silos[customer % 2].Client.PostAsync(ClusterApi.Event($"customer-{customer}", "Product Viewed", "m-0"));

        await silos[0].Client.PutAsync("triggers/thanks", """{"on":{"event":"Order Completed"},"send":{"sender":"log"}}""");
        var since = Stopwatch.StartNew();
        for (var customer = 0; customer < 10; customer++)
        {
            var (key, attempt) = ($"customer-{customer}", 0);
            await Eventually.TrueAsync(async () =>
            {
                await silos[customer % 2].Client.PostAsync(ClusterApi.Event(key, "Order Completed", $"order-{++attempt}"));
                return (await silos[1].Client.CustomerAsync(key)).GetProperty("decisions").GetArrayLength() > 0;
            }, () => $"{key} knows the trigger");
        }
        output.WriteLine($"All ten customers acted on the trigger {since.ElapsedMilliseconds} ms after its PUT was answered.");
    }

    [PostgresFact]
    public async Task The_cluster_is_shown_to_admins_only_and_without_the_state_of_grains()
    {
        await using var cluster = await LocalCluster.CreateAsync();
        var silo = await cluster.StartSiloAsync();
        var gateway = await cluster.StartGatewayAsync();
        foreach (var member in new[] { silo, gateway })
        {
            using var anonymous = new HttpClient { BaseAddress = member.Client.BaseAddress };
            using var refused = await anonymous.GetAsync("/cluster/orleans/");
            Assert.Equal((HttpStatusCode.Unauthorized, "Basic"), (refused.StatusCode, refused.Headers.WwwAuthenticate.Single().Scheme));

            using var created = await member.Client.PostAsync("/v1/keys", Api.Json("""{"name":"reader","role":"operate"}"""));
            var key = Api.Parse(await created.Content.ReadAsStringAsync()).Text("key");
            using var operators = new HttpRequestMessage(HttpMethod.Get, "/cluster/orleans/") { Headers = { Authorization = new AuthenticationHeaderValue("Bearer", key) } };
            Assert.Equal(HttpStatusCode.Forbidden, (await anonymous.SendAsync(operators)).StatusCode);

            using var page = await member.Client.GetAsync("/cluster/orleans/");
            Assert.Equal((HttpStatusCode.OK, "text/html"), (page.StatusCode, page.Content.Headers.ContentType?.MediaType));
            var counters = Api.Parse(await member.Client.GetStringAsync("/cluster/orleans/DashboardCounters"));
            Assert.Equal(1, counters.GetProperty("hosts").GetArrayLength());
            Assert.Equal(HttpStatusCode.NotFound, (await member.Client.GetAsync("/cluster/orleans/GrainState?grainId=registry/default")).StatusCode);
        }
    }

    [PostgresFact]
    public async Task Deadlines_of_a_killed_silos_customers_are_kept_by_the_others()
    {
        await using var cluster = await LocalCluster.CreateAsync();
        var silos = await cluster.StartSilosAsync(2);
        await cluster.ActiveAsync(2);
        await silos[0].Client.PutAsync("senders/log", """{"type":"log","channel":"email"}""");
        await silos[0].Client.PutAsync("triggers/abandoned", """{"on":{"event":"Product Added"},"wait":{"for":"PT12S"},"send":{"sender":"log"}}""");
        // Orleans activates a customer where it is first asked for.
        string[] customers = [.. Enumerable.Range(0, 20).Select(index => $"customer-{index}")];
        foreach (var customer in customers)
            await silos[1].Client.PostAsync(ClusterApi.Event(customer, "Product Added", "m-0"));
        await silos[1].Process.KillAsync();

        var lateness = new List<double>();
        foreach (var customer in customers)
        {
            List<Api.Fact> timeline = [];
            await Eventually.TrueAsync(async () =>
            {
                try
                {
                    timeline = await silos[0].Client.TimelineAsync(customer);
                    return timeline.Exists(fact => fact.Type == "decided");
                }
                catch (HttpRequestException)
                {
                    // It is not yet known that the silo is gone.
                    return false;
                }
            }, () => $"the deadline of {customer} is kept", TimeSpan.FromMinutes(2));
            var decided = Assert.Single(timeline, fact => fact.Type == "decided");
            var occurred = timeline.First(fact => fact.Type == "eventApplied").Data.GetProperty("event").GetProperty("occurredAt").GetDateTimeOffset();
            lateness.Add((DateTimeOffset.UtcNow - occurred).TotalSeconds - 12);
            Assert.Equal("abandoned", decided.Data.Text("trigger"));
        }
        output.WriteLine($"The deadlines were kept within {lateness.Max():0.0} s of their time.");
    }

    [Theory]
    [InlineData("POD_IP", "nonsense", "POD_IP must be the IP address at which other silos reach this one.")]
    [InlineData("Personalize__Cluster__SiloPort", "30000", "Personalize:Cluster:SiloPort and Personalize:Cluster:GatewayPort must be two ports from 1 to 65535.")]
    [InlineData("Personalize__Cluster__Id", " ", "Personalize:Cluster:Id and Personalize:Cluster:Service must not be empty.")]
    [InlineData("Personalize__Cluster__Tls__Certificate", "a.crt", "Personalize:Cluster:Tls:Key must name the private key of Personalize:Cluster:Tls:Certificate.")]
    [InlineData("Personalize__Role", "gateway", "A gateway finds the silos in their journal, so it needs Personalize:Journal=postgres.")]
    public async Task A_wrong_setting_is_named_in_a_line(string name, string value, string message)
    {
        var directory = Directory.CreateTempSubdirectory("personalize-cluster-").FullName;
        await using (var silo = SiloProcess.Serve(directory, (name, value)))
        {
            await silo.ExitsAsync(1);
            Assert.Equal(message + "\n", silo.Errors);
        }
        Directory.Delete(directory, recursive: true);
    }

    private static async Task AssertAsync(string status, Task<string[]?> answer) => Assert.Equal(status, Assert.Single(await answer ?? []));
}
