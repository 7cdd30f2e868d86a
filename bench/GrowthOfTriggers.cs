using static Orleans.Personalize.Bench.GrowthBench;

namespace Orleans.Personalize.Bench;

/// <summary>Triggers that do not listen.</summary>
internal static class GrowthOfTriggers
{
    private const int Listening = 10;

    private static int ManyTriggers => Rounds.AreShort ? 20 : 1_000;

    public static async Task RunAsync()
    {
        var servers = await Task.WhenAll(ServerProcess.StartAsync(), ServerProcess.StartAsync());
        await using var one = servers[0];
        await using var many = servers[1];
        await Task.WhenAll(PrepareAsync(one, 1), PrepareAsync(many, ManyTriggers));
        await Task.Delay(Rounds.Time);
        var (ofOne, ofMany) = (await HttpConnection.OpenAsync(one.Address, Clients), await HttpConnection.OpenAsync(many.Address, Clients));
        var rates = (One: new List<double>(), Many: new List<double>());
        for (var round = -Rounds.WarmUps; round < Rounds.Count; round++)
        {
            var rate = (One: await RateAsync(ofOne, Batch, static random => random.Next(Few)), Many: await RateAsync(ofMany, Batch, static random => random.Next(Few)));
            if (round < 0)
                continue;
            rates.One.Add(rate.One);
            rates.Many.Add(rate.Many);
        }
        Add($"{ManyTriggers:N0} triggers of which {Listening} listen, time / one trigger", Rounds.Ratio(rates.One, rates.Many), "", 1.5, lessIsBetter: true);
        HttpConnection.Close([.. ofOne, .. ofMany]);
    }

    /// <summary>The first of them listen, and decide nothing: what is measured is the listening.</summary>
    private static async Task PrepareAsync(ServerProcess server, int count)
    {
        await server.PutAsync("senders/file", """{"type":"log"}""");
        for (var number = 0; number < count; number++)
        {
            var name = number < Listening ? "Product Viewed" : $"Other {number}";
            await server.PutAsync(
                $"triggers/t{number}", $$$"""{"on":{"event":"{{{name}}}","where":{"field":"event.properties.price","op":"gt","value":1000}},"send":{"sender":"file"}}""");
        }
    }
}
