using System.Diagnostics;
using static Orleans.Personalize.Bench.GrowthBench;

namespace Orleans.Personalize.Bench;

/// <summary>
/// Open waits of others, the lateness of deadlines among them, and the deadlines that fell due while there was no process. The triggers run in shadow mode, in which everything
/// is decided and recorded and no sender is asked.
/// </summary>
internal static class GrowthOfWaits
{
    private const string Later = "Waits for hours";
    private const string Soon = "Waits for a minute";

    /// <summary>So short that a customer's own timer is set at the event. The events' times are chosen such that they end when they shall.</summary>
    private static readonly TimeSpan Wait = TimeSpan.FromMinutes(1);

    /// <summary>How long is waited for deadlines that do not come.</summary>
    private static readonly TimeSpan Patience = TimeSpan.FromSeconds(Rounds.AreShort ? 5 : 60);

    private static int DueASecond => Rounds.AreShort ? 1_000 : 10_000;

    private static int Due => Rounds.AreShort ? 200 : 50_000;

    private static int Overdue => Rounds.AreShort ? 200 : 10_000;

    /// <summary>The next that no server knows: each customer with a wait has one only.</summary>
    private static int nextCustomer;

    /// <summary>How fast customers were told last; at first a guess for a server that is cold.</summary>
    private static double toldASecond = 10_000;

    /// <param name="one">With as many customers, to get one open wait.</param>
    public static async Task RunAsync(ServerProcess one)
    {
        nextCustomer = Few + Many;
        var many = await ServerProcess.StartAsync();
        await Task.WhenAll(PrepareAsync(one), PrepareAsync(many));
        await Task.Delay(Rounds.Time);
        await IngestAsync(one, many);
        await LatenessAsync(many);
        many = await RecoverAsync(many);
        await many.StopAsync();
    }

    private static async Task PrepareAsync(ServerProcess server)
    {
        await server.PutAsync("senders/file", """{"type":"log"}""");
        foreach (var (id, name, wait) in new[] { ("later", Later, "PT6H"), ("soon", Soon, "PT1M") })
        {
            await server.PutAsync(
                $"triggers/{id}", $$$"""{"on":{"event":"{{{name}}}"},"wait":{"for":"{{{wait}}}","mode":"fixed"},"rollout":{"mode":"shadow"},"send":{"sender":"file"}}""");
        }
    }

    private static async Task IngestAsync(ServerProcess one, ServerProcess many)
    {
        var (ofOne, ofMany) = (await HttpConnection.OpenAsync(one.Address, Clients), await HttpConnection.OpenAsync(many.Address, Clients));
        await TellAsync(ofOne[..1], Of(Later, 1), Few, 1);
        await TellAsync(ofMany, Of(Later), Few, Many);
        await ReadAsync(ofMany[0], Few + Many - 1);
        if (!ofMany[0].Body.Contains("\"trigger\":\"later\"", StringComparison.Ordinal))
            throw new InvalidOperationException($"There is no open wait: {ofMany[0].Body}");
        // New to both servers: a past of different length would be measured as well.
        var first = nextCustomer;
        nextCustomer += Few;
        await WarmUpAsync(ofOne, first);
        await WarmUpAsync(ofMany, first);
        var rates = (One: new List<double>(), Many: new List<double>());
        for (var round = 0; round < Rounds.Count; round++)
        {
            rates.One.Add(await RateAsync(ofOne, Batch, random => first + random.Next(Few)));
            rates.Many.Add(await RateAsync(ofMany, Batch, random => first + random.Next(Few)));
        }
        Add($"ingest with {Many:N0} open waits of others / with one", Rounds.Ratio(rates.Many, rates.One), "", 0.9, detail: $"both with {Many:N0} resident customers");
        HttpConnection.Close([.. ofOne, .. ofMany]);
    }

    private static async Task LatenessAsync(ServerProcess server)
    {
        var connections = await HttpConnection.OpenAsync(server.Address, Clients);
        var (p50, p99, rates, afterwards) = (new List<double>(), new List<double>(), new List<double>(), new List<double>());
        var disturbed = 0;
        // The one before the first warms up.
        for (var round = Rounds.AreShort ? 0 : -1; round < SlowRounds; round++)
        {
            var (due, isInTime) = await TellDueAsync(server, connections, Due);
            var fired = await FiredAsync(server, Due, due);
            if (round < 0)
                continue;
            disturbed += isInTime && fired.Fired == Due ? 0 : 1;
            p50.Add(fired.P50);
            p99.Add(fired.P99);
            rates.Add(fired.Fired / (fired.Last - fired.First).GetValueOrDefault().TotalSeconds);
            afterwards.Add((fired.Last - LastOf(due, Due)).GetValueOrDefault().TotalMilliseconds);
        }
        var detail = $"{Due:N0} waits due evenly at {DueASecond:N0}/s, {Many:N0} others open{(disturbed > 0 ? $"; {disturbed} of {SlowRounds} rounds are void: told too late, or not all decided" : "")}";
        Add("lateness of deadlines, p50 of the decision's instant", p50, "ms", detail: detail);
        Add("lateness of deadlines, p99 of the decision's instant", p99, "ms", 50, lessIsBetter: true, detail);
        Add("deadlines decided and durable a second", rates, "", detail: $"{DueASecond:N0} were due");
        Add("last decision durable after the last deadline", afterwards, "ms");
        HttpConnection.Close(connections);
    }

    /// <summary>Customers whose timers die with the process, and whose deadlines pass before it is started anew: the sweep over the journal finds them.</summary>
    private static async Task<ServerProcess> RecoverAsync(ServerProcess server)
    {
        var (ready, first, all) = (new List<double>(), new List<double>(), new List<double>());
        var missing = 0L;
        for (var crash = 0; crash < SlowRounds; crash++)
        {
            var connections = await HttpConnection.OpenAsync(server.Address, Clients);
            var (due, _) = await TellDueAsync(server, connections, Overdue);
            HttpConnection.Close(connections);
            server = await server.CrashAsync(LastOf(due, Overdue));
            var fired = await FiredAsync(server, Overdue, DateTimeOffset.UtcNow);
            missing += Overdue - fired.Fired;
            ready.Add(server.Started.TotalSeconds);
            first.Add(fired.First is { } at ? (at - server.StartedAt).TotalSeconds : double.PositiveInfinity);
            all.Add(fired.Fired == Overdue ? (fired.Last!.Value - server.StartedAt).TotalSeconds : double.PositiveInfinity);
        }
        var detail = $"after kill -9, {Many:N0} other waits open{(missing == 0 ? "" : $"; {missing} were decided before it or not at all")}";
        Add($"process start to ready, {Overdue:N0} deadlines overdue", ready, "s", detail: detail);
        Add("process start to the first overdue deadline's durable decision", first, "s", 5, lessIsBetter: true, detail);
        Add($"process start to all {Overdue:N0} of them", all, "s", detail: detail);
        return server;
    }

    /// <summary>New customers, whose waits end one after the other from an instant on that is near.</summary>
    /// <returns>That instant, and whether all were told before it.</returns>
    private static async Task<(DateTimeOffset Due, bool IsInTime)> TellDueAsync(ServerProcess server, HttpConnection[] connections, int count)
    {
        await server.DeadlinesAsync(reset: true);
        // So long that all are told before the first deadline.
        var lead = TimeSpan.FromSeconds((Rounds.AreShort ? 0.5 : 2) + (2 * count / toldASecond));
        var (first, began, due) = (nextCustomer, Stopwatch.GetTimestamp(), DateTimeOffset.UtcNow + lead);
        nextCustomer += count;
        await TellAsync(connections, Of(Soon, occurredAt: customer => (due + After(customer - first) - Wait).UtcDateTime), first, count);
        var isInTime = DateTimeOffset.UtcNow < due;
        toldASecond = count / Stopwatch.GetElapsedTime(began).TotalSeconds;
        return (due, isInTime);
    }

    private static async Task<DeadlineCounters> FiredAsync(ServerProcess server, int count, DateTimeOffset due)
    {
        var last = LastOf(due, count);
        if (last - DateTimeOffset.UtcNow is { } left && left > TimeSpan.Zero)
            await Task.Delay(left);
        while (true)
        {
            var fired = await server.DeadlinesAsync();
            if (fired.Fired >= count || DateTimeOffset.UtcNow > last + Patience)
                return fired;
            // Seldom, so as not to disturb.
            await Task.Delay(50);
        }
    }

    private static TimeSpan After(int number) => TimeSpan.FromSeconds(number / (double)DueASecond);

    private static DateTimeOffset LastOf(DateTimeOffset due, int count) => due + After(count - 1);
}
