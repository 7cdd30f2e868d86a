using Orleans.Personalize.Testing;
using static Orleans.Personalize.Tests.GatewayServer;

namespace Orleans.Personalize.Tests.Sources;

/// <summary>The libraries by which others send (npm: cloudevents, standardwebhooks), unmodified.</summary>
public sealed class SourceClientTests
{
    [NodeFact]
    public async Task The_libraries_events_are_taken_once()
    {
        var folder = await Npm.InstallAsync();
        await using var server = await StartAsync();
        foreach (var type in (string[])["cloudevents", "standard-webhooks"])
            await server.Grains.Registry("default").Put(RegistryKind.Source, type, JsonText.FromString(Recorded.Document(type)));

        var output = await Npm.RunAsync("node", folder, "", "emit.js", server.Address.ToString(), Recorded.Secret, Recorded.StandardSecret);

        Assert.Equal(
            [
                "cloudevents 200 accepted", "cloudevents 200 accepted", "cloudevents 200 duplicate", "cloudevents 200 accepted accepted",
                "standard-webhooks 200 accepted", "standard-webhooks 200 duplicate", "standard-webhooks 403 undefined",
            ],
            output.Split('\n', StringSplitOptions.RemoveEmptyEntries));
        var adele = Assert.Single(server.Grains.Customer("default/adele").Applied);
        Assert.Equal(("/erp/orders#binary-1", "Order Completed", "cloudevents"), (adele.MessageId, adele.Name, adele.Source));
        Assert.Equal("Köln ☃", JsonElementOf(adele).Text("città"));
        Assert.Equal(["/erp/orders#structured-1", "/erp/orders#batch-1", "msg_1"], server.Grains.Customer("default/ada").Applied.Select(static one => one.MessageId));
        Assert.Equal("/erp/orders#batch-2", Assert.Single(server.Grains.Customer("default/bob").Applied).MessageId);
    }

    private static System.Text.Json.JsonElement JsonElementOf(CustomerEvent happened) => Api.Parse(happened.Properties.ToString());
}
