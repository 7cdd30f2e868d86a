using System.Collections.Immutable;
using Microsoft.AspNetCore.Builder;
using Microsoft.AspNetCore.Http;
using Microsoft.Extensions.DependencyInjection;
using Orleans.Personalize.Engine;
using Orleans.Personalize.Journal;

namespace Orleans.Personalize.Bench;

/// <summary>
/// Looking customers up in a journal of many: a search by id, by address and by a declared trait, opening a customer who is not in memory, and the first page of the
/// timeline, next to an endpoint that answers a constant.
/// </summary>
internal static class LookupBench
{
    private const int Clients = 4;
    private const string Workspace = "default";
    private const int FactsOfEach = 10;

    /// <summary>Values of the declared trait: a thousand customers have each.</summary>
    private const int Cities = 100;

    private static int CustomersCount => Rounds.AreShort ? 1_000 : 100_000;

    public static async Task RunAsync()
    {
        await using var server = await BenchServer.StartAsync(
            Clients, static app => app.MapGet("/noop", static () => Results.Text("{}", "application/json")).RequireAuthorization(), FillAsync);
        Console.WriteLine(
            $"lookup: {Clients} clients, {CustomersCount:N0} customers, {CustomersCount * FactsOfEach:N0} facts, {Environment.ProcessorCount} processors shared with the clients, medians of {Rounds.Count} rounds");
        // Customers are opened once each: the second time they are in memory.
        var next = 0;
        await GetLoad.CompareAsync(
            server.Http,
            Clients,
            ("no-op GET", static _ => "/noop"),
            ("search by id", static random => $"/v1/customers?search={Id(random.Next(CustomersCount))[..9]}&limit=20"),
            ("search by address", static random => $"/v1/customers?search=Reader{random.Next(CustomersCount)}&limit=20"),
            ("search by trait", static random => $"/v1/customers?search=city:c{random.Next(Cities)}&limit=20"),
            ("latest", static _ => "/v1/customers?limit=20"),
            ("open a customer not in memory", _ => $"/v1/customers/{Id(Interlocked.Increment(ref next) % CustomersCount)}"),
            ("open a customer in memory", static random => $"/v1/customers/{Id(random.Next(100))}"),
            ("first page of a timeline", static random => $"/v1/customers/{Id(random.Next(CustomersCount))}/timeline?limit=50"));
    }

    private static string Id(int number) => $"{(uint)number * 2_654_435_761:x8}-{number}";

    /// <summary>Straight into the journal: the way there is another scenario's business.</summary>
    private static async Task FillAsync(string directory)
    {
        await using var database = SqliteDatabase.Open(directory);
        await using var committer = new GroupCommitter(new SqliteJournal(database), TimeProvider.System);
        var start = DateTimeOffset.UtcNow.AddDays(-1);
        foreach (var numbers in Enumerable.Range(0, CustomersCount).Chunk(1_000))
            await Task.WhenAll(numbers.Select(number => committer.AppendAsync(History(number, start))));
    }

    private static JournalWrite.Append History(int number, DateTimeOffset start)
    {
        var customer = new CustomerKey(Workspace, Id(number));
        ImmutableArray<Fact> facts = [.. Enumerable.Range(0, FactsOfEach).Select(fact => new Fact.EventApplied(Happened(number, fact, start), Late: false))];
        return new JournalWrite.Append($"{customer}", 0, facts.Length, start, FactCodec.Encode(facts), Email: $"reader{number}@example.com", Terms: [$"city:c{number % Cities}"]);
    }

    private static CustomerEvent Happened(int number, int fact, DateTimeOffset start) => new()
    {
        MessageId = $"m-{number}-{fact}",
        Type = EventType.Track,
        Name = fact % 3 == 0 ? "Product Added" : "Product Viewed",
        OccurredAt = start.AddSeconds(number + fact),
        ReceivedAt = start.AddSeconds(number + fact),
        Source = "bench",
        Properties = JsonText.FromString($$"""{"product_id":"p-{{fact}}","name":"Trail Shoe","price":129.9,"url":"https://shop.example/p/trail-shoe"}"""),
        Traits = fact == 0 ? JsonText.FromString($$"""{"email":"reader{{number}}@example.com","first_name":"Reader {{number}}"}""") : default,
    };
}
