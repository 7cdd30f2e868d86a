using System.Text;
using System.Text.Json;
using System.Text.Json.Nodes;
using Orleans.Personalize.Gateway.Connectors;
using Orleans.Personalize.Testing;
using Xunit.Abstractions;

namespace Orleans.Personalize.Tests.Sources;

/// <summary>The payloads have the shape of https://debezium.io/documentation/reference/stable/connectors/postgresql.html#postgresql-events.</summary>
public sealed class DebeziumTests(ITestOutputHelper output)
{
    private static readonly DateTimeOffset Now = new(2026, 1, 1, 0, 0, 0, TimeSpan.Zero);

    private static readonly Source Crm = Read("""
        {"type":"debezium","secret":"s","tables":{"public.customers":{"rowId":"id","deleted":"Account Closed","mapping":
          {"customer":"/id","identities":{"email":"/email"},"traits":{"email":"/email","plan":"/plan","notes":"/notes"}}}}}
        """);

    private const string Schema = """{"type":"struct","fields":[{"type":"struct","fields":[{"type":"int32","optional":false,"field":"id"}],"optional":true,"name":"crm.public.customers.Value","field":"before"}],"optional":false,"name":"crm.public.customers.Envelope"}""";

    [Theory]
    [InlineData(true)]
    [InlineData(false)]
    public void A_created_row_sets_traits_and_identities_with_and_without_the_schema(bool hasSchema)
    {
        var message = Change("c", 24023128, Row("ada", "Ada@example.org", "gold"), time: Now.AddMilliseconds(5));
        var happened = Only(hasSchema ? $$"""{"schema":{{Schema}},"payload":{{message}}}""" : message);
        Assert.Equal(EventType.Identify, happened.Type);
        Assert.Null(happened.Name);
        Assert.Equal("""{"email":"Ada@example.org","plan":"gold","notes":null}""", happened.Traits.ToString());
        Assert.Equal("email:ada@example.org", Assert.Single(happened.Identities!));
        Assert.Equal(Now.AddMilliseconds(5), happened.OccurredAt);
        Assert.Equal("crm:public.customers:ada:00000000016e9058:c", happened.MessageId);
        Assert.Equal("crm", happened.Source);
        Assert.False(happened.IsHistory);
    }

    [Fact]
    public void A_row_of_a_snapshot_is_history()
    {
        Assert.True(Only(Change("r", 24023119, Row("ada", "a@example.org", "gold"))).IsHistory);
        Assert.False(Only(Change("u", 24023130, Row("ada", "a@example.org", "gold"))).IsHistory);
    }

    [Fact]
    public void A_column_without_a_value_removes_and_one_that_is_not_told_leaves()
    {
        var happened = Only(Change("u", 7, """{"id":"ada","email":null,"plan":"gold","notes":"__debezium_unavailable_value"}"""));
        Assert.Equal("""{"plan":"gold","email":null}""", happened.Traits.ToString());
    }

    [Fact]
    public void A_deletion_removes_the_traits_and_is_told_where_it_has_a_name()
    {
        var events = Parse(Change("d", 9, Row("ada", null, null)));
        Assert.Equal(["ada", "ada"], events.Select(one => one.Customer));
        Assert.Equal("""{"email":null,"plan":null,"notes":null}""", events[0].Event!.Traits.ToString());
        Assert.Null(events[0].Event!.Identities);
        Assert.Equal((EventType.Track, "Account Closed"), (events[1].Event!.Type, events[1].Event!.Name));
        Assert.NotEqual(events[0].MessageId, events[1].MessageId);
    }

    [Theory]
    [InlineData("")]
    [InlineData("null")]
    [InlineData("""{"schema":null,"payload":null}""")]
    [InlineData("""{"op":"t","source":{"schema":"public","table":"customers","lsn":8},"ts_ms":1}""")]
    [InlineData("""{"op":"m","ts_ms":1,"source":{"lsn":8},"message":{"prefix":"p","content":"eA=="}}""")]
    [InlineData("""{"status":"BEGIN","id":"571:53195829","ts_ms":1486500577125,"event_count":null,"data_collections":null}""")]
    [InlineData("""{"ts_ms":1486500577125}""")]
    [InlineData("""{"op":"c","before":null,"after":{"id":1},"source":{"schema":"public","table":"others","lsn":8}}""")]
    public void What_is_about_no_row_that_is_asked_for_is_left_out(string message) => Assert.Empty(Parse(message));

    [Theory]
    [InlineData("""{"op":"c","after":{"id":"ada"},"source":{"schema":"public","table":"customers"}}""", "/source/lsn")]
    [InlineData("""{"op":"x","after":{"id":"ada"},"source":{"schema":"public","table":"customers","lsn":8}}""", "/op")]
    [InlineData("""{"op":"c","after":null,"source":{"schema":"public","table":"customers","lsn":8}}""", "/after")]
    [InlineData("""{"op":"d","before":null,"source":{"schema":"public","table":"customers","lsn":8}}""", "/before")]
    [InlineData("""{"op":"u","after":{"email":"a"},"source":{"schema":"public","table":"customers","lsn":8}}""", "/after/id")]
    [InlineData("[1]", "")]
    public void What_cannot_be_used_is_refused_with_the_place(string message, string pointer)
    {
        var refused = Assert.Single(Parse(message));
        Assert.Null(refused.Event);
        Assert.Equal(pointer, refused.Error!.Pointer);
        Assert.False(refused.Raw.IsEmpty);
    }

    [Fact]
    public void A_document_of_tables_is_checked()
    {
        var errors = new List<DocumentError>();
        Debezium.ReadTables(new(Api.Parse("""{"tables":{"a.b":{"mapping":{"customer":"/id","name":"/x"},"rowId":[]},"c.d":{}}}"""), "", errors));
        Assert.Equal(["/tables/a.b/mapping/name", "/tables/a.b/rowId", "/tables/c.d/mapping"], errors.Select(error => error.Pointer).Order());
    }

    /// <summary>The order of the log wins also where several changes are of one instant, as those of a transaction are.</summary>
    [Fact]
    public async Task Whatever_the_order_and_however_often_the_changes_of_a_row_arrive_its_last_state_stands()
    {
        var seed = int.TryParse(Environment.GetEnvironmentVariable("PERSONALIZE_TESTS_SEED"), out var given) ? given : Random.Shared.Next();
        output.WriteLine($"PERSONALIZE_TESTS_SEED={seed}");
        var random = new Random(seed);
        for (var round = 0; round < 60; round++)
        {
            var changes = History(random, out var last);
            var arriving = changes.Concat(changes.Where(_ => random.Next(3) == 0)).OrderBy(_ => random.Next()).ToArray();
            await using var silo = new GrainFixture(seed);
            for (var at = 0; at < arriving.Length;)
            {
                var batch = arriving.Skip(at).Take(random.Next(1, 4)).SelectMany(Parse).Select(one => one.Event!).ToArray();
                at += batch.Count(static one => one.Type == EventType.Identify);
                await silo.Apply(batch);
            }
            var traits = (await silo.Read())!.Traits.ToDictionary(trait => trait.Name, trait => trait.Value.ToString());
            Assert.Equal(last.OrderBy(pair => pair.Key), traits.OrderBy(pair => pair.Key));
        }
    }

    /// <summary>Positions grow, times do not fall, and several changes share an instant. Deletions and new rows of the same id are among them.</summary>
    private static string[] History(Random random, out Dictionary<string, string> last)
    {
        var changes = new string[random.Next(2, 9)];
        var (position, time) = (random.NextInt64(1, 1L << 40), Now.AddHours(-1));
        last = [];
        for (var index = 0; index < changes.Length; index++)
        {
            position += random.Next(1, 1 << random.Next(1, 30));
            time += TimeSpan.FromMicroseconds(random.Next(3) * random.Next(1, 5000));
            var (email, plan) = (random.Next(4) == 0 ? null : $"e{index}@example.org", random.Next(4) == 0 ? null : $"p{index}");
            var op = index == 0 ? "r" : random.Next(5) == 0 ? "d" : "u";
            changes[index] = Change(op, position, Row("ada", email, plan), time);
            last = op == "d"
                ? []
                : new[] { ("email", email), ("plan", plan) }.Where(pair => pair.Item2 is not null).ToDictionary(pair => pair.Item1, pair => $"\"{pair.Item2}\"");
        }
        return changes;
    }

    private static string Row(string id, string? email, string? plan) =>
        new JsonObject { ["id"] = id, ["email"] = email, ["plan"] = plan, ["notes"] = null }.ToJsonString();

    private static string Change(string op, long position, string row, DateTimeOffset? time = null)
    {
        var at = time ?? Now;
        var microseconds = (at - DateTimeOffset.UnixEpoch).Ticks / TimeSpan.TicksPerMicrosecond;
        return $$"""
            {"before":{{(op == "d" ? row : "null")}},"after":{{(op == "d" ? "null" : row)}},
             "source":{"version":"3.0.0.Final","connector":"postgresql","name":"crm","ts_ms":{{microseconds / 1000}},"ts_us":{{microseconds}},"snapshot":"{{(op == "r" ? "true" : "false")}}",
                       "db":"crm","sequence":"[\"{{position - 1}}\",\"{{position}}\"]","schema":"public","table":"customers","txId":571,"lsn":{{position}},"xmin":null},
             "transaction":null,"op":"{{op}}","ts_ms":{{(microseconds / 1000) + 900}}}
            """;
    }

    private static CustomerEvent Only(string message) => Assert.Single(Parse(message)).Event!;

    private static List<ParsedEvent> Parse(string message) => ItemFormats.ReadMessage(Crm, Encoding.UTF8.GetBytes(message), Now);

    private static Source Read(string document) => Source.Of(new(RegistryKind.Source, "crm", 1, Now, JsonText.FromString(document)))!;
}
