using System.Text;
using Microsoft.Extensions.Logging;
using static Orleans.Personalize.Tests.GatewayServer;

namespace Orleans.Personalize.Tests;

/// <summary>A thousand requests with every kind of defect, made from a seed; PERSONALIZE_TESTS_SEED replays one.</summary>
public sealed class DefectsTests
{
    private const int Requests = 1_000;

    /// <summary>The first requests are the large ones, each once.</summary>
    private const int LargeBodies = 4;

    /// <summary>JSON values that are wrong somewhere, or merely odd.</summary>
    private static readonly string[] Values =
    [
        "null", "true", "false", "0", "-1", "1e99999", "-1e-99999", "0.1e400", new string('9', 400), "\"\"", "\"x\"", "[]", "{}", "[1,2,3]", "{\"a\":{\"b\":[{}]}}",
        "\"\\u0000\"", "\"a\\u0000b\"", "\"\\ud800\"", "\"\\udfff\\ud800\"", "\"\\ud83d\\ude00\"", "\"\u0085\"", "\"\\u001b[31m\"", "\"0001-01-01T00:00:00Z\"",
        "\"9999-12-31T23:59:59.9999999Z\"", "\"9999-12-31T23:59:59-14:00\"", "\"0000-00-00\"", "\"2026-02-30T00:00:00Z\"", "\"2026-01-01\"", "\"1e3\"",
        "{\"a\":1,\"a\":2}", "{\"email\":\"yes\"}", "{\"email\":true,\"email\":7}", "{\"\":true}", "{\"\\ud800\":true}", "{\"__proto__\":{}}", "{\"consent\":{\"\\udc00\":true}}",
        "{\"categoryPreferences\":7}", "{\"consent\":{\"categoryPreferences\":{\"Email\":\"x\"}}}", "\"track\"", "\"alias\"", "\"group\"", "\"identify\"", "\"c\"", "\"m\"", "\"m\"",
    ];

    private static readonly string[] Members =
    [
        "messageId", "type", "name", "event", "customer", "userId", "anonymousId", "occurredAt", "timestamp", "originalTimestamp", "receivedAt", "sentAt", "source",
        "properties", "traits", "consent", "context", "groupId", "previousId", "writeKey", "events", "batch", "unknown", "", "\\ud800", "n\\u0061me",
    ];

    private static readonly string[] Paths = ["/v1/events", "/v1/track", "/v1/identify", "/v1/page", "/v1/group", "/v1/alias", "/v1/batch"];

    private static readonly string?[] Types = ["application/json", "application/json", "application/json", "application/json; charset=latin1", "text/html", "multipart/form-data", "application/json; charset=\"", null];

    [Fact]
    public async Task A_thousand_defects_get_clear_answers_and_leave_the_process_healthy()
    {
        var seed = int.TryParse(Environment.GetEnvironmentVariable("PERSONALIZE_TESTS_SEED"), out var given) ? given : Environment.TickCount;
        var random = new Random(seed);
        await using var server = await StartAsync();
        var answers = new HashSet<string>();
        for (var number = 0; number < Requests; number++)
        {
            var path = number < LargeBodies ? "/v1/events" : Paths[random.Next(Paths.Length)];
            // Most are of the right type, or nothing else would ever be looked at.
            var type = number >= LargeBodies && random.Next(20) == 0 ? Types[random.Next(Types.Length)] : "application/json";
            var body = Body(random, number);
            var response = await server.Admin.PostAsync(path, Bytes(body, type));
            answers.UnionWith(await AnswersAsync(response, $"seed {seed}, request {number}: POST {path} ({type}) {Excerpt(body)}"));
        }

        // A thousand of one kind would prove little.
        Assert.Superset(new HashSet<string> { "200", "400", "413", "415", "accepted", "rejected" }, answers);

        Assert.Equal(202, (int)(await server.Admin.PostAsync("/v1/events", Json("""{"messageId":"good","name":"x","customer":"good"}"""))).StatusCode);
        Assert.Equal("good", Assert.Single(server.Grains.Customer("default/good").Applied).MessageId);
        Assert.DoesNotContain(server.Log.Lines, line => line.Level >= LogLevel.Error);
        Assert.All(server.Grains.Customers, AssertSound);
    }

    /// <summary>The status, and those of the results; fails unless each refusal says why.</summary>
    private static async Task<string[]> AnswersAsync(HttpResponseMessage response, string context)
    {
        var status = (int)response.StatusCode;
        Assert.True(status is 200 or 202 or (>= 400 and < 500), $"{context} got {status}: {await response.Content.ReadAsStringAsync()}");
        if (status >= 400)
        {
            var problem = await ProblemAsync(status, response);
            Assert.False(string.IsNullOrEmpty(problem.GetProperty("detail").GetString()), context);
        }

        if (status != 202)
            return [$"{status}"];
        return [.. (await ReadAsync(response)).GetProperty("results").EnumerateArray().Select(result =>
        {
            var outcome = result.GetProperty("status").GetString()!;
            Assert.True(outcome != "rejected" || !string.IsNullOrEmpty(result.GetProperty("detail").GetString()), context);
            return outcome;
        })];
    }

    /// <summary>Whatever got through keeps the promises that the engine and the journal rely on.</summary>
    private static void AssertSound(KeyValuePair<string, Testing.FakeCustomer> customer)
    {
        Assert.InRange(CustomerKey.Parse(customer.Key).CustomerId.Length, 1, 256);
        Assert.All(customer.Value.Applied, applied =>
        {
            Assert.InRange(applied.MessageId.Length, 1, 256);
            Assert.DoesNotContain(applied.MessageId, char.IsControl);
            Assert.Equal(TimeSpan.Zero, applied.OccurredAt.Offset);
            Assert.True(applied.OccurredAt.Year >= 1970);
            foreach (var json in (JsonText[])[applied.Properties, applied.Traits, applied.Consent])
            {
                Assert.True(json.Span.Length <= 33 * 1024);
                if (!json.IsAbsent)
                    AssertDecodes(System.Text.Json.JsonDocument.Parse(json.Utf8).RootElement);
            }
        });
    }

    private static void AssertDecodes(System.Text.Json.JsonElement json)
    {
        switch (json.ValueKind)
        {
            case System.Text.Json.JsonValueKind.Object:
                foreach (var member in json.EnumerateObject())
                {
                    Assert.DoesNotContain('\0', member.Name);
                    AssertDecodes(member.Value);
                }

                break;
            case System.Text.Json.JsonValueKind.Array:
                foreach (var element in json.EnumerateArray())
                    AssertDecodes(element);
                break;
            case System.Text.Json.JsonValueKind.String:
                Assert.DoesNotContain('\0', json.GetString()!);
                break;
        }
    }

    private static byte[] Body(Random random, int number) => number switch
    {
        0 => Encoding.UTF8.GetBytes($$"""{"name":"{{new string('a', 10 * 1024 * 1024)}}","customer":"c"}"""),
        1 => Encoding.UTF8.GetBytes(new string('[', 4 * 1024 * 1024)),
        2 => Encoding.UTF8.GetBytes(string.Concat(Enumerable.Repeat("{\"a\":", 700_000))),
        3 => Encoding.UTF8.GetBytes($$"""{"events":[{{string.Join(',', Enumerable.Repeat("0", 5_000))}}]}"""),
        4 => Encoding.UTF8.GetBytes($$"""{"batch":[{{string.Join(',', Enumerable.Repeat("{}", 2_500))}}]}"""),
        5 => [],
        _ => Damaged(random, Encoding.UTF8.GetBytes(random.Next(4) == 0 ? Batch(random) : Event(random))),
    };

    private static string Event(Random random)
    {
        var members = Enumerable.Range(0, random.Next(6)).Select(_ => $"\"{Members[random.Next(Members.Length)]}\":{Value(random)}");
        var good = random.Next(3) > 0 ? (string[])["\"name\":\"x\"", "\"event\":\"x\"", "\"customer\":\"c\"", "\"userId\":\"c\"", "\"type\":\"track\""] : [];
        return $"{{{string.Join(',', good.Concat(members))}}}";
    }

    private static string Batch(Random random) =>
        $"{{\"{(random.Next(2) == 0 ? "events" : "batch")}\":[{string.Join(',', Enumerable.Range(0, random.Next(5)).Select(_ => random.Next(3) == 0 ? Value(random) : Event(random)))}]}}";

    private static string Value(Random random)
    {
        var value = Values[random.Next(Values.Length)];
        return random.Next(12) switch
        {
            0 => $"{{\"a\":{value}}}",
            1 => $"[{value}]",
            2 => string.Concat(Enumerable.Repeat("[", 10_000)) + new string(']', 10_000),
            3 => string.Concat(Enumerable.Repeat("{\"a\":", 40)) + value + new string('}', 40),
            4 => $"\"{new string('x', random.Next(60_000))}\"",
            _ => value,
        };
    }

    private static byte[] Damaged(Random random, byte[] body)
    {
        switch (random.Next(6))
        {
            case 0:
                return body[..random.Next(body.Length + 1)];
            case 1:
                for (var count = random.Next(1, 4); count > 0 && body.Length > 0; count--)
                    body[random.Next(body.Length)] = (byte)random.Next(256);
                return body;
            case 2:
                // Bytes that are not UTF-8, inside a string where there is one.
                var at = body.AsSpan().IndexOf((byte)'x');
                if (at >= 0)
                    body[at] = (byte)random.Next(0x80, 0x100);
                return body;
            default:
                return body;
        }
    }

    private static string Excerpt(byte[] body) => Encoding.Latin1.GetString(body.AsSpan(0, Math.Min(body.Length, 2_000)));
}
