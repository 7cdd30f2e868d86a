using System.Text.Json;
using Orleans.Personalize.Testing;

namespace Orleans.Personalize.Cluster.Tests.Processes;

/// <summary>Visitors log in while a silo is killed: each is one customer in the end, with every event once, whichever silo is asked.</summary>
[Collection(ClusterCollection.Name)]
public sealed class ClusterIdentityTests
{
    private const int Visitors = 30, Views = 3;

    private static string Viewed(int visitor, int view) => JsonSerializer.Serialize(new
    {
        name = "Product Viewed",
        anonymousId = $"visitor-{visitor}",
        messageId = $"view-{visitor}-{view}",
    });

    private static string SignedIn(int visitor) => JsonSerializer.Serialize(new
    {
        name = "Signed In",
        customer = $"user-{visitor}",
        anonymousId = $"visitor-{visitor}",
        messageId = $"sign-in-{visitor}",
    });

    /// <summary>At least once: whoever gets no receipt posts again, to another silo.</summary>
    private static async Task InsistAsync(ClusterMember[] members, string body, int first)
    {
        var attempt = first;
        await Eventually.TrueAsync(async () =>
        {
            try
            {
                return await members[attempt++ % members.Length].Client.PostAsync(body) is [not "rejected"];
            }
            catch (HttpRequestException)
            {
                return false;
            }
        }, () => $"{body} is acknowledged");
    }

    [PostgresFact]
    public async Task Visitors_who_log_in_while_a_silo_is_killed_are_one_customer_each()
    {
        await using var cluster = await LocalCluster.CreateAsync();
        var silos = await cluster.StartSilosAsync(2);
        await cluster.ActiveAsync(2);
        await Task.WhenAll(Enumerable.Range(0, Visitors).Select(visitor => InsistAsync(silos, Viewed(visitor, 0), visitor)));

        var signingIn = Enumerable.Range(0, Visitors).Select(visitor => InsistAsync(silos, SignedIn(visitor), visitor)).ToArray();
        await Task.WhenAny(signingIn);
        await silos[1].Process.KillAsync();
        for (var view = 1; view < Views; view++)
            await Task.WhenAll(Enumerable.Range(0, Visitors).Select(visitor => InsistAsync(silos[..1], Viewed(visitor, view), visitor)));
        await Task.WhenAll(signingIn);

        var replacement = await cluster.StartSiloAsync();
        await cluster.ActiveAsync(2);
        foreach (var member in (ClusterMember[])[silos[0], replacement])
        {
            for (var visitor = 0; visitor < Visitors; visitor++)
            {
                var profile = default(JsonElement);
                await Eventually.TrueAsync(
                    async () => (profile = await member.Client.CustomerAsync($"visitor-{visitor}")).GetProperty("customer").GetString() == $"user-{visitor}",
                    () => $"visitor-{visitor} is user-{visitor}: {profile}");
                Assert.Equal(Views, profile.GetProperty("counters").GetProperty("Product Viewed").GetProperty("count").GetInt32());
                Assert.Equal(1, profile.GetProperty("counters").GetProperty("Signed In").GetProperty("count").GetInt32());
            }
        }
    }
}
