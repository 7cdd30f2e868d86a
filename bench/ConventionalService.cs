using System.Diagnostics;
using System.Text;
using Npgsql;
using Orleans.Personalize.Journal;
using Orleans.Personalize.Testing;

namespace Orleans.Personalize.Bench;

/// <summary>What such a service is usually like: lock the customer, update the profile, note the event, queue what follows from it, commit.</summary>
internal sealed class ConventionalService : IAsyncDisposable
{
    public const int Clients = 64;

    private readonly NpgsqlDataSource source;

    private ConventionalService(NpgsqlDataSource source) => this.source = source;

    public static async Task<ConventionalService> CreateAsync(PostgresServer server)
    {
        await server.ExecuteAsync("""
            DROP TABLE IF EXISTS customers, events, outbox;
            CREATE TABLE customers(id text PRIMARY KEY, version bigint NOT NULL, profile jsonb NOT NULL);
            CREATE TABLE events(id bigserial PRIMARY KEY, customer text NOT NULL, version bigint NOT NULL, payload jsonb NOT NULL, UNIQUE(customer, version));
            CREATE TABLE outbox(id bigserial PRIMARY KEY, customer text NOT NULL, payload jsonb NOT NULL)
            """);
        return new ConventionalService(NpgsqlDataSource.Create(
            server.ConnectionString(more: $"Maximum Pool Size={Clients};No Reset On Close=true;Max Auto Prepare=20;Auto Prepare Min Usages=2")));
    }

    public async Task<double> RoundAsync()
    {
        var clock = Stopwatch.StartNew();
        var counts = await Task.WhenAll(Enumerable.Range(0, Clients).Select(client => Task.Run(async () =>
        {
            var random = new Random(client);
            var count = 0;
            await using var connection = await source.OpenConnectionAsync();
            for (; clock.Elapsed < Rounds.Time; count++)
                await HandleAsync(connection, JournalLoad.Customers[random.Next(JournalLoad.Customers.Length)]);
            return count;
        })));
        return counts.Sum() / clock.Elapsed.TotalSeconds;
    }

    public ValueTask DisposeAsync() => source.DisposeAsync();

    private static async Task HandleAsync(NpgsqlConnection connection, string customer)
    {
        await using var transaction = await connection.BeginTransactionAsync();
        var version = 1L;
        await using (var select = new NpgsqlCommand("SELECT version, profile FROM customers WHERE id = $1 FOR UPDATE", connection).With(customer))
        {
            await using var row = await select.ExecuteReaderAsync();
            if (await row.ReadAsync())
                version = row.GetInt64(0) + 1;
        }
        var json = Json(customer, version, JournalLoad.PayloadBytes);
        const string upsert = """
            INSERT INTO customers VALUES($1, $2, $3::jsonb) ON CONFLICT (id) DO UPDATE SET version = excluded.version, profile = customers.profile || excluded.profile
            """;
        await using (var write = new NpgsqlCommand(upsert, connection).With(customer).With(version).With(Json(customer, version, JournalLoad.ProfileBytes)))
            await write.ExecuteNonQueryAsync();
        // Two who make the same new customer at once number its events alike, which is of no interest here.
        await using (var write = new NpgsqlCommand(
            "INSERT INTO events(customer, version, payload) VALUES($1, $2, $3::jsonb) ON CONFLICT DO NOTHING", connection).With(customer).With(version).With(json))
            await write.ExecuteNonQueryAsync();
        await using (var write = new NpgsqlCommand("INSERT INTO outbox(customer, payload) VALUES($1, $2::jsonb)", connection).With(customer).With(json))
            await write.ExecuteNonQueryAsync();
        await transaction.CommitAsync();
    }

    private static string Json(string customer, long version, int bytes)
    {
        var json = new StringBuilder($$"""{"customer":"{{customer}}","version":{{version}},"name":"Product Viewed","url":"https://shop.example/p/trail-shoe","padding":""" + "\"");
        return json.Append('x', bytes - json.Length - 2).Append("\"}").ToString();
    }
}
