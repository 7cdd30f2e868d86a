namespace Orleans.Personalize.Bench;

/// <summary>
/// Twice what the server can take, in batches, at a rate that does not depend on the answers: what is refused is to be refused at once and to say when to come again, what is
/// accepted keeps its latency, the memory stays bounded, and half the maximum afterwards is as before.
/// </summary>
internal static class OverloadBench
{
    private const int BatchSize = 100;
    private const int Clients = 64;
    private const int ClientsOfOverload = 1_024;
    private const int CustomersCount = 10_000;

    private static TimeSpan Time => Rounds.Time * (Rounds.AreShort ? 1 : 10);

    public static async Task RunAsync()
    {
        await using var server = await ServerProcess.StartAsync();
        var connections = await HttpConnection.OpenAsync(server.Address, ClientsOfOverload);
        var few = connections[..Clients];
        Func<EventRequest> make = static () => new("/v1/events", BatchSize);
        Func<Random, int> customer = static random => random.Next(CustomersCount);
        for (var warmUp = 0; warmUp < Rounds.WarmUps; warmUp++)
            await HttpLoad.ClosedAsync(few, make, customer, Rounds.Time);
        var maximum = (await HttpLoad.ClosedAsync(few, make, customer, Time)).Rate;
        Console.WriteLine($"overload: {ClientsOfOverload:N0} connections, batches of {BatchSize}, maximum {maximum * BatchSize:N0} events/s");
        var before = await HttpLoad.OpenAsync(few, make, customer, maximum / 2, Time);
        var resident = (await server.CountersAsync()).Resident;
        var over = await HttpLoad.OpenAsync(connections, make, customer, maximum * 2, Time);
        var grown = (await server.CountersAsync()).Resident - resident;
        var after = await HttpLoad.OpenAsync(few, make, customer, maximum / 2, Time);
        Add("half the maximum, before: p99", LoadResult.At(before.Latencies, 0.99), "ms");
        Add("twice the maximum: accepted", over.Rate * BatchSize, $"events/s of {maximum * BatchSize:N0} at the maximum");
        Add("twice the maximum: refused", over.RefusedLatencies.Length / (double)(over.RefusedLatencies.Length + over.Latencies.Length), "of the requests");
        Add("twice the maximum: refused without Retry-After", over.Unmarked, "requests");
        Add("twice the maximum: accepted, p99", LoadResult.At(over.Latencies, 0.99), "ms from the intended send time");
        Add("twice the maximum: refused, p99", LoadResult.At(over.RefusedLatencies, 0.99), "ms from the intended send time");
        Add("twice the maximum: memory more than before", grown / 1e6, "MB");
        Add("half the maximum, afterwards: p99", LoadResult.At(after.Latencies, 0.99), $"ms, {after.RefusedLatencies.Length} refused");
        HttpConnection.Close(connections);
    }

    private static void Add(string name, double value, string unit) => Figures.Add(new("overload", name, value, value, value, unit));
}
