using System.Globalization;
using System.Text;
using System.Text.Json;
using Microsoft.AspNetCore.Http;
using Microsoft.Extensions.DependencyInjection;
using Orleans.Personalize.Gateway.Connectors;
using static Orleans.Personalize.Tests.GatewayServer;

namespace Orleans.Personalize.Tests.Sources;

/// <summary>
/// The recorded requests, mutated at random: whatever comes, a connector reads it or refuses it, and does neither half. PERSONALIZE_FUZZ=n sets how many
/// (default 20,000), PERSONALIZE_TESTS_SEED the seed, which a failure names.
/// </summary>
public sealed class ConnectorFuzzTests
{
    private static readonly string[] Fragments =
    [
        "null", "{}", "[]", "\"\"", "0", "-1", "1e999", "123456789012345678901234567890", "true", "\"\\ud800\"", "\"\\u0000\"", "\"\\udc00\\ud83d\"", "{\"a\":{\"b\":[{}]}}", "\"0001-01-01T00:00:00Z\"",
        "\"9999-12-31T23:59:59+14:00\"", "\"2026-13-45\"", "[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[]]]]]]]]]]]]]]]]]]]]]]]]]]]]]]]]]]]]]]]]", "\"a@b\"", "\"+\"", "\"\u00e9\u2603\U0001f600\"",
    ];

    private static readonly string[] HeaderValues =
        ["", "0", "-1", "99999999999999999999", "=", "!!!!", "%", "%00", "%ED%A0%80", "\"", "\"\\", "\"a\\\"", "Bearer", "Basic Og==", "Basic OjpvOg==", "v1,", "v1, v1, v1,", "orders/create", "customers/redact", "1.0", "\u00e9", "application/cloudevents-batch+json"];

    private static int Count => int.TryParse(Environment.GetEnvironmentVariable("PERSONALIZE_FUZZ"), CultureInfo.InvariantCulture, out var count) ? count : 20_000;

    private static int Seed => int.TryParse(Environment.GetEnvironmentVariable("PERSONALIZE_TESTS_SEED"), CultureInfo.InvariantCulture, out var seed) ? seed : Random.Shared.Next();

    [Fact]
    public void A_mutated_request_is_read_or_refused()
    {
        var (seed, count) = (Seed, Count);
        var random = new Random(seed);
        Recorded[] recorded = [.. Recorded.All];
        var sources = Recorded.Types.ToDictionary(static type => type, static type => Recorded.Source(type), StringComparer.Ordinal);
        var (events, refusals, malformed) = (0, 0, 0);
        for (var number = 0; number < count; number++)
        {
            var request = Mutate(recorded[random.Next(recorded.Length)], random);
            var (connector, source, delivery) = (Recorded.Connector(request.Type), sources[request.Type], request.Deliver());
            try
            {
                _ = connector.Takes(delivery.MediaType);
                _ = connector.Verify(delivery, source);
                var inflow = connector.Parse(delivery, source);
                foreach (var one in inflow.Events)
                    Check(one);
                events += inflow.Events.Count(static one => one.Event is not null);
                refusals += inflow.Events.Count(static one => one.Event is null);
            }
            catch (Exception refused) when (refused is JsonException or BadHttpRequestException)
            {
                malformed++;
            }
            catch (Exception fault)
            {
                Assert.Fail($"Seed {seed}, number {number}, {request}: {string.Join(", ", request.Headers)}\n{Encoding.UTF8.GetString(request.Body)}\n{fault}");
            }
        }

        // Of each kind there must be some, or the mutations test nothing.
        Assert.True(events > count / 20 && refusals > count / 100 && malformed > count / 20, $"Seed {seed}: {events} events, {refusals} refused, {malformed} malformed of {count}.");
    }

    [Fact]
    public async Task A_mutated_request_over_http_is_never_a_fault_of_ours()
    {
        var seed = Seed;
        var random = new Random(seed);
        await using var server = await StartAsync(configure: static builder => builder.Services.AddSingleton<TimeProvider>(new Noon()));
        foreach (var type in Recorded.Types)
            await server.Grains.Registry("default").Put(RegistryKind.Source, type, JsonText.FromString(Recorded.Document(type)));
        Recorded[] recorded = [.. Recorded.All];
        var statuses = new SortedDictionary<int, int>();
        for (var number = 0; number < 400; number++)
        {
            var one = recorded[random.Next(recorded.Length)];
            var mutated = Mutate(one, random);
            // Most are signed, so that they get further than the signature.
            var request = random.Next(4) == 0 ? mutated : (one with { Body = mutated.Body }).Sign();
            if (request.Headers.Any(static header => !Ascii.IsValid(header.Value)))
                continue; // The client would not send them.
            var response = await server.Anonymous.SendAsync(request.Request($"/v1/webhooks/default/{request.Type}"));
            var status = (int)response.StatusCode;
            statuses[status] = statuses.GetValueOrDefault(status) + 1;
            Assert.True(status is 200 or 400 or 401 or 403 or 413 or 415 or 431, $"Seed {seed}, number {number}, {request}: {status} {await response.Content.ReadAsStringAsync()}\n{Encoding.UTF8.GetString(request.Body)}");
        }

        Assert.True(statuses.GetValueOrDefault(200) > 50 && statuses.GetValueOrDefault(400) > 20 && statuses.GetValueOrDefault(403) + statuses.GetValueOrDefault(401) > 20, $"Seed {seed}: {string.Join(", ", statuses)}");
    }

    /// <summary>What a customer's grain may rely on.</summary>
    private static void Check(ParsedEvent one)
    {
        if (one.Event is not { } made)
        {
            Assert.NotNull(one.Error);
            Assert.False(one.Raw.IsEmpty);
            return;
        }

        Assert.Null(one.Error);
        Assert.True(Identities.IsId(one.Customer) && Identities.IsId(made.MessageId) && (made.Name is null || Identities.IsId(made.Name)), $"{one.Customer} {made.MessageId} {made.Name}");
        Assert.True(made.Name is not null || made.Type != EventType.Track);
        Assert.True(made.OccurredAt >= DateTimeOffset.UnixEpoch && made.OccurredAt.Offset == TimeSpan.Zero, $"{made.OccurredAt}");
        Assert.All(made.Identities ?? [], static id => Assert.True(Identities.IsId(id)));
        foreach (var json in (JsonText[])[made.Properties, made.Traits, made.Consent])
        {
            Assert.True(json.Span.Length <= 64 * 1024);
            Assert.Null(JsonDefects.Find(json.Span));
            if (!json.IsAbsent)
                Assert.Equal(JsonValueKind.Object, JsonElement.Parse(json.Span).ValueKind);
        }
    }

    private static Recorded Mutate(Recorded request, Random random)
    {
        for (var times = random.Next(1, 4); times > 0; times--)
        {
            request = random.Next(6) switch
            {
                0 => MutateHeader(request, random),
                1 => request with { Body = MutateBytes(request.Body, random) },
                _ => request with { Body = MutateJson(request.Body, random) },
            };
        }

        return request;
    }

    private static Recorded MutateHeader(Recorded request, Random random)
    {
        var (name, value) = request.Headers[random.Next(request.Headers.Length)];
        return random.Next(3) switch
        {
            0 => request.With(name, null),
            1 => request.With(name, HeaderValues[random.Next(HeaderValues.Length)]),
            _ => request.With(name, value[..random.Next(value.Length + 1)]),
        } is { Headers.Length: > 0 } mutated ? mutated : request;
    }

    private static byte[] MutateBytes(byte[] body, Random random)
    {
        if (body.Length == 0)
            return [(byte)random.Next(256)];
        byte[] copy = [.. body];
        var at = random.Next(copy.Length);
        switch (random.Next(4))
        {
            case 0: copy[at] = (byte)random.Next(256); return copy;
            case 1: return copy[..at];
            case 2: return [.. copy[..at], (byte)random.Next(256), .. copy[at..]];
            default: return [.. copy[..at], .. copy[Math.Min(copy.Length, at + random.Next(1, 40))..]];
        }
    }

    /// <summary>Puts another value in the place of one, or doubles it, so that the text stays JSON.</summary>
    private static byte[] MutateJson(byte[] body, Random random)
    {
        var places = Places(body);
        if (places.Count == 0)
            return MutateBytes(body, random);
        var (at, length) = places[random.Next(places.Count)].GetOffsetAndLength(body.Length);
        ReadOnlySpan<byte> value = random.Next(3) == 0
            ? body.AsSpan()[places[random.Next(places.Count)]]
            : Encoding.UTF8.GetBytes(Fragments[random.Next(Fragments.Length)]);
        return body.Length + value.Length > 256 * 1024 ? body : [.. body[..at], .. value, .. body[(at + length)..]];
    }

    private static List<Range> Places(byte[] body)
    {
        var places = new List<Range>();
        var starts = new Stack<int>();
        var reader = new Utf8JsonReader(body, new JsonReaderOptions { MaxDepth = 512 });
        try
        {
            while (reader.Read())
            {
                switch (reader.TokenType)
                {
                    case JsonTokenType.StartObject or JsonTokenType.StartArray: starts.Push((int)reader.TokenStartIndex); break;
                    case JsonTokenType.EndObject or JsonTokenType.EndArray: places.Add(starts.Pop()..(int)reader.BytesConsumed); break;
                    case JsonTokenType.PropertyName: break;
                    default: places.Add((int)reader.TokenStartIndex..(int)reader.BytesConsumed); break;
                }
            }
        }
        catch (JsonException)
        {
            // What was found until here is good enough.
        }

        return places;
    }

    private sealed class Noon : TimeProvider
    {
        public override DateTimeOffset GetUtcNow() => Recorded.Noon;
    }
}
