using System.Diagnostics.Metrics;
using Orleans.Personalize.Gateway;
using Orleans.Personalize.Testing;
using static Orleans.Personalize.Tests.GatewayServer;

namespace Orleans.Personalize.Tests;

public sealed class OverviewTests : IAsyncLifetime
{
    private static readonly Meter Meter = new("Orleans.Personalize");
    private static readonly Counter<long> Events = Meter.CreateCounter<long>(RecentNumbers.Events);
    private static readonly Counter<long> Decisions = Meter.CreateCounter<long>(RecentNumbers.Decisions);
    private static readonly UpDownCounter<long> Queue = Meter.CreateUpDownCounter<long>(RecentNumbers.Queue);
    private static readonly Histogram<double> Latency = Meter.CreateHistogram<double>(RecentNumbers.Latency);

    private GatewayServer server = null!;

    public async Task InitializeAsync() => server = await StartAsync();

    public async Task DisposeAsync() => await server.DisposeAsync();

    [Fact]
    public async Task The_overview_shows_what_was_counted_and_how_the_senders_are()
    {
        await server.Admin.PutAsync("/v1/senders/mail", Json("""{"type":"log"}"""));
        Events.Add(7, new KeyValuePair<string, object?>("status", "accepted"));
        Decisions.Add(3, new("outcome", "send"), new("reason", ""));
        Decisions.Add(2, new("outcome", "suppressed"), new("reason", "unless"));

        var overview = await ReadAsync(await server.Admin.GetAsync("/v1/overview"));

        Assert.Equal("process", overview.GetProperty("source").GetString());
        // Other tests of this process count as well.
        Assert.True(overview.GetProperty("events").GetProperty("accepted").GetInt64() >= 7);
        Assert.True(overview.GetProperty("eventsPerSecond").GetDouble() > 0);
        Assert.True(overview.GetProperty("decisions").GetProperty("send").GetInt64() >= 3);
        Assert.True(overview.GetProperty("decisions").GetProperty("unless").GetInt64() >= 2);
        Assert.Equal(
            """[{"id":"mail","breaker":"open","openUntil":"1970-01-01T00:00:00+00:00","waiting":7,"delivering":1}]""", overview.GetProperty("senders").GetRawText());
    }

    [Fact]
    public async Task A_minute_later_it_is_forgotten_but_not_what_is_now()
    {
        var time = new VirtualTime();
        using var numbers = new RecentNumbers(time);
        var before = numbers.Read().Level(RecentNumbers.Queue);
        await time.AdvanceAsync(TimeSpan.FromSeconds(10));
        Events.Add(5, new KeyValuePair<string, object?>("status", "one-of-a-kind"));
        Queue.Add(4);
        Queue.Add(-1);
        await time.AdvanceAsync(TimeSpan.FromSeconds(30));
        Assert.Equal(5, numbers.Read().Of(RecentNumbers.Events)["one-of-a-kind"]);
        Assert.Equal(before + 3, numbers.Read().Level(RecentNumbers.Queue));
        await time.AdvanceAsync(TimeSpan.FromSeconds(31));
        Assert.False(numbers.Read().Of(RecentNumbers.Events).ContainsKey("one-of-a-kind"));
        Assert.InRange(numbers.Read().Seconds, 59, 61);
        Assert.Equal(before + 3, numbers.Read().Level(RecentNumbers.Queue));
        Queue.Add(-3);
    }

    [Fact]
    public async Task Each_second_has_a_rate_of_its_own()
    {
        var time = new VirtualTime();
        using var numbers = new RecentNumbers(time);
        foreach (var many in (long[])[3, 0, 40])
        {
            Events.Add(many, new KeyValuePair<string, object?>("status", "by-the-second"));
            await time.AdvanceAsync(TimeSpan.FromSeconds(1));
        }
        // Other tests of this process count as well.
        var rates = numbers.Read().EachSecond[RecentNumbers.Events];
        Assert.Equal(3, rates.Length);
        Assert.True(rates[0] >= 3 && rates[2] >= 40, string.Join(' ', rates));
        await time.AdvanceAsync(TimeSpan.FromSeconds(90));
        Assert.Equal(59, numbers.Read().EachSecond[RecentNumbers.Decisions].Length);
    }

    [Fact]
    public void Quantiles_are_exact_to_a_fifth()
    {
        var durations = new Durations();
        for (var i = 1; i <= 1000; i++)
            durations.Record(i / 1000.0);
        var counts = durations.Copy();
        Assert.Equal(1000, counts.Sum());
        foreach (var share in (double[])[0.01, 0.5, 0.95, 0.99, 1])
            Assert.InRange(Durations.Quantile(counts, share)!.Value, share, share * 1.2);
        Assert.Null(Durations.Quantile(new Durations().Copy(), 0.5));
        foreach (var odd in (double[])[0, -1, 1e9, double.PositiveInfinity])
            durations.Record(odd);
        Assert.Equal(1004, durations.Copy().Sum());
    }

    [Fact]
    public void Latencies_are_heard()
    {
        using var numbers = new RecentNumbers(new VirtualTime());
        Latency.Record(4000);
        Assert.InRange(Durations.Quantile(numbers.Read().Durations[RecentNumbers.Latency], 1)!.Value, 4000, 4800);
    }

    [Fact]
    public async Task The_newest_decisions_are_shown()
    {
        server.Grains.Outcomes.Decisions.Add(new(DateTimeOffset.UnixEpoch, "ann", "d1", "seen", 3, null, "unless", "Order Completed"));
        server.Grains.Outcomes.Decisions.Add(new(DateTimeOffset.UnixEpoch, "bob", "d2", "seen", 3, "cart-7", null, null));

        Assert.Equal(
            """
            {"asOf":"1970-01-01T00:00:00+00:00","decided":2,"items":[
            {"decidedAt":"1970-01-01T00:00:00+00:00","customer":"ann","decisionId":"d1","trigger":"seen","triggerVersion":3,"key":null,"outcome":"suppressed","reason":"unless","detail":"Order Completed"},
            {"decidedAt":"1970-01-01T00:00:00+00:00","customer":"bob","decisionId":"d2","trigger":"seen","triggerVersion":3,"key":"cart-7","outcome":"send","reason":null,"detail":null}]}
            """.ReplaceLineEndings(""),
            (await ReadAsync(await server.Admin.GetAsync("/v1/decisions/recent"))).GetRawText());
        await ProblemAsync(400, await server.Admin.GetAsync("/v1/decisions/recent?limit=201"));
        await ProblemAsync(400, await server.Admin.GetAsync("/v1/decisions/recent?limit=0"));
    }
}
